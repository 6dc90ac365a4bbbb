"""Published answers: the worked cases, made twice independently of this project, graded to the last customer."""

from __future__ import annotations

import csv
import datetime
import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from conftest import CASES, GALLERY, QUINTILE, Project, Row

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


def test_the_history_of_cdnow_from_its_orders(demo: Project) -> None:
    """Sixteen month ends from 6,919 orders: every measure, score, total and grade of the published history."""
    expected = [
        (
            datetime.date.fromisoformat(row["as_of"]),
            row["customer_id"],
            int(row["recency_days"]),
            int(row["frequency"]),
            *(Decimal(row[column]) for column in ["monetary", "r_score", "f_score", "m_score", "rfm_score"]),
            row["grade"],
        )
        for row in read(CASES / "cdnow_sample_grade_history.csv.gz")
    ]
    found = demo.query(
        "select as_of_date, customer_id, recency_days, frequency, monetary, recency_score, frequency_score, "
        "monetary_score, total_score, grade from rfm__graded_customers where dataset = 'cdnow'"
    )
    assert len(expected) == 37_712
    assert sorted(tuple(row.values()) for row in found) == sorted(expected)
    last = [
        (row["customer_id"], int(row["recency_days"]), int(row["frequency"]), Decimal(row["monetary"]), row["grade"])
        for row in read(CASES / "cdnow_sample_grades_1998-06-30.csv")
    ]
    assert sorted(
        (row[1], row[2], row[3], row[4], row[9]) for row in expected if row[0].year == 1998 and row[0].month == 6
    ) == sorted(last)


def test_the_transitions_of_cdnow(demo: Project) -> None:
    """Every cell of the published transitions, and every customer who fell."""
    expected = {
        (row["as_of"], row["prev_grade"], row["grade"]): int(row["customers"])
        for row in read(CASES / "cdnow_sample_grade_transitions.csv")
    }
    found = demo.query("select * from rfm__tier_migration where dataset = 'cdnow'")
    assert {
        (str(row["as_of_date"]), row["previous_grade"], row["grade"]): row["customers"] for row in found
    } == expected

    falls = {
        (row["as_of"], row["customer_id"]): (row["prev_as_of"], row["prev_grade"], row["grade"], int(row["drop"]))
        for row in read(CASES / "cdnow_sample_falling_customers.csv")
    }
    fell = demo.query("select * from rfm__grade_changes where dataset = 'cdnow' and direction = 'down'")
    assert {
        (str(row["as_of_date"]), row["customer_id"]): (
            str(row["previous_as_of_date"]),
            row["previous_grade"],
            row["grade"],
            row["grade_order"] - row["previous_grade_order"],
        )
        for row in fell
    } == falls
    # Two thirds of the falls are of customers whose own recency did not get a worse score.
    no_worse = [row for row in fell if row["recency_score"] >= row["previous_recency_score"]]
    assert (len(fell), len(no_worse)) == (1285, 809)
    assert {row["cause"] for row in no_worse} == {"rank_only"}


def test_orders_of_the_r_package_rfm(make_project: Callable[..., Project]) -> None:
    """995 customers from their 4,906 orders: fifths and weights, and the eight types by the mean."""
    orders: Row = {
        "orders": "input.r_rfm_orders",
        "columns": {
            "customer_id": "customer_id",
            "order_id": "order_id",
            "ordered_at": "order_date",
            "amount": "revenue",
        },
        "as_of": "2006-12-31",
    }
    eight_types = GALLERY["eight_types"]["vars"]["rfm__rulebooks"]["eight_types"]
    project = make_project(
        {"quintile": QUINTILE, "eight_types": eight_types},
        {"fifths": {**orders, "rulebook": "quintile"}, "types": {**orders, "rulebook": "eight_types"}},
        tables=["r_rfm_orders"],
    )
    project.load("r_rfm_orders", read(CASES / "r_rfm_orders.csv"))
    project.build()
    found = project.query("select * from rfm__graded_customers")
    assert {row["customer_id"]: (row["score_code"], row["grade"]) for row in found if row["dataset"] == "types"} == {
        row["customer_id"]: (row["code"], row["map_b"]) for row in read(CASES / "r_rfm_eight_types_2006-12-31.csv")
    }
    expected = read(CASES / "r_rfm_grades_2006-12-31.csv")
    measures = ["recency_days", "frequency", "monetary", "recency_score", "frequency_score", "monetary_score"]
    assert {
        row["customer_id"]: (*(row[column] for column in measures), row["total_score"], row["grade"])
        for row in found
        if row["dataset"] == "fifths"
    } == {
        row["customer_id"]: (
            *(
                Decimal(row[column])
                for column in ["recency_days", "frequency", "monetary", "r_score", "f_score", "m_score", "rfm_score"]
            ),
            row["grade"],
        )
        for row in expected
    }
