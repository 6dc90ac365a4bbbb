{%- set datasets = rfm.datasets() -%}
{%- set stored_columns = rfm.stored_columns(datasets) -%}
{%- set metrics = rfm.metric_names(datasets) %}
with

records as (
    select * from {{ ref('stg_rfm__records') }}
    where rejection_reasons is null
),
{%- for dataset in datasets %}

{{ dataset.name }}_customers as (
    select
        dataset,
        as_of_date,
        region,
        {{ "region" if dataset.within == "region" else "'all'" }} as group_region,
        customer_id,
        {%- for column in dataset.extra_columns %}
        {{ column.stored_as ~ " as " ~ column.name if column.stored_as != column.name else column.name }},
        {%- endfor %}
        last_order_date,
        recency_days,
        frequency,
        monetary
    from records
    where dataset = '{{ dataset.name }}'
),

{{ dataset.name }}_measured as (
    select
        *,
        {{- rfm.metric_values(dataset.rulebook) }}
    from {{ dataset.name }}_customers
),
{%- endfor %}

final as (
    {%- for dataset in datasets %}
    {%- set names = dataset.extra_columns | map(attribute="name") %}
    {%- set own_columns = dict(zip(dataset.extra_columns | map(attribute="stored_as"), names)) %}
    {%- set own_metrics = dataset.rulebook.metrics | map(attribute="name") | list %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {%- for stored, type in stored_columns.items() %}
        {%- set absent = "cast(null as " ~ rfm.sql_type(type) ~ ")" %}
        {{ own_columns.get(stored, absent) }} as {{ stored }},
        {%- endfor %}
        {%- for metric in metrics %}
        {{ metric ~ "_value" if metric in own_metrics else "cast(null as decimal(28, 6))" }} as {{ metric }}_value,
        {%- endfor %}
        case
            {%- for metric in own_metrics %}
            when {{ metric }}_value is null then 'metric {{ metric }} has no value'
            {%- endfor %}
        end as ungraded_reason
    from {{ dataset.name }}_measured
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
