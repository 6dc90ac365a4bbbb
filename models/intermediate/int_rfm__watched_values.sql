{{ config(
    materialized='incremental',
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__has_every_date': true},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set watched = rfm.watched_columns(rfm.datasets()) %}
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

customers_from_orders as (
    select * from {{ ref('int_rfm__customers_from_orders') }}
    where is_in_group
),

-- The mean number of days between the days on which a customer ordered. Orders of one day count as one.
usual_intervals as (
    select
        customers_from_orders.dataset,
        customers_from_orders.as_of_date,
        customers_from_orders.customer_id,
        'usual_interval_days' as value_name,
        customers_from_orders.purchase_days_to_date as purchase_days,
        {{ rfm.quotient(
            dbt.datediff("customers_from_orders.first_order_date", "customers_from_orders.last_order_date", "day") | trim,
            "customers_from_orders.purchase_days_to_date - 1"
        ) | trim }} as value
    from customers_from_orders
    inner join scored_customers
        on
            customers_from_orders.dataset = scored_customers.dataset
            and customers_from_orders.as_of_date = scored_customers.as_of_date
            and customers_from_orders.customer_id = scored_customers.customer_id
    where customers_from_orders.purchase_days_to_date > 1
),

watched_values as (
    select * from usual_intervals
    {%- for column in watched %}

    union all

    select
        dataset,
        as_of_date,
        customer_id,
        '{{ column.name }}' as value_name,
        cast(null as {{ dbt.type_bigint() }}) as purchase_days,
        cast({{ column.stored_as }} as decimal(38, 12)) as value
    from scored_customers
    where
        dataset in ('{{ column.datasets | join("', '") }}')
        and {{ column.stored_as }} is not null
    {%- endfor %}
),

final as (
    select
        dataset,
        as_of_date,
        customer_id,
        value_name,
        cast(purchase_days as {{ dbt.type_bigint() }}) as purchase_days,
        cast(value as decimal(38, 12)) as value
    from watched_values
)

select * from final
