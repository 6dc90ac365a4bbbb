{# The order of value_rank: the best customer of a group first. #}
{% macro value_order(relation="") %}
    {%- set start = relation ~ "." if relation else "" -%}
    {{- return(
        start ~ "total_score desc nulls last, " ~ start ~ "monetary desc nulls last, " ~ start ~ "frequency desc nulls last, "
        ~ start ~ "recency_days asc nulls last, " ~ start ~ "customer_id asc"
    ) -}}
{% endmacro %}
