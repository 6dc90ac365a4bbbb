{%- set datasets = rfm.datasets() -%}
{%- set chains = rfm.chains(datasets) -%}
{%- set columns = rfm.metric_columns(datasets) | selectattr("part", "equalto", "value") | list %}
with

-- Customers come measured, as records, or are measured from their orders.
customers as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {{- rfm.stored_column_list(datasets, "records") }}
        rejection_reasons
    from {{ ref('stg_rfm__records') }}
    where rejection_reasons is null

    union all

    select
        dataset,
        as_of_date,
        region,
        customer_id,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {{- rfm.stored_column_list(datasets, "orders") }}
        cast(null as {{ dbt.type_string() }}) as rejection_reasons
    from {{ ref('int_rfm__customers_from_orders') }}
    where is_in_group
),
{%- for chain in chains %}

{{ chain.name }}_customers as (
    select
        *,
        {%- for column, stored in chain.stored_as.items() %}
        {{ stored }} as {{ column }},
        {%- endfor %}
        {{ rfm.group_region(chain) }} as group_region
    from customers
    where {{ rfm.is_of_chain(chain) }}
),

{{ chain.name }}_measured as (
    select
        *,
        {{- rfm.metric_values(chain.rulebook) }}
    from {{ chain.name }}_customers
),
{%- endfor %}

final as (
    {%- for chain in chains %}
    {%- set own_columns = rfm.own_metric_columns(chain.rulebook) %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {%- for stored in rfm.stored_columns(datasets) %}
        {{ stored }},
        {%- endfor %}
        {%- for column in columns %}
        {%- set type = dbt.type_string() if column.is_text else "decimal(38, 12)" %}
        {{ column.name if column.name in own_columns else "cast(null as " ~ type ~ ")" }} as {{ column.name }},
        {%- endfor %}
        {{ rfm.unscored_reason(chain.rulebook, chain.integer_columns) | trim }} as ungraded_reason
    from {{ chain.name }}_measured
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
