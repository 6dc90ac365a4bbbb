{# {group: mean}, also median, sum, min, max and count: the statistic of the group itself, the same for everyone. It serves
   conditions like `monetary >= 3 * ticket_score`. #}

{% macro check_score_group(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["group", "clamp"]) -%}
    {%- do rfm.check_one_of(owner, path ~ ".group", written.group, ["mean", "median", "sum", "min", "max", "count"]) -%}
    {{- return({"kind": "group", "statistic": written.group, "is_fraction": true}) -}}
{% endmacro %}

{% macro score_group(metric) %}
    {%- set group = metric.name ~ "_group_" -%}
    {%- set statistic = {
        "mean": rfm.quotient(group ~ "sum", "group_customers"),
        "count": "group_customers",
    }.get(metric.score.statistic, group ~ metric.score.statistic) %}
        case when {{ metric.name }}_value is not null then {{ statistic | trim }} end
{%- endmacro %}

{% macro possible_scores_group(metric) %}
    {{- return(none) -}}
{% endmacro %}
