{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    meta={'rfm__partitioned_by': ['dataset'], 'rfm__from': 'next_as_of_date'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set datasets = rfm.datasets() -%}
{%- set names = datasets | selectattr("kind", "equalto", "records") | map(attribute="name") -%}
{%- set from_records = "'" ~ names | join("', '") ~ "'" -%}
{%- set period_days = dbt.datediff("periods.as_of_date", "periods.next_as_of_date", "day") | trim -%}
{%- set bigint = dbt.type_bigint() %}
with

{{ rfm.dates_to_tell_cte() }},

{{ rfm.group_dates_ctes(datasets) }},

customers_from_orders as (
    select * from {{ ref('int_rfm__customers_from_orders') }}
),

rulebook_grades as (
    select
        rulebook,
        name as grade,
        position as grade_order
    from {{ ref('rfm__rulebooks') }}
    where part = 'grade'
),

measured_dates as (
    select distinct
        dataset,
        as_of_date
    from customers_from_orders
),

-- Periods whose outcome is known: the next as-of date was graded, and the orders at hand are measured for both. A
-- period is told with its end.
periods as (
    select group_dates.*
    from group_dates
    inner join dates_to_tell
        on
            group_dates.dataset = dates_to_tell.dataset
            and group_dates.next_as_of_date = dates_to_tell.as_of_date
    left join measured_dates as first_dates
        on
            group_dates.dataset = first_dates.dataset
            and group_dates.as_of_date = first_dates.as_of_date
    left join measured_dates as last_dates
        on
            group_dates.dataset = last_dates.dataset
            and group_dates.next_as_of_date = last_dates.as_of_date
    where
        group_dates.dataset in ({{ from_records }})
        or (first_dates.dataset is not null and last_dates.dataset is not null)
),

dates_to_read as (
    select
        dataset,
        as_of_date
    from periods

    union

    select
        dataset,
        next_as_of_date as as_of_date
    from periods
),

{{ rfm.graded_customers_ctes(
    datasets, "region rulebook grade grade_order total_score last_order_date recency_days frequency monetary".split(" ")
) }},

{{ rfm.rows_to_read_cte("warnings", ref("rfm__churn_warnings")) }},

warnings as (
    select
        *,
        {{ rfm.group_region_of_history(datasets) }} as group_region
    from read_warnings
),

outcomes_of_orders as (
    select
        periods.dataset,
        periods.group_region,
        periods.as_of_date,
        present.customer_id,
        present.orders_to_date - coalesce(earlier.orders_to_date, 0) as orders,
        present.purchase_days_to_date - coalesce(earlier.purchase_days_to_date, 0) as purchase_days,
        present.monetary_to_date - coalesce(earlier.monetary_to_date, 0) as monetary
    from periods
    inner join customers_from_orders as present
        on
            periods.dataset = present.dataset
            and periods.next_as_of_date = present.as_of_date
    left join customers_from_orders as earlier
        on
            present.dataset = earlier.dataset
            and present.customer_id = earlier.customer_id
            and periods.as_of_date = earlier.as_of_date
),

outcomes_of_records as (
    select
        periods.dataset,
        periods.group_region,
        periods.as_of_date,
        next_graded.customer_id,
        next_graded.frequency as orders,
        next_graded.monetary
    from periods
    inner join graded_customers as next_graded
        on
            periods.dataset = next_graded.dataset
            and periods.next_as_of_date = next_graded.as_of_date
    where
        periods.dataset in ({{ from_records }})
        and coalesce(
            next_graded.recency_days < {{ period_days }},
            next_graded.last_order_date > periods.as_of_date,
            next_graded.frequency > 0,
            true
        )
),

outcomes as (
    select
        dataset,
        group_region,
        as_of_date,
        customer_id,
        orders,
        monetary,
        case when purchase_days > 0 then 1 else 0 end as is_returning
    from outcomes_of_orders

    union all

    select
        dataset,
        group_region,
        as_of_date,
        customer_id,
        orders,
        monetary,
        1 as is_returning
    from outcomes_of_records
),

period_customers as {{ rfm.inlined() }}(
    select
        {{- rfm.to_every_task(["periods"]) }}
        graded_customers.*,
        periods.next_as_of_date
    from graded_customers
    inner join periods
        on
            graded_customers.dataset = periods.dataset
            and graded_customers.group_region = periods.group_region
            and graded_customers.as_of_date = periods.as_of_date
),

{{ rfm.count_in_order_ctes(
    "ranked_customers", "period_customers", ["dataset", "as_of_date", "group_region"], rfm.value_order(), "value_rank"
) }},

group_sizes as (
    select
        dataset,
        as_of_date,
        group_region,
        count(*) as group_customers
    from period_customers
    group by dataset, as_of_date, group_region
),

followed_customers as (
    select
        {{- rfm.to_every_task(["group_sizes"]) }}
        customers.dataset,
        customers.as_of_date,
        customers.group_region,
        customers.customer_id,
        customers.rulebook,
        customers.grade,
        customers.grade_order,
        customers.value_rank,
        customers.next_as_of_date,
        group_sizes.group_customers,
        coalesce(outcomes.orders, 0) as orders,
        coalesce(outcomes.monetary, 0) as monetary,
        coalesce(outcomes.is_returning, 0) as is_returning
    from ranked_customers as customers
    inner join group_sizes
        on
            customers.dataset = group_sizes.dataset
            and customers.group_region = group_sizes.group_region
            and customers.as_of_date = group_sizes.as_of_date
    left join outcomes
        on
            customers.dataset = outcomes.dataset
            and customers.group_region = outcomes.group_region
            and customers.as_of_date = outcomes.as_of_date
            and customers.customer_id = outcomes.customer_id
),

everybody as (
    select
        dataset,
        as_of_date,
        group_region,
        rulebook,
        next_as_of_date,
        'all' as part,
        'all' as name,
        1 as position,
        count(*) as customers,
        sum(is_returning) as returning_customers,
        sum(orders) as orders,
        sum(monetary) as monetary,
        sum(value_rank * monetary) as ranked_monetary,
        sum(case when 5 * (value_rank - 1) < group_customers then monetary else 0 end) as top_fifth_monetary
    from followed_customers
    group by dataset, as_of_date, group_region, rulebook, next_as_of_date
),

grades as (
    select
        everybody.dataset,
        everybody.as_of_date,
        everybody.group_region,
        rulebook_grades.grade,
        rulebook_grades.grade_order,
        count(customers.dataset) as customers,
        coalesce(sum(customers.is_returning), 0) as returning_customers,
        coalesce(sum(customers.orders), 0) as orders,
        coalesce(sum(customers.monetary), 0) as monetary
    from everybody
    inner join rulebook_grades on everybody.rulebook = rulebook_grades.rulebook
    left join followed_customers as customers
        on
            everybody.dataset = customers.dataset
            and everybody.as_of_date = customers.as_of_date
            and everybody.group_region = customers.group_region
            and rulebook_grades.grade = customers.grade
    group by
        everybody.dataset,
        everybody.as_of_date,
        everybody.group_region,
        rulebook_grades.grade,
        rulebook_grades.grade_order
),

-- Every rule of the dataset has its row, also one that never warned of anybody.
warning_names as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as {{ dbt.type_string() }}) as warning
    where 1 = 0
    {%- for dataset in datasets %}
    {%- for warning in dataset.warnings %}
    union all
    select '{{ dataset.name }}' as dataset, '{{ warning }}' as warning
    {%- endfor %}
    {%- endfor %}
),

