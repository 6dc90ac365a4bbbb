{# No score given: the value itself. #}

{% macro check_score_value(owner, path, written, better) %}
    {{- return({"kind": "value", "is_fraction": true}) -}}
{% endmacro %}

{# A column has six decimals, so that products of scores do not outgrow a DECIMAL; a quotient has more. #}
{% macro score_value(metric) %}
    {%- if metric.is_column -%}
        {{- return("cast(" ~ metric.name ~ "_value as decimal(28, 6))") -}}
    {%- endif -%}
    {{- return(metric.name ~ "_value") -}}
{% endmacro %}

{% macro possible_scores_value(metric) %}
    {{- return(none) -}}
{% endmacro %}
