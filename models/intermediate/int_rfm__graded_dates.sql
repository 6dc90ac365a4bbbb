{{ config(
    materialized='incremental',
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
-- depends_on: {{ ref('int_rfm__graded_metrics') }}
-- depends_on: {{ ref('int_rfm__scored_customers') }}
with

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
    where as_of_date is not null and customers > 0 and not is_frozen
),

-- Written after the customers: a date that a build broke off is not here, and the next build grades it anew.
final as (
    select
        dataset,
        as_of_date
    from input_dates
)

select * from final
