{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__kept': 'is_finished'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set listed = rfm.metrics_with_cut_points(rfm.datasets()) %}
with

{{ rfm.open_customers_cte() }},

tied_values as (
    select distinct
        dataset,
        as_of_date,
        group_region,
        metric,
        value
    from {{ ref('int_rfm__cut_points') }}
    where customer_id is not null
),

values_by_score as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as group_region,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as {{ dbt.type_string() }}) as better,
        cast(null as decimal(28, 6)) as score,
        cast(null as {{ dbt.type_string() }}) as score_text,
        cast(null as decimal(38, 12)) as value,
        cast(null as {{ dbt.type_bigint() }}) as customers
    where 1 = 0
    {%- for name, metrics in listed.items() %}

    union all

    select
        dataset,
        as_of_date,
        group_region,
        '{{ name }}' as metric,
        {{ rfm.better_side(metrics) }} as better,
        {{ rfm.metric_column(metrics, "score") }} as score,
        {{ rfm.metric_column(metrics, "score_text") }} as score_text,
        {{ rfm.metric_column(metrics, "value") }} as value,
        count(*) as customers
    from scored_customers
    where
        ungraded_reason is null
        and {{ rfm.is_of_metrics(metrics) }}
    group by
        dataset,
        as_of_date,
        group_region,
        rulebook,
        {{ rfm.metric_column(metrics, "score") }},
        {{ rfm.metric_column(metrics, "score_text") }},
        {{ rfm.metric_column(metrics, "value") }}
    {%- endfor %}
),

final as (
    select
        values_by_score.dataset,
        values_by_score.as_of_date,
        values_by_score.group_region as region,
        values_by_score.metric,
        values_by_score.score,
        values_by_score.score_text,
        cast(
            case
                when values_by_score.better = 'low' then min(values_by_score.value)
                else max(values_by_score.value)
            end as decimal(28, 6)
        ) as best_value,
        cast(
            case
                when values_by_score.better = 'low' then max(values_by_score.value)
                else min(values_by_score.value)
            end as decimal(28, 6)
        ) as worst_value,
        cast(sum(values_by_score.customers) as bigint) as customers,
        cast(
            sum(case when tied_values.value is not null then values_by_score.customers else 0 end) as bigint
        ) as tied_customers
    from values_by_score
    left join tied_values
        on
            values_by_score.dataset = tied_values.dataset
            and values_by_score.as_of_date = tied_values.as_of_date
            and values_by_score.group_region = tied_values.group_region
            and values_by_score.metric = tied_values.metric
            and values_by_score.value = tied_values.value
    group by
        values_by_score.dataset,
        values_by_score.as_of_date,
        values_by_score.group_region,
        values_by_score.metric,
        values_by_score.better,
        values_by_score.score,
        values_by_score.score_text
)

select * from final
