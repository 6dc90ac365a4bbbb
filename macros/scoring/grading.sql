{# The columns <metric>_value, for a select over the dataset's columns. Values are DECIMAL with six decimals. #}
{% macro metric_values(rulebook) %}
    {%- for metric in rulebook.metrics %}
        cast({{ metric.value }} as decimal(28, 6)) as {{ metric.name }}_value{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The condition that every metric of the rulebook has a value. #}
{% macro every_metric_has_a_value(rulebook) %}
    {%- set conditions = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do conditions.append(metric.name ~ "_value is not null") -%}
    {%- endfor -%}
    {{- return(conditions | join(" and ")) -}}
{% endmacro %}

{# CTEs that end in <prefix>_graded: every column of <measured>, and <metric>_score, total_score, grade_order, grade.
   They read <prefix>_cut_columns where the rulebook ranks. #}
{% macro grading_ctes(prefix, measured, where, rulebook, group_columns) %}
{{ prefix }}_scores as (
    select
        customers.*,
        {%- for metric in rulebook.metrics %}
        {{ rfm.score(metric) | trim }} as {{ metric.name }}_score{{ "," if not loop.last }}
        {%- endfor %}
    from (select * from {{ measured }} where {{ where }}) as customers
    {%- if rfm.ranked_metrics(rulebook) %}
    left join {{ prefix }}_cut_columns as cut_columns
        on
            {%- for column in group_columns %}
            {{ "and " if not loop.first }}customers.{{ column }} = cut_columns.{{ column }}
            {%- else %}
            1 = 1
            {%- endfor %}
    {%- endif %}
),

{{ prefix }}_totals as (
    select
        *,
        {{ rfm.total(rulebook) }} as total_score
    from {{ prefix }}_scores
),

{{ prefix }}_grade_orders as (
    select
        *,
        {{ rfm.grade_order(rulebook) | trim }} as grade_order
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
   relation, then <metric>_value and <metric>_score for each metric, total_score, grade_order (1 = best) and grade.
   A row in which a metric has no value gets a null total and grade, and ranks nobody.

   relation: with customer_id (unique in a group, never null), the columns that the rulebook's values and tie-breaks name,
     and the group columns (never null)
   rulebook (string): its name
   group_by (list of strings): the columns whose customers are ranked against each other; empty: everyone #}
{% macro grade(relation, rulebook, group_by=[]) %}
    {%- set rulebooks = rfm.rulebooks() -%}
    {%- if rulebook not in rulebooks -%}
        {%- do rfm.raise_wrong_value("macro grade", "rulebook", rulebook, "one of: " ~ rulebooks | join(", ")) -%}
    {%- endif -%}
    {%- if group_by is string or group_by is mapping or group_by is not sequence -%}
        {%- do rfm.raise_wrong_value("macro grade", "group_by", group_by, "a list of columns like ['region']") -%}
    {%- endif -%}
    {%- set rules = rulebooks[rulebook] -%}
with

rfm_measured as (
    select
        customers.*,
        {{- rfm.metric_values(rules) }}
    from {{ relation }} as customers
),
{%- if rfm.ranked_metrics(rules) %}
{{ rfm.cut_point_ctes("rfm", "rfm_measured", rfm.every_metric_has_a_value(rules), rules, group_by) }},

{{ rfm.cut_columns_cte("rfm", "rfm_cut_points", "1 = 1", rules, group_by) }},
{%- endif %}

{{ rfm.grading_ctes("rfm", "rfm_measured", "1 = 1", rules, group_by) }}

select * from rfm_graded
{%- endmacro %}
