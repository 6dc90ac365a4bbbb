{# Stands between 'as' and the bracket of a CTE that holds customers and has several readers: each of them reads the table
   behind it, and only the columns that it needs. #}
{% macro inlined() %}
    {{- return(adapter.dispatch("inlined", "rfm")()) -}}
{% endmacro %}

{# DuckDB and PostgreSQL would keep the whole CTE, in memory or on disk. #}
{% macro default__inlined() %}
    {{- return("not materialized ") -}}
{% endmacro %}

{# Spark keeps none, and has no words for it. #}
{% macro spark__inlined() %}
    {{- return("") -}}
{% endmacro %}
