{# The order of value_rank, the best customer of a group first, for order_by() and count_in_order_ctes(). #}
{% macro value_order() %}
    {{- return([
        {"column": "total_score", "type": "decimal", "direction": "desc", "nulls": "last"},
        {"column": "monetary", "type": "decimal", "direction": "desc", "nulls": "last"},
        {"column": "frequency", "type": "integer", "direction": "desc", "nulls": "last"},
        {"column": "recency_days", "type": "integer", "direction": "asc", "nulls": "last"},
        {"column": "customer_id", "type": "text", "direction": "asc", "nulls": "last"},
    ]) -}}
{% endmacro %}
