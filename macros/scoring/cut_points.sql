{# The metrics of a rulebook that are scored by rank. A clamp may leave one of them a single score, and then no cut point. #}
{% macro ranked_metrics(rulebook) %}
    {%- set ranked = [] -%}
    {%- for metric in rulebook.metrics if metric.score.kind == "tiles" and rfm.tile_cut_points(metric).above -%}
        {%- do ranked.append(metric) -%}
    {%- endfor -%}
    {{- return(ranked) -}}
{% endmacro %}

{# The metrics of a rulebook that are scored by comparing the customer with the middle of the group. #}
{% macro split_metrics(rulebook) %}
    {{- return(rulebook.metrics | selectattr("score.kind", "equalto", "split") | list) -}}
{% endmacro %}

{# The metrics that have cut points. #}
{% macro cut_metrics(rulebook) %}
    {{- return(rfm.ranked_metrics(rulebook) + rfm.split_metrics(rulebook)) -}}
{% endmacro %}

{# The tie-break columns of a rulebook, each once. #}
{% macro tie_break_columns(rulebook) %}
    {%- set columns = [] -%}
    {%- for metric in rfm.ranked_metrics(rulebook) -%}
        {%- for key in metric.score.tie_break if key.column not in columns -%}
            {%- do columns.append(key.column) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}

{# CTEs that end in <prefix>_cut_points: for each group, ranked metric and tile the cut point at the tile's end, and for each
   split metric its cut point as tile 1, as
   (<group columns>, metric, tile, score, score_below, value, customer_id, cut_<tie-break column>...).

   prefix (string): starts the names of the CTEs
   scored (string): relation or CTE of the customers that have every score, with the group columns, customer_id,
     <metric>_value and the tie-break columns
   rulebook: as checked_rulebooks() returns it, with at least one metric that has cut points
   group_columns (list of strings): what the customers of a group share; empty for one group #}
{% macro cut_point_ctes(prefix, scored, rulebook, group_columns) %}
{{ rfm.cut_value_ctes(prefix, scored, rulebook, group_columns) }},

{{ rfm.cut_customer_ctes(prefix, scored, prefix ~ "_cut_values", rulebook, group_columns) }}
{%- endmacro %}

{# The first half of cut_point_ctes(), ending in <prefix>_cut_values: the values at which the cut points are, as
   (<group columns>, metric, tile, score, score_below, value, tied_position).

   The positions of the cut points follow from the number of customers; the running count over distinct values finds
   the values there, so customers are counted and never sorted. tied_position is the place of the last customer above
   the cut point among those of its value, null where the whole value is above it. #}
{% macro cut_value_ctes(prefix, scored, rulebook, group_columns) %}
{%- set metrics = rfm.ranked_metrics(rulebook) -%}
{%- set splits = rfm.split_metrics(rulebook) -%}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" %}
{{ rfm.value_count_ctes(prefix, scored, metrics + splits, group_columns, rulebook.get("has_large_groups")) }},
{%- if metrics %}

{{ prefix }}_tiles as (
    {%- for metric in metrics %}
    {%- set metric_loop = loop %}
    {%- for cut in rfm.tile_cut_points(metric).above %}
    {{ "union all " if not (loop.first and metric_loop.first) -}}
    select '{{ metric.name }}' as metric, {{ metric.score.tiles }} as tiles, {{ cut.tile }} as tile, {{ cut.score }} as score, {{ rfm.tile_cut_points(metric).lowest }} as lowest_score, '{{ metric.score.ties }}' as ties
    {%- endfor %}
    {%- endfor %}
),

{{ prefix }}_tiled_counts as (
    select
        *,
        case metric
            {%- for metric in metrics %}
            when '{{ metric.name }}' then {{ metric.score.tiles }}
            {%- endfor %}
        end as tiles
    from {{ prefix }}_running_counts
),

-- NTILE gives the first (customers modulo tiles) tiles one customer more.
{{ prefix }}_tile_sizes as (
    select
        *,
        mod(group_customers, tiles) as larger_tiles,
        cast((group_customers - mod(group_customers, tiles)) / tiles as {{ dbt.type_bigint() }}) as smaller_size
    from {{ prefix }}_tiled_counts
    where tiles is not null
),

-- The few values at which a tile ends: more tiles have ended through their customers than before them.
{{ prefix }}_tile_ends as (
    select
        {{ groups }}metric,
        value,
        customers_before,
        customers_through,
        group_customers
    from {{ prefix }}_tile_sizes
    where {{ rfm.tiles_ended("customers_through") }} > {{ rfm.tiles_ended("customers_before") }}
),

{{ prefix }}_positions as (
    select
        counted.*,
        tiles.tile,
        tiles.score,
        tiles.lowest_score,
        tiles.ties,
        tiles.tile * ((counted.group_customers - mod(counted.group_customers, tiles.tiles)) / tiles.tiles)
        + least(tiles.tile, mod(counted.group_customers, tiles.tiles)) as position
    from {{ prefix }}_tile_ends as counted
    inner join {{ prefix }}_tiles as tiles on counted.metric = tiles.metric
),

{{ prefix }}_tile_values as (
    select
        {{ groups }}metric,
        tile,
        score,
        lowest_score,
        ties,
        value,
        case
            when ties = 'split' and position < customers_through then cast(position - customers_before as {{ dbt.type_bigint() }})
        end as tied_position,
        lag(value) over (partition by {{ groups }}metric order by tile asc) as previous_value
    from {{ prefix }}_positions
    where customers_before < position and position <= customers_through
),

-- Where equal values stay together, a value at two cut points earns the better score and the other is never reached.
{{ prefix }}_tile_cut_values as (
    select
        {{ groups }}metric,
        tile,
        score,
        coalesce(lead(score) over (partition by {{ groups }}metric order by tile asc), lowest_score) as score_below,
        value,
        tied_position
    from {{ prefix }}_tile_values
    where
        ties = 'split'
        or previous_value is null
        or previous_value != value
),
{%- endif %}
{%- if splits %}

{{ rfm.split_point_ctes(prefix, splits, group_columns) }},
{%- endif %}

{{ prefix }}_cut_values as (
    {%- if metrics %}
    select * from {{ prefix }}_tile_cut_values
    {%- endif %}
    {{ "union all" if metrics and splits }}
    {%- if splits %}
    select
        {{ groups }}metric,
        1 as tile,
        score,
        score_below,
        value,
        cast(null as {{ dbt.type_bigint() }}) as tied_position
    from {{ prefix }}_split_points
    {%- endif %}
)
{%- endmacro %}

{# The second half of cut_point_ctes(): only where a cut point falls between customers of one value is one of those looked for, the
   last one above it. customer_id is null where a whole value is above it.

   prefix, scored, rulebook, group_columns: as there
   cut_values (string): relation or CTE as cut_value_ctes() ends in. As a table it lets the database see how few they are #}
{% macro cut_customer_ctes(prefix, scored, cut_values, rulebook, group_columns) %}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" -%}
{%- set ties = rfm.ties(rfm.ranked_metrics(rulebook)) %}
{%- if ties %}
{{ rfm.tied_customer_ctes(prefix, scored, cut_values, ties, group_columns, rulebook.get("has_large_groups")) }},

{% endif -%}
{{ prefix }}_cut_customers as (
    {%- for tie in ties %}
    select
        {{ groups }}metric,
        value,
        tied_position,
        customer_id
        {%- for column in rfm.tie_break_columns(rulebook) %},
        {{ "cut_" ~ column if column in tie.columns else "null" }} as cut_{{ column }}
        {%- endfor %}
    from {{ prefix }}_{{ tie.name }}_cut_customers
    {{ "union all" if not loop.last }}
    {%- else %}
    select
        {{ groups }}metric,
        value,
        tied_position,
        cast(null as {{ dbt.type_string() }}) as customer_id
    from {{ cut_values }}
    where 1 = 0
    {%- endfor %}
),

{{ prefix }}_cut_points as (
    select
        {% for column in group_columns %}cut_values.{{ column }}, {% endfor %}cut_values.metric,
        cut_values.tile,
        cut_values.score,
        cut_values.score_below,
        cut_values.value,
        cut_customers.customer_id
        {%- for column in rfm.tie_break_columns(rulebook) %},
        cut_customers.cut_{{ column }}
        {%- endfor %}
    from {{ cut_values }} as cut_values
    left join {{ prefix }}_cut_customers as cut_customers
        on
            cut_values.metric = cut_customers.metric
            and cut_values.value = cut_customers.value
            and cut_values.tied_position = cut_customers.tied_position
            {%- for column in group_columns %}
            and cut_values.{{ column }} = cut_customers.{{ column }}
            {%- endfor %}
)
{%- endmacro %}

{# The metrics whose ties are split, by the order of their ties: [{name, metrics, score, columns: [tie-break columns]}]. #}
{% macro ties(metrics) %}
    {%- set ties = {} -%}
    {%- for metric in metrics if metric.score.ties == "split" -%}
        {%- set order = rfm.tie_order(metric.score) -%}
        {%- if order not in ties -%}
            {%- do ties.update({order: {
                "name": "ties_" ~ (ties | length + 1),
                "metrics": [],
                "score": metric.score,
                "columns": metric.score.tie_break | map(attribute="column") | list,
            }}) -%}
        {%- endif -%}
        {%- do ties[order].metrics.append(metric) -%}
    {%- endfor -%}
    {{- return(ties.values() | list) -}}
{% endmacro %}

{# CTEs that find the customers at which a cut point falls between customers of one value; they end, for each order of ties, in
   <prefix>_<ties>_cut_customers, as (<group columns>, metric, value, tied_position, customer_id, cut_<tie-break column>...).

   Nearly everybody can have such a value, so they are not put in order. They are counted by parts, the tie-break columns and the
   start of the id, and only the part that holds the cut point is put in order.

   prefix, scored, cut_values, group_columns: as in cut_customer_ctes
   ties: as ties() returns them; is_large: as in count_in_order_ctes() #}
{% macro tied_customer_ctes(prefix, scored, cut_values, ties, group_columns, is_large=none) %}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" -%}
-- Ids are told apart by the three characters after those with which all ids of the group start.
{{ prefix }}_id_lengths as (
    select
        {{ groups }}3
        {%- for length in range(1, 25) %}
        + case when left(min(customer_id), {{ length }}) = left(max(customer_id), {{ length }}) then 1 else 0 end
        {%- endfor %} as id_length
    from {{ scored }}
    {{ "group by " ~ group_columns | join(", ") if group_columns }}
),

-- Each value that a tie-break sets apart has a number, by which its customers are counted: they may be nearly everybody.
{{ prefix }}_tied_values as (
    select distinct
        {% for column in group_columns %}cut_values.{{ column }}, {% endfor %}cut_values.metric,
        cut_values.value,
        lengths.id_length,
        dense_rank() over (
            order by {% for column in group_columns %}cut_values.{{ column }}, {% endfor %}cut_values.metric, cut_values.value
        ) as tied_number
    from {{ cut_values }} as cut_values
    inner join {{ prefix }}_id_lengths as lengths
        on
            {%- for column in group_columns %}
            {{ "and " if not loop.first }}cut_values.{{ column }} = lengths.{{ column }}
            {%- else %}
            1 = 1
            {%- endfor %}
    where cut_values.tied_position is not null
),

{{ prefix }}_tied_positions as (
    select
        {% for column in group_columns %}cut_values.{{ column }}, {% endfor %}cut_values.metric,
        cut_values.value,
        cut_values.tied_position,
        tied_values.tied_number
    from {{ cut_values }} as cut_values
    inner join {{ prefix }}_tied_values as tied_values
        on
            {%- for column in group_columns + ["metric", "value"] %}
            {{ "and " if not loop.first }}cut_values.{{ column }} = tied_values.{{ column }}
            {%- endfor %}
    where cut_values.tied_position is not null
),
{%- for tie in ties %}
{%- set name = prefix ~ "_" ~ tie.name %}
{%- set part_columns = ["tied_number", "id_start"] %}
{%- set part_order = [] %}
{%- for key in tie.score.tie_break %}
{%- do part_columns.append("cut_" ~ key.column) %}
{%- do part_order.append(dict(key, column="cut_" ~ key.column)) %}
{%- endfor %}
{%- do part_order.append({
    "column": "id_start", "type": "text", "direction": tie.score.customer_id_direction, "nulls": "last"
}) %}

{{ name }}_customers as (
    {%- for metric in tie.metrics %}
    select{{ rfm.to_every_task(["tied_values"]) }}
        tied_values.tied_number,
        {%- for column in tie.columns %}
        customers.{{ column }} as cut_{{ column }},
        {%- endfor %}
        left(customers.customer_id, tied_values.id_length) as id_start,
        customers.customer_id
    from {{ scored }} as customers
    inner join {{ prefix }}_tied_values as tied_values
        on
            tied_values.metric = '{{ metric.name }}'
            and customers.{{ metric.name }}_value = cast(tied_values.value as {{ rfm.value_type(metric) }})
            {%- for column in group_columns %}
            and customers.{{ column }} = tied_values.{{ column }}
            {%- endfor %}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

{{ name }}_sized_parts as (
    select
        {{ part_columns | join(", ") }},
        count(*) as customers
    from {{ name }}_customers
    group by {{ part_columns | join(", ") }}
),

{{ rfm.count_in_order_ctes(
    name ~ "_parts", name ~ "_sized_parts", ["tied_number"], part_order, "customers_through", "customers",
    is_large
) }},

{{ name }}_open_parts as (
    select *
    from {{ name }}_parts as parts
    where exists (
        select{{ rfm.to_every_task(["positions"]) }} 1
        from {{ prefix }}_tied_positions as positions
        where
            parts.tied_number = positions.tied_number
            and parts.customers_through >= positions.tied_position
            and parts.customers_through - parts.customers < positions.tied_position
    )
),

{{ name }}_placed as (
    select{{ rfm.to_every_task(["parts"]) }}
        customers.*,
        parts.customers_through - parts.customers + row_number() over (
            partition by customers.{{ part_columns | join(", customers.") }}
            order by customers.customer_id {{ tie.score.customer_id_direction }}
        ) as tied_position
    from {{ name }}_customers as customers
    inner join {{ name }}_open_parts as parts
        on
            customers.tied_number = parts.tied_number
            and customers.id_start = parts.id_start
            {%- for column in tie.columns %}
            and customers.cut_{{ column }} is not distinct from parts.cut_{{ column }}
            {%- endfor %}
),

{{ name }}_cut_customers as (
    select{{ rfm.to_every_task(["positions"]) }}
        {% for column in group_columns %}positions.{{ column }}, {% endfor %}positions.metric,
        positions.value,
        positions.tied_position,
        {%- for column in tie.columns %}
        placed.cut_{{ column }},
        {%- endfor %}
        placed.customer_id
    from {{ name }}_placed as placed
    inner join {{ prefix }}_tied_positions as positions
        on
            placed.tied_number = positions.tied_number
            and placed.tied_position = positions.tied_position
)
{{- "," if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# The SQL of how many tiles have ended within the first customers of a group, all of them within all customers.
   count (string): SQL of a number of customers, beside tiles, larger_tiles, smaller_size and group_customers #}
{% macro tiles_ended(count) -%}
    case
        when {{ count }} = group_customers then tiles
        when {{ count }} <= larger_tiles * (smaller_size + 1)
            then ({{ count }} - mod({{ count }}, smaller_size + 1)) / (smaller_size + 1)
        else (
            {{ count }} - larger_tiles - mod({{ count }} - larger_tiles * (smaller_size + 1), smaller_size)
        ) / smaller_size
    end
{%- endmacro %}

{# CTEs that end in <prefix>_running_counts: for each group, metric and distinct value, best first, how many customers are
   before it and through it, and the number and sum of the whole group. #}
{% macro value_count_ctes(prefix, scored, metrics, group_columns, is_large=none) %}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" -%}
{{ prefix }}_value_counts as (
    {%- for metric in metrics %}
    select
        {{ groups }}'{{ metric.name }}' as metric,
        cast({{ metric.name }}_value as decimal(38, 12)) as value,
        {{ "" if metric.better == "low" else "-" }}cast({{ metric.name }}_value as decimal(38, 12)) as best_first,
        count(*) as customers
    from {{ scored }}
    group by {{ groups }}{{ metric.name }}_value
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

{{ rfm.running_count_ctes(
    prefix, group_columns, metrics | rejectattr("score.kind", "equalto", "tiles") | list != [], is_large
) }}
{%- endmacro %}

{# Two CTEs over <prefix>_running_counts that end in <prefix>_split_points: for each group and split metric the worst value
   on the better side of the mean or median, as (<group columns>, metric, score, score_below, value). The mean is never
   divided out: value >= sum / customers is value x customers >= sum. #}
{% macro split_point_ctes(prefix, splits, group_columns) %}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" -%}
{{ rfm.middles_cte(prefix, group_columns) }},

{{ prefix }}_split_points as (
    {%- for metric in splits %}
    {%- set sign = "<=" if metric.better == "low" else ">=" %}
    {%- set value = "counted.value * counted.group_customers" if metric.score.statistic == "mean" else "counted.value * 2" %}
    {%- set middle = "counted.group_sum" if metric.score.statistic == "mean" else "middles.middle_sum" %}
    {%- set scores = [] %}
    {%- for score in metric.score.scores %}
    {%- do scores.append("cast(null as decimal(28, 6))" if metric.score_is_text else rfm.bounded(score, metric.clamp)) %}
    {%- endfor %}
    select
        {% for column in group_columns %}counted.{{ column }}, {% endfor %}counted.metric,
        {{ scores[0] }} as score,
        {{ scores[1] }} as score_below,
        {{ "max" if metric.better == "low" else "min" }}(counted.value) as value
    from {{ prefix }}_running_counts as counted
    inner join {{ prefix }}_middles as middles
        on
            counted.metric = middles.metric
            {%- for column in group_columns %}
            and counted.{{ column }} = middles.{{ column }}
            {%- endfor %}
    where counted.metric = '{{ metric.name }}' and {{ value }} {{ sign }} {{ middle }}
    group by {% for column in group_columns %}counted.{{ column }}, {% endfor %}counted.metric
    {{ "union all" if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}

{# One CTE over <prefix>_running_counts, <prefix>_middles: for each group and metric the sum of the two values in the middle,
   which is twice the median; an odd group has one customer in the middle, who counts twice. #}
{% macro middles_cte(prefix, group_columns) %}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" -%}
{{ prefix }}_middles as (
    select
        {{ groups }}metric,
        sum(case when 2 * customers_before < group_customers and group_customers <= 2 * customers_through then value else 0 end)
        + sum(case when 2 * customers_before <= group_customers and group_customers < 2 * customers_through then value else 0 end)
            as middle_sum
    from {{ prefix }}_running_counts
    group by {{ groups }}metric
)
{%- endmacro %}

{# One CTE, <prefix>_cut_columns: the cut points of a group side by side, as
   (<group columns>, <metric>_cut_<tile>, <metric>_cut_<tile>_customer_id, <metric>_cut_<tile>_<tie-break column>...). #}
{% macro cut_columns_cte(prefix, cut_points, rulebook, group_columns) %}
{%- set columns = [] -%}
{%- for metric in rfm.cut_metrics(rulebook) -%}
    {%- set tiles = rfm.tile_cut_points(metric).above | map(attribute="tile") if metric.score.kind == "tiles" else [1] -%}
    {%- for tile in tiles -%}
        {%- set condition = "case when metric = '" ~ metric.name ~ "' and tile = " ~ tile ~ " then " -%}
        {%- set cut_column = metric.name ~ "_cut_" ~ tile -%}
        {%- do columns.append("cast(max(" ~ condition ~ "value end) as " ~ rfm.value_type(metric) ~ ") as " ~ cut_column) -%}
        {%- if metric.score.ties == "split" -%}
            {%- do columns.append("max(" ~ condition ~ "customer_id end) as " ~ cut_column ~ "_customer_id") -%}
            {%- for key in metric.score.tie_break -%}
                {%- do columns.append(
                    "max(" ~ condition ~ "cut_" ~ key.column ~ " end) as " ~ cut_column ~ "_" ~ key.column
                ) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
{%- endfor %}
{{ prefix }}_cut_columns as (
    select
        {%- for column in group_columns %}
        {{ column }},
        {%- endfor %}
        {{ columns | join(",\n        ") }}
    from {{ cut_points }}
    {{ "group by " ~ group_columns | join(", ") if group_columns }}
)
{%- endmacro %}
