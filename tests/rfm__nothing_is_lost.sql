-- The rows of the input are used or rejected, and at every as-of date that is graded from it its customers are graded
-- or rejected.
with

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
),

graded as (
    select
        dataset,
        as_of_date,
        count(*) as customers
    from {{ ref('rfm__graded_customers') }}
    group by dataset, as_of_date
),

rejected as (
    select
        dataset,
        as_of_date,
        sum(case when stage = 'input' then 1 else 0 end) as input_rows,
        sum(case when stage = 'grading' then 1 else 0 end) as customers
    from {{ ref('rfm__rejected_records') }}
    group by dataset, as_of_date
),

counts as (
    select
        input_dates.dataset,
        input_dates.as_of_date,
        input_dates.input_rows,
        input_dates.used_rows,
        input_dates.customers,
        coalesce(rejected.input_rows, 0) as rejected_rows,
        coalesce(graded.customers, 0) as graded_customers,
        coalesce(rejected.customers, 0) as rejected_customers
    from input_dates
    left join graded
        on
            input_dates.dataset = graded.dataset
            and input_dates.as_of_date = graded.as_of_date
    left join rejected
        on
            input_dates.dataset = rejected.dataset
            and input_dates.as_of_date is not distinct from rejected.as_of_date
    where not input_dates.is_frozen
),

final as (
    select * from counts
    where
        input_rows != used_rows + rejected_rows
        or customers != graded_customers + rejected_customers
)

select * from final