numbered_warning_names as (
    select
        *,
        row_number() over (partition by dataset order by {{ rfm.as_text("warning") }} asc) as position
    from warning_names
),

-- How many of the warned customers would have fallen silent if they were like the others of their grades.
grade_silence as (
    select
        dataset,
        as_of_date,
        group_region,
        grade,
        {{ rfm.quotient("customers - returning_customers", "customers") | trim }} as silent_share
    from grades
),

warned_customers as (
    select
        everybody.dataset,
        everybody.as_of_date,
        everybody.group_region,
        warning_names.warning,
        warning_names.position,
        count(customers.dataset) as customers,
        coalesce(sum(customers.is_returning), 0) as returning_customers,
        coalesce(sum(customers.orders), 0) as orders,
        coalesce(sum(customers.monetary), 0) as monetary,
        sum(grade_silence.silent_share) as expected_silent_customers
    from everybody
    inner join numbered_warning_names as warning_names on everybody.dataset = warning_names.dataset
    left join warnings
        on
            everybody.dataset = warnings.dataset
            and everybody.as_of_date = warnings.as_of_date
            and everybody.group_region = warnings.group_region
            and warning_names.warning = warnings.warning
    left join followed_customers as customers
        on
            warnings.dataset = customers.dataset
            and warnings.as_of_date = customers.as_of_date
            and warnings.group_region = customers.group_region
            and warnings.customer_id = customers.customer_id
    left join grade_silence
        on
            customers.dataset = grade_silence.dataset
            and customers.as_of_date = grade_silence.as_of_date
            and customers.group_region = grade_silence.group_region
            and customers.grade = grade_silence.grade
    group by
        everybody.dataset,
        everybody.as_of_date,
        everybody.group_region,
        warning_names.warning,
        warning_names.position
),

