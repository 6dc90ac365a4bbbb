"""What a person wants to see first after a build.

The tiers of every dataset's last as-of date and how they changed, who moved between them, who may be about to leave,
what was rejected, how far the grades and warnings were right, and what the audit finds serious.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dbt_rfm.marts import Marts, Row

LAST_DATES = """
with

last_dates as (
    select dataset, max(as_of_date) as as_of_date
    from rfm__graded_customers
    group by dataset
),
"""

TIERS = (
    LAST_DATES
    + """
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
    + """
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

AUDIT = """
with

last_dates as (
    select dataset, max(as_of_date) as as_of_date
    from rfm__graded_customers
    group by dataset
)

select
    audit.dataset,
    audit.rulebook,
    audit.finding,
    audit.severity,
    audit.sentence
from rfm__rulebook_audit as audit
left join last_dates on audit.dataset = last_dates.dataset
where
    audit.finding = 'late_orders'
    or (audit.severity = 'high' and (audit.dataset is null or audit.as_of_date = last_dates.as_of_date))
order by audit.dataset nulls first, audit.rulebook, audit.finding, audit.subject, audit.region
"""


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
order by dataset, min(coalesce(previous_grade_order, 1000)), min(coalesce(grade_order, 1000))
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
        count(*) as periods,
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


def share(value: Decimal | float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.1f}%"


def ratio(value: Decimal | float) -> str:
    """Return a ratio."""
    return f"{value:.2f}"


def money(value: Decimal) -> str:
    """Return an amount."""
    return f"{value:,.2f}"


def change(value: int) -> str:
    """Return a change with its sign."""
    return f"{value:+d}" if value else "0"


@dataclass(frozen=True)
class Section:
    """A query whose rows are printed as a table.

    columns: {column: (its header, how a value is written; none for texts, which stand to the left)}
    """

    name: str
    title: str | None
    query: str
    columns: dict[str, tuple[str, Callable[[Any], str] | None]]


SECTIONS = [
    Section(
        "tiers",
        None,
        TIERS,
        {
            "dataset": ("dataset", None),
            "as_of_date": ("as_of_date", None),
            "rulebook": ("rulebook", None),
            "grade": ("grade", None),
            "customers": ("customers", str),
            "change": ("change", change),
            "customer_share": ("of customers", share),
            "monetary": ("monetary", money),
            "monetary_share": ("of monetary", share),
        },
    ),
    Section(
        "rejected",
        "Rows that were not used",
        REJECTED,
        {"dataset": ("dataset", None), "rows": ("rows", str), "reasons": ("reasons", None)},
    ),
    Section(
        "warnings",
        "Warnings on the last as-of date",
        SEVERITIES,
        {
            "dataset": ("dataset", None),
            "severity": ("severity", None),
            "new_warnings": ("new", str),
            "repeated_warnings": ("repeated", str),
            "customers": ("customers", str),
            "money_at_risk": ("money at risk", money),
        },
    ),
    Section(
        "largest_warnings",
        "Of each kind of warning, the new one with most money at risk",
        WARNINGS,
        {
            "dataset": ("dataset", None),
            "customer_id": ("customer_id", None),
            "grade": ("grade", None),
            "warning": ("warning", None),
            "reason": ("reason", None),
            "money_at_risk": ("money at risk", money),
        },
    ),
    Section(
        "followed_grades",
        "What the customers of each grade did until the next as-of date",
        FOLLOWED_GRADES,
        {
            "dataset": ("dataset", None),
            "grade": ("grade", None),
            "periods": ("periods", str),
            "return_share": ("came back", share),
            "monetary_share": ("of money", share),
            "monetary_lift": ("money lift", ratio),
            "gini": ("gini", ratio),
            "top_fifth_share": ("best fifth has", share),
        },
    ),
    Section(
        "followed_warnings",
        "Who was warned of, and did not order until the next as-of date",
        FOLLOWED_WARNINGS,
        {
            "dataset": ("dataset", None),
            "warning": ("warning", None),
            "customers": ("warned", str),
            "precision": ("precision", share),
            "recall": ("recall", share),
            "base_silent_share": ("base rate", share),
            "lift": ("lift", ratio),
            "expected_silent_share": ("of its grades", share),
            "lift_within_grades": ("lift in grades", ratio),
        },
    ),
]


@dataclass(frozen=True)
class Summary:
    """What the marts say of every dataset's last as-of date, or of all periods where it is about what followed.

    sections: the rows of each section
    moves: customers by previous grade and grade
    grades: of each dataset, best first
    """

    path: Path
    sections: dict[str, list[Row]]
    moves: list[Row]
    grades: dict[str, list[str]]
    audit: list[Row]

    @classmethod
    def of(cls, marts: Marts) -> Self:
        """Read the marts."""
        return cls(
            path=marts.path,
            sections={section.name: marts.rows(section.query) for section in SECTIONS},
            moves=marts.rows(MIGRATION),
            grades={name: [row["name"] for row in marts.rows(GRADES, [name])] for name in marts.datasets()},
            audit=marts.rows(AUDIT),
        )

    def as_json(self) -> Row:
        """Return the rows by section."""
        return {"database": self.path, **self.sections, "moves": self.moves, "audit": self.audit}

    def as_text(self) -> str:
        """Return tables and sentences, parted by blank lines."""
        shown = {**self.sections, "rejected": most_frequent(self.sections["rejected"])}
        tables = {section.name: table_of(section, shown[section.name]) for section in SECTIONS}
        parts = [
            tables["tiers"],
            *self._matrices(),
            tables["warnings"],
            tables["largest_warnings"],
            tables["followed_grades"],
            tables["followed_warnings"],
            tables["rejected"],
        ]
        if self.audit:
            lines = [
                f"{row['dataset'] + ', ' if row['dataset'] else ''}{row['rulebook']}: {row['sentence']}"
                for row in self.audit
            ]
            wrapped = [textwrap.fill(line, 110, subsequent_indent="  ") for line in lines]
            parts.append("\n".join(["What the audit finds serious", *wrapped]))
        parts.append(
            "Look next at rfm__graded_customers (everybody's grade), rfm__customer_scores (why, and what would lift\n"
            "it), rfm__grade_changes (who moved, and why), rfm__service_plan (whom to contact when),\n"
            "rfm__rejected_records (what was left out, and why) and rfm__rulebook_audit (what goes wrong with the\n"
            f"rules) in {self.path}."
        )
        return "\n\n".join(part for part in parts if part)

    def _matrices(self) -> list[str]:
        """Return one table for each dataset: rows are the grades before, columns the grades after."""
        matrices: dict[tuple[Any, ...], dict[tuple[str, str], str]] = {}
        for row in self.moves:
            key = (row["dataset"], row["previous_as_of_date"], row["as_of_date"])
            matrices.setdefault(key, {})[row["previous_grade"], row["grade"]] = str(row["customers"])
        parts = []
        for (dataset, before, after), cells in matrices.items():
            order = self.grades.get(dataset, [])
            named = [grade for grade in dict.fromkeys(key for pair in cells for key in pair) if grade not in OUTSIDE]
            grades = sorted(named, key=lambda grade: order.index(grade) if grade in order else len(order))
            rows = [*grades, *[name for name in OUTSIDE if any(pair[0] == name for pair in cells)]]
            columns = [*grades, *[name for name in OUTSIDE if any(pair[1] == name for pair in cells)]]
            lines = [[row, *(cells.get((row, column), "") for column in columns)] for row in rows]
            title = f"{dataset}, how grades moved from {before} (down) to {after} (across)"
            parts.append(f"{title}\n{laid_out([('', False), *((column, True) for column in columns)], lines)}")
        return parts


def table_of(section: Section, rows: list[Row]) -> str:
    """Return a section's rows as text, nothing where there are none."""
    if not rows:
        return ""
    lines = [
        ["" if row[name] is None else (write or str)(row[name]) for name, (_, write) in section.columns.items()]
        for row in rows
    ]
    headers = [(header, write is not None) for header, write in section.columns.values()]
    return "\n".join([*([section.title] if section.title else []), laid_out(headers, lines)])


def most_frequent(rejected: list[Row], limit: int = 5) -> list[Row]:
    """Return every dataset's most frequent reasons, and how many rows have others."""
    shown: list[Row] = []
    for dataset in dict.fromkeys(row["dataset"] for row in rejected):
        rows = [row for row in rejected if row["dataset"] == dataset]
        shown += rows[:limit]
        if others := rows[limit:]:
            reasons = f"{len(others)} other reasons" if len(others) > 1 else others[0]["reasons"]
            shown.append({"dataset": dataset, "rows": sum(row["rows"] for row in others), "reasons": reasons})
    return shown


# What rfm__tier_migration writes for the grade of a customer who was not there before, or is no more.
OUTSIDE = ["(new)", "(left)"]


def laid_out(headers: list[tuple[str, bool]], lines: list[list[str]]) -> str:
    """Return lines under their headers as plain text, each with whether it stands to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header, is_right in headers:
        table.add_column(Text(header), justify="right" if is_right else "left", no_wrap=True)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    page = StringIO()
    Console(file=page, width=10_000, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip("\n").splitlines())
