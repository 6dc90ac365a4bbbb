{# {scale: minmax}: (value - min) / (max - min) of the group, and where low is better (max - value) / (max - min), so that
   the best has 1; {scale: max}: value / max; {scale: mean}: value / mean. 0 where the divisor is 0. #}

{% macro check_score_scale(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["scale", "clamp"]) -%}
    {%- do rfm.check_one_of(owner, path ~ ".scale", written.scale, ["minmax", "max", "mean"]) -%}
    {%- if written.scale != "minmax" -%}
        {%- do rfm.check_better_is_high(owner, path ~ ".scale", better) -%}
    {%- endif -%}
    {{- return({"kind": "scale", "statistic": written.scale, "is_fraction": true}) -}}
{% endmacro %}

{% macro score_scale(metric) %}
    {%- set value = metric.name ~ "_value" -%}
    {%- set group = metric.name ~ "_group_" -%}
    {%- if metric.score.statistic == "max" -%}
        {%- set quotient = rfm.quotient(value, group ~ "max") -%}
    {%- elif metric.score.statistic == "mean" -%}
        {%- set quotient = rfm.quotient(value ~ " * group_customers", group ~ "sum") -%}
    {%- elif metric.better == "low" -%}
        {%- set quotient = rfm.quotient(group ~ "max - " ~ value, group ~ "max - " ~ group ~ "min") -%}
    {%- else -%}
        {%- set quotient = rfm.quotient(value ~ " - " ~ group ~ "min", group ~ "max - " ~ group ~ "min") -%}
    {%- endif %}
        case
            when {{ value }} is not null
                then coalesce({{ quotient | trim }}, 0)
        end
{%- endmacro %}

{% macro possible_scores_scale(metric) %}
    {{- return(none) -}}
{% endmacro %}
