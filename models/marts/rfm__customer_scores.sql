{{ config(
    materialized='incremental',
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set datasets = rfm.datasets() %}
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
    {%- for dataset in datasets %}
    {%- set dataset_loop = loop %}
    {%- for metric in dataset.rulebook.metrics %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        '{{ metric.name }}' as metric,
        {{ metric.name }}_value as value,
        {{ metric.name }}_score as score,
        cast({{ metric.weight if metric.weight is not none else "null" }} as decimal(28, 6)) as weight
    from scored_customers
    where dataset = '{{ dataset.name }}'
    {{ "union all" if not (loop.last and dataset_loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

final as (
    select
        scores.dataset,
        scores.as_of_date,
        scores.region,
        scores.customer_id,
        scores.metric,
        scores.value,
        scores.score,
        scores.weight,
        cast(cast(scores.score as decimal(28, 6)) * cast(scores.weight as decimal(9, 6)) as decimal(28, 6)) as points,
        next_cut_points.score as next_score,
        next_cut_points.value as value_for_next_score,
        tied_values.value is not null as is_tie_broken
    from scores
    left join cut_points as next_cut_points
        on
            scores.dataset = next_cut_points.dataset
            and scores.as_of_date = next_cut_points.as_of_date
            and scores.group_region = next_cut_points.group_region
            and scores.metric = next_cut_points.metric
            and scores.score = next_cut_points.score_below
    left join tied_values
        on
            scores.dataset = tied_values.dataset
            and scores.as_of_date = tied_values.as_of_date
            and scores.group_region = tied_values.group_region
            and scores.metric = tied_values.metric
            and scores.value = tied_values.value
)

select * from final
