with

found as (
    select region, customer_id, cast(total_score as integer) as total_score, grade, cast(value_rank as integer) as value_rank
    from {{ ref('rfm', 'rfm__graded_customers') }}
    where dataset = 'web_shop' and as_of_date = '2025-03-31'
),

expected as (
    select region, customer_id, cast(total_score as integer) as total_score, grade, cast(value_rank as integer) as value_rank
    from {{ ref('expected_grades') }}
)

(select * from found except select * from expected)
union all
(select * from expected except select * from found)
