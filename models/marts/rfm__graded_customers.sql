-- depends_on: {{ ref('int_rfm__graded_dates') }}
{%- set columns = rfm.kept_columns(rfm.datasets()) %}
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

-- value_rank puts everybody in order, so it is only made for those who ask for it.
{{ rfm.count_in_order_ctes(
    "ranked_customers", "scored_customers", ["dataset", "as_of_date", "group_region"], rfm.value_order(), "value_rank"
) }},

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
        cast(value_rank as {{ dbt.type_bigint() }}) as value_rank
    from ranked_customers
)

select * from final
