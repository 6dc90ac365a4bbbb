{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__kept': 'is_finished', 'rfm__always_replaced': "finding = 'late_orders'"},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('int_rfm__cut_points') }}
{%- set rulebooks = rfm.rulebooks() -%}
{%- set datasets = rfm.datasets() -%}
{%- set text = dbt.type_string() -%}
{%- set metrics_by_kind = rfm.metrics_by_kind(datasets) %}
with

{{ rfm.open_customers_cte() }},

reversed_ties as (
    select * from {{ ref('int_rfm__reversed_ties') }}
),

score_combinations as (
    select * from {{ ref('int_rfm__score_combinations') }}
),

rulebook_grades as (
    select
        rulebook,
        name as grade,
        position as grade_order
    from {{ ref('rfm__rulebooks') }}
    where part = 'grade'
),

-- What the rulebook alone tells.
rulebook_findings as (
    select
        cast(null as {{ text }}) as rulebook,
        cast(null as {{ text }}) as finding,
        cast(null as {{ text }}) as subject,
        cast(null as integer) as position,
        cast(null as {{ text }}) as severity,
        cast(null as {{ text }}) as sentence,
        cast(null as {{ text }}) as sentence_zh,
        cast(null as decimal(28, 6)) as amount,
        cast(null as decimal(28, 6)) as lowest,
        cast(null as decimal(28, 6)) as highest
    where 1 = 0
    {%- for row in rfm.rulebook_findings(rulebooks) %}

    union all

    select
        {{ rfm.text_literal(row.rulebook) }} as rulebook,
        {{ rfm.text_literal(row.finding) }} as finding,
        {{ rfm.text_literal(row.subject) if row.subject is not none else "null" }} as subject,
        {{ row.position }} as position,
        {{ rfm.text_literal(row.severity) }} as severity,
        {{ rfm.text_literal(row.sentence) }} as sentence,
        {{ rfm.text_literal(row.sentence_zh) }} as sentence_zh,
        {{ row.amount if row.amount is not none else "null" }} as amount,
        {{ row.lowest if row.lowest is not none else "null" }} as lowest,
        {{ row.highest if row.highest is not none else "null" }} as highest
    {%- endfor %}
),

-- What the combinations of scores tell, where they are a finite set.
combination_totals as (
    select
        rulebook,
        sum(combinations) as combinations,
        sum(case when grade_order is null then combinations else 0 end) as ungraded_combinations,
        min(lowest_total) as lowest_total,
        max(highest_total) as highest_total,
        min(case when grade_order is null then lowest_total end) as ungraded_total,
        min(case when grade_order is null then {{ rfm.as_text("first_code") }} end) as ungraded_code
    from score_combinations
    group by rulebook
),

grade_combinations as (
    select
        combination_totals.rulebook,
        rulebook_grades.grade,
        combination_totals.combinations as all_combinations,
        coalesce(score_combinations.combinations, 0) as combinations,
        score_combinations.lowest_total,
        score_combinations.highest_total,
        {{ rfm.divide("coalesce(score_combinations.combinations, 0)", "combination_totals.combinations") }}
            as amount_share
    from combination_totals
    inner join rulebook_grades on combination_totals.rulebook = rulebook_grades.rulebook
    left join score_combinations
        on
            rulebook_grades.rulebook = score_combinations.rulebook
            and rulebook_grades.grade_order = score_combinations.grade_order
),

-- What the customers tell.
ranked_groups as (
    select
        dataset,
        as_of_date,
        group_region,
        rulebook,
        count(*) as all_customers,
        sum(case when ungraded_reason is null then 1 else 0 end) as customers,
        sum(case when ungraded_reason is null then 0 else 1 end) as ungraded_customers,
        min(ungraded_reason) as ungraded_reason
    from scored_customers
    group by dataset, as_of_date, group_region, rulebook
),

grade_customers as (
    select
        dataset,
        as_of_date,
        group_region,
        grade_order,
        count(*) as customers
    from scored_customers
    where ungraded_reason is null
    group by dataset, as_of_date, group_region, grade_order
),

tiers as (
    select
        ranked_groups.dataset,
        ranked_groups.as_of_date,
        ranked_groups.group_region,
        ranked_groups.rulebook,
        rulebook_grades.grade,
        ranked_groups.customers as all_customers,
        coalesce(grade_customers.customers, 0) as customers,
        {{ rfm.divide("coalesce(grade_customers.customers, 0)", "ranked_groups.customers") }} as amount_share
    from ranked_groups
    inner join rulebook_grades on ranked_groups.rulebook = rulebook_grades.rulebook
    left join grade_customers
        on
            ranked_groups.dataset = grade_customers.dataset
            and ranked_groups.as_of_date = grade_customers.as_of_date
            and ranked_groups.group_region = grade_customers.group_region
            and rulebook_grades.grade_order = grade_customers.grade_order
    where ranked_groups.customers > 0
),

tiled_metrics as (
    select
        cast(null as {{ text }}) as rulebook,
        cast(null as {{ text }}) as metric,
        cast(null as integer) as tiles
    where 1 = 0
    {%- for metric in metrics_by_kind.tiles %}
    union all
    select '{{ metric.rulebook }}' as rulebook, '{{ metric.name }}' as metric, {{ metric.score.tiles }} as tiles
    {%- endfor %}
),

split_metrics as (
    select
        cast(null as {{ text }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ text }}) as group_region,
        cast(null as {{ text }}) as rulebook,
        cast(null as {{ text }}) as metric,
        cast(null as {{ dbt.type_bigint() }}) as customers,
        cast(null as {{ dbt.type_bigint() }}) as better_customers
    where 1 = 0
    {%- for name, metrics in metrics_by_kind.split.items() %}

    union all

    select
        customers.dataset,
        customers.as_of_date,
        customers.group_region,
        customers.rulebook,
        '{{ name }}' as metric,
        count(*) as customers,
        sum({{ rfm.is_on_the_better_side(metrics) }}) as better_customers
    from scored_customers as customers
    inner join {{ ref('int_rfm__cut_points') }} as cut_points
        on
            customers.dataset = cut_points.dataset
            and customers.as_of_date = cut_points.as_of_date
            and customers.group_region = cut_points.group_region
            and cut_points.metric = '{{ name }}'
    where
        customers.ungraded_reason is null
        and customers.{{ rfm.is_of_metrics(metrics) }}
    group by customers.dataset, customers.as_of_date, customers.group_region, customers.rulebook
    {%- endfor %}
),

