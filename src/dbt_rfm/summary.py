"""Print what a person wants to see first of a DuckDB file that the project built.

The tiers of every dataset's last as-of date, who moved between them, who may be about to leave, and how far the grades
and warnings were right:

``python -m dbt_rfm.summary rfm.duckdb``
"""

from __future__ import annotations

import sys
import textwrap
import unicodedata
from pathlib import Path

import duckdb

TIERS = """
with

last_dates as (
    select dataset, max(as_of_date) as as_of_date
    from rfm__graded_customers
    group by dataset
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
    dataset,
    cast(as_of_date as varchar) as as_of_date,
    rulebook,
    grade,
    cast(customers as varchar) as customers,
    coalesce(format('{:.1f}%', 100 * customers / nullif(sum(customers) over tier, 0)), '') as "of customers",
    coalesce(format('{:,.2f}', monetary), '') as monetary,
    coalesce(format('{:.1f}%', 100 * monetary / nullif(sum(monetary) over tier, 0)), '') as "of monetary"
from tiers
window tier as (partition by dataset, as_of_date, rulebook)
order by dataset, as_of_date, rulebook, grade_order
"""

REJECTED = """
select
    dataset,
    cast(count(*) as varchar) as rejected
from rfm__rejected_records
group by dataset
order by dataset
"""

AUDIT = """
with

last_dates as (
    select dataset, max(as_of_date) as as_of_date
    from rfm__graded_customers
    group by dataset
)

select coalesce(audit.dataset || ', ', '') || audit.rulebook || ': ' || audit.sentence
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
    cast(previous_as_of_date as varchar) as previous_as_of_date,
    cast(as_of_date as varchar) as as_of_date,
    previous_grade,
    grade,
    cast(sum(customers) as varchar) as customers
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
    coalesce(format('{:,.2f}', money_at_risk), '') as "money at risk"
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
    cast(totals.periods as varchar) as periods,
    coalesce(format('{:.1f}%', 100 * totals.returning_customers / nullif(totals.customers, 0)), '') as "came back",
    coalesce(format('{:.1f}%', 100 * totals.monetary / nullif(everybody.monetary, 0)), '') as "of money",
    coalesce(format('{:.2f}', totals.monetary_per_customer / nullif(everybody.monetary_per_customer, 0)), '')
        as "money lift",
    coalesce(format('{:.2f}', totals.gini), '') as gini,
    coalesce(format('{:.1f}%', 100 * totals.top_fifth_share), '') as "best fifth has"
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
    cast(customers as varchar) as warned,
    format('{:.1f}%', 100 * precision) as "precision",
    format('{:.1f}%', 100 * silent_customers / nullif(all_silent_customers, 0)) as recall,
    format('{:.1f}%', 100 * base) as "base rate",
    format('{:.2f}', precision / nullif(base, 0)) as lift,
    format('{:.1f}%', 100 * expected) as "of its grades",
    format('{:.2f}', precision / nullif(expected, 0)) as "lift in grades"
from totals
order by dataset, warning
"""


def width(text: str) -> int:
    """Return how many columns a text takes in a terminal; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def table(names: list[str], rows: list[tuple[str, ...]], left: int) -> str:
    """Lay out rows under their names, the first ``left`` columns to the left and the others to the right."""
    lines = [tuple(names), *rows]
    widths = [max(width(line[column]) for line in lines) for column in range(len(names))]

    def cell(text: str, column: int) -> str:
        padding = " " * (widths[column] - width(text))
        return text + padding if column < left else padding + text

    return "\n".join("  ".join(cell(text, column) for column, text in enumerate(line)).rstrip() for line in lines)


def printed(connection: duckdb.DuckDBPyConnection, query: str, left: int) -> str:
    """Return a query's rows laid out under their names, nothing where there are none."""
    cursor = connection.execute(query)
    rows = cursor.fetchall()
    return table([column[0] for column in cursor.description], rows, left) if rows else ""


def migrations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return one matrix for each dataset: rows are the grades before, columns the grades after."""
    matrices: dict[tuple[str, str, str], dict[tuple[str, str], str]] = {}
    for dataset, before, after, previous_grade, grade, customers in connection.execute(MIGRATION).fetchall():
        matrices.setdefault((dataset, before, after), {})[previous_grade, grade] = customers
    parts = []
    for (dataset, before, after), cells in matrices.items():
        grades = [grade for grade in dict.fromkeys(key for pair in cells for key in pair) if grade[0] != "("]
        order = [row[0] for row in connection.execute(GRADES, [dataset]).fetchall()]
        grades = sorted(grades, key=lambda grade: order.index(grade) if grade in order else len(order))
        rows = [*grades, *(["(new)"] if any(pair[0] == "(new)" for pair in cells) else [])]
        columns = [*grades, *(["(left)"] if any(pair[1] == "(left)" for pair in cells) else [])]
        lines = [(row, *(cells.get((row, column), "") for column in columns)) for row in rows]
        title = f"{dataset}, how grades moved from {before} (down) to {after} (across)"
        parts.append(f"{title}\n{table(['', *columns], lines, 1)}")
    return parts


def summary(path: Path) -> str:
    """Return the tables and sentences, parted by blank lines."""
    with duckdb.connect(str(path), read_only=True) as connection:
        parts = [printed(connection, TIERS, 4), printed(connection, REJECTED, 1), *migrations(connection)]
        for title, query, left in [
            ("Of each kind of warning, the new one with most money at risk", WARNINGS, 5),
            ("What the customers of each grade did until the next as-of date", FOLLOWED_GRADES, 2),
            ("Who was warned of, and did not order until the next as-of date", FOLLOWED_WARNINGS, 2),
        ]:
            text = printed(connection, query, left)
            parts += [f"{title}\n{text}"] if text else []
        sentences = [row[0] for row in connection.execute(AUDIT).fetchall()]
    if sentences:
        wrapped = [textwrap.fill(sentence, 110, subsequent_indent="  ") for sentence in sentences]
        parts.append("\n".join(["What the audit finds serious", *wrapped]))
    parts.append(
        "Look next at rfm__graded_customers (everybody's grade), rfm__customer_scores (why, and what would lift it),\n"
        "rfm__grade_changes (who moved, and why), rfm__service_plan (whom to contact when), rfm__rejected_records\n"
        f"(what was left out, and why) and rfm__rulebook_audit (what goes wrong with the rules) in {path}."
    )
    return "\n\n".join(part for part in parts if part)


def main() -> int:
    """Print the summary of the file that the command line names."""
    if len(sys.argv) != 2:
        print("usage: python -m dbt_rfm.summary FILE.duckdb", file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    if not path.is_file():
        print(f"rfm: there is no file {path}, expected the DuckDB file of a build (make build)", file=sys.stderr)
        return 1
    try:
        print(summary(path))
    except duckdb.Error as error:
        print(f"rfm: {path} cannot be read: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
