{# {share: percent}: the value as a percentage of the group's sum; 0 where the sum is 0. #}

{% macro check_score_share(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["share", "clamp"]) -%}
    {%- do rfm.check_one_of(owner, path ~ ".share", written.share, ["percent"]) -%}
    {%- do rfm.check_better_is_high(owner, path ~ ".share", better) -%}
    {{- return({"kind": "share", "is_fraction": true}) -}}
{% endmacro %}

{% macro score_share(metric) %}
    {%- set value = metric.name ~ "_value" -%}
        case
            when {{ value }} is not null
                then coalesce({{ rfm.quotient(value ~ " * 100", metric.name ~ "_group_sum") }}, 0)
        end
{%- endmacro %}

{% macro possible_scores_share(metric) %}
    {{- return(none) -}}
{% endmacro %}
