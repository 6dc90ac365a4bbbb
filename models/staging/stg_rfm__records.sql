{%- set datasets = rfm.checked_datasets() -%}
{%- if execute -%}{%- do rfm.check_expressions_in_database(datasets) -%}{%- endif -%}
{%- set inputs = {} -%}
{%- for dataset in datasets -%}{%- do inputs.update({dataset.name: rfm.input_relation(dataset)}) -%}{%- endfor -%}
{%- set columns = rfm.input_columns(datasets, inputs) -%}
{%- set stored_columns = rfm.stored_columns(datasets) -%}
{%- set values = ["last_order_date", "recency_days", "frequency", "monetary", "region"] + stored_columns | list %}
with
{%- for dataset in datasets %}

{{ rfm.clean_records_ctes(dataset, inputs[dataset.name], columns[dataset.name], stored_columns) }},
{%- endfor %}

checked as (
    {%- for dataset in datasets %}
    select * from {{ dataset.name }}_checked
    {{ "union all" if not loop.last }}
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
