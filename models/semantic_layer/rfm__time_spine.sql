{{ config(materialized='view') }}
with

days as (
    {{ dbt.date_spine('day', "cast('1990-01-01' as date)", "cast('2051-01-01' as date)") | indent(4) }}
),

final as (
    select cast(date_day as date) as date_day
    from days
)

select * from final
