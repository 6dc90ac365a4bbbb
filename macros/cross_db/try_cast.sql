{# A cast that gives null where the value cannot be read. expression (string), type (string): a SQL type. #}
{% macro try_cast(expression, type) %}
    {{- return(adapter.dispatch("try_cast", "rfm")(expression, type)) -}}
{% endmacro %}

{% macro default__try_cast(expression, type) %}
    {{- return("try_cast(" ~ expression ~ " as " ~ type ~ ")") -}}
{% endmacro %}

{# An expression that a user wrote: null where it fails on one customer's values, an overflow or an unreadable cast, so that
   one customer does not stop the build. #}
{% macro or_null(expression) %}
    {{- return(adapter.dispatch("or_null", "rfm")(expression)) -}}
{% endmacro %}

{% macro default__or_null(expression) %}
    {{- return(expression) -}}
{% endmacro %}

{# PostgreSQL has no such function; Spark gives null by itself. #}
{% macro duckdb__or_null(expression) %}
    {{- return("try(" ~ expression ~ ")") -}}
{% endmacro %}
