"""What is asked of the marts on more than one page: each query gives all datasets, in a full order."""

from __future__ import annotations

LAST_DATES = """
with

last_dates as (
    select dataset, max(as_of_date) as as_of_date
    from rfm__graded_customers
    group by dataset
)
"""

TIERS = (
    LAST_DATES
    + """,

previous_dates as (
    select tier_summary.dataset, max(tier_summary.as_of_date) as as_of_date
    from rfm__tier_summary as tier_summary
    inner join last_dates
        on tier_summary.dataset = last_dates.dataset and tier_summary.as_of_date < last_dates.as_of_date
    group by tier_summary.dataset
),

previous_tiers as (
    select tier_summary.dataset, tier_summary.grade, sum(tier_summary.customers) as customers
    from rfm__tier_summary as tier_summary
    inner join previous_dates
        on tier_summary.dataset = previous_dates.dataset and tier_summary.as_of_date = previous_dates.as_of_date
    group by tier_summary.dataset, tier_summary.grade
),

tiers as (
    select
        tier_summary.dataset,
        tier_summary.as_of_date,
        tier_summary.rulebook,
        tier_summary.grade,
        min(tier_summary.grade_order) as grade_order,
        sum(tier_summary.customers) as customers,
        sum(tier_summary.monetary) as monetary
    from rfm__tier_summary as tier_summary
    inner join last_dates
        on tier_summary.dataset = last_dates.dataset and tier_summary.as_of_date = last_dates.as_of_date
    group by tier_summary.dataset, tier_summary.as_of_date, tier_summary.rulebook, tier_summary.grade
)

select
    tiers.dataset,
    tiers.as_of_date,
    tiers.rulebook,
    tiers.grade,
    cast(tiers.customers as bigint) as customers,
    case
        when previous_dates.dataset is not null
            then cast(tiers.customers - coalesce(previous_tiers.customers, 0) as bigint)
    end as change,
    tiers.customers / nullif(sum(tiers.customers) over tier, 0) as customer_share,
    tiers.monetary,
    tiers.monetary / nullif(sum(tiers.monetary) over tier, 0) as monetary_share
from tiers
left join previous_dates on tiers.dataset = previous_dates.dataset
left join previous_tiers on tiers.dataset = previous_tiers.dataset and tiers.grade = previous_tiers.grade
window tier as (partition by tiers.dataset, tiers.as_of_date, tiers.rulebook)
order by tiers.dataset, tiers.as_of_date, tiers.rulebook, tiers.grade_order
"""
)

# What was found in a row is left out, so that rows with the same mistake count together.
REJECTED = """
select
    dataset,
    stage,
    regexp_replace(
        regexp_replace(reasons, ' is ''.*?'', expected', ' is …, expected', 'g'), '[0-9]{4}-[0-9]{2}-[0-9]{2}', '…', 'g'
    ) as reasons,
    count(*) as rows
from rfm__rejected_records
group by all
order by dataset nulls first, rows desc, stage, reasons
"""

SEVERITIES = (
    LAST_DATES
    + """,

warned as (
    select
        warnings.dataset,
        warnings.as_of_date,
        warnings.severity,
        warnings.region,
        warnings.customer_id,
        count(*) filter (where not warnings.is_repeated) as new_warnings,
        count(*) filter (where warnings.is_repeated) as repeated_warnings,
        max(warnings.money_at_risk) as money_at_risk
    from rfm__churn_warnings as warnings
    inner join last_dates on warnings.dataset = last_dates.dataset and warnings.as_of_date = last_dates.as_of_date
    group by all
)

select
    dataset,
    severity,
    cast(sum(new_warnings) as bigint) as new_warnings,
    cast(sum(repeated_warnings) as bigint) as repeated_warnings,
    count(*) as customers,
    sum(money_at_risk) as money_at_risk
from warned
group by dataset, severity
order by dataset, case severity when 'high' then 1 when 'medium' then 2 else 3 end
"""
)

