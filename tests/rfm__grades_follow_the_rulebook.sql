-- At the as-of dates of the input every grade is one of its rulebook's, and no grade is missing where there are grades.
with

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
),

grades as (
    select
        rulebook,
        name as grade,
        position as grade_order
    from {{ ref('rfm__rulebooks') }}
    where part = 'grade'
),

graded_rulebooks as (
    select distinct rulebook from grades
),

final as (
    select
        graded_customers.dataset,
        graded_customers.as_of_date,
        graded_customers.customer_id,
        graded_customers.rulebook,
        graded_customers.grade,
        graded_customers.grade_order
    from {{ ref('rfm__graded_customers') }} as graded_customers
    inner join input_dates
        on
            graded_customers.dataset = input_dates.dataset
            and graded_customers.as_of_date = input_dates.as_of_date
            and not input_dates.is_frozen
    left join graded_rulebooks on graded_customers.rulebook = graded_rulebooks.rulebook
    left join grades
        on
            graded_customers.rulebook = grades.rulebook
            and graded_customers.grade = grades.grade
            and graded_customers.grade_order = grades.grade_order
    where
        (graded_rulebooks.rulebook is not null and grades.grade is null)
        or (graded_rulebooks.rulebook is null and graded_customers.grade is not null)
)

select * from final
