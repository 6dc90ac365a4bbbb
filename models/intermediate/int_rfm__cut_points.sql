{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('int_rfm__customers_from_orders') }}
-- depends_on: {{ ref('stg_rfm__records') }}
{%- set datasets = rfm.datasets() -%}
{%- set tie_break_columns = rfm.stored_tie_break_columns(datasets) %}
with

cut_values as (
    select * from {{ ref('int_rfm__cut_values') }}
),
{%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}

{{ rfm.scorable_ctes(chain, datasets) }},

{{ rfm.chain_cuts_cte(chain, "cut_values") }},

{{ rfm.cut_customer_ctes(
    chain.name, chain.name ~ "_scorable", chain.name ~ "_cut_values", chain.rulebook, rfm.group_columns(chain)
) }},
{%- endfor %}

final as (
    -- Rulebooks that rank nothing have no cut points; this row set gives the columns their types.
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
        cast(null as {{ rfm.sql_type(type) }}) as cut_{{ column }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as customer_id
    from cut_values
    where 1 = 0
    {%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}
    {%- set own_columns = rfm.tie_break_columns(chain.rulebook) %}

    union all

    select
        {{- rfm.all_group_columns(chain) }}
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
