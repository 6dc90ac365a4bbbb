{%- set datasets = rfm.datasets() -%}
{%- set columns = rfm.history_columns(datasets) -%}
{%- set metric_columns = rfm.scored_metric_columns(columns) -%}
{%- set first = "customer_id rulebook recency_days frequency monetary".split(" ") -%}
{%- set last = ["ungraded_reason", "total_score", "grade", "grade_order"] -%}
{%- set listed = ["dataset", "as_of_date"] + first + last + rfm.rare_columns() | list + metric_columns | list %}
with

score_history as (
    select * from {{ ref('int_rfm__score_history') }}
),

final as (
    select
        dataset,
        as_of_date,
        {{ rfm.rare_column("region", columns) }} as region,
        {{ first | join(",\n        ") }},
        {%- for name in rfm.rare_columns() if name != "region" %}
        {%- set sql = rfm.rare_column(name, columns) %}
        {{ sql ~ (" as " ~ name if sql != name else "") }},
        {%- endfor %}
        {%- for name, sql in metric_columns.items() %}
        {{ sql ~ (" as " ~ name if sql != name else "") }},
        {%- endfor %}
        {%- for name in columns if name not in listed and not name.endswith("_is_own") %}
        {{ name }},
        {%- endfor %}
        {{ last | join(",\n        ") }}
    from score_history
)

select * from final
