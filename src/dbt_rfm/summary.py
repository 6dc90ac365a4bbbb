"""What a person wants to see first after a build.

The tiers of every dataset's last as-of date and how they changed, who moved between them, who may be about to leave,
what was rejected, how far the grades and warnings were right, and what the audit finds serious.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dbt_rfm.marts import DATABASE, Marts, Row
from dbt_rfm.numbers import change, money, ratio, share
from dbt_rfm.queries import (
    AUDIT,
    FOLLOWED_GRADES,
    FOLLOWED_WARNINGS,
    GRADES,
    MIGRATION,
    REJECTED,
    SEVERITIES,
    TIERS,
    WARNINGS,
)


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
            audit=[row for row in marts.rows(AUDIT) if row["severity"] == "high" or row["finding"] == "late_orders"],
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
            lines = [f"{group_of(row)}{row['rulebook']}: {row['sentence']}" for row in self.audit]
            wrapped = [textwrap.fill(line, 110, subsequent_indent="  ") for line in lines]
            parts.append("\n".join(["What the audit finds serious", *wrapped]))
        parts.append(
            "Look next at rfm__graded_customers (everybody's grade), rfm__customer_scores (why, and what would lift\n"
            "it), rfm__grade_changes (who moved, and why), rfm__service_plan (whom to contact when),\n"
            "rfm__rejected_records (what was left out, and why) and rfm__rulebook_audit (what goes wrong with the\n"
            f"rules) in {self.path}."
        )
        commands = {
            f"rfm report{self._option()}": "this as a page with charts",
            f"rfm export{self._option()}": "the release: workbooks, and a manifest",
            f"rfm publish marts.duckdb{self._option()}": "a copy for readers, for whom no build has to wait",
        }
        width = max(map(len, commands))
        parts.append("\n".join(["Next", *(f"{command:{width}}  {told}" for command, told in commands.items())]))
        return "\n\n".join(part for part in parts if part)

    def _option(self) -> str:
        """Return what the commands have to be told of the file."""
        return "" if self.path == DATABASE else f" -d {shlex.quote(str(self.path))}"

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


def group_of(finding: Row) -> str:
    """Return the dataset that a finding is about, and its region where there are several groups, each with a comma."""
    return "".join(f"{part}, " for part in (finding["dataset"], finding["region"]) if part and part != "all")


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
