{# The columns <metric>_value, for a select over the dataset's columns: DECIMAL with twelve decimals, of which a column has
   six and a quotient more; or <metric>_value_text where the rulebook looks the value up by texts. #}
{% macro metric_values(rulebook) %}
    {%- for metric in rulebook.metrics %}
    {%- set value = rfm.expression_sql(metric.value) %}
    {%- set type = rfm.value_type(metric) %}
    {%- set column = metric.name ~ ("_value_text" if metric.value_is_text else "_value") %}
        {{ "cast(" ~ value ~ " as " ~ type ~ ")" if metric.is_column else rfm.cast_or_null(value, type) }} as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The type of a metric's value column: a text; or the number type that chains() found out, of twelve decimals where it did not. #}
{% macro value_type(metric) %}
    {{- return(dbt.type_string() if metric.value_is_text else metric.get("number_type") or "decimal(38, 12)") -}}
{% endmacro %}

{# The SQL of the reason why a rulebook does not score a customer, from the columns of its values: the first metric without
   a value, or with one that no step or label matches. Null where every metric is scored.
   integer_columns (list of strings): the columns whose values are written without decimals #}
{% macro unscored_reason(rulebook, integer_columns=[]) %}
    {%- set reasons = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do reasons.extend(rfm.unscored(metric, rulebook.name, integer_columns)) -%}
    {%- endfor -%}
    {%- if not reasons -%}
        {{- return("cast(null as " ~ dbt.type_string() ~ ")") -}}
    {%- endif %}
        case
            {%- for condition, reason in reasons %}
            when {{ condition }}
                then {{ reason }}
            {%- endfor %}
        end
{%- endmacro %}

{# The join of customers with a CTE that has one row for each group, or one row where all are one group: then without comparing. #}
{% macro join_of_groups(cte, name, group_columns) %}
    {{ "left" if group_columns else "cross" }} join {{ cte }} as {{ name }}
    {%- for column in group_columns %}
    {%- if loop.first %}
        on
    {%- endif %}
            {{ "and " if not loop.first }}customers.{{ column }} = {{ name }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{# CTEs that end in <prefix>_graded: every column of <measured>, and <metric>_score, total_score, score_code, grade_order,
   grade.

   prefix (string): starts the names of the CTEs
   measured (string): relation or CTE with the group columns, customer_id and the <metric>_value columns
   is_scored (string): condition on its rows, so that every metric has a score; the others rank nobody and get no grade
   cut_points (string): relation or CTE with the cut points, as cut_point_ctes makes them; read where the rulebook ranks
   rulebook: as checked_rulebooks() returns it
   group_columns (list of strings): what the customers of a group share; empty for one group #}
{% macro grading_ctes(prefix, measured, is_scored, cut_points, rulebook, group_columns) %}
{%- set cut_metrics = rfm.cut_metrics(rulebook) %}
{%- set group_metrics = rfm.group_metrics(rulebook) %}
{%- if cut_metrics %}
{{ rfm.cut_columns_cte(prefix, cut_points, rulebook, group_columns) }},

{% endif -%}
{%- if group_metrics -%}
{{ prefix }}_group as (
    select * from {{ measured }}
    where {{ is_scored }}
),

{{ rfm.group_statistics_ctes(prefix, prefix ~ "_group", rulebook, group_columns) }},

{% endif -%}
{%- set joined_groups = ["cut_columns"] * (cut_metrics != []) + ["group_statistics"] * (group_metrics != []) %}
{{ prefix }}_scores as (
    select{{ rfm.to_every_task(joined_groups) if joined_groups }}
        customers.*,
        {%- for metric in rulebook.metrics %}
        {{ rfm.score(metric) | trim }} as {{ metric.name }}_score{{ "," if not loop.last }}
        {%- endfor %}
    from {{ measured }} as customers
    {%- for joined in joined_groups %}
    {{- rfm.join_of_groups(prefix ~ "_" ~ joined, joined, group_columns) }}
    {%- endfor %}
),

{{ prefix }}_totals as (
    select
        *,
        {{ rfm.total(rulebook) }} as total_score,
        {{ rfm.score_code(rulebook) }} as score_code
    from {{ prefix }}_scores
),

{{ prefix }}_grade_orders as (
    select
        *,
        {{ rfm.grade_order(rulebook, is_scored) | trim }} as grade_order
    from {{ prefix }}_totals
),

{{ prefix }}_graded as (
    select
        *,
        {{ rfm.grade_name(rulebook) | trim }} as grade
    from {{ prefix }}_grade_orders
)
{%- endmacro %}

{# Public. A select that grades the rows of any relation by a rulebook of the var rfm__rulebooks: every column of the
   relation, then <metric>_value and <metric>_score for each metric, total_score, score_code, grade_order (1 = best), grade.
   A row in which a metric has no value, or one that no step or label matches, gets no grade and ranks nobody.

   relation: with customer_id (unique in a group, never null; becomes a text), the columns that the rulebook's values and tie-breaks
     name, and the group columns (never null)
   rulebook (string): its name
   group_by (list of strings): the columns whose customers are ranked against each other; empty: everyone #}
{% macro grade(relation, rulebook, group_by=[]) %}
    {%- set rulebooks = rfm.rulebooks() or rfm.checked_rulebooks() -%}
    {%- do rfm.check_one_of("macro grade", "rulebook", rulebook, rulebooks | list) -%}
    {%- if group_by is string or group_by is mapping or group_by is not sequence -%}
        {%- do rfm.raise_wrong_value("macro grade", "group_by", group_by, "a list of columns like ['region']") -%}
    {%- endif -%}
    {%- set kinds = rfm.column_kinds(relation) -%}
    {%- set rules = rfm.rulebook_of_chain(rulebooks[rulebook], {}, {}, kinds) -%}
    {%- if kinds -%}{%- do rules.update({"has_large_groups": rfm.has_large_groups(relation, group_by)}) -%}{%- endif -%}
    {%- set is_scored = rfm.unscored_reason(rules) ~ " is null" -%}
    {%- set texts = ["customer_id"] -%}
    {%- for column in rfm.tie_break_columns(rules) if kinds.get(column) == "text" -%}{%- do texts.append(column) -%}{%- endfor -%}
with

rfm_measured as (
    select
        {%- for column in kinds %}
        {{ rfm.as_text("customers." ~ column) ~ " as " ~ column if column in texts else "customers." ~ rfm.quoted(column) }},
        {%- else %}
        customers.*,
        {%- endfor %}
        {{- rfm.metric_values(rules) }}
    from {{ relation }} as customers
),
{%- if rfm.cut_metrics(rules) %}

rfm_scored as (
    select * from rfm_measured
    where {{ is_scored }}
),

{{ rfm.cut_point_ctes("rfm", "rfm_scored", rules, group_by) }},
{%- endif %}

{{ rfm.grading_ctes("rfm", "rfm_measured", is_scored, "rfm_cut_points", rules, group_by) }}

select * from rfm_graded
{%- endmacro %}

{# The kinds of a relation's columns, {name: text, date or number}; none while dbt parses, and of what is not in the database. #}
{% macro column_kinds(relation) %}
    {%- set kinds = {} -%}
    {%- if execute and relation is not string and not relation.is_cte -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do kinds.update({column.name: rfm.type_kind(column.dtype)}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(kinds) -}}
{% endmacro %}
