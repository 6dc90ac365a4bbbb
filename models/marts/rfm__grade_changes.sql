{{ config(materialized='table') }}
{%- set datasets = rfm.datasets() -%}
{%- set metrics = rfm.told_metrics(datasets) -%}
{%- set compared_columns = rfm.compared_columns() %}
with

{{ rfm.group_dates_ctes(datasets) }},

customer_scores as (
    select
        *,
        {{ rfm.group_region_of_history(datasets) }} as group_region
    from {{ ref('rfm__customer_scores') }}
),

-- Every customer beside itself at the as-of date on which it was last there, whether that is the group's previous one
-- or not.
customer_history as (
    select
        *,
        {%- for column in compared_columns %}
        lag({{ column }}) over customer_dates as last_{{ column }},
        {%- endfor %}
        lag(as_of_date) over customer_dates as last_seen,
        lead(as_of_date) over customer_dates as next_seen
    from graded_customers
    window customer_dates as (partition by dataset, group_region, customer_id order by as_of_date asc)
),

present_customers as (
    select
        customers.dataset,
        customers.as_of_date,
        dates.previous_as_of_date,
        customers.customer_id,
        {%- for column in compared_columns %}
        case
            when customers.last_seen = dates.previous_as_of_date then customers.last_{{ column }}
        end as previous_{{ column }},
        customers.{{ column }},
        {%- endfor %}
        coalesce(customers.last_seen = dates.previous_as_of_date, false) as was_there,
        true as is_there,
        customers.last_seen is not null as is_known
    from customer_history as customers
    inner join group_dates as dates
        on
            customers.dataset = dates.dataset
            and customers.group_region = dates.group_region
            and customers.as_of_date = dates.as_of_date
),

customers_who_left as (
    select
        customers.dataset,
        dates.next_as_of_date as as_of_date,
        customers.as_of_date as previous_as_of_date,
        customers.customer_id,
        {%- for column in compared_columns %}
        customers.{{ column }} as previous_{{ column }},
        null as {{ column }},
        {%- endfor %}
        true as was_there,
        false as is_there,
        true as is_known
    from customer_history as customers
    inner join group_dates as dates
        on
            customers.dataset = dates.dataset
            and customers.group_region = dates.group_region
            and customers.as_of_date = dates.as_of_date
    where
        dates.next_as_of_date is not null
        and (customers.next_seen is null or customers.next_seen > dates.next_as_of_date)
),

pairs as (
    select * from present_customers

    union all

    select * from customers_who_left
),

compared as (
    select
        dataset,
        as_of_date,
        previous_as_of_date,
        customer_id,
        previous_region,
        previous_rulebook,
        coalesce(region, previous_region) as region,
        coalesce(rulebook, previous_rulebook) as rulebook,
        rulebook = previous_rulebook as is_same_rulebook,
        {%- for column in compared_columns if column not in ["region", "rulebook"] %}
        previous_{{ column }},
        {{ column }},
        {%- endfor %}
        case
            when not was_there then 'new'
            when not is_there then 'left'
            when grade_order < previous_grade_order then 'up'
            when grade_order > previous_grade_order then 'down'
            when grade_order is not null or previous_grade_order is not null then 'same'
            when total_score > previous_total_score then 'up'
            when total_score < previous_total_score then 'down'
            else 'same'
        end as direction,
        not was_there and is_known as is_returning
    from pairs
),

score_history as (
    select
        *,
        lag(as_of_date) over metric_dates as last_seen,
        lag(score) over metric_dates as last_score,
        lag(score_text) over metric_dates as last_score_text,
        lag(value) over metric_dates as last_value,
        lag(value_text) over metric_dates as last_value_text
    from customer_scores
    window metric_dates as (partition by dataset, group_region, customer_id, metric order by as_of_date asc)
),

different_scores as (
    select * from score_history
    where score != last_score or score_text != last_score_text
),

-- Scores of one rulebook that differ from those at the previous as-of date. better_by is the direction in which the
-- customer's own value moved.
moved_scores as (
    select
        compared.dataset,
        compared.as_of_date,
        compared.region,
        compared.customer_id,
        compared.direction,
        scores.metric,
        scores.score_kind,
        scores.score,
        scores.score_text,
        scores.value,
        scores.value_text,
        scores.last_score,
        scores.last_score_text,
        scores.last_value,
        scores.last_value_text,
        case
            when scores.score > scores.last_score then 'up'
            when scores.score < scores.last_score then 'down'
        end as moved,
        case
            when scores.better = 'low' then sign(scores.last_value - scores.value)
            else sign(scores.value - scores.last_value)
        end as better_by
    from different_scores as scores
    inner join compared
        on
            scores.dataset = compared.dataset
            and scores.as_of_date = compared.as_of_date
            and scores.region = compared.region
            and scores.customer_id = compared.customer_id
            and scores.last_seen = compared.previous_as_of_date
    where
        compared.is_same_rulebook
        and compared.direction in ('up', 'down', 'same')
),

