-- The moves to an as-of date add up to the graded customers of that date, and to those of the date before it in the
-- group. What is kept of datasets that left the vars was told by the groups that they had.
with

datasets as (
    select distinct dataset from {{ ref('int_rfm__input_dates') }}
),

graded_customers as (
    select
        *,
        {{ rfm.group_region_of_history(rfm.datasets()) }} as group_region
    from {{ ref('rfm__graded_customers') }}
),

moves as (
    select
        *,
        {{ rfm.group_region_of_history(rfm.datasets()) }} as group_region
    from {{ ref('rfm__tier_migration') }}
),

graded as (
    select
        dataset,
        group_region,
        as_of_date,
        count(grade) as customers
    from graded_customers
    group by dataset, group_region, as_of_date
),

graded_twice as (
    select
        *,
        lag(customers) over (partition by dataset, group_region order by as_of_date asc) as previous_customers
    from graded
),

moved as (
    select
        dataset,
        group_region,
        as_of_date,
        sum(case when grade != '(left)' then customers else 0 end) as customers,
        sum(case when previous_grade != '(new)' then customers else 0 end) as previous_customers
    from moves
    group by dataset, group_region, as_of_date
),

counts as (
    select
        coalesce(graded_twice.dataset, moved.dataset) as dataset,
        coalesce(graded_twice.group_region, moved.group_region) as group_region,
        coalesce(graded_twice.as_of_date, moved.as_of_date) as as_of_date,
        coalesce(graded_twice.customers, 0) as graded_customers,
        coalesce(moved.customers, 0) as moved_customers,
        coalesce(graded_twice.previous_customers, 0) as previous_graded_customers,
        coalesce(moved.previous_customers, 0) as previous_moved_customers
    from graded_twice
    full outer join moved
        on
            graded_twice.dataset = moved.dataset
            and graded_twice.group_region = moved.group_region
            and graded_twice.as_of_date = moved.as_of_date
),

final as (
    select counts.*
    from counts
    inner join datasets on counts.dataset = datasets.dataset
    where
        counts.graded_customers != counts.moved_customers
        or counts.previous_graded_customers != counts.previous_moved_customers
)

select * from final
