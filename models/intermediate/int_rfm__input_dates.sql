{%- set datasets = rfm.datasets() %}
with

records as (
    select * from {{ ref('stg_rfm__records') }}
),

-- A row whose as-of date cannot be read belongs to no date, only to the input at hand: each dataset has that entry.
without_date as (
    {%- for dataset in datasets %}
    select '{{ dataset.name }}' as dataset
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

final as (
    select
        dataset,
        as_of_date,
        count(*) as input_rows,
        sum(case when rejection_reasons is null then 1 else 0 end) as used_rows
    from records
    where as_of_date is not null
    group by dataset, as_of_date

    union all

    select
        without_date.dataset,
        cast(null as date) as as_of_date,
        count(records.dataset) as input_rows,
        0 as used_rows
    from without_date
    left join records
        on
            without_date.dataset = records.dataset
            and records.as_of_date is null
    group by without_date.dataset
)

select * from final
