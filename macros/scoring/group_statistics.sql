{# The metrics of a rulebook whose scores are made of statistics of the group. #}
{% macro group_metrics(rulebook) %}
    {{- return(rulebook.metrics | selectattr("score.kind", "in", ["share", "scale", "group"]) | list) -}}
{% endmacro %}

{# CTEs that end in <prefix>_group_statistics: for each group (<group columns>, group_customers, and for each of these metrics
   <metric>_group_sum, _min and _max, and _median where the rulebook asks for it).

   scored, rulebook, group_columns: as in cut_point_ctes #}
{% macro group_statistics_ctes(prefix, scored, rulebook, group_columns) %}
{%- set metrics = rfm.group_metrics(rulebook) -%}
{%- set medians = metrics | selectattr("score.kind", "equalto", "group") | selectattr("score.statistic", "equalto", "median") | list -%}
{%- set sums = prefix ~ ("_group_sums" if medians else "_group_statistics") -%}
{{ sums }} as (
    select
        {%- for column in group_columns %}
        {{ column }},
        {%- endfor %}
        {%- for metric in metrics %}
        sum({{ metric.name }}_value) as {{ metric.name }}_group_sum,
        min({{ metric.name }}_value) as {{ metric.name }}_group_min,
        max({{ metric.name }}_value) as {{ metric.name }}_group_max,
        {%- endfor %}
        count(*) as group_customers
    from {{ scored }}
    {{ "group by " ~ group_columns | join(", ") if group_columns }}
)
{%- if medians %},

{{ rfm.value_count_ctes(prefix ~ "_group", scored, medians, group_columns, rulebook.get("has_large_groups")) }},

{{ rfm.middles_cte(prefix ~ "_group", group_columns) }},

{{ prefix }}_group_statistics as (
    select
        sums.*
        {%- for metric in medians %},
        cast({{ metric.name }}_middles.middle_sum * 0.5 as decimal(38, 12)) as {{ metric.name }}_group_median
        {%- endfor %}
    from {{ sums }} as sums
    {%- for metric in medians %}
    left join {{ prefix }}_group_middles as {{ metric.name }}_middles
        on
            {{ metric.name }}_middles.metric = '{{ metric.name }}'
            {%- for column in group_columns %}
            and sums.{{ column }} = {{ metric.name }}_middles.{{ column }}
            {%- endfor %}
    {%- endfor %}
)
{%- endif %}
{%- endmacro %}
