{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    meta={'rfm__from': 'as_of_date'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set datasets = rfm.datasets() -%}
{%- set rulebooks = rfm.rulebooks() -%}
{%- set rules = rfm.warning_rules(datasets) -%}
{%- set better_grade = "least(grade_order, coalesce(previous_grade_order, grade_order))" %}
with

{{ rfm.told_groups_ctes(datasets) }},

{{ rfm.rows_to_read_cte("scored_customers", ref("int_rfm__scored_customers")) }},

changes as (
    select{{ rfm.to_every_task(["dates_to_tell"]) }} changes.*
    from {{ ref('rfm__grade_changes') }} as changes
    inner join dates_to_tell
        on
            changes.dataset = dates_to_tell.dataset
            and changes.as_of_date = dates_to_tell.as_of_date
    where changes.direction != 'left'
),

warnings as (
    select
        changes.*,
        cast(null as {{ dbt.type_string() }}) as warning,
        cast(null as {{ dbt.type_string() }}) as severity,
        cast(null as {{ dbt.type_string() }}) as compared,
        cast(null as decimal(38, 12)) as previous_value,
        cast(null as decimal(38, 12)) as value,
        cast(null as {{ dbt.type_string() }}) as reason,
        cast(null as {{ dbt.type_string() }}) as reason_zh,
        cast(null as {{ dbt.type_string() }}) as rule_action,
        cast(null as {{ dbt.type_string() }}) as rule_action_zh
    from changes
    where 1 = 0
    {%- for entry in rules %}

    union all

    {{ rfm.warning_select(entry, rulebooks) | trim }}
    {%- endfor %}
),

{% if rfm.adds_to_stored_rows() -%}
{{ rfm.rows_to_read_cte("warnings", this) }},

{{ rfm.kept_rows_cte("warnings", "read_warnings") }},

{% endif -%}
earlier_warnings as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        warning
    from warnings
    {%- if rfm.adds_to_stored_rows() %}

    union all

    select
        dataset,
        as_of_date,
        region,
        customer_id,
        warning
    from kept_warnings
    {%- endif %}
),

-- What is promised to the grade that is to be kept: the better of the two.
acted_on as (
    select
        *,
        {{ rfm.action_of_grade(rulebooks, better_grade, "en") }} as grade_action,
        {{ rfm.action_of_grade(rulebooks, better_grade, "zh") }} as grade_action_zh
    from warnings
),

final as (
    select
        acted_on.dataset,
        acted_on.as_of_date,
        acted_on.region,
        acted_on.customer_id,
        acted_on.warning,
        acted_on.severity,
        acted_on.rulebook,
        acted_on.grade,
        acted_on.previous_as_of_date,
        acted_on.previous_grade,
        acted_on.compared,
        acted_on.reason,
        acted_on.reason_zh,
        cast(acted_on.previous_value as decimal(28, 6)) as previous_value,
        cast(acted_on.value as decimal(28, 6)) as value,
        greatest(acted_on.monetary, coalesce(acted_on.previous_monetary, acted_on.monetary)) as money_at_risk,
        earlier.customer_id is not null as is_repeated,
        coalesce(
            acted_on.rule_action || '; ' || acted_on.grade_action,
            acted_on.rule_action,
            acted_on.grade_action,
            'contact the customer'
        ) as suggested_action,
        coalesce(
            acted_on.rule_action_zh || '；' || acted_on.grade_action_zh,
            acted_on.rule_action_zh,
            acted_on.grade_action_zh,
            '联系客户'
        ) as suggested_action_zh
    from acted_on
    left join earlier_warnings as earlier
        on
            acted_on.dataset = earlier.dataset
            and acted_on.customer_id = earlier.customer_id
            and acted_on.warning = earlier.warning
            and acted_on.previous_as_of_date = earlier.as_of_date
            and acted_on.previous_region = earlier.region
)

select * from final
