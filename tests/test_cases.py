"""Published answers: the worked cases, made twice independently of this project, graded to the last customer."""

from __future__ import annotations

import csv
import datetime
import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from conftest import CASES, QUINTILE, Project, Row

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="the folder with the worked cases is not beside this checkout"
)

COLUMNS = {
    "customer_id": "customer_id",
    "recency_days": "recency_days",
    "frequency": "frequency",
    "monetary": "monetary",
}


def read(path: Path) -> list[Row]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_grade_of_the_worked_cases(make_project: Callable[..., Project]) -> None:
    cases = {
        "cdnow": (read(CASES / "cdnow_sample_grades_1998-06-30.csv"), "1998-06-30"),
        "r_rfm": (read(CASES / "r_rfm_grades_2006-12-31.csv"), "2006-12-31"),
    }
    history = read(CASES / "cdnow_sample_grade_history.csv.gz")
    datasets: Row = {
        name: {"rulebook": "quintile", "records": f"input.{name}", "columns": COLUMNS, "as_of_date": as_of_date}
        for name, (_, as_of_date) in cases.items()
    }
    datasets["history"] = {
        "rulebook": "quintile",
        "records": "input.history",
        "columns": {**COLUMNS, "as_of_date": "as_of"},
    }
    project = make_project({"quintile": QUINTILE}, datasets, tables=[*cases, "history"])
    for name, (rows, _) in cases.items():
        project.load(name, rows)
    project.load("history", history)
    project.build()

    expected = [
        answer(name, row, datetime.date.fromisoformat(as_of_date))
        for name, (rows, as_of_date) in cases.items()
        for row in rows
    ] + [answer("history", row, datetime.date.fromisoformat(row["as_of"])) for row in history]
    found = project.query(
        "select dataset, as_of_date, customer_id, recency_score, frequency_score, monetary_score, total_score, grade "
        "from rfm__graded_customers"
    )
    assert len(expected) == 2357 + 995 + len(history)
    assert sorted(tuple(row.values()) for row in found) == sorted(expected)


def answer(dataset: str, row: Row, as_of_date: datetime.date) -> tuple[object, ...]:
    scores = [Decimal(row[column]) for column in ["r_score", "f_score", "m_score", "rfm_score"]]
    return (dataset, as_of_date, row["customer_id"], *scores, row["grade"])
