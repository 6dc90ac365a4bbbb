{{ config(
    materialized='incremental',
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('int_rfm__cut_values') }}
-- depends_on: {{ ref('int_rfm__customers_from_orders') }}
-- depends_on: {{ ref('stg_rfm__records') }}
{%- set group_columns = ["dataset", "as_of_date", "group_region"] -%}
{%- set datasets = rfm.datasets() -%}
{%- set tie_break_columns = rfm.stored_tie_break_columns(datasets) %}
with

-- Rulebooks that rank nothing have no cut points; this row set gives the columns their types.
no_cut_points as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as group_region,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as integer) as tile,
        cast(null as decimal(28, 6)) as score,
        cast(null as decimal(28, 6)) as score_below,
        cast(null as decimal(38, 12)) as value,
        {%- for column, type in tie_break_columns.items() %}
        cast(null as {{ rfm.sql_type(type) }}) as cut_{{ column }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as customer_id
    where 1 = 0
),
{%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}

{{ rfm.scorable_ctes(chain, datasets) }},

{{ rfm.chain_cut_values_cte(chain) }},

{{ rfm.cut_customer_ctes(
    chain.name, chain.name ~ "_scorable", chain.name ~ "_cut_values", chain.rulebook, group_columns
) }},
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
        score,
        score_below,
        value,
        {%- for column, type in tie_break_columns.items() %}
        cast({{ "cut_" ~ column if column in own_columns else "null" }} as {{ rfm.sql_type(type) }}) as cut_{{ column }},
        {%- endfor %}
        customer_id
    from {{ chain.name }}_cut_points
    {%- endfor %}
)

select * from final
