{{ config(
    materialized='incremental',
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set columns = rfm.metric_columns(rfm.datasets()) | map(attribute="name") | list %}
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

final as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        rulebook,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {%- for metric in ["recency", "frequency", "monetary"] %}
        {%- set score = metric ~ "_score" %}
        {{ score if score in columns else "cast(null as decimal(28, 6))" }} as {{ score }},
        {%- endfor %}
        total_score,
        score_code,
        grade,
        grade_order,
        row_number() over (
            partition by dataset, as_of_date, group_region
            order by
                total_score desc nulls last,
                monetary desc nulls last,
                frequency desc nulls last,
                recency_days asc nulls last,
                customer_id asc
        ) as value_rank
    from scored_customers
)

select * from final
