{{ config(materialized='table') }}

{%- set group_columns = ["dataset", "as_of_date", "group_region"] -%}
{%- set datasets = rfm.datasets() -%}
{%- set chains = rfm.chains(datasets) -%}
{%- set columns = rfm.metric_columns(datasets) %}
with

customers as (
    select * from {{ ref('int_rfm__measured_customers') }}
),

cut_points as (
    select * from {{ ref('int_rfm__cut_points') }}
),
{%- for chain in chains %}

{{ rfm.chain_customers_cte(chain, "customers") }},

{{ rfm.grading_ctes(
    chain.name, chain.name ~ "_customers", "ungraded_reason is null", "cut_points", chain.rulebook, group_columns
) }},
{%- endfor %}

final as (
    {%- for chain in chains %}
    {%- set own_columns = rfm.own_metric_columns(chain.rulebook) %}
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        '{{ chain.rulebook.name }}' as rulebook,
        last_order_date,
        recency_days,
        frequency,
        monetary,
        {%- for stored in rfm.stored_columns(datasets) %}
        {{ stored }},
        {%- endfor %}
        {%- for column in columns %}
        {%- if column.part == "value" %}
        {{ column.name }},
        {%- else %}
        {%- set score = column.metric ~ "_score" if column.name in own_columns else "null" %}
        cast({{ score }} as {{ dbt.type_string() if column.is_text else "decimal(28, 6)" }}) as {{ column.name }},
        {%- endif %}
        {%- endfor %}
        coalesce(ungraded_reason, {{ rfm.ungraded_reason(chain.rulebook) | trim }}) as ungraded_reason,
        total_score,
        score_code,
        grade,
        grade_order
    from {{ chain.name }}_graded
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
