{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__untells': true},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('int_rfm__cut_points') }}
-- depends_on: {{ ref('int_rfm__customers_from_orders') }}
-- depends_on: {{ ref('stg_rfm__records') }}
{%- set datasets = rfm.datasets() -%}
{%- set chains = rfm.chains(datasets) -%}
{%- set columns = rfm.kept_metric_columns(datasets) %}
with
{%- for chain in chains %}

{{ rfm.measured_ctes(chain, datasets) }},
{%- if rfm.cut_metrics(chain.rulebook) %}

{{ rfm.chain_cuts_cte(chain, "cut_points") }},
{%- endif %}

{{ rfm.grading_ctes(
    chain.name, chain.name ~ "_measured", "ungraded_reason is null", chain.name ~ "_cut_points", chain.rulebook,
    rfm.group_columns(chain)
) }},
{%- endfor %}

final as (
    {%- for chain in chains %}
    {%- set own_columns = rfm.own_metric_columns(chain.rulebook) %}
    select
        dataset,
        as_of_date,
        customer_id,
        '{{ chain.rulebook.name }}' as rulebook,
        recency_days,
        frequency,
        monetary,
        {%- for name in rfm.filled_rare_columns(datasets) %}
        {{ name }},
        {%- endfor %}
        {%- for stored in rfm.stored_columns(datasets) %}
        {{ stored }},
        {%- endfor %}
        {%- for column in columns %}
        {%- if column.part == "value" %}
        {{ column.name if column.name in own_columns else "cast(null as " ~ column.type ~ ")" }} as {{ column.name }},
        {%- elif column.part == "is_own" %}
        {{ "false" if rfm.is_plain(column.metric, chain.rulebook.metrics | selectattr("name", "equalto", column.metric)) else "true" }} as {{ column.name }},
        {%- elif column.part in ["score_next", "value_next"] %}
        {{ rfm.next_step(chain.rulebook, column.metric, column.part) | trim }} as {{ column.name }},
        {%- else %}
        {%- set score = column.metric ~ "_score" if column.name in own_columns else "null" %}
        cast({{ score }} as {{ column.type }}) as {{ column.name }},
        {%- endif %}
        {%- endfor %}
        coalesce(ungraded_reason, {{ rfm.ungraded_reason(chain.rulebook) | trim }}) as ungraded_reason,
        total_score,
        grade,
        grade_order
    from {{ chain.name }}_graded
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
