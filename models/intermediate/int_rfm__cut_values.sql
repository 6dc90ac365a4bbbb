{{ config(materialized=rfm.stored_as('table')) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('int_rfm__customers_from_orders') }}
-- depends_on: {{ ref('stg_rfm__records') }}
{%- set datasets = rfm.datasets() %}
with

-- Rulebooks that rank nothing have no cut points; this row set gives the columns their types.
no_cut_values as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as group_region,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as integer) as tile,
        cast(null as decimal(28, 6)) as score,
        cast(null as decimal(28, 6)) as score_below,
        cast(null as decimal(38, 12)) as value,
        cast(null as {{ dbt.type_bigint() }}) as tied_position
    where 1 = 0
),
{%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}

{{ rfm.scorable_ctes(chain, datasets) }},

{{ rfm.cut_value_ctes(chain.name, chain.name ~ "_scorable", chain.rulebook, rfm.group_columns(chain)) }},
{%- endfor %}

final as (
    select * from no_cut_values
    {%- for chain in rfm.chains(datasets) if rfm.cut_metrics(chain.rulebook) %}

    union all

    select
        {{- rfm.all_group_columns(chain) }}
        metric,
        tile,
        cast(score as decimal(28, 6)) as score,
        cast(score_below as decimal(28, 6)) as score_below,
        value,
        tied_position
    from {{ chain.name }}_cut_values
    {%- endfor %}
)

select * from final
