{%- set all_datasets = rfm.datasets() or rfm.checked_datasets() -%}
{%- if execute -%}{%- do rfm.check_expressions_in_database(all_datasets) -%}{%- endif -%}
{%- set datasets = all_datasets | selectattr("kind", "equalto", "records") | list -%}
{%- set inputs = {} -%}
{%- for dataset in datasets -%}{%- do inputs.update({dataset.name: rfm.input_relation(dataset)}) -%}{%- endfor -%}
{%- set columns = rfm.input_columns(datasets, inputs) -%}
{%- set stored_columns = rfm.stored_input_columns(datasets) -%}
{%- set values = ["last_order_date", "recency_days", "frequency", "monetary", "region"] + stored_columns | list %}
with
{%- for dataset in datasets %}

{{ rfm.clean_records_ctes(dataset, inputs[dataset.name], columns[dataset.name], stored_columns) }},
{%- endfor %}

-- Without a dataset of records there is no row; this one gives the columns their types.
no_records as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as region,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        cast(null as date) as last_order_date,
        cast(null as {{ dbt.type_bigint() }}) as recency_days,
        cast(null as {{ dbt.type_bigint() }}) as frequency,
        cast(null as decimal(28, 6)) as monetary,
        {%- for column, type in stored_columns.items() %}
        cast(null as {{ rfm.sql_type(type) }}) as {{ column }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as rejection_reasons,
        cast(null as boolean) as rfm__is_contested,
        cast(null as {{ dbt.type_string() }}) as record
    where 1 = 0
),

checked as (
    select * from no_records
    {%- for dataset in datasets %}

    union all

    select * from {{ dataset.name }}_checked
    {%- endfor %}
),

-- Of the rows that speak of one customer and as-of date the first is kept: the latest last order, then the larger
-- amount, then the smaller remaining values.
compared as (
    select
        *,
        row_number() over (
            partition by dataset, as_of_date, customer_id
            order by
                last_order_date desc nulls last,
                monetary desc nulls last,
                {%- for column in values if column not in ["last_order_date", "monetary"] %}
                {{ column }} asc nulls last,
                {%- endfor %}
                record asc
        ) as rfm__preference
    from checked
    where rfm__is_contested
),

-- Rows that are alike are numbered in the order of preference: on their own they have none, and the row that is kept
-- has to be the first copy of itself.
numbered as (
    select
        *,
        row_number() over (
            partition by dataset, as_of_date, customer_id, {{ values | join(", ") }}
            order by rfm__preference asc
        ) as rfm__copy_number
    from compared
),

final as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        {{ values | reject("equalto", "region") | join(",\n        ") }},
        rejection_reasons,
        record
    from checked
    where not rfm__is_contested

    union all

    select
        dataset,
        as_of_date,
        region,
        customer_id,
        {{ values | reject("equalto", "region") | join(",\n        ") }},
        case
            when rfm__copy_number > 1 then 'duplicate'
            when rfm__preference > 1 then 'superseded'
        end as rejection_reasons,
        case when rfm__preference > 1 then record end as record
    from numbered
)

select * from final
