-- Where rows were rejected because another row of the same customer and as-of date was kept, that row is there.
with

rejected as (
    select distinct
        dataset,
        as_of_date,
        customer_id
    from {{ ref('rfm__rejected_records') }}
    where reasons in ('duplicate', 'superseded')
),

used as (
    select
        dataset,
        as_of_date,
        customer_id
    from {{ ref('stg_rfm__records') }}
    where rejection_reasons is null
),

input_dates as (
    select * from {{ ref('int_rfm__input_dates') }}
),

final as (
    select rejected.*
    from rejected
    inner join input_dates
        on
            rejected.dataset = input_dates.dataset
            and rejected.as_of_date = input_dates.as_of_date
    left join used
        on
            rejected.dataset = used.dataset
            and rejected.as_of_date = used.as_of_date
            and rejected.customer_id = used.customer_id
    where used.customer_id is null
)

select * from final
