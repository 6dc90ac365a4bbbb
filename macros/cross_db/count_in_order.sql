{# Running counts over all customers, or all values, of a group. An engine on one machine makes them by a window; Spark would send the window's whole
   partition through one task, so there a large group is cut into ranges first. #}

{# CTEs that end in <name>: the rows of a CTE and the column how many of them, or of what they count, there are up to each one in an
   order, itself included.

   rows (string): the CTE, whose columns the result has too, beside helpers that start with <column>__
   partition (list of strings): columns of a group; order (list of dicts): [{column, type, direction, nulls}], which leaves no ties;
     type is text, date, integer or decimal, direction asc or desc, nulls first or last
   column (string): the result's name; amount (string): a column to add up; each row counts 1 where it is none
   is_large (boolean): what has_large_groups() said of these rows; none: the build's customers are asked for #}
{% macro count_in_order_ctes(name, rows, partition, order, column, amount=none, is_large=none) %}
    {{- return(adapter.dispatch("count_in_order_ctes", "rfm")(name, rows, partition, order, column, amount, is_large)) -}}
{% endmacro %}

{% macro default__count_in_order_ctes(name, rows, partition, order, column, amount, is_large=none) -%}
{{ name }} as (
    select
        *,
        {{ rfm.count_in_order(partition, order, amount) | trim }} as {{ column }}
    from {{ rows }}
)
{%- endmacro %}

{# The SQL of a running count by a window. #}
{% macro count_in_order(partition, order, amount) %}
        {{ "sum(" ~ amount ~ ")" if amount else "row_number()" }} over (
            partition by {{ partition | join(", ") }}
            order by {{ rfm.order_by(order) }}
            {%- if amount %}
            rows between unbounded preceding and current row
            {%- endif %}
        )
{%- endmacro %}

{# The SQL of an order. alias (string): of the relation that has the columns, if any #}
{% macro order_by(order, alias="") %}
    {%- set keys = [] -%}
    {%- for key in order -%}
        {%- do keys.append((alias ~ "." if alias else "") ~ key.column ~ " " ~ key.direction ~ " nulls " ~ key.nulls) -%}
    {%- endfor -%}
    {{- return(keys | join(", ")) -}}
{% endmacro %}

{# Spark: about four hundred rows of a group, chosen by their hash, are the bounds of ranges; what lies before a range is known from the
   sizes of the ranges, and only within a range rows are put in order. Which rows are bounds does not change the result. #}
{% macro spark__count_in_order_ctes(name, rows, partition, order, column, amount, is_large) -%}
{%- if not (rfm.has_large_groups() if is_large is none else is_large) -%}
    {{- return(rfm.default__count_in_order_ctes(name, rows, partition, order, column, amount)) -}}
{%- endif -%}
{%- set keys = [] -%}
{%- for key in order -%}{%- do keys.extend(rfm.spark_ascending(key)) -%}{%- endfor -%}
{%- set group = partition | join(", ") -%}
{%- set same_group = [] -%}
{%- for part in partition -%}{%- do same_group.append("counted." ~ part ~ " <=> beside." ~ part) -%}{%- endfor -%}
{%- set same_group = same_group | join("\n            and ") -%}
{{ name }}_keys as (
    select
        *,
        struct({{ keys | join(", ") }}) as {{ column }}__key
    from {{ rows }}
),

{{ name }}_sizes as (
    select
        {{ group }},
        count(*) as group_rows
    from {{ rows }}
    group by {{ group }}
),

{{ name }}_samples as (
    select /*+ broadcast(beside) */ counted.*
    from {{ name }}_keys as counted
    inner join {{ name }}_sizes as beside
        on
            {{ same_group }}
    where pmod(xxhash64(counted.{{ column }}__key), greatest(1, beside.group_rows div 400)) = 0
),

{{ name }}_sorted_samples as (
    select
        {{ group }},
        array_sort(collect_list({{ column }}__key)) as bounds
    from {{ name }}_samples
    group by {{ group }}
),

-- Every twentieth bound is a mark: a row is compared with the marks, and then with the bounds behind one of them.
{{ name }}_bounds as (
    select
        *,
        transform(sequence(1, size(bounds), 20), place -> element_at(bounds, place)) as marks
    from {{ name }}_sorted_samples
),

{{ name }}_marked as (
    select /*+ broadcast(beside) */
        counted.*,
        beside.bounds as {{ column }}__bounds,
        coalesce(size(filter(beside.marks, mark -> mark < counted.{{ column }}__key)), 0) as {{ column }}__mark
    from {{ name }}_keys as counted
    left join {{ name }}_bounds as beside
        on
            {{ same_group }}
),

{{ name }}_ranged as (
    select
        *,
        case
            when {{ column }}__mark <= 0 then 0
            else ({{ column }}__mark - 1) * 20 + size(filter(
                slice({{ column }}__bounds, ({{ column }}__mark - 1) * 20 + 1, 20), bound -> bound < {{ column }}__key
            ))
        end as {{ column }}__range
    from {{ name }}_marked
),

{{ name }}_ranges as (
    select
        {{ group }},
        {{ column }}__range,
        {{ "sum(" ~ amount ~ ")" if amount else "count(*)" }} as in_range
    from {{ name }}_ranged
    group by {{ group }}, {{ column }}__range
),

{{ name }}_before as (
    select
        *,
        sum(in_range) over (partition by {{ group }} order by {{ column }}__range asc) - in_range as before_range
    from {{ name }}_ranges
),

{{ name }}_within as (
    select
        *,
        {{ rfm.count_in_order(partition + [column ~ "__range"], order, amount) | trim }} as {{ column }}__within
    from {{ name }}_ranged
),

{{ name }} as (
    select /*+ broadcast(beside) */
        counted.*,
        beside.before_range + counted.{{ column }}__within as {{ column }}
    from {{ name }}_within as counted
    inner join {{ name }}_before as beside
        on
            {{ same_group }}
            and counted.{{ column }}__range = beside.{{ column }}__range
)
{%- endmacro %}

{# The last of value_count_ctes(), from <prefix>_value_counts. with_sums (boolean): the sum of the group too;
   is_large: as in count_in_order_ctes() #}
{% macro running_count_ctes(prefix, group_columns, with_sums, is_large) %}
    {{- return(adapter.dispatch("running_count_ctes", "rfm")(prefix, group_columns, with_sums, is_large)) -}}
{% endmacro %}

{% macro default__running_count_ctes(prefix, group_columns, with_sums, is_large=none) %}
{%- set groups = group_columns | join(", ") ~ ", " if group_columns else "" -%}
{{ prefix }}_running_counts as (
    select
        {{ groups }}metric,
        value,
        sum(customers) over (
            partition by {{ groups }}metric order by best_first asc
            rows between unbounded preceding and current row
        ) - customers as customers_before,
        sum(customers) over (
            partition by {{ groups }}metric order by best_first asc
            rows between unbounded preceding and current row
        ) as customers_through,
        sum(customers) over (partition by {{ groups }}metric) as group_customers
        {%- if with_sums %},
        sum(value * customers) over (partition by {{ groups }}metric) as group_sum
        {%- endif %}
    from {{ prefix }}_value_counts
)
{%- endmacro %}

{# Spark would send all values of a group through one task; nearly everybody can have one of their own. #}
{% macro spark__running_count_ctes(prefix, group_columns, with_sums, is_large) %}
{%- if not (rfm.has_large_groups() if is_large is none else is_large) -%}
    {{- return(rfm.default__running_count_ctes(prefix, group_columns, with_sums)) -}}
{%- endif -%}
{%- set groups = group_columns + ["metric"] %}
{{ rfm.count_in_order_ctes(
    prefix ~ "_ordered_counts", prefix ~ "_value_counts", groups,
    [{"column": "best_first", "type": "decimal", "direction": "asc", "nulls": "last"}], "customers_through", "customers", is_large
) }},

{{ prefix }}_group_counts as (
    select
        {%- if with_sums %}
        sum(value * customers) as group_sum,
        {%- endif %}
        {{ groups | join(", ") }},
        sum(customers) as group_customers
    from {{ prefix }}_value_counts
    group by {{ groups | join(", ") }}
),

{{ prefix }}_running_counts as (
    select{{ rfm.to_every_task(["beside"]) }}
        {%- for column in groups %}
        counted.{{ column }},
        {%- endfor %}
        counted.value,
        counted.customers_through - counted.customers as customers_before,
        counted.customers_through,
        {%- if with_sums %}
        beside.group_sum,
        {%- endif %}
        beside.group_customers
    from {{ prefix }}_ordered_counts as counted
    inner join {{ prefix }}_group_counts as beside
        on
            {%- for column in groups %}
            {{ "and " if not loop.first }}counted.{{ column }} <=> beside.{{ column }}
            {%- endfor %}
)
{%- endmacro %}

{# Spark: the SQL of a key of an order as two values that sort it upwards: whether it is there, and itself or its opposite. #}
{% macro spark_ascending(key) %}
    {%- if execute and key.direction == "desc" and not key.type -%}
        {%- do exceptions.raise_compiler_error(
            "rfm: macro grade: column '" ~ key.column ~ "' of a tie_break has no type, expected a relation that is in the database"
        ) -%}
    {%- endif -%}
    {%- set column = key.column -%}
    {%- set value = column -%}
    {%- if key.direction == "desc" and key.type == "text" -%}
        {#- The complement of the bytes; a longer text comes before one that it starts with. -#}
        {%- set value = "concat(translate(hex(" ~ column ~ "), '0123456789ABCDEF', 'FEDCBA9876543210'), 'G')" -%}
    {%- elif key.direction == "desc" and key.type == "date" -%}
        {%- set value = "-unix_micros(cast(" ~ column ~ " as timestamp))" -%}
    {%- elif key.direction == "desc" -%}
        {%- set value = "-" ~ column -%}
    {%- endif -%}
    {{- return(["case when " ~ column ~ " is null then " ~ (1 if key.nulls == "last" else -1) ~ " else 0 end", value]) -}}
{% endmacro %}

{# Whether a group may have more customers than one task should put in order: of the build, or of a relation that it does not know.
   relation: what rfm.grade() grades; none: the customers of the build; group_columns (list of strings): its groups #}
{% macro has_large_groups(relation=none, group_columns=[]) %}
    {{- return(adapter.dispatch("has_large_groups", "rfm")(relation, group_columns)) -}}
{% endmacro %}

{# Nobody asks: a window over all customers needs no tasks. #}
{% macro default__has_large_groups(relation, group_columns) %}
    {{- return(false) -}}
{% endmacro %}

{# Spark: the ranges make a plan so long that they are only worth it where there are many rows. #}
{% macro spark__has_large_groups(relation, group_columns) %}
    {%- if relation is none -%}
        {{- return(rfm.customers_of_largest_date() > rfm.customers_in_one_task()) -}}
    {%- endif -%}
    {%- set groups = "group by " ~ group_columns | join(", ") if group_columns else "" -%}
    {%- set counts = "select count(*) as customers from " ~ relation ~ " " ~ groups -%}
    {{- return((run_query("select max(customers) from (" ~ counts ~ ") as counts").rows[0][0] or 0) > rfm.customers_in_one_task()) -}}
{% endmacro %}

{# The largest number of customers that a date of a dataset has in the input or in the history; 0 before they are counted. #}
{% macro customers_of_largest_date() %}
    {%- set largest = namespace(date=0) -%}
    {%- if execute and flags.WHICH in ["build", "run", "compile"] -%}
        {%- for name in ["input_dates", "graded_dates"] -%}
            {%- set relation = load_relation(rfm.relation_of(name)) -%}
            {%- if relation -%}
                {%- set found = run_query("select max(customers) from " ~ relation).rows[0][0] or 0 -%}
                {%- set largest.date = [largest.date, found] | max -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(largest.date) -}}
{% endmacro %}

{# How many customers one task puts in order in a few seconds. A project changes it by a macro of its own,
   spark__customers_in_one_task. #}
{% macro customers_in_one_task() %}
    {{- return(adapter.dispatch("customers_in_one_task", "rfm")()) -}}
{% endmacro %}

{% macro default__customers_in_one_task() %}
    {{- return(1000000) -}}
{% endmacro %}

{# Stands behind 'select': the small relations of the joins, each of which every task gets, as else all customers of a group would go
   to the task of their group. aliases: list of strings #}
{% macro to_every_task(aliases) %}
    {{- return(adapter.dispatch("to_every_task", "rfm")(aliases)) -}}
{% endmacro %}

{% macro default__to_every_task(aliases) %}
    {{- return("") -}}
{% endmacro %}

{# Spark cannot tell how few rows a CTE has. #}
{% macro spark__to_every_task(aliases) %}
    {{- return(" /*+ broadcast(" ~ aliases | join(", ") ~ ") */") -}}
{% endmacro %}
