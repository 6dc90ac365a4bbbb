{{ config(materialized=rfm.stored_as('table')) }}

{%- set datasets = rfm.datasets() %}
with

records as (
    select * from {{ ref('stg_rfm__records') }}
),

orders as (
    select * from {{ ref('stg_rfm__orders') }}
),

customers_from_orders as (
    select
        dataset,
        as_of_date,
        count(*) as customers
    from {{ ref('int_rfm__customers_from_orders') }}
    where is_in_group
    group by dataset, as_of_date
),

{{ rfm.as_of_dates_cte(datasets | selectattr("kind", "equalto", "orders")) }},

-- A row whose as-of date cannot be read, and every order, belongs to no date, only to the input at hand: each dataset
-- has that entry.
without_date as (
    {%- for dataset in datasets %}
    select '{{ dataset.name }}' as dataset
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

rows_without_date as (
    select
        dataset,
        rejection_reasons
    from records
    where as_of_date is null

    union all

    select
        dataset,
        rejection_reasons
    from orders
),

counts_without_date as (
    select
        dataset,
        count(*) as input_rows,
        sum(case when rejection_reasons is null then 1 else 0 end) as used_rows
    from rows_without_date
    group by dataset
),

{{ rfm.graded_dates_cte() }},

{{ rfm.finished_dates_cte() }},

{{ rfm.told_dates_cte() }},

{{ rfm.settings_ctes(datasets, rfm.rulebooks()) }},

dates as (
    select
        dataset,
        as_of_date,
        count(*) as input_rows,
        sum(case when rejection_reasons is null then 1 else 0 end) as used_rows,
        sum(case when rejection_reasons is null then 1 else 0 end) as customers,
        false as is_frozen,
        false as is_finished
    from records
    where as_of_date is not null
    group by dataset, as_of_date

    union all

    select
        as_of_dates.dataset,
        as_of_dates.as_of_date,
        0 as input_rows,
        0 as used_rows,
        coalesce(max(customers_from_orders.customers), 0) as customers,
        count(graded_dates.dataset) > 0 as is_frozen,
        count(graded_dates.dataset) > 0 and count(finished_dates.dataset) > 0 as is_finished
    from as_of_dates
    left join customers_from_orders
        on
            as_of_dates.dataset = customers_from_orders.dataset
            and as_of_dates.as_of_date = customers_from_orders.as_of_date
    left join graded_dates
        on
            as_of_dates.dataset = graded_dates.dataset
            and as_of_dates.as_of_date = graded_dates.as_of_date
    left join finished_dates
        on
            as_of_dates.dataset = finished_dates.dataset
            and as_of_dates.as_of_date = finished_dates.as_of_date
    group by as_of_dates.dataset, as_of_dates.as_of_date

    union all

    select
        without_date.dataset,
        cast(null as date) as as_of_date,
        coalesce(counts_without_date.input_rows, 0) as input_rows,
        coalesce(counts_without_date.used_rows, 0) as used_rows,
        0 as customers,
        false as is_frozen,
        false as is_finished
    from without_date
    left join counts_without_date on without_date.dataset = counts_without_date.dataset
),

-- The dates of which the marts that compare dates do not tell yet as they have to: those that this build grades; of all
-- history those whose customers it takes away, those that no build told of by today's settings, and those told of that
-- somebody deleted.
untold_dates as (
    select
        dataset,
        as_of_date
    from dates
    where as_of_date is not null and customers > 0 and not is_frozen

    union all

    select
        graded_dates.dataset,
        graded_dates.as_of_date
    from graded_dates
    inner join dataset_settings on graded_dates.dataset = dataset_settings.dataset
    left join rulebook_settings on graded_dates.rulebook = rulebook_settings.rulebook
    left join told_dates
        on
            graded_dates.dataset = told_dates.dataset
            and graded_dates.as_of_date = told_dates.as_of_date
            and told_dates.digest = {{ rfm.settings_of_date() }}
    left join dates as replaced_dates
        on
            graded_dates.dataset = replaced_dates.dataset
            and graded_dates.as_of_date = replaced_dates.as_of_date
            and not replaced_dates.is_frozen
    where
        told_dates.dataset is null
        or replaced_dates.dataset is not null

    union all

    select
        told_dates.dataset,
        told_dates.as_of_date
    from told_dates
    left join graded_dates
        on
            told_dates.dataset = graded_dates.dataset
            and told_dates.as_of_date = graded_dates.as_of_date
    where graded_dates.dataset is null
),

first_untold_dates as (
    select
        dataset,
        min(as_of_date) as as_of_date
    from untold_dates
    group by dataset
),

final as (
    select
        dates.dataset,
        dates.as_of_date,
        cast(dates.input_rows as {{ dbt.type_bigint() }}) as input_rows,
        cast(dates.used_rows as {{ dbt.type_bigint() }}) as used_rows,
        cast(dates.customers as {{ dbt.type_bigint() }}) as customers,
        dates.is_frozen,
        dates.is_finished,
        first_untold_dates.as_of_date as untold_from
    from dates
    left join first_untold_dates on dates.dataset = first_untold_dates.dataset
)

select * from final
