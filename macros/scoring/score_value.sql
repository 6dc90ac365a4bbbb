{# No score given: the value itself. #}
{% macro score_value(metric) %}
    {{- return(metric.name ~ "_value") -}}
{% endmacro %}