split_sides as (
    select
        *,
        {{ rfm.divide("better_customers", "customers") }} as amount_share
    from split_metrics
),

ties as (
    select
        reversed_ties.*,
        ranked_groups.rulebook,
        {{ rfm.divide("reversed_ties.tied_customers", "reversed_ties.customers") }} as tied_share,
        {{ rfm.divide("reversed_ties.changed_grades", "reversed_ties.customers") }} as changed_share
    from reversed_ties
    inner join ranked_groups
        on
            reversed_ties.dataset = ranked_groups.dataset
            and reversed_ties.as_of_date = ranked_groups.as_of_date
            and reversed_ties.group_region = ranked_groups.group_region
    where reversed_ties.tied_customers > 0
),

-- Dates of orders that stay as they were graded, beside what the orders at hand say of their customers now.
frozen_dates as (
    select
        dataset,
        as_of_date
    from {{ ref('int_rfm__input_dates') }}
    where is_frozen
),

present_customers as (
    select * from {{ ref('int_rfm__customers_from_orders') }}
    where is_in_group and is_frozen
),

kept_customers as (
    select kept.*
    from {{ ref('int_rfm__scored_customers') }} as kept
    inner join frozen_dates
        on
            kept.dataset = frozen_dates.dataset
            and kept.as_of_date = frozen_dates.as_of_date
),

compared_customers as (
    select
        kept_customers.dataset,
        kept_customers.as_of_date,
        kept_customers.rulebook,
        case when {{ rfm.is_measured_alike(datasets) }} then 0 else 1 end as is_changed
    from kept_customers
    left join present_customers
        on
            kept_customers.dataset = present_customers.dataset
            and kept_customers.as_of_date = present_customers.as_of_date
            and kept_customers.customer_id = present_customers.customer_id

    union all

    select
        present_customers.dataset,
        present_customers.as_of_date,
        cast(null as {{ text }}) as rulebook,
        1 as is_changed
    from present_customers
    left join kept_customers
        on
            present_customers.dataset = kept_customers.dataset
            and present_customers.as_of_date = kept_customers.as_of_date
            and present_customers.customer_id = kept_customers.customer_id
    where kept_customers.customer_id is null
),

late_orders as (
    select
        dataset,
        as_of_date,
        max(rulebook) as rulebook,
        count(rulebook) as customers,
        sum(is_changed) as changed_customers,
        {{ rfm.divide("sum(is_changed)", "count(rulebook)") | trim }} as changed_share
    from compared_customers
    group by dataset, as_of_date
    having sum(is_changed) > 0
),

final as (
    {%- for finding in rfm.audit_selects() %}
    {{ rfm.audit_select(finding) | trim }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
