{{ config(
    materialized='incremental',
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__has_every_date': true},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set scores = rfm.metrics_by_name(rfm.datasets()) %}
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

cut_points as (
    select * from {{ ref('int_rfm__cut_points') }}
),

-- Values whose customers a tie-break set apart.
tied_values as (
    select distinct
        dataset,
        as_of_date,
        group_region,
        metric,
        value
    from cut_points
    where customer_id is not null
),

scores as (
    {%- for name, metrics in scores.items() %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        '{{ name }}' as metric,
        {{ rfm.kind_of_score(metrics) | trim }} as score_kind,
        {{ rfm.better_side(metrics) }} as better,
        {{ rfm.metric_column(metrics, "value") }} as value,
        {{ rfm.metric_column(metrics, "value_text") }} as value_text,
        {{ rfm.metric_column(metrics, "score") }} as score,
        {{ rfm.metric_column(metrics, "score_text") }} as score_text,
        {{ rfm.weight_of_rulebook(metrics) | trim }} as weight,
        {{ rfm.next_step(metrics, "score") | trim }} as next_step_score,
        {{ rfm.next_step(metrics, "bound") | trim }} as next_step_value
    from scored_customers
    where {{ rfm.is_of_metrics(metrics) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

final as (
    select
        scores.dataset,
        scores.as_of_date,
        scores.region,
        scores.customer_id,
        scores.metric,
        scores.score_kind,
        scores.better,
        scores.value_text,
        scores.score,
        scores.score_text,
        cast(scores.value as decimal(28, 6)) as value,
        cast(scores.weight as decimal(28, 6)) as weight,
        cast(scores.score * scores.weight as decimal(28, 6)) as points,
        cast(coalesce(scores.next_step_value, next_cut_points.value) as decimal(28, 6)) as value_for_next_score,
        coalesce(scores.next_step_score, next_cut_points.score) as next_score,
        tied_values.value is not null as is_tie_broken
    from scores
    left join cut_points as next_cut_points
        on
            scores.dataset = next_cut_points.dataset
            and scores.as_of_date = next_cut_points.as_of_date
            and scores.group_region = next_cut_points.group_region
            and scores.metric = next_cut_points.metric
            and scores.score = next_cut_points.score_below
            and scores.score < next_cut_points.score
    left join tied_values
        on
            scores.dataset = tied_values.dataset
            and scores.as_of_date = tied_values.as_of_date
            and scores.group_region = tied_values.group_region
            and scores.metric = tied_values.metric
            and scores.value = tied_values.value
)

select * from final
