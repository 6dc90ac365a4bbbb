{#- A window over every customer costs what cut points avoid, so only this repository's own builds pay for it. -#}
{{ config(enabled=(target.profile_name == 'rfm')) }}
{%- set datasets = rfm.datasets() -%}
-- Every ranked score is the score of ntile() over the same order; with ties together, of the best of equal values.
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

tiled as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as group_region,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as {{ dbt.type_string() }}) as tie_rule,
        cast(null as decimal(28, 6)) as lowest_score,
        cast(null as decimal(28, 6)) as highest_score,
        cast(null as decimal(38, 12)) as value,
        cast(null as decimal(28, 6)) as score,
        cast(null as bigint) as tile_score
    where 1 = 0
    {%- for chain in rfm.chains(datasets) %}
    {%- for metric in rfm.ranked_metrics(chain.rulebook) %}
    {%- set bounds = metric.clamp or [1, metric.score.tiles] %}

    union all

    select
        dataset,
        as_of_date,
        group_region,
        customer_id,
        '{{ metric.name }}' as metric,
        '{{ metric.score.ties }}' as tie_rule,
        {{ bounds[0] }} as lowest_score,
        {{ bounds[1] }} as highest_score,
        {{ metric.name }}_value as value,
        {{ metric.name }}_score as score,
        {{ metric.score.tiles }} + 1 - ntile({{ metric.score.tiles }}) over (
            partition by dataset, as_of_date, group_region
            order by
                {{ metric.name }}_value {{ "asc" if metric.better == "low" else "desc" }},
                {%- for key in metric.score.tie_break %}
                {{ key.column }} {{ key.direction }} nulls last,
                {%- endfor %}
                customer_id asc
        ) as tile_score
    from scored_customers
    where {{ rfm.is_of_chain(chain) }}
    {%- endfor %}
    {%- endfor %}
),

together as (
    select
        *,
        max(tile_score) over (partition by dataset, as_of_date, group_region, metric, value) as best_tile_score
    from tiled
),

expected as (
    select
        dataset,
        as_of_date,
        customer_id,
        metric,
        score,
        least(
            greatest(case when tie_rule = 'together' then best_tile_score else tile_score end, lowest_score),
            highest_score
        ) as ntile_score
    from together
),

final as (
    select * from expected
    where score != ntile_score or score is null
)

select * from final
