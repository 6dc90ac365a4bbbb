{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
{%- set datasets = rfm.datasets() %}
with

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
    where as_of_date is not null and not is_frozen
),

metrics as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as {{ dbt.type_string() }}) as score_kind,
        cast(null as {{ dbt.type_string() }}) as better,
        cast(null as decimal(28, 6)) as weight
    where 1 = 0
    {%- for dataset in datasets %}
    {%- for metric in dataset.rulebook.metrics %}

    union all

    select
        '{{ dataset.name }}' as dataset,
        '{{ metric.name }}' as metric,
        '{{ metric.score.kind }}' as score_kind,
        '{{ metric.better }}' as better,
        cast({{ metric.weight if metric.weight is not none else "null" }} as decimal(28, 6)) as weight
    {%- endfor %}
    {%- endfor %}
),

final as (
    select
        input_dates.dataset,
        input_dates.as_of_date,
        metrics.metric,
        metrics.score_kind,
        metrics.better,
        metrics.weight
    from input_dates
    inner join metrics on input_dates.dataset = metrics.dataset
)

select * from final
