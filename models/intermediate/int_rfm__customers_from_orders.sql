{{ config(materialized=rfm.stored_as('table')) }}

{%- set datasets = rfm.datasets() | selectattr("kind", "equalto", "orders") | list -%}
{%- set last_order_columns = rfm.last_order_columns(datasets) -%}
{%- set recency_days = dbt.datediff("measured.last_order_date", "measured.as_of_date", "day") | trim -%}
{%- set interval_days = dbt.datediff("measured.first_order_date", "measured.last_order_date", "day") | trim %}
with

orders as (
    select * from {{ ref('stg_rfm__orders') }}
    where
        rejection_reasons is null
        and {{ rfm.counts_as_order_row(datasets) }}
),

{{ rfm.as_of_dates_cte(datasets) }},

{{ rfm.graded_dates_cte() }},

-- The days on which running totals are read: as-of dates, and the eves of windows. They cut the time into numbered
-- periods.
period_days as (
    select
        dataset,
        as_of_date as period_end
    from as_of_dates

    union

    select
        dataset,
        window_eve as period_end
    from as_of_dates
    where window_eve is not null
),

period_ends as (
    select
        dataset,
        period_end,
        row_number() over (partition by dataset order by period_end asc) as period
    from period_days
),

-- The one pass over the orders, whatever the number of as-of dates.
order_days as (
    select
        dataset,
        customer_id,
        order_id,
        is_refund,
        ordered_at,
        count(*) as order_rows,
        sum(amount) as monetary
    from orders
    group by dataset, customer_id, order_id, is_refund, ordered_at
),

order_dates as (
    select distinct
        dataset,
        ordered_at
    from order_days
),

-- Orders behind the last as-of date lie in no period, so they never count.
periods as (
    select
        order_dates.dataset,
        order_dates.ordered_at,
        min(period_ends.period) as period
    from order_dates
    inner join period_ends
        on
            order_dates.dataset = period_ends.dataset
            and order_dates.ordered_at <= period_ends.period_end
    group by order_dates.dataset, order_dates.ordered_at
),

-- Where no column gives an order id, each row is an order.
customer_days as (
    select
        {{- rfm.to_every_task(["periods"]) }}
        order_days.dataset,
        order_days.customer_id,
        order_days.ordered_at,
        periods.period,
        sum(case
            when order_days.is_refund then 0
            when order_days.order_id is null then order_days.order_rows
            else 1
        end) as orders,
        sum(case
            when not order_days.is_refund then 0
            when order_days.order_id is null then order_days.order_rows
            else 1
        end) as refunds,
        max(case when order_days.is_refund then 0 else 1 end) as purchase_days,
        sum(order_days.monetary) as monetary
    from order_days
    inner join periods
        on
            order_days.dataset = periods.dataset
            and order_days.ordered_at = periods.ordered_at
    group by order_days.dataset, order_days.customer_id, order_days.ordered_at, periods.period
),

customer_periods as (
    select
        dataset,
        customer_id,
        period,
        sum(orders) as orders,
        sum(refunds) as refunds,
        sum(purchase_days) as purchase_days,
        sum(monetary) as monetary,
        min(case when purchase_days = 1 then ordered_at end) as first_order_date,
        max(case when purchase_days = 1 then ordered_at end) as last_order_date
    from customer_days
    group by dataset, customer_id, period
),

-- The totals hold until the next period in which the customer has orders, or to the end, which is written as period 0.
changing_totals as (
    select
        dataset,
        customer_id,
        period,
        {%- for column in ["orders", "refunds", "purchase_days", "monetary"] %}
        sum({{ column }}) over customer_history as {{ column }}_to_date,
        {%- endfor %}
        min(first_order_date) over customer_history as first_order_date,
        max(last_order_date) over customer_history as last_order_date,
        coalesce(lead(period) over (partition by dataset, customer_id order by period asc), 0) as next_period
    from customer_periods
    window customer_history as (
        partition by dataset, customer_id
        order by period asc
        rows between unbounded preceding and current row
    )
),

spans as (
    select distinct
        dataset,
        period,
        next_period
    from changing_totals
),

span_periods as (
    select
        spans.*,
        period_ends.period_end
    from spans
    inner join period_ends
        on
            spans.dataset = period_ends.dataset
            and spans.period <= period_ends.period
            and (spans.next_period = 0 or spans.next_period > period_ends.period)
),

running_totals as (
    select
        {{- rfm.to_every_task(["span_periods"]) }}
        changing_totals.*,
        span_periods.period_end
    from changing_totals
    inner join span_periods
        on
            changing_totals.dataset = span_periods.dataset
            and changing_totals.period = span_periods.period
            and changing_totals.next_period = span_periods.next_period
),

-- An order whose lines lie on several days is one order in a window that holds more than one of them: each following
-- day is one order too many in the windows that also hold the day before.
orders_on_several_days as (
    select
        dataset,
        customer_id,
        order_id,
        is_refund
    from order_days
    where order_id is not null
    group by dataset, customer_id, order_id, is_refund
    having count(*) > 1
),

repeated_order_days as (
    select order_days.*
    from order_days
    inner join orders_on_several_days
        on
            order_days.dataset = orders_on_several_days.dataset
            and order_days.customer_id = orders_on_several_days.customer_id
            and order_days.order_id = orders_on_several_days.order_id
            and order_days.is_refund = orders_on_several_days.is_refund
),

following_order_days as (
    select
        dataset,
        customer_id,
        is_refund,
        ordered_at,
        lag(ordered_at) over (
            partition by dataset, customer_id, order_id, is_refund
            order by ordered_at asc
        ) as day_before
    from repeated_order_days
),

