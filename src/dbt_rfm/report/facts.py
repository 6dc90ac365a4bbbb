"""What the report tells of each dataset, as rows of the marts: counted in the database, never customer by customer.

Only those who need attention are listed one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dbt_rfm import queries
from dbt_rfm.marts import Marts, Row
from dbt_rfm.mistake import Mistake

# How many warnings of a dataset are listed, and into how many ranges values are put that are too many to show singly.
LISTED_WARNINGS = 500
RANGES = 8
# More regions, codes, or scores of a metric make no readable chart; of the first two the largest are shown.
SHOWN_GROUPS = 60
SHOWN_CODES = 30
SHOWN_SCORES = 12

DATES = """
with

graded as (
    select
        dataset,
        as_of_date,
        min(rulebook) as rulebook,
        count(*) as customers,
        sum(monetary) as monetary,
        count(distinct region) as regions
    from rfm__graded_customers
    group by dataset, as_of_date
),

warned as (
    select dataset, as_of_date, count(distinct (region, customer_id)) as customers
    from rfm__churn_warnings
    group by dataset, as_of_date
),

rejected as (
    select
        dataset,
        as_of_date,
        count(*) filter (where stage = 'input') as rows,
        count(*) filter (where stage = 'grading') as customers
    from rfm__rejected_records
    group by dataset, as_of_date
)

select
    graded.*,
    coalesce(warned.customers, 0) as warned_customers,
    coalesce(rejected.rows, 0) as rejected_rows,
    coalesce(rejected.customers, 0) as rejected_customers
from graded
left join warned on graded.dataset = warned.dataset and graded.as_of_date = warned.as_of_date
left join rejected on graded.dataset = rejected.dataset and graded.as_of_date = rejected.as_of_date
order by graded.dataset, graded.as_of_date
"""

# What was rejected without an as-of date, or for one at which nobody is graded.
REJECTED_ELSEWHERE = """
select
    dataset,
    as_of_date,
    0 as customers,
    count(*) filter (where stage = 'input') as rejected_rows,
    count(*) filter (where stage = 'grading') as rejected_customers
from rfm__rejected_records
anti join rfm__graded_customers using (dataset, as_of_date)
group by dataset, as_of_date
order by dataset, as_of_date
"""

TIER_HISTORY = """
select
    dataset,
    as_of_date,
    grade,
    min(grade_order) as grade_order,
    cast(sum(customers) as bigint) as customers,
    sum(monetary) as monetary,
    sum(average_recency_days * customers) / nullif(sum(customers) filter (where average_recency_days is not null), 0)
        as average_recency_days,
    sum(average_frequency * customers) / nullif(sum(customers) filter (where average_frequency is not null), 0)
        as average_frequency,
    sum(average_monetary * customers) / nullif(sum(customers) filter (where average_monetary is not null), 0)
        as average_monetary
from rfm__tier_summary
group by dataset, as_of_date, grade
order by dataset, as_of_date, grade_order, grade
"""

REGIONS = """
select
    dataset,
    region,
    cast(sum(customers) as bigint) as customers,
    sum(monetary) as monetary,
    cast(coalesce(sum(customers) filter (where grade_order = 1), 0) as bigint) as best_customers
from rfm__tier_summary as tier_summary
where as_of_date = (select max(as_of_date) from rfm__tier_summary where dataset = tier_summary.dataset)
group by dataset, region
order by dataset, customers desc, region
"""

# Of metrics that have few scores, and others than their values themselves.
CUT_POINTS = (
    queries.LAST_DATES
    + f""",

shown_metrics as (
    select cut_points.dataset, cut_points.metric
    from rfm__score_cutpoints as cut_points
    inner join last_dates on cut_points.dataset = last_dates.dataset and cut_points.as_of_date = last_dates.as_of_date
    where cut_points.score is not null and cut_points.worst_value is not null
    group by cut_points.dataset, cut_points.metric
    having
        count(distinct cut_points.score) between 2 and {SHOWN_SCORES}
        and bool_or(cut_points.score <> cut_points.best_value or cut_points.score <> cut_points.worst_value)
)

