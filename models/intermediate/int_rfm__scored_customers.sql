{%- set group_columns = ["dataset", "as_of_date", "group_region"] -%}
{%- set datasets = rfm.datasets() -%}
{%- set metrics = rfm.metric_names(datasets) %}
with

customers as (
    select * from {{ ref('int_rfm__measured_customers') }}
),

cut_points as (
    select * from {{ ref('int_rfm__cut_points') }}
),
{%- for dataset in datasets %}
{%- set rows_of_dataset = "dataset = '" ~ dataset.name ~ "'" %}
{%- if rfm.ranked_metrics(dataset.rulebook) %}

{{ rfm.cut_columns_cte(dataset.name, "cut_points", rows_of_dataset, dataset.rulebook, group_columns) }},
{%- endif %}

{{ rfm.grading_ctes(dataset.name, "customers", rows_of_dataset, dataset.rulebook, group_columns) }},
{%- endfor %}

final as (
    {%- for dataset in datasets %}
    {%- set own_metrics = dataset.rulebook.metrics | map(attribute="name") | list %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        '{{ dataset.rulebook.name }}' as rulebook,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {%- for column in rfm.stored_columns(datasets) %}
        {{ column }},
        {%- endfor %}
        {%- for metric in metrics %}
        {{ metric }}_value,
        cast({{ metric ~ "_score" if metric in own_metrics else "null" }} as decimal(28, 6)) as {{ metric }}_score,
        {%- endfor %}
        {%- if dataset.rulebook.grades %}
        case
            when ungraded_reason is not null then ungraded_reason
            when grade_order is null
                then
                    'total ' || cast(total_score as {{ dbt.type_string() }})
                    || ' matches no grade of rulebook ''{{ dataset.rulebook.name }}'''
        end as ungraded_reason,
        {%- else %}
        ungraded_reason,
        {%- endif %}
        total_score,
        grade,
        grade_order
    from {{ dataset.name }}_graded
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
