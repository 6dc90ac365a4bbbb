{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    meta={'rfm__partitioned_by': ['dataset'], 'rfm__from': 'as_of_date'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
with

{{ rfm.dates_to_tell_cte() }},

grade_changes as (
    select changes.*
    from {{ ref('rfm__grade_changes') }} as changes
    inner join dates_to_tell
        on
            changes.dataset = dates_to_tell.dataset
            and changes.as_of_date = dates_to_tell.as_of_date
),

-- Scores without grades have no tiers.
moves as (
    select
        dataset,
        as_of_date,
        region,
        rulebook,
        previous_as_of_date,
        previous_grade_order,
        grade_order,
        coalesce(previous_grade, '(new)') as previous_grade,
        coalesce(grade, '(left)') as grade,
        count(*) as customers,
        sum(coalesce(previous_monetary, 0)) as previous_monetary,
        sum(coalesce(monetary, 0)) as monetary
    from grade_changes
    where grade is not null or previous_grade is not null
    group by
        dataset,
        as_of_date,
        region,
        rulebook,
        previous_as_of_date,
        coalesce(previous_grade, '(new)'),
        coalesce(grade, '(left)'),
        previous_grade_order,
        grade_order
),

regions as (
    select
        dataset,
        as_of_date,
        region,
        sum(customers) as customers
    from moves
    group by dataset, as_of_date, region
),

final as (
    select
        moves.dataset,
        moves.as_of_date,
        moves.region,
        moves.rulebook,
        moves.previous_as_of_date,
        moves.previous_grade,
        moves.grade,
        moves.previous_grade_order,
        moves.grade_order,
        cast(moves.customers as {{ dbt.type_bigint() }}) as customers,
        {{ rfm.divide("moves.customers", "regions.customers") | trim }} as customer_share,
        cast(moves.previous_monetary as decimal(28, 6)) as previous_monetary,
        cast(moves.monetary as decimal(28, 6)) as monetary
    from moves
    inner join regions
        on
            moves.dataset = regions.dataset
            and moves.as_of_date = regions.as_of_date
            and moves.region = regions.region
)

select * from final