repeated_orders as (
    select
        as_of_dates.dataset,
        as_of_dates.as_of_date,
        following_order_days.customer_id,
        sum(case when following_order_days.is_refund then 0 else 1 end) as orders_to_date,
        sum(case
            when following_order_days.is_refund then 0
            when following_order_days.day_before <= as_of_dates.window_eve then 0
            else 1
        end) as orders,
        sum(case
            when not following_order_days.is_refund then 0
            when following_order_days.day_before <= as_of_dates.window_eve then 0
            else 1
        end) as refunds
    from following_order_days
    inner join as_of_dates
        on
            following_order_days.dataset = as_of_dates.dataset
            and following_order_days.ordered_at <= as_of_dates.as_of_date
    where following_order_days.day_before is not null
    group by as_of_dates.dataset, as_of_dates.as_of_date, following_order_days.customer_id
),

-- A window is the running total at its end less that at its eve. Whoever has nothing but refunds is no customer yet.
measured as (
    select
        {{- rfm.to_every_task(["as_of_dates"]) }}
        at_end.dataset,
        as_of_dates.as_of_date,
        at_end.customer_id,
        at_end.first_order_date,
        at_end.last_order_date,
        at_end.purchase_days_to_date,
        at_end.monetary_to_date,
        {{ rfm.in_window("orders", datasets) }} - coalesce(repeated_orders.orders, 0) as orders,
        {{ rfm.in_window("refunds", datasets) }} - coalesce(repeated_orders.refunds, 0) as refund_count,
        {{ rfm.in_window("purchase_days", datasets) }} as purchase_days,
        {{ rfm.in_window("monetary", datasets) }} as monetary,
        at_end.orders_to_date - coalesce(repeated_orders.orders_to_date, 0) as orders_to_date
    from as_of_dates
    inner join running_totals as at_end
        on
            as_of_dates.dataset = at_end.dataset
            and as_of_dates.as_of_date = at_end.period_end
    {%- if rfm.has_windows(datasets) %}
    left join running_totals as at_eve
        on
            at_end.dataset = at_eve.dataset
            and at_end.customer_id = at_eve.customer_id
            and as_of_dates.window_eve = at_eve.period_end
    {%- endif %}
    left join repeated_orders
        on
            at_end.dataset = repeated_orders.dataset
            and at_end.customer_id = repeated_orders.customer_id
            and as_of_dates.as_of_date = repeated_orders.as_of_date
    where at_end.last_order_date is not null
),
{%- if rfm.reads_last_orders(datasets) %}

last_order_days as (
    select distinct
        dataset,
        customer_id,
        last_order_date
    from measured
),

-- What a customer is, the region and the extra columns, the last order says.
numbered_last_orders as (
    select
        orders.*,
        row_number() over (
            partition by orders.dataset, orders.customer_id, orders.ordered_at
            order by
                orders.order_id desc nulls last,
                orders.amount desc
                {%- for column in last_order_columns %},
                orders.{{ column }} desc nulls last
                {%- endfor %}
        ) as rfm__place
    from orders
    inner join last_order_days
        on
            orders.dataset = last_order_days.dataset
            and orders.customer_id = last_order_days.customer_id
            and orders.ordered_at = last_order_days.last_order_date
    where not orders.is_refund
),

last_orders as (
    select * from numbered_last_orders
    where rfm__place = 1
),
{%- endif %}

grouped as (
    select
        *,
        {{ rfm.order_frequency(datasets) }} as frequency,
        {{ rfm.is_in_group(datasets) }} as is_in_group
    from measured
),

final as (
    select
        measured.dataset,
        measured.as_of_date,
        {%- if rfm.reads_last_orders(datasets) %}
        {%- for column in last_order_columns %}
        last_orders.{{ column }},
        {%- endfor %}
        {%- else %}
        'all' as region,
        {%- endif %}
        measured.customer_id,
        measured.first_order_date,
        measured.last_order_date,
        cast({{ recency_days }} as {{ dbt.type_bigint() }}) as recency_days,
        cast(measured.frequency as {{ dbt.type_bigint() }}) as frequency,
        cast(measured.monetary as decimal(28, 6)) as monetary,
        cast(measured.purchase_days as {{ dbt.type_bigint() }}) as purchase_days,
        cast(measured.refund_count as {{ dbt.type_bigint() }}) as refund_count,
        {{ rfm.divide("measured.monetary", "measured.orders") | trim }} as average_order_value,
        measured.is_in_group,
        graded_dates.dataset is not null as is_frozen,
        cast(case
            when measured.purchase_days_to_date > 1
                then {{ rfm.quotient(interval_days, "(measured.purchase_days_to_date - 1)", 0) | trim }}
        end as decimal(38, 12)) as usual_interval_days,
        cast(measured.orders_to_date as {{ dbt.type_bigint() }}) as orders_to_date,
        cast(measured.purchase_days_to_date as {{ dbt.type_bigint() }}) as purchase_days_to_date,
        cast(measured.monetary_to_date as decimal(28, 6)) as monetary_to_date
    from grouped as measured
    left join graded_dates
        on
            measured.dataset = graded_dates.dataset
            and measured.as_of_date = graded_dates.as_of_date
    {%- if rfm.reads_last_orders(datasets) %}
    inner join last_orders
        on
            measured.dataset = last_orders.dataset
            and measured.customer_id = last_orders.customer_id
            and measured.last_order_date = last_orders.ordered_at
    {%- endif %}
)

select * from final
