{%- set datasets = (rfm.datasets() or rfm.checked_datasets()) | selectattr("kind", "equalto", "orders") | list -%}
{%- set inputs = {} -%}
{%- for dataset in datasets -%}{%- do inputs.update({dataset.name: rfm.input_relation(dataset)}) -%}{%- endfor -%}
{%- set columns = rfm.input_columns(datasets, inputs) -%}
{%- set stored_columns = rfm.stored_input_columns(datasets) %}
with
{%- for dataset in datasets %}

{{ rfm.clean_orders_ctes(dataset, inputs[dataset.name], columns[dataset.name], stored_columns) }},
{%- endfor %}

-- Without a dataset of orders there is no row; this one gives the columns their types.
no_orders as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as {{ dbt.type_string() }}) as region,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        cast(null as {{ dbt.type_string() }}) as order_id,
        cast(null as date) as ordered_at,
        cast(null as decimal(28, 6)) as amount,
        {%- for column, type in stored_columns.items() %}
        cast(null as {{ rfm.sql_type(type) }}) as {{ column }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as rejection_reasons,
        cast(null as boolean) as rfm__is_contested,
        cast(null as {{ dbt.type_string() }}) as record
    where 1 = 0
),

checked as (
    select * from no_orders
    {%- for dataset in datasets %}

    union all

    select * from {{ dataset.name }}_checked
    {%- endfor %}
),

-- Rows that are alike in every column of the input are copies; which of them is the first one does not matter.
numbered as (
    select
        *,
        row_number() over (
            partition by dataset, customer_id, ordered_at, amount, record
            order by dataset asc
        ) as rfm__copy_number
    from checked
    where rfm__is_contested
),

final as (
    select
        dataset,
        region,
        customer_id,
        order_id,
        ordered_at,
        amount,
        amount < 0 as is_refund,
        {%- for column in stored_columns %}
        {{ column }},
        {%- endfor %}
        rejection_reasons,
        record
    from checked
    where not rfm__is_contested

    union all

    select
        dataset,
        region,
        customer_id,
        order_id,
        ordered_at,
        amount,
        amount < 0 as is_refund,
        {%- for column in stored_columns %}
        {{ column }},
        {%- endfor %}
        case when rfm__copy_number > 1 then 'duplicate' end as rejection_reasons,
        case when rfm__copy_number > 1 then record end as record
    from numbered
)

select * from final