select dataset, as_of_date, region, metric, score, best_value, worst_value, customers, tied_customers
from rfm__score_cutpoints
semi join shown_metrics using (dataset, metric)
where score is not null and worst_value is not null
order by dataset, region, metric, as_of_date, score desc
"""
)

WARNED_KINDS = (
    queries.LAST_DATES
    + """
select
    warnings.dataset,
    warnings.warning,
    warnings.severity,
    count(*) filter (where not warnings.is_repeated) as new_warnings,
    count(*) filter (where warnings.is_repeated) as repeated_warnings,
    sum(warnings.money_at_risk) as money_at_risk
from rfm__churn_warnings as warnings
inner join last_dates on warnings.dataset = last_dates.dataset and warnings.as_of_date = last_dates.as_of_date
group by warnings.dataset, warnings.warning, warnings.severity
order by
    warnings.dataset,
    case warnings.severity when 'high' then 1 when 'medium' then 2 else 3 end,
    new_warnings + repeated_warnings desc,
    warnings.warning
"""
)

LISTED = (
    queries.LAST_DATES
    + f"""
select
    warnings.dataset,
    warnings.customer_id,
    warnings.region,
    warnings.severity,
    warnings.warning,
    warnings.reason,
    warnings.reason_zh,
    warnings.suggested_action,
    warnings.suggested_action_zh,
    warnings.money_at_risk,
    warnings.previous_grade,
    warnings.grade,
    warnings.is_repeated,
    row_number() over (
        partition by warnings.dataset
        order by
            warnings.is_repeated,
            case warnings.severity when 'high' then 1 when 'medium' then 2 else 3 end,
            warnings.money_at_risk desc nulls last,
            warnings.customer_id,
            warnings.region,
            warnings.warning
    ) as place
from rfm__churn_warnings as warnings
inner join last_dates on warnings.dataset = last_dates.dataset and warnings.as_of_date = last_dates.as_of_date
qualify place <= {LISTED_WARNINGS}
order by warnings.dataset, place
"""
)

RULES = """
select *
from rfm__rulebooks
order by
    rulebook,
    case part when 'rulebook' then 1 when 'metric' then 2 when 'total' then 3 when 'grade' then 4 else 5 end,
    position
"""

SERVICE = """
select
    dataset,
    grade,
    count(*) as customers,
    min(contact_every_days) as contact_every_days,
    count(*) filter (where is_overdue) as overdue_customers,
    min(next_contact_date) as next_contact_date,
    min(services) as services
from rfm__service_plan
group by dataset, grade
order by dataset, grade
"""

CONTACTS = """
select dataset, strftime(next_contact_date, '%Y-%m') as month, grade, count(*) as customers
from rfm__service_plan
where next_contact_date is not null
group by dataset, month, grade
order by dataset, month, grade
"""

RESOURCES = """
with

shares as (
    select
        dataset,
        grade,
        unnest(map_entries(cast(cast(resources as json) as map(varchar, decimal(28, 6))))) as share
    from rfm__service_plan
    where resources is not null
)

select dataset, grade, share.key as resource, sum(share.value) as units
from shares
group by all
order by dataset, grade, resource
"""

# The lower ends of the ranges: every value where they are few, else those that part the customers most evenly.
LOWER_ENDS = """
select
    count(distinct {column}) as distinct_values,
    list_sort(
        list_distinct(
            case
                when count(distinct {column}) <= $ranges then list(distinct {column})
                else list_append(
                    quantile_disc({column}, list_transform(range(1, $ranges), lambda part: part / $ranges)),
                    min({column})
                )
            end
        )
    ) as lower_ends
from rfm__graded_customers
where dataset = $dataset and as_of_date = $as_of_date
"""

GRID = """
with

recency_ends as (select unnest(cast($recency as decimal(28, 6) [])) as lower_end),

frequency_ends as (select unnest(cast($frequency as decimal(28, 6) [])) as lower_end)

