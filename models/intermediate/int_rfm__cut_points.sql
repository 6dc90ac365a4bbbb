{{ config(materialized='table') }}

{%- set group_columns = ["dataset", "as_of_date", "group_region"] -%}
{%- set datasets = rfm.datasets() -%}
{%- set tie_break_columns = rfm.stored_tie_break_columns(datasets) %}
with

customers as (
    select * from {{ ref('int_rfm__measured_customers') }}
    where ungraded_reason is null
),

-- Rulebooks that rank nothing have no cut points; this row set gives the columns their types.
no_cut_points as (
    select
        dataset,
        as_of_date,
        group_region,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as integer) as tile,
        cast(null as decimal(28, 6)) as score,
        cast(null as decimal(28, 6)) as score_below,
        cast(null as decimal(38, 12)) as value,
        {%- for column, type in tie_break_columns.items() %}
        cast(null as {{ rfm.sql_type(type) }}) as cut_{{ column }},
        {%- endfor %}
        customer_id
    from customers
    where 1 = 0
),
{%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}

{{ chain.name }}_customers as (
    select * from customers
    where {{ rfm.is_of_chain(chain) }}
),

{{ rfm.cut_point_ctes(chain.name, chain.name ~ "_customers", chain.rulebook, group_columns) }},
{%- endfor %}

final as (
    select * from no_cut_points
    {%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}
    {%- set own_columns = rfm.tie_break_columns(chain.rulebook) %}

    union all

    select
        dataset,
        as_of_date,
        group_region,
        metric,
        tile,
        cast(score as decimal(28, 6)) as score,
        cast(score_below as decimal(28, 6)) as score_below,
        value,
        {%- for column, type in tie_break_columns.items() %}
        cast({{ "cut_" ~ column if column in own_columns else "null" }} as {{ rfm.sql_type(type) }}) as cut_{{ column }},
        {%- endfor %}
        customer_id
    from {{ chain.name }}_cut_points
    {%- endfor %}
)

select * from final
