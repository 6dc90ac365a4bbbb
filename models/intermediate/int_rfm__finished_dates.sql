{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__kept': 'is_finished', 'rfm__partitioned_by': ['dataset']},
) }}
-- depends_on: {{ ref('int_rfm__graded_dates') }}
-- depends_on: {{ ref('rfm__score_cutpoints') }}
-- depends_on: {{ ref('rfm__tier_summary') }}
-- depends_on: {{ ref('rfm__rejected_records') }}
-- depends_on: {{ ref('rfm__rulebook_audit') }}
with

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
    where as_of_date is not null and customers > 0 and not is_finished
),

-- Written after the marts that keep history: one that a build did not reach catches up in the next.
final as (
    select
        dataset,
        as_of_date
    from input_dates
)

select * from final