-- A score that the group has a part in can move by the others alone; steps, labels and values move by the customer's
-- own.
explained_scores as (
    select
        *,
        direction in ('up', 'down') and coalesce(moved, direction) = direction as is_with_grade,
        case
            when score_kind = 'group' then 'rank_only'
            when score_kind not in ('tiles', 'split', 'share', 'scale') then 'own'
            when moved = 'down' and better_by < 0 then 'own'
            when moved = 'up' and better_by > 0 then 'own'
            when moved is null and better_by != 0 then 'own'
            else 'rank_only'
        end as cause
    from moved_scores
),

causes as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        max(case when metric = 'recency' then cause end) as recency_cause,
        max(case when metric = 'frequency' then cause end) as frequency_cause,
        max(case when metric = 'monetary' then cause end) as monetary_cause
    from explained_scores
    group by dataset, as_of_date, region, customer_id
),

-- Only rises and falls are told in words.
score_texts as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        metric,
        moved,
        cause,
        coalesce({{ rfm.number_in_text("last_score") }}, last_score_text) as previous_score,
        coalesce({{ rfm.number_in_text("score") }}, score_text) as present_score,
        coalesce({{ rfm.number_in_text("last_value") }}, last_value_text) as previous_value,
        coalesce({{ rfm.number_in_text("value") }}, value_text) as present_value
    from explained_scores
    where is_with_grade
),

told_scores as (
    select
        *,
        {{ rfm.score_change_in_words() | trim }} as words,
        {{ rfm.score_change_in_words_zh() | trim }} as words_zh
    from score_texts
),

explanations as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        {{ rfm.metric_list(metrics, "cause = 'own'") | trim }} as own_metrics,
        {{ rfm.metric_list(metrics, "cause = 'rank_only'") | trim }} as rank_only_metrics,
        {{ rfm.metric_texts(metrics, "words", "; ") | trim }} as words,
        {{ rfm.metric_texts(metrics, "words_zh", "；") | trim }} as words_zh
    from told_scores
    group by dataset, as_of_date, region, customer_id
),

explained as (
    select
        compared.*,
        elsewhere.region as other_region,
        causes.recency_cause,
        causes.frequency_cause,
        causes.monetary_cause,
        explanations.own_metrics,
        explanations.rank_only_metrics,
        case
            when explanations.own_metrics is not null then 'own'
            when explanations.rank_only_metrics is not null then 'rank_only'
        end as cause,
        coalesce(
            compared.grade,
            'total ' || {{ rfm.number_in_text("compared.total_score") }},
            'no grade'
        ) as result,
        coalesce(
            compared.previous_grade,
            'total ' || {{ rfm.number_in_text("compared.previous_total_score") }},
            'no grade'
        ) as previous_result,
        coalesce(': ' || explanations.words, '') as words,
        coalesce('：' || explanations.words_zh, '') as words_zh
    from compared
    left join causes
        on
            compared.dataset = causes.dataset
            and compared.as_of_date = causes.as_of_date
            and compared.region = causes.region
            and compared.customer_id = causes.customer_id
    left join explanations
        on
            compared.dataset = explanations.dataset
            and compared.as_of_date = explanations.as_of_date
            and compared.region = explanations.region
            and compared.customer_id = explanations.customer_id
    -- Where regions are ranked apart, a customer who is new in one may come from another, or have left for it.
    left join graded_customers as elsewhere
        on
            compared.dataset = elsewhere.dataset
            and compared.customer_id = elsewhere.customer_id
            and case
                when compared.direction = 'new' then compared.previous_as_of_date
                when compared.direction = 'left' then compared.as_of_date
            end = elsewhere.as_of_date
),

final as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        rulebook,
        previous_as_of_date,
        previous_region,
        other_region,
        previous_rulebook,
        previous_grade,
        previous_grade_order,
        grade,
        grade_order,
        direction,
        is_returning,
        cause,
        own_metrics,
        rank_only_metrics,
        {%- for metric in ["recency", "frequency", "monetary"] %}
        previous_{{ metric }}_score,
        {{ metric }}_score,
        {{ metric }}_cause,
        {%- endfor %}
        {%- for column in ["total_score", "recency_days", "frequency", "monetary"] %}
        previous_{{ column }},
        {{ column }},
        {%- endfor %}
        {{ rfm.change_sentence() | trim }} as sentence,
        {{ rfm.change_sentence_zh() | trim }} as sentence_zh
    from explained
)

select * from final
