{%- set columns = rfm.kept_columns(rfm.datasets()) %}
{%- set metrics = rfm.metrics_of_columns(columns) %}
with

scored_customers as {{ rfm.inlined() }}(
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

graded_metrics as (
    select * from {{ ref('int_rfm__graded_metrics') }}
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
    {%- for metric in metrics %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        {%- for part, type in rfm.score_parts().items() %}
        {%- set column = metric ~ "_" ~ part %}
        cast({{ column if column in columns else "null" }} as {{ type }}) as {{ part }},
        {%- endfor %}
        '{{ metric }}' as metric
    from scored_customers
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

final as (
    select
        {{- rfm.to_every_task(["graded_metrics", "next_cut_points", "tied_values"]) }}
        scores.dataset,
        scores.as_of_date,
        scores.region,
        scores.customer_id,
        scores.metric,
        graded_metrics.score_kind,
        graded_metrics.better,
        scores.value_text,
        scores.score,
        scores.score_text,
        cast(scores.value as decimal(28, 6)) as value,
        graded_metrics.weight,
        cast(scores.score * graded_metrics.weight as decimal(28, 6)) as points,
        cast(coalesce(scores.value_next, next_cut_points.value) as decimal(28, 6)) as value_for_next_score,
        coalesce(scores.score_next, next_cut_points.score) as next_score,
        tied_values.value is not null as is_tie_broken
    from scores
    inner join graded_metrics
        on
            scores.dataset = graded_metrics.dataset
            and scores.as_of_date = graded_metrics.as_of_date
            and scores.metric = graded_metrics.metric
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