select
    recency_ends.lower_end as recency,
    frequency_ends.lower_end as frequency,
    customers.grade,
    min(customers.grade_order) as grade_order,
    count(*) as customers,
    sum(customers.monetary) as monetary,
    max(customers.recency_score) as highest_recency,
    max(customers.frequency_score) as highest_frequency
from rfm__graded_customers as customers
asof inner join recency_ends on customers.recency_score >= recency_ends.lower_end
asof inner join frequency_ends on customers.frequency_score >= frequency_ends.lower_end
where customers.dataset = $dataset and customers.as_of_date = $as_of_date
group by recency_ends.lower_end, frequency_ends.lower_end, customers.grade
order by recency, frequency, customers desc, grade_order, grade
"""

TOTALS = """
with

ends as (select unnest(cast($ends as decimal(28, 6) [])) as lower_end)

select ends.lower_end, max(customers.total_score) as highest, count(*) as customers, sum(customers.monetary) as monetary
from rfm__graded_customers as customers
asof inner join ends on customers.total_score >= ends.lower_end
where customers.dataset = $dataset and customers.as_of_date = $as_of_date
group by ends.lower_end
order by ends.lower_end
"""

CODES = """
select score_code, count(*) as customers, sum(monetary) as monetary
from rfm__graded_customers
where dataset = ? and as_of_date = ? and score_code is not null
group by score_code
order by customers desc, score_code
limit ?
"""


@dataclass(frozen=True)
class Grid:
    """Customers by their scores of recency and frequency.

    recency, frequency: lower ends of the ranges, ascending; is_ranged: whether some hold several scores
    rows: customers of each pair of ranges and grade
    """

    recency: list[Decimal]
    frequency: list[Decimal]
    is_ranged: bool
    rows: list[Row]


@dataclass(frozen=True)
class Dataset:
    """What the marts say of one dataset.

    dates: of every as-of date its customers, money, warned customers and rejected rows; the last one is reported
    tiers: of the last as-of date, best first; none where the rulebook has no grades. tier_history: of every date
    moves: customers by previous grade and grade, since previous_as_of_date
    grid: None where the rulebook scores no recency or frequency as a number
    totals, codes: how totals or codes are spread, where there are no grades
    warned: by severity; warned_kinds: by warning; listed: the warnings with most at stake
    rules: of the rulebook of the last date; none where it has left the vars
    rejected_elsewhere: of every other date, and of none, its rejected rows
    """

    name: str
    dates: list[Row]
    tiers: list[Row]
    tier_history: list[Row]
    regions: list[Row]
    moves: list[Row]
    grid: Grid | None
    totals: list[Row]
    codes: list[Row]
    cut_points: list[Row]
    warned: list[Row]
    warned_kinds: list[Row]
    listed: list[Row]
    rules: list[Row]
    audit: list[Row]
    followed_grades: list[Row]
    followed_warnings: list[Row]
    rejected: list[Row]
    rejected_elsewhere: list[Row]
    service: list[Row]
    contacts: list[Row]
    resources: list[Row]

    @property
    def last(self) -> Row:
        """The last as-of date."""
        return self.dates[-1]

    @property
    def before(self) -> Row | None:
        """The as-of date before it; None where there is only one."""
        return self.dates[-2] if len(self.dates) > 1 else None

    @property
    def as_of_date(self) -> date:
        """The day that is reported."""
        return self.last["as_of_date"]

    @property
    def compared_date(self) -> date | None:
        """The as-of date that the tiers are compared with; None where no date before has tiers."""
        is_compared = any(row["change"] is not None for row in self.tiers)
        return self.before["as_of_date"] if self.before and is_compared else None

    @property
    def rulebook(self) -> str:
        """The rulebook that graded the last as-of date."""
        return self.last["rulebook"]

    @property
    def has_money(self) -> bool:
        """Whether any customer has money."""
        return self.last["monetary"] is not None

    @property
    def grades(self) -> list[str]:
        """All grades ever given, best first; those that the last as-of date does not know come last."""
        now = [row["grade"] for row in self.tiers]
        return list(dict.fromkeys([*now, *(row["grade"] for row in self.tier_history)]))

    @property
    def undated_rows(self) -> int:
        """How many input rows were rejected, where none of them belongs to a graded as-of date; else 0."""
        if any(row["rejected_rows"] for row in self.dates):
            return 0
        return sum(row["rows"] for row in self.rejected if row["stage"] == "input")

    @property
    def warning_count(self) -> int:
        """How many warnings there are at the last as-of date."""
        return sum(row["new_warnings"] + row["repeated_warnings"] for row in self.warned_kinds)


# What is asked of all datasets at once, by the fields that it fills.
QUERIES = {
    "dates": DATES,
    "tiers": queries.TIERS,
    "tier_history": TIER_HISTORY,
    "regions": REGIONS,
    "moves": queries.MIGRATION,
    "cut_points": CUT_POINTS,
    "warned": queries.SEVERITIES,
    "warned_kinds": WARNED_KINDS,
    "listed": LISTED,
    "followed_grades": queries.FOLLOWED_GRADES,
    "followed_warnings": queries.FOLLOWED_WARNINGS,
    "rejected": queries.REJECTED,
    "rejected_elsewhere": REJECTED_ELSEWHERE,
    "service": SERVICE,
    "contacts": CONTACTS,
    "resources": RESOURCES,
}


def read(marts: Marts, wanted: Sequence[str] = ()) -> list[Dataset]:
    """Return what the marts say of the wanted datasets, of all where none is named.

    Raises Mistake where there is no such dataset, or none at all.
    """
    names = marts.datasets(wanted)
    if not names:
        raise Mistake(f"{marts.path} has no graded customers: the marts are empty, see rfm__rejected_records")
    rows: dict[str, dict[str, list[Row]]] = {field: defaultdict(list) for field in QUERIES}
    for field, query in QUERIES.items():
        for row in marts.rows(query):
            rows[field][row["dataset"]].append(row)
    rules, audit = marts.rows(RULES), marts.rows(queries.AUDIT)

    def dataset(name: str) -> Dataset:
        own = {field: of_dataset[name] for field, of_dataset in rows.items()}
        last = own["dates"][-1]
        has_grades = bool(own["tiers"])
        return Dataset(
            name=name,
            grid=_grid(marts, last),
            totals=[] if has_grades else _totals(marts, last),
            codes=[] if has_grades else marts.rows(CODES, [name, last["as_of_date"], SHOWN_CODES]),
            rules=[row for row in rules if row["rulebook"] == last["rulebook"]],
            audit=[
                row
                for row in audit
                if row["dataset"] == name or (row["dataset"] is None and row["rulebook"] == last["rulebook"])
            ],
            **own,
        )

    return [dataset(name) for name in names]


def _lower_ends(marts: Marts, last: Row, column: str) -> tuple[list[Decimal], bool]:
    day = {"dataset": last["dataset"], "as_of_date": last["as_of_date"], "ranges": RANGES}
    (row,) = marts.rows(LOWER_ENDS.format(column=column), day)
    return row["lower_ends"] or [], row["distinct_values"] > RANGES


def _grid(marts: Marts, last: Row) -> Grid | None:
    recency, has_recency_ranges = _lower_ends(marts, last, "recency_score")
    frequency, has_frequency_ranges = _lower_ends(marts, last, "frequency_score")
    if not recency or not frequency:
        return None
    day = {"dataset": last["dataset"], "as_of_date": last["as_of_date"]}
    rows = marts.rows(GRID, {**day, "recency": recency, "frequency": frequency})
    return Grid(recency, frequency, has_recency_ranges or has_frequency_ranges, rows)


def _totals(marts: Marts, last: Row) -> list[Row]:
    ends, _ = _lower_ends(marts, last, "total_score")
    return marts.rows(TOTALS, {"dataset": last["dataset"], "as_of_date": last["as_of_date"], "ends": ends})
