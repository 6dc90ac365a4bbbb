{# A cast that gives null where the value cannot be read. expression (string), type (string): a SQL type. #}
{% macro try_cast(expression, type) %}
    {{- return(adapter.dispatch("try_cast", "rfm")(expression, type)) -}}
{% endmacro %}

{% macro default__try_cast(expression, type) %}
    {{- return("try_cast(" ~ expression ~ " as " ~ type ~ ")") -}}
{% endmacro %}