parts as (
    select
        dataset,
        as_of_date,
        group_region,
        part,
        name,
        position,
        customers,
        returning_customers,
        orders,
        monetary,
        cast(null as decimal(38, 12)) as expected_silent_customers
    from everybody

    union all

    select
        dataset,
        as_of_date,
        group_region,
        'grade' as part,
        grade as name,
        grade_order as position,
        customers,
        returning_customers,
        orders,
        monetary,
        cast(null as decimal(38, 12)) as expected_silent_customers
    from grades

    union all

    select
        dataset,
        as_of_date,
        group_region,
        'warning' as part,
        warning as name,
        position,
        customers,
        returning_customers,
        orders,
        monetary,
        expected_silent_customers
    from warned_customers
),

followed as (
    select
        parts.*,
        everybody.rulebook,
        everybody.next_as_of_date,
        everybody.customers as all_customers,
        everybody.returning_customers as all_returning_customers,
        everybody.monetary as all_monetary,
        everybody.ranked_monetary,
        everybody.top_fifth_monetary,
        parts.customers - parts.returning_customers as silent_customers,
        everybody.customers - everybody.returning_customers as all_silent_customers
    from parts
    inner join everybody
        on
            parts.dataset = everybody.dataset
            and parts.as_of_date = everybody.as_of_date
            and parts.group_region = everybody.group_region
),

final as (
    select
        dataset,
        as_of_date,
        group_region as region,
        rulebook,
        part,
        name,
        cast(position as integer) as position,
        next_as_of_date,
        cast(customers as {{ bigint }}) as customers,
        {{ rfm.divide_or_null("customers", "all_customers") | trim }} as customer_share,
        cast(returning_customers as {{ bigint }}) as returning_customers,
        {{ rfm.divide_or_null("returning_customers", "customers") | trim }} as return_share,
        cast(silent_customers as {{ bigint }}) as silent_customers,
        cast(orders as {{ bigint }}) as orders,
        cast(monetary as decimal(28, 6)) as monetary,
        {{ rfm.divide_or_null("monetary", "all_monetary") | trim }} as monetary_share,
        {{ rfm.divide_or_null("orders", "customers") | trim }} as orders_per_customer,
        {{ rfm.divide_or_null("monetary", "customers") | trim }} as monetary_per_customer,
        {{ rfm.divide_or_null(
            "returning_customers * all_customers", "customers * all_returning_customers"
        ) | trim }} as return_lift,
        {{ rfm.divide_or_null("monetary * all_customers", "customers * all_monetary") | trim }} as monetary_lift,
        case
            when part = 'all' then {{ rfm.divide_or_null(
                "(customers + 1) * monetary - 2 * ranked_monetary", "customers * monetary"
            ) | trim }}
        end as gini,
        case
            when part = 'all' then {{ rfm.divide_or_null("top_fifth_monetary", "monetary") | trim }}
        end as top_fifth_share,
        case
            when part = 'warning' then {{ rfm.divide_or_null("all_silent_customers", "all_customers") | trim }}
        end as base_silent_share,
        case
            when part = 'warning' then {{ rfm.divide_or_null("silent_customers", "customers") | trim }}
        end as precision,
        case
            when part = 'warning' then {{ rfm.divide_or_null("silent_customers", "all_silent_customers") | trim }}
        end as recall,
        case
            when part = 'warning' then {{ rfm.divide_or_null(
                "silent_customers * all_customers", "customers * all_silent_customers"
            ) | trim }}
        end as lift,
        cast(
            {{ rfm.quotient("expected_silent_customers", "customers", 12) | trim }} as decimal(28, 6)
        ) as expected_silent_share,
        cast(
            {{ rfm.quotient("silent_customers", "expected_silent_customers", 12) | trim }} as decimal(28, 6)
        ) as lift_within_grades
    from followed
)

select * from final