# What a rulebook alone tells, and what the customers of the last as-of date show. Late orders are told of every date.
AUDIT = (
    LAST_DATES
    + """

select
    audit.dataset,
    audit.region,
    audit.rulebook,
    audit.finding,
    audit.subject,
    audit.severity,
    audit.sentence,
    audit.sentence_zh
from rfm__rulebook_audit as audit
left join last_dates on audit.dataset = last_dates.dataset
where audit.dataset is null or audit.as_of_date = last_dates.as_of_date or audit.finding = 'late_orders'
order by audit.dataset nulls first, audit.rulebook, audit.finding, audit.subject, audit.region, audit.position
"""
)

MIGRATION = """
select
    dataset,
    previous_as_of_date,
    as_of_date,
    previous_grade,
    grade,
    cast(sum(customers) as bigint) as customers
from rfm__tier_migration as migration
where
    previous_as_of_date is not null
    and as_of_date = (select max(as_of_date) from rfm__tier_migration where dataset = migration.dataset)
group by dataset, previous_as_of_date, as_of_date, previous_grade, grade
order by
    dataset, min(coalesce(previous_grade_order, 1000)), min(coalesce(grade_order, 1000)), previous_grade, grade,
    previous_as_of_date
"""

GRADES = """
select distinct rulebooks.name, rulebooks.position
from rfm__rulebooks as rulebooks
inner join rfm__graded_customers as graded_customers on rulebooks.rulebook = graded_customers.rulebook
where rulebooks.part = 'grade' and graded_customers.dataset = ?
order by rulebooks.position
"""

WARNINGS = """
select
    dataset,
    customer_id,
    coalesce(previous_grade, '') || ' > ' || grade as grade,
    warning,
    reason,
    money_at_risk
from rfm__churn_warnings as warnings
where
    not is_repeated
    and as_of_date = (select max(as_of_date) from rfm__graded_customers where dataset = warnings.dataset)
qualify row_number() over (partition by dataset, warning order by money_at_risk desc nulls last, customer_id asc) = 1
order by dataset, money_at_risk desc nulls last, warning
"""

FOLLOWED_GRADES = """
with

totals as (
    select
        dataset,
        rulebook,
        part,
        name,
        min(position) as position,
        count(distinct as_of_date) as periods,
        sum(customers) as customers,
        sum(returning_customers) as returning_customers,
        sum(monetary) as monetary,
        sum(monetary) / nullif(sum(customers), 0) as monetary_per_customer,
        avg(gini) as gini,
        avg(top_fifth_share) as top_fifth_share
    from rfm__backtest
    where part in ('all', 'grade')
    group by dataset, rulebook, part, name
)

select
    totals.dataset,
    totals.part,
    totals.name as grade,
    totals.periods,
    totals.returning_customers / nullif(totals.customers, 0) as return_share,
    totals.monetary / nullif(everybody.monetary, 0) as monetary_share,
    totals.monetary_per_customer / nullif(everybody.monetary_per_customer, 0) as monetary_lift,
    totals.gini,
    totals.top_fifth_share
from totals
inner join totals as everybody
    on totals.dataset = everybody.dataset and totals.rulebook = everybody.rulebook and everybody.part = 'all'
order by totals.dataset, totals.part, totals.position
"""

FOLLOWED_WARNINGS = """
with

warnings as (
    select
        warnings.*,
        everybody.customers as all_customers
    from rfm__backtest as warnings
    inner join rfm__backtest as everybody
        on
            warnings.dataset = everybody.dataset
            and warnings.as_of_date = everybody.as_of_date
            and warnings.region = everybody.region
            and everybody.part = 'all'
    where warnings.part = 'warning'
),

totals as (
    select
        dataset,
        name,
        sum(customers) as customers,
        sum(silent_customers) as silent_customers,
        sum(silent_customers) / sum(customers) as precision,
        sum(base_silent_share * all_customers) / sum(all_customers) as base,
        sum(base_silent_share * all_customers) as all_silent_customers,
        sum(expected_silent_share * customers) / sum(customers) as expected
    from warnings
    group by dataset, name
    having sum(customers) > 0
)

select
    dataset,
    name as warning,
    cast(customers as bigint) as customers,
    precision,
    silent_customers / nullif(all_silent_customers, 0) as recall,
    base as base_silent_share,
    precision / nullif(base, 0) as lift,
    expected as expected_silent_share,
    precision / nullif(expected, 0) as lift_within_grades
from totals
order by dataset, warning
"""
