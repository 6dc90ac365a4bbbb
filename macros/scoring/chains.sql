{# What the models share that grade chain by chain; chains() lists the chains. #}

{# The SQL of the region whose customers are ranked against each other: the customer's own where the dataset says so. #}
{% macro group_region(chain) %}
    {%- if not chain.by_region -%}
        {{- return("'all'") -}}
    {%- elif chain.by_region | length == chain.datasets | length -%}
        {{- return("region") -}}
    {%- endif -%}
    {{- return(rfm.region_where(chain.by_region)) -}}
{% endmacro %}

{# The SQL of the customer's region in the datasets that rank within their regions, 'all' in others. by_region: their names #}
{% macro region_where(by_region) %}
    {{- return("case when dataset in ('" ~ by_region | join("', '") ~ "') then region else 'all' end" if by_region else "'all'") -}}
{% endmacro %}

{# The columns of metric_columns() that a rulebook fills. #}
{% macro own_metric_columns(rulebook) %}
    {%- set names = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do names.append(metric.name ~ ("_value_text" if metric.value_is_text else "_value")) -%}
        {%- do names.append(metric.name ~ ("_score_text" if metric.score_is_text else "_score")) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{# One CTE, <chain>_customers: the chain's customers, with an extra column that is stored under another name under its own
   name too. #}
{% macro chain_customers_cte(chain, customers) %}
{{ chain.name }}_customers as (
    select
        customers.*
        {%- for column, stored in chain.stored_as.items() %},
        customers.{{ stored }} as {{ column }}
        {%- endfor %}
    from {{ customers }} as customers
    where {{ rfm.is_of_chain(chain) }}
)
{%- endmacro %}
