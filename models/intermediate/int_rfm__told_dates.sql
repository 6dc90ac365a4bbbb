{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    meta={'rfm__partitioned_by': ['dataset'], 'rfm__from': 'as_of_date'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('rfm__grade_changes') }}
-- depends_on: {{ ref('rfm__tier_migration') }}
-- depends_on: {{ ref('rfm__churn_warnings') }}
-- depends_on: {{ ref('rfm__backtest') }}
with

{{ rfm.dates_to_tell_cte() }},

{{ rfm.settings_ctes(rfm.datasets(), rfm.rulebooks()) }},

-- Written after the marts that compare dates: what a build did not reach is told by the next.
final as (
    select distinct
        graded_dates.dataset,
        graded_dates.as_of_date,
        {{ rfm.settings_of_date() }} as digest
    from {{ ref('int_rfm__graded_dates') }} as graded_dates
    inner join dates_to_tell
        on
            graded_dates.dataset = dates_to_tell.dataset
            and graded_dates.as_of_date = dates_to_tell.as_of_date
    inner join dataset_settings on graded_dates.dataset = dataset_settings.dataset
    left join rulebook_settings on graded_dates.rulebook = rulebook_settings.rulebook
)

select * from final
