{#- A window over every customer costs what cut points avoid, so only this repository's own builds pay for it. -#}
{{ config(enabled=(target.profile_name == 'rfm')) }}
{%- set datasets = rfm.datasets() -%}
-- Every ranked score is the score of ntile() over the same order; with ties together, of the best of equal values.
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

expected as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as customer_id,
        cast(null as {{ dbt.type_string() }}) as metric,
        cast(null as decimal(28, 6)) as score,
        cast(null as decimal(28, 6)) as ntile_score
    where 1 = 0
    {%- for dataset in datasets %}
    {%- for metric in rfm.ranked_metrics(dataset.rulebook) %}
    {%- set direction = "asc" if metric.better == "low" else "desc" %}
    {%- set bounds = metric.clamp or [1, metric.score.tiles] %}

    union all

    select
        dataset,
        as_of_date,
        customer_id,
        '{{ metric.name }}' as metric,
        {{ metric.name }}_score as score,
        least(greatest(
            {%- if metric.score.ties == "together" %}
            max({{ metric.score.tiles }} + 1 - tile) over (partition by as_of_date, group_region, {{ metric.name }}_value)
            {%- else %}
            {{ metric.score.tiles }} + 1 - tile
            {%- endif %}, {{ bounds[0] }}), {{ bounds[1] }}) as ntile_score
    from (
        select
            *,
            ntile({{ metric.score.tiles }}) over (
                partition by as_of_date, group_region
                order by {{ metric.name }}_value {{ direction }},
                {%- for key in metric.score.tie_break %} {{ key.column }} {{ key.direction }} nulls last,{% endfor %} customer_id
            ) as tile
        from scored_customers
        where dataset = '{{ dataset.name }}'
    ) as ranked
    {%- endfor %}
    {%- endfor %}
)

select * from expected
where score != ntile_score or score is null
