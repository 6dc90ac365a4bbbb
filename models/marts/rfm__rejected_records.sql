{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__kept': 'is_finished'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
with

records as (
    select * from {{ ref('stg_rfm__records') }}
),

orders as (
    select * from {{ ref('stg_rfm__orders') }}
),

{{ rfm.open_customers_cte() }},

rejected as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        'input' as stage,
        rejection_reasons as reasons,
        record
    from records
    where rejection_reasons is not null

    union all

    select
        dataset,
        cast(null as date) as as_of_date,
        region,
        customer_id,
        'input' as stage,
        rejection_reasons as reasons,
        record
    from orders
    where rejection_reasons is not null

    union all

    select
        dataset,
        as_of_date,
        region,
        customer_id,
        'grading' as stage,
        ungraded_reason as reasons,
        cast(null as {{ dbt.type_string() }}) as record
    from scored_customers
    where ungraded_reason is not null
),

final as (
    select
        *,
        cast(row_number() over (
            partition by dataset, as_of_date, region, customer_id, stage, reasons, record
            order by dataset asc
        ) as integer) as copy_number
    from rejected
)

select * from final
