{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
-- depends_on: {{ ref('int_rfm__graded_metrics') }}
with

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
    where as_of_date is not null and customers > 0 and not is_frozen
),

-- Written after the customers: a date that a build broke off is not here, and the next build grades it anew.
final as (
    select
        scored_customers.dataset,
        scored_customers.as_of_date,
        scored_customers.region,
        scored_customers.rulebook,
        cast(
            sum(case when scored_customers.ungraded_reason is null then 1 else 0 end) as {{ dbt.type_bigint() }}
        ) as customers
    from {{ ref('int_rfm__scored_customers') }} as scored_customers
    inner join input_dates
        on
            scored_customers.dataset = input_dates.dataset
            and scored_customers.as_of_date = input_dates.as_of_date
    group by
        scored_customers.dataset,
        scored_customers.as_of_date,
        scored_customers.region,
        scored_customers.rulebook
)

select * from final
