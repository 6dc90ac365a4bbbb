{# What the database says against select statements that nobody runs: [message or none], in their order.
   queries: list of strings #}
{% macro expression_errors(queries) %}
    {{- return(adapter.dispatch("expression_errors", "rfm")(queries)) -}}
{% endmacro %}

{# Elsewhere the error stops the build by itself, with the query in it, which names the dataset and the metric. #}
{% macro default__expression_errors(queries) %}
    {%- set messages = [] -%}
    {%- for query in queries -%}
        {%- do run_query(query) -%}
        {%- do messages.append(none) -%}
    {%- endfor -%}
    {{- return(messages) -}}
{% endmacro %}

{# DuckDB plans a query on request and gives the error as a value. #}
{% macro duckdb__expression_errors(queries) %}
    {%- set plans = [] -%}
    {%- for query in queries -%}
        {%- do plans.append(
            "select " ~ loop.index ~ " as position, json_extract_string(json_serialize_plan("
            ~ rfm.text_literal(query) ~ "), '$.error_message') as message"
        ) -%}
    {%- endfor -%}
    {{- return(run_query(plans | join(" union all ") ~ " order by position").columns[1].values() | list) -}}
{% endmacro %}
