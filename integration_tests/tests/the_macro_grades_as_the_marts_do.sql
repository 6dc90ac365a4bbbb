with

in_place as (
    select region, customer_id, recency_score, cast(total_score as decimal(28, 6)) as total_score, grade, grade_order
    from {{ ref('web_customers_graded_in_place') }}
),

marts as (
    select region, customer_id, recency_score, total_score, grade, grade_order
    from {{ ref('rfm', 'rfm__graded_customers') }}
    where dataset = 'web_shop'
)

(select * from in_place except select * from marts)
union all
(select * from marts except select * from in_place)
