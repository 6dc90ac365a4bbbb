-- At the as-of dates of the input no score is missing or outside the bounds that its rulebook gives the metric.
with

customer_scores as (
    select customer_scores.*
    from {{ ref('rfm__customer_scores') }} as customer_scores
    inner join {{ ref('int_rfm__input_dates') }} as input_dates
        on
            customer_scores.dataset = input_dates.dataset
            and customer_scores.as_of_date = input_dates.as_of_date
            and not input_dates.is_frozen
),

rulebook_metrics as (
    select
        rulebook,
        name as metric,
        lowest_score,
        highest_score
    from {{ ref('rfm__rulebooks') }}
    where part = 'metric'
),

graded_dates as (
    select distinct
        dataset,
        as_of_date,
        rulebook
    from {{ ref('int_rfm__graded_dates') }}
),

final as (
    select
        customer_scores.dataset,
        customer_scores.as_of_date,
        customer_scores.customer_id,
        customer_scores.metric,
        customer_scores.score
    from customer_scores
    inner join graded_dates
        on
            customer_scores.dataset = graded_dates.dataset
            and customer_scores.as_of_date = graded_dates.as_of_date
    left join rulebook_metrics
        on
            graded_dates.rulebook = rulebook_metrics.rulebook
            and customer_scores.metric = rulebook_metrics.metric
    where
        rulebook_metrics.metric is null
        or coalesce(cast(customer_scores.score as {{ dbt.type_string() }}), customer_scores.score_text) is null
        or customer_scores.score < rulebook_metrics.lowest_score
        or customer_scores.score > rulebook_metrics.highest_score
)

select * from final
