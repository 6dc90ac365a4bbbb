"""Print the tiers of every dataset's last as-of date from a DuckDB file that the project built.

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
where audit.severity = 'high' and (audit.dataset is null or audit.as_of_date = last_dates.as_of_date)
order by audit.dataset nulls first, audit.rulebook, audit.finding, audit.subject, audit.region
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


def summary(path: Path) -> str:
    """Return what a person wants to see first: tiers, rejected rows, the audit, and where to look next."""
    with duckdb.connect(str(path), read_only=True) as connection:
        parts = []
        for query, left in [(TIERS, 4), (REJECTED, 1)]:
            cursor = connection.execute(query)
            rows = cursor.fetchall()
            parts.append(table([column[0] for column in cursor.description], rows, left))
        sentences = [row[0] for row in connection.execute(AUDIT).fetchall()]
    if sentences:
        wrapped = [textwrap.fill(sentence, 110, subsequent_indent="  ") for sentence in sentences]
        parts.append("\n".join(["What the audit finds serious", *wrapped]))
    parts.append(
        "Look next at rfm__graded_customers (everybody's grade), rfm__customer_scores (why, and what would lift it),\n"
        "rfm__rejected_records (what was left out, and why) and rfm__rulebook_audit (what goes wrong with the rules)\n"
        f"in {path}."
    )
    return "\n\n".join(parts)


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
