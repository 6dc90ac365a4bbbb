"""Orders, history, warnings, plan and backtest: worked by hand for every rule, and equal to the oracle at random.

The worked answers hold for the oracle as well as for the marts, so neither can be wrong together with its test.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import history_oracle
from conftest import CompiledModels, Project, Row, load_table, write_project

# --- The worked cases: rulebooks, inputs, datasets --------------------------------------------------------------------

LADDER: list[Row] = [{"grade": "A", "min": 300}, {"grade": "B", "min": 200}, {"grade": "C", "min": 100}, {"grade": "D"}]
MONEY: Row = {"metrics": {"monetary": {"value": "monetary"}}, "total": {"monetary": 1}}
WORKED_RULEBOOKS: Row = {
    # What was measured, as it is.
    "probe": {
        "metrics": {
            "recency": {"value": "recency_days", "better": "low"},
            "frequency": {"value": "frequency"},
            "monetary": {"value": "monetary"},
            "known": {"value": "days_between(first_order_date, as_of_date)"},
            "days": {"value": "purchase_days"},
            "refunds": {"value": "refund_count"},
            "average": {"value": "average_order_value"},
        },
        "total": {"expression": "monetary_score"},
        "grades": [{"grade": "A"}],
    },
    "levels": {
        "metrics": {"level": {"value": "coalesce(level, -1)"}},
        "total": {"level": 1},
        "grades": [{"grade": "A"}],
    },
    "ladder": {**MONEY, "grades": LADDER},
    "small_ladder": {
        **MONEY,
        "grades": [{"grade": "A", "min": 100}, {"grade": "B", "min": 50}, {"grade": "C", "min": 10}, {"grade": "D"}],
    },
    "halves": {
        "metrics": {"monetary": {"value": "monetary", "score": {"tiles": 2}}},
        "total": {"monetary": 1},
        "grades": [{"grade": "A", "min": 2}, {"grade": "B"}],
    },
    "two_halves": {
        "metrics": {
            "recency": {"value": "recency_days", "better": "low", "score": {"tiles": 2}},
            "frequency": {"value": "frequency", "score": {"tiles": 2}},
        },
        "total": {"recency": 1, "frequency": 1},
        "grades": [{"grade": "A", "min": 4}, {"grade": "B", "min": 3}, {"grade": "C"}],
    },
    "letters": {
        "metrics": {
            "recency": {
                "value": "recency_days",
                "better": "low",
                "score": {"steps": [{"max": 3, "score": "a"}, {"max": 9, "score": "b"}, {"score": "c"}]},
            },
        },
        "total": {"code": ["recency"]},
        "grades": [{"grade": "high", "codes": ["a", "b"]}, {"grade": "low"}],
    },
    "served": {
        **MONEY,
        "grades": LADDER,
        "actions": {
            "A": {"contact_every_days": 30, "services": ["expert", "home visit"]},
            "B": {"contact_every_days": 10},
            "C": {"services": ["letter"]},
        },
    },
    "shared": {
        **MONEY,
        "grades": LADDER,
        "actions": {
            "A": {"services": ["expert"], "resources": {"slots": 3, "visits": 1}},
            "B": {"services": ["letter"], "resources": {"visits": 1, "slots": 2}},
            "C": {"services": ["letter"], "resources": {"slots": 1}},
            "D": {"services": ["letter"]},
        },
    },
}


def table(header: str, text: str) -> list[Row]:
    """Rows of text; - is null."""
    rows = [dict(zip(header.split(), line.split(), strict=True)) for line in text.strip().splitlines()]
    return [{name: None if value == "-" else value for name, value in row.items()} for row in rows]


ORDER_LINES = "customer_id order_id ordered_at amount"
RECORDS = "as_of_date customer_id recency_days frequency monetary"
FAULTLESS = {"customer_id": "a", "order_id": "o1", "ordered_at": "2024-01-01", "amount": "10", "level": "1"}
WORKED_INPUTS: dict[str, list[Row]] = {
    # Each amount is a power of 2, so that a sum tells which rows are in it.
    "powers": table(
        ORDER_LINES,
        """
        a o1 2024-01-28 1
        a o2 2024-01-29 2
        a o3 2024-01-31 4
        a o4 2024-02-01 8
        a o5 2024-02-29 16
        a o6 2024-03-01 32
        a o7 2024-03-02 64
        a o8 2024-03-31 128
        """,
    ),
    "refunds": table(
        ORDER_LINES,
        """
        a o1 2024-01-10 100
        a o1 2024-01-10 20
        a o1 2024-01-12 5
        a o2 2024-01-20 0
        a r1 2024-02-01 -30
        a o1 2024-02-02 -10
        b r2 2024-01-05 -1
        c r3 2024-01-01 -5
        c o3 2024-02-29 10
        """,
    ),
    "last_rows": table(
        f"{ORDER_LINES} region level",
        """
        latest     2 2024-01-01 10 north 1
        latest     1 2024-01-02  5 south 2
        refunded   1 2024-01-01 10 north 1
        refunded   2 2024-01-02 -5 south 2
        text       9 2024-01-02  5 south 2
        text      10 2024-01-02 10 north 1
        code       B 2024-01-02 10 north 1
        code       a 2024-01-02  5 south 2
        line       1 2024-01-02  5 north 1
        line       1 2024-01-02  9 south 2
        place      1 2024-01-02  5 north 2
        place      1 2024-01-02  5 south 1
        level      1 2024-01-02  5 south 9
        level      1 2024-01-02  5 south 10
        blanks     1 2024-01-02  5 a     -
        blanks     1 2024-01-02  5 -     2
        blanks     1 2024-01-02  5 -     -
        blank      1 2024-01-02  5 -     -
        """,
    ),
    "active": table(
        ORDER_LINES,
        """
        active   o1 2024-01-22  5
        inactive o2 2024-01-21  5
        refunded o3 2024-01-21  5
        refunded o3 2024-01-31 -5
        """,
    ),
    "once": table(ORDER_LINES, "a o1 2023-01-01 5"),
    "faulty": [
        {**FAULTLESS, **changed, "note": note}
        for note, changed in [
            ("used", {}),
            ("used", {}),
            ("another note", {}),
            ("blanks around ids", {"customer_id": " a\u3000", "order_id": "\to1 "}),
            ("time of day", {"customer_id": "b", "ordered_at": "2024-01-31 23:59:59"}),
            ("no customer", {"customer_id": None}),
            ("blank customer", {"customer_id": " \u3000"}),
            ("no order id", {"order_id": ""}),
            ("no date", {"ordered_at": None}),
            ("unreadable date", {"ordered_at": "2024-02-30"}),
            ("no amount", {"customer_id": "c", "amount": " "}),
            ("unreadable amount", {"amount": "free"}),
            ("everything", {"customer_id": "", "order_id": "", "ordered_at": "soon", "amount": "x"}),
            ("unreadable level", {"customer_id": "d", "level": "high"}),
        ]
    ],
    "halves": table(
        RECORDS,
        """
        2024-01-31 a 1 1 40
        2024-01-31 b 1 1 30
        2024-01-31 c 1 1 20
        2024-01-31 d 1 1 10
        2024-02-29 a 1 1 40
        2024-02-29 b 1 1 30
        2024-02-29 c 1 1 50
        2024-02-29 e 1 1 5
        2024-03-31 a 1 1 40
        2024-03-31 b 1 1 10
        2024-03-31 c 1 1 20
        2024-03-31 d 1 1 60
        """,
    ),
    "two_halves": table(
        RECORDS,
        """
        2024-01-31 x 1 5 1
        2024-01-31 y 9 1 1
        2024-02-29 x 5 6 1
        2024-02-29 y 2 9 1
        2024-03-31 x 5 6 1
        2024-03-31 y 6 5 1
        """,
    ),
    "regions": table(
        f"{RECORDS} region project_complexity",
        """
        2024-01-31 a 1 1 40 north 8
        2024-01-31 b 1 1 20 north 1
        2024-01-31 c 1 1 30 south 1
        2024-02-29 a 1 1 10 south 4
        2024-02-29 b 1 1 20 north 1
        2024-02-29 c 1 1 30 south 1
        2024-03-31 a 1 1 50 north 2
        2024-03-31 b 1 1 20 north 1
        2024-03-31 c 1 1 30 south 1
        """,
    ),
    "letters": table(
        RECORDS,
        """
        2024-01-31 a 1 1 1
        2024-02-29 a 5 1 1
        2024-03-31 a 10 1 1
        """,
    ),
    "fell": table(
        f"{RECORDS} project_complexity disputes",
        """
        2024-01-31 p 1 10 400 4 0
        2024-01-31 q 1 10 400 4 0
        2024-01-31 r 1 10 150 4 3
        2024-01-31 s 1 10 200 4 2
        2024-01-31 u 1  4 400 4 0
        2024-01-31 v 1  4 400 4 0
        2024-01-31 w 1  0 400 0 0
        2024-01-31 y 1  9 100 4 0
        2024-02-29 p 1  5 400 2 0
        2024-02-29 q 1  6 400 2.000001 0
        2024-02-29 r 1  5 150 2 3
        2024-02-29 s 1  5 199 4 2
        2024-02-29 u 1  6 300 4 3
        2024-02-29 v 1  6 306 4 0
        2024-02-29 w 1  0 400 0 0
        2024-02-29 x 1  1  50 - 4
        2024-02-29 y 1  4 300 - 0
        """,
    ),
    "silence": table(
        ORDER_LINES,
        """
        a o1 2024-01-01 5
        a o2 2024-01-11 5
        a o3 2024-01-21 5
        a o4 2024-01-21 5
        b o5 2024-01-01 5
        b o6 2024-01-03 5
        b o7 2024-01-03 5
        c o8 2024-01-25 5
        c o9 2024-01-26 5
        c oa 2024-01-29 5
        c ob 2024-02-04 5
        """,
    ),
    "contacts": table(
        f"{RECORDS} last_contact_date",
        """
        2023-12-31 z  1 1 999 -
        2024-01-31 a1 1 1 500 -
        2024-01-31 a2 1 1 400 -
        2024-01-31 a3 1 1 300 -
        2024-01-31 a4 1 1 350 2024-01-01
        2024-01-31 a5 1 1 360 2024-01-02
        2024-01-31 b1 1 1 200 -
        2024-01-31 b2 1 1 220 -
        2024-01-31 b3 1 1 240 -
        2024-01-31 c1 1 1 100 -
        2024-01-31 d1 1 1  50 -
        """,
    ),
    "resources": table(
        RECORDS,
        """
        2024-01-31 a1 1 1 500
        2024-01-31 a2 1 1 400
        2024-01-31 a3 1 1 300
        2024-01-31 b1 1 1 220
        2024-01-31 b2 1 1 240
        2024-01-31 c1 1 1 110
        2024-01-31 c2 1 1 100
        2024-01-31 d1 1 1  50
        """,
    ),
    "future": table(
        ORDER_LINES,
        """
        c1 o1 2024-01-05 200
        c2 o2 2024-01-05 150
        c3 o3 2024-01-05  50
        c3 p3 2024-01-06  30
        c4 o4 2024-01-05  40
        c4 p4 2024-01-31  20
        c5 o5 2024-01-05  20
        c6 o6 2024-01-05  10
        c1 n1 2024-02-01  60
        c2 n2 2024-02-10  10
        c2 n2 2024-02-11  20
        c2 o2 2024-02-15   0
        c3 n3 2024-02-05  10
        c3 r3 2024-02-06 -10
        c5 n5 2024-02-29  10
        c6 n6 2024-03-01  99
        c7 o7 2024-02-02  50
        """,
    ),
    "future_records": table(
        RECORDS,
        """
        2024-01-31 k1  0 1 400
        2024-01-31 k2  0 1 300
        2024-01-31 k3  0 1 200
        2024-01-31 k4  0 1 100
        2024-02-29 k1 28 2 60
        2024-02-29 k2 29 1 50
        2024-02-29 k4  0 1 10
        2024-02-29 k5  0 1 10
        """,
    ),
}


def orders(table_name: str, as_of: Any, rulebook: str = "probe", **rest: Any) -> Row:
    columns = {"customer_id": "customer_id", "order_id": "order_id", "ordered_at": "ordered_at", "amount": "amount"}
    columns |= rest.pop("columns", {})
    return {"rulebook": rulebook, "orders": f"input.{table_name}", "columns": columns, "as_of": as_of, **rest}


def records(table_name: str, rulebook: str, **rest: Any) -> Row:
    columns = {name: name for name in RECORDS.split()} | rest.pop("columns", {})
    return {"rulebook": rulebook, "records": f"input.{table_name}", "columns": columns, **rest}


END_OF_MONTHS = ["2024-01-31", "2024-02-29"]
FALLEN: Row = {"project_complexity": "project_complexity", "disputes": {"column": "disputes", "type": "integer"}}
LINES_ONLY = {name: name for name in ["customer_id", "ordered_at", "amount"]}
WORKED_DATASETS: Row = {
    "days_window": orders("powers", "2024-03-31", window={"days": 30}),
    "months_window": orders(
        "powers",
        [datetime.date(2024, 2, 28), "2024-02-29", "2024-03-30", "2024-03-31", "2024-04-30"],
        window={"months": 1},
    ),
    "since_window": orders("powers", ["2024-02-01", "2024-02-29"], window={"since": datetime.date(2024, 2, 1)}),
    "all_history": orders("powers", END_OF_MONTHS),
    "refunds_net": orders("refunds", END_OF_MONTHS),
    "refunds_drop": orders("refunds", END_OF_MONTHS, refunds="drop", frequency="days"),
    "refunds_counted": orders("refunds", END_OF_MONTHS, refunds="net", frequency="net_orders"),
    "without_order_id": {**orders("refunds", END_OF_MONTHS), "columns": LINES_ONLY},
    "last_rows": orders(
        "last_rows", "2024-01-31", "levels", columns={"region": "region", "level": {"column": "level"}}
    ),
    "last_rows_before": orders("last_rows", "2024-01-01", "levels", columns={"region": "region", "level": "level"}),
    "active": orders("active", "2024-01-31", window={"days": 10}, inactive="drop"),
    "inactive": orders("active", "2024-01-31", window={"days": 10}, inactive="keep"),
    "each_month": orders("once", {"from": "2024-01-31", "to": "2024-04-30", "every": "month"}),
    "each_month_of_30": orders("once", {"from": datetime.date(2024, 1, 30), "to": "2024-04-29", "every": "month"}),
    "each_week": orders("once", {"from": "2024-02-20", "to": "2024-03-05", "every": "week"}),
    "each_quarter": orders("once", {"from": "2023-11-30", "to": "2024-06-30", "every": "quarter"}),
    "faulty": orders("faulty", "2024-01-31"),
    "faulty_zero": orders("faulty", "2024-01-31", missing="zero"),
    "faulty_level": orders("faulty", "2024-01-31", columns={"level": "level"}),
    "halves": records("halves", "halves"),
    "two_halves": records("two_halves", "two_halves"),
    "regions": records(
        "regions",
        "halves",
        columns={"region": "region", "project_complexity": "project_complexity"},
        within="region",
    ),
    "letters": records("letters", "letters"),
    "fell": records("fell", "ladder", columns=FALLEN),
    "fell_otherwise": records(
        "fell",
        "ladder",
        columns=FALLEN,
        warnings={
            "frequency_fell": {"by": 0.6},
            "complexity_fell": False,
            "grade_fell": False,
            "disputes": {"at_least": 4},
            "poorer": {
                "kind": "fell",
                "value": "monetary",
                "by": 0.25,
                "best_grades": 1,
                "severity": "low",
                "action": "Call.",
            },
        },
    ),
    "silence": orders("silence", ["2024-02-10", "2024-02-11", "2024-02-12"], window={"days": 7}),
    "contacts": records(
        "contacts", "served", columns={"last_contact_date": {"column": "last_contact_date", "type": "date"}}
    ),
    "resources": records("resources", "shared", resources={"slots": 10, "visits": 1}),
    "future": orders(
        "future",
        END_OF_MONTHS,
        "small_ladder",
        warnings={
            "silent": False,
            "grade_fell": False,
            "frequency_fell": False,
            "busy": {"kind": "reaches", "value": "frequency", "at_least": 2, "worst_grades": 3, "severity": "low"},
            "busier": {"kind": "reaches", "value": "frequency", "at_least": 3, "worst_grades": 3, "severity": "low"},
        },
    ),
    "future_records": records("future_records", "ladder"),
}


# --- The worked cases: the answers of the oracle and of the marts -----------------------------------------------------


def in_words(value: Any) -> str:
    """A value as the answers below write it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def lines(rows: list[Row], columns: str) -> list[str]:
    return sorted(" ".join(in_words(row[column]) for column in columns.split()) for row in rows)


def answer(text: str) -> list[str]:
    return sorted(" ".join(line.split()) for line in text.strip().splitlines())


@cache
def oracle_marts(dataset: str) -> dict[str, Any]:
    written = WORKED_DATASETS[dataset]
    rows = WORKED_INPUTS[(written.get("orders") or written["records"]).removeprefix("input.")]
    return history_oracle.marts(dataset, written, WORKED_RULEBOOKS, rows)


class OracleAnswers:
    """What the oracle says about the worked cases."""

    def rows(self, mart: str, dataset: str) -> list[Row]:
        return oracle_marts(dataset)[mart]

    def values(self, dataset: str) -> list[Row]:
        """The graded customers with the values of their metrics."""
        metrics = WORKED_RULEBOOKS[WORKED_DATASETS[dataset]["rulebook"]]["metrics"]
        return [
            {**customer, **{name: customer[f"{name}_value"] for name in metrics}}
            for customer in self.rows("graded", dataset)
        ]

    def rejected(self, dataset: str) -> list[Row]:
        """The rejected rows, each with the number of reasons."""
        return [{**row["row"], "reasons": len(row["reasons"])} for row in self.rows("rejected", dataset)]


@dataclass
class MartAnswers:
    """What the marts say about the worked cases."""

    project: Project

    def rows(self, mart: str, dataset: str) -> list[Row]:
        name = {"graded": "graded_customers"}.get(mart, mart)
        found = self.project.query(f"select * from rfm__{name} where dataset = '{dataset}'")
        for row in found:
            if row.get("resources") is not None:
                row["resources"] = json.loads(row["resources"])
        return found

    def values(self, dataset: str) -> list[Row]:
        found = {(row["as_of_date"], row["customer_id"]): row for row in self.rows("graded", dataset)}
        for score in self.rows("customer_scores", dataset):
            found[score["as_of_date"], score["customer_id"]][score["metric"]] = score["value"]
        return list(found.values())

    def rejected(self, dataset: str) -> list[Row]:
        found = self.rows("rejected_records", dataset)
        assert all((row["stage"], row["as_of_date"]) == ("input", None) for row in found)
        return [{**json.loads(row["record"]), "reasons": len(row["reasons"].split("; "))} for row in found]


Answers = OracleAnswers | MartAnswers


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with all worked cases, built once."""
    folder = tmp_path_factory.mktemp("worked")
    project = write_project(folder, WORKED_RULEBOOKS, WORKED_DATASETS, tables=list(WORKED_INPUTS))
    for name, rows in WORKED_INPUTS.items():
        project.load(name, rows)
    project.build()
    return project


@pytest.fixture(params=["oracle", "marts"])
def answers(request: pytest.FixtureRequest) -> Answers:
    """Both who have to give the worked answers."""
    return OracleAnswers() if request.param == "oracle" else MartAnswers(request.getfixturevalue("worked"))


# --- The worked cases: orders -----------------------------------------------------------------------------------------


def test_a_window_of_days_ends_on_the_as_of_date(answers: Answers) -> None:
    """30 days before 2024-03-31 is 2024-03-01, which is out; the first order is known all the same."""
    found = lines(answers.values("days_window"), "as_of_date customer_id recency frequency monetary known days average")
    assert found == answer("2024-03-31 a 0 2 192 63 2 96")
    assert lines(answers.rows("graded", "days_window"), "last_order_date recency_days frequency monetary") == answer(
        "2024-03-31 0 2 192"
    )


def test_a_window_of_months_is_cut_to_the_month(answers: Answers) -> None:
    """The day a month before is out: 01-28; then 01-31, as both end a month; then twice 02-29; then 03-31."""
    found = lines(answers.values("months_window"), "as_of_date recency frequency monetary average")
    assert found == answer(
        """
        2024-02-28 27 3  14 4.666667
        2024-02-29  0 2  24 12
        2024-03-30 28 2  96 48
        2024-03-31  0 3 224 74.666667
        2024-04-30 30 0   0 0
        """
    )


def test_a_window_since_a_day(answers: Answers) -> None:
    """The day itself is in it; the first order is known all the same."""
    found = lines(answers.values("since_window"), "as_of_date recency frequency monetary known average")
    assert found == answer("2024-02-01 0 1 8 4 8 \n 2024-02-29 0 2 24 32 12")


def test_without_a_window_all_history_counts(answers: Answers) -> None:
    found = lines(answers.values("all_history"), "as_of_date recency frequency monetary known")
    assert found == answer("2024-01-31 0 3 7 3 \n 2024-02-29 0 5 31 32")


MEASURES = "as_of_date customer_id recency frequency monetary known days refunds average"


def test_refunds_are_subtracted(answers: Answers) -> None:
    """b only ever got money back and is no customer; c becomes one with the first order."""
    assert lines(answers.values("refunds_net"), MEASURES) == answer(
        """
        2024-01-31 a 11 2 125 21 3 0 62.5
        2024-02-29 a 40 2  85 50 3 2 42.5
        2024-02-29 c  0 1   5  0 1 1 5
        """
    )


def test_refunds_are_dropped(answers: Answers) -> None:
    assert lines(answers.values("refunds_drop"), MEASURES) == answer(
        """
        2024-01-31 a 11 3 125 21 3 0 62.5
        2024-02-29 a 40 3 125 50 3 0 62.5
        2024-02-29 c  0 1  10  0 1 0 10
        """
    )


def test_orders_less_refunds(answers: Answers) -> None:
    """Both lines of o1 that were paid back are one refund."""
    assert lines(answers.values("refunds_counted"), MEASURES) == answer(
        """
        2024-01-31 a 11 2 125 21 3 0 62.5
        2024-02-29 a 40 0  85 50 3 2 42.5
        2024-02-29 c  0 0   5  0 1 1 5
        """
    )


def test_without_order_ids_each_row_is_an_order(answers: Answers) -> None:
    assert lines(answers.values("without_order_id"), MEASURES) == answer(
        """
        2024-01-31 a 11 4 125 21 3 0 31.25
        2024-02-29 a 40 4  85 50 3 2 21.25
        2024-02-29 c  0 1   5  0 1 1 5
        """
    )


def test_the_last_row_tells_region_and_extra_columns(answers: Answers) -> None:
    """The latest day; then the largest order id, as text; then the amount; then the region, where blank is 'unknown'."""
    assert lines(answers.values("last_rows"), "customer_id region level") == answer(
        """
        latest   south 2
        refunded north 1
        text     south 2
        code     south 2
        line     south 2
        place    south 1
        level    south 10
        blanks   unknown 2
        blank    unknown -1
        """
    )
    assert lines(answers.values("last_rows_before"), "customer_id region level") == answer(
        "latest north 1 \n refunded north 1"
    )


def test_inactive_customers_may_be_dropped(answers: Answers) -> None:
    """A refund is no activity."""
    assert lines(answers.values("active"), MEASURES) == answer("2024-01-31 active 9 1 5 9 1 0 5")
    assert lines(answers.values("inactive"), MEASURES) == answer(
        """
        2024-01-31 active    9 1  5  9 1 0 5
        2024-01-31 inactive 10 0  0 10 0 0 0
        2024-01-31 refunded 10 0 -5 10 0 1 0
        """
    )


@pytest.mark.parametrize(
    ("dataset", "dates"),
    [
        ("each_month", "2024-01-31 2024-02-29 2024-03-31 2024-04-30"),
        ("each_month_of_30", "2024-01-30 2024-02-29 2024-03-30"),
        ("each_week", "2024-02-20 2024-02-27 2024-03-05"),
        ("each_quarter", "2023-11-30 2024-02-29 2024-05-31"),
    ],
)
def test_steps_of_as_of_dates(answers: Answers, dataset: str, dates: str) -> None:
    """Counted from the first date; the last day of a month stays the last day of each."""
    assert lines(answers.rows("graded", dataset), "as_of_date") == dates.split()


REJECTED = {
    "no customer": 1,
    "blank customer": 1,
    "no order id": 1,
    "no date": 1,
    "unreadable date": 1,
    "unreadable amount": 1,
    "everything": 4,
}


@pytest.mark.parametrize(
    ("dataset", "others", "used"),
    [
        ("faulty", {"no amount": 1}, "a 1 30 \n b 1 10 \n d 1 10"),
        ("faulty_zero", {}, "a 1 30 \n b 1 10 \n c 1 0 \n d 1 10"),
        ("faulty_level", {"no amount": 1, "unreadable level": 1}, "a 1 30 \n b 1 10"),
    ],
)
def test_faulty_rows_are_rejected(answers: Answers, dataset: str, others: Row, used: str) -> None:
    """An equal row is a duplicate; one that differs in a column that is not mapped is a line of its own."""
    reasons = {**REJECTED, **others, "used": 1}
    assert lines(answers.rejected(dataset), "note reasons") == sorted(f"{n} {count}" for n, count in reasons.items())
    assert lines(answers.rows("graded", dataset), "customer_id frequency monetary") == answer(used)


# --- The worked cases: grade changes ----------------------------------------------------------------------------------


def test_a_fall_by_the_customer_or_by_the_others(answers: Answers) -> None:
    """In February b has the same 30 as before and falls; in March c has 20 instead of 50."""
    columns = "as_of_date customer_id previous_as_of_date previous_grade grade direction is_returning cause"
    assert lines(answers.rows("grade_changes", "halves"), columns) == answer(
        """
        2024-01-31 a - - A new no -
        2024-01-31 b - - A new no -
        2024-01-31 c - - B new no -
        2024-01-31 d - - B new no -
        2024-02-29 a 2024-01-31 A A same no -
        2024-02-29 b 2024-01-31 A B down no rank_only
        2024-02-29 c 2024-01-31 B A up no own
        2024-02-29 d 2024-01-31 B - left no -
        2024-02-29 e 2024-01-31 - B new no -
        2024-03-31 a 2024-02-29 A A same no -
        2024-03-31 b 2024-02-29 B B same no -
        2024-03-31 c 2024-02-29 A B down no own
        2024-03-31 d 2024-02-29 - A new yes -
        2024-03-31 e 2024-02-29 B - left no -
        """
    )
    columns = "customer_id previous_region region previous_rulebook rulebook previous_grade_order grade_order"
    columns += " previous_total_score total_score previous_monetary monetary previous_monetary_score monetary_score"
    columns += " recency_cause monetary_cause own_metrics rank_only_metrics"
    february = [row for row in answers.rows("grade_changes", "halves") if str(row["as_of_date"]) == "2024-02-29"]
    assert lines(february, columns) == answer(
        """
        a all all halves halves 1 1 2 2 40 40 2 2 - -         -        -
        b all all halves halves 1 2 2 1 30 30 2 1 - rank_only -        monetary
        c all all halves halves 2 1 1 2 20 50 1 2 - own       monetary -
        d all all halves halves 2 - 1 - 10 -  1 - - -         -        -
        e -   all -      halves - 2 - 1 -  5  - 1 - -         -        -
        """
    )


def test_every_metric_has_a_cause(answers: Answers) -> None:
    """In February x bought more, but y even more than that: the fall is x's own by recency and not by frequency."""
    columns = "as_of_date customer_id direction recency_cause frequency_cause cause own_metrics rank_only_metrics"
    found = [row for row in answers.rows("grade_changes", "two_halves") if row["direction"] != "new"]
    assert lines(found, columns) == answer(
        """
        2024-02-29 x down own       rank_only own       recency            frequency
        2024-02-29 y up   own       own       own       frequency, recency -
        2024-03-31 x up   rank_only rank_only rank_only -                  frequency, recency
        2024-03-31 y down own       own       own       frequency, recency -
        """
    )


def test_letters_have_a_cause(answers: Answers) -> None:
    """A letter that does not change the grade is no metric of its fall."""
    columns = "as_of_date grade direction recency_score recency_cause cause own_metrics rank_only_metrics"
    assert lines(answers.rows("grade_changes", "letters"), columns) == answer(
        """
        2024-01-31 high new  - -   -   -       -
        2024-02-29 high same - own -   -       -
        2024-03-31 low  down - own own recency -
        """
    )


def test_regions_have_their_own_history(answers: Answers) -> None:
    """A customer who moves leaves one region and is new in the other: nothing is compared."""
    columns = "as_of_date region customer_id previous_region previous_grade grade direction is_returning cause"
    columns += " monetary_cause own_metrics rank_only_metrics other_region"
    assert lines(answers.rows("grade_changes", "regions"), columns) == answer(
        """
        2024-01-31 north a -     - A new  no  -         -         - - -
        2024-01-31 north b -     - B new  no  -         -         - - -
        2024-01-31 south c -     - A new  no  -         -         - - -
        2024-02-29 north a north A - left no  -         -         - - south
        2024-02-29 north b north B A up   no  rank_only rank_only - monetary -
        2024-02-29 south a -     - B new  no  -         -         - - north
        2024-02-29 south c south A A same no  -         -         - - -
        2024-03-31 north a -     - A new  yes -         -         - - south
        2024-03-31 north b north A B down no  rank_only rank_only - monetary -
        2024-03-31 south a south B - left no  -         -         - - north
        2024-03-31 south c south A A same no  -         -         - - -
        """
    )
    assert answers.rows("churn_warnings", "regions") == []


def test_migration(answers: Answers) -> None:
    columns = "as_of_date region rulebook previous_as_of_date previous_grade grade previous_grade_order grade_order"
    columns += " customers customer_share previous_monetary monetary"
    assert lines(answers.rows("tier_migration", "halves"), columns) == answer(
        """
        2024-01-31 all halves -          (new) A      - 1 2 0.5  0 70
        2024-01-31 all halves -          (new) B      - 2 2 0.5  0 30
        2024-02-29 all halves 2024-01-31 A     A      1 1 1 0.2 40 40
        2024-02-29 all halves 2024-01-31 A     B      1 2 1 0.2 30 30
        2024-02-29 all halves 2024-01-31 B     A      2 1 1 0.2 20 50
        2024-02-29 all halves 2024-01-31 B     (left) 2 - 1 0.2 10  0
        2024-02-29 all halves 2024-01-31 (new) B      - 2 1 0.2  0  5
        2024-03-31 all halves 2024-02-29 A     A      1 1 1 0.2 40 40
        2024-03-31 all halves 2024-02-29 A     B      1 2 1 0.2 50 20
        2024-03-31 all halves 2024-02-29 B     B      2 2 1 0.2 30 10
        2024-03-31 all halves 2024-02-29 B     (left) 2 - 1 0.2  5  0
        2024-03-31 all halves 2024-02-29 (new) A      - 1 1 0.2  0 60
        """
    )


# --- The worked cases: warnings ---------------------------------------------------------------------------------------

WARNING = "as_of_date customer_id warning severity compared previous_value value money_at_risk is_repeated"


def test_warnings_at_their_limits(answers: Answers) -> None:
    """p, s, u and y have lost exactly half or more, q and v a little less; r is in neither of the two best grades."""
    assert lines(answers.rows("churn_warnings", "fell"), WARNING) == answer(
        """
        2024-01-31 r disputes         medium disputes            3  3 150 no
        2024-02-29 p complexity_fell  medium project_complexity  4  2 400 no
        2024-02-29 p frequency_fell   high   frequency          10  5 400 no
        2024-02-29 r disputes         medium disputes            3  3 150 yes
        2024-02-29 s frequency_fell   high   frequency          10  5 200 no
        2024-02-29 s grade_fell       medium grade_order         2  3 200 no
        2024-02-29 u order_value_fell medium order_value       100 50 400 no
        2024-02-29 x disputes         medium disputes            3  4  50 no
        2024-02-29 y frequency_fell   high   frequency           9  4 300 no
        """
    )
    new = [row for row in answers.rows("churn_warnings", "fell") if row["customer_id"] in "sx"]
    columns = "customer_id warning region rulebook previous_as_of_date previous_grade grade"
    assert lines(new, columns) == answer(
        """
        s frequency_fell all ladder 2024-01-31 B C
        s grade_fell     all ladder 2024-01-31 B C
        x disputes       all ladder 2024-01-31 - D
        """
    )


def test_a_dataset_changes_the_warnings(answers: Answers) -> None:
    """Three quarters of the money is exactly what is left to u."""
    assert lines(answers.rows("churn_warnings", "fell_otherwise"), WARNING) == answer(
        """
        2024-02-29 u order_value_fell medium order_value 100  50 400 no
        2024-02-29 u poorer           low    monetary    400 300 400 no
        2024-02-29 x disputes         medium disputes      4   4  50 no
        """
    )


def test_only_an_own_fall_is_a_warning(answers: Answers) -> None:
    """In February b falls because of the others, in March c by itself."""
    found = [row for row in answers.rows("churn_warnings", "halves") if row["warning"] == "grade_fell"]
    assert lines(found, WARNING) == answer("2024-03-31 c grade_fell medium grade_order 1 2 50 no")


def test_silence(answers: Answers) -> None:
    """a comes every 10 days and is late after 20; b came on two days only; c comes every 10/3 days."""
    assert lines(answers.rows("churn_warnings", "silence"), WARNING) == answer(
        """
        2024-02-11 a silent high recency_days 10       21 0 no
        2024-02-12 a silent high recency_days 10       22 0 yes
        2024-02-11 c silent high recency_days 3.333333  7 5 no
        2024-02-12 c silent high recency_days 3.333333  8 0 yes
        """
    )


# --- The worked cases: service plan -----------------------------------------------------------------------------------


def test_contacts_are_spread_over_the_period(answers: Answers) -> None:
    """Who has a last contact takes no place among the others; D has no action; only the latest date counts."""
    columns = "as_of_date customer_id grade value_rank services contact_every_days last_contact_date next_contact_date"
    assert lines(answers.rows("service_plan", "contacts"), f"{columns} is_overdue resources") == answer(
        """
        2024-01-31 a1 A 1 expert; home visit 30 -          2024-02-01 no -
        2024-01-31 a2 A 2 expert; home visit 30 -          2024-02-11 no -
        2024-01-31 a5 A 3 expert; home visit 30 2024-01-02 2024-02-01 no -
        2024-01-31 a4 A 4 expert; home visit 30 2024-01-01 2024-01-31 yes -
        2024-01-31 a3 A 5 expert; home visit 30 -          2024-02-21 no -
        2024-01-31 b3 B 6 - 10 - 2024-02-01 no -
        2024-01-31 b2 B 7 - 10 - 2024-02-04 no -
        2024-01-31 b1 B 8 - 10 - 2024-02-07 no -
        2024-01-31 c1 C 9 letter - - - - -
        """
    )


def test_resources_are_shared_by_weight(answers: Answers) -> None:
    """Slots: 5, 3 1/3 and 1 2/3 of 10 are 5, 3 and 2. Visits: half of 1 each is 1 for the better grade."""
    assert lines(answers.rows("service_plan", "resources"), "customer_id region grade resources") == answer(
        """
        a1 all A {"slots":2,"visits":1}
        a2 all A {"slots":2,"visits":0}
        a3 all A {"slots":1,"visits":0}
        b2 all B {"slots":2,"visits":0}
        b1 all B {"slots":1,"visits":0}
        c1 all C {"slots":1}
        c2 all C {"slots":1}
        d1 all D -
        """
    )


# --- The worked cases: backtest ---------------------------------------------------------------------------------------

PART = "part name customers customer_share returning_customers return_share silent_customers orders monetary"
PART += " monetary_share orders_per_customer monetary_per_customer return_lift monetary_lift gini top_fifth_share"
PART += " base_silent_share precision recall lift expected_silent_share lift_within_grades"


def test_what_the_tiers_bought_next(answers: Answers) -> None:
    """The six bought for 60, 30, 0, 0, 10 and 0, best first; Gini 7/6 - 2 * 170 / 600; the best two are a fifth.

    A later line of an order, as c2 has of o2, is no new order. Of B half are silent, and so are half of the warned. A rule that warned nobody has its row too.
    """
    found = answers.rows("backtest", "future")
    assert lines(found, "as_of_date region rulebook next_as_of_date") == ["2024-01-31 all small_ladder 2024-02-29"] * 8
    assert lines(found, PART) == answer(
        """
        all     all    6 1        4 0.666667 2 4 100 1   0.666667 16.666667 1    1   0.6 0.9 - - - - - -
        grade   A      2 0.333333 2 1        0 2  90 0.9 1        45        1.5  2.7 - - - - - - - -
        grade   B      2 0.333333 1 0.5      1 1   0 0   0.5       0        0.75 0   - - - - - - - -
        grade   C      2 0.333333 1 0.5      1 1  10 0.1 0.5       5        0.75 0.3 - - - - - - - -
        grade   D      0 0        0 -        0 0   0 0   -        -         -    -   - - - - - - - -
        warning busy   2 0.333333 1 0.5      1 1   0 0   0.5       0        0.75 0   - - 0.333333 0.5 0.5 1.5 0.5 1
        warning busier 0 0        0 -        0 0   0 0   -        -         -    -   - - 0.333333 -   0   -   - -
        warning order_value_fell 0 0 0 -     0 0   0 0   -        -         -    -   - - 0.333333 -   0   -   - -
        """
    )
    assert lines([row for row in found if row["part"] == "grade"], "name position") == answer(
        "A 1 \n B 2 \n C 3 \n D 4"
    )


def test_what_records_say_about_the_next_period(answers: Answers) -> None:
    """February has 29 days: who ordered 28 days before its end ordered in it, who ordered 29 days before did not."""
    found = [row for row in answers.rows("backtest", "future_records") if row["part"] == "all"]
    assert lines(found, PART) == answer("all all 4 1 2 0.5 2 3 70 1 0.75 17.5 1 1 0.535714 0.857143 - - - - - -")


# --- Random orders ----------------------------------------------------------------------------------------------------

RANDOM_RULEBOOKS: Row = {
    "tiles": {
        "metrics": {
            "recency": {"value": "recency_days", "better": "low", "score": {"tiles": 3}},
            "frequency": {"value": "frequency", "score": {"tiles": 3}},
            "monetary": {"value": "monetary", "score": {"tiles": 3, "ties": "together"}},
        },
        "total": {"recency": 0.3, "frequency": 0.3, "monetary": 0.4},
        "grades": [{"grade": "A", "min": 2.5}, {"grade": "B", "min": 2}, {"grade": "C", "min": 1.5}, {"grade": "D"}],
        "actions": {
            "A": {"contact_every_days": 30, "services": ["expert", "visit"], "resources": {"slots": 3, "visits": 1}},
            "B": {"contact_every_days": 7, "resources": {"visits": 1, "slots": 2}},
            "C": {"services": ["letter"], "resources": {"slots": 1}},
        },
    },
    "mixed": {
        "metrics": {
            "frequency": {
                "value": "frequency",
                "score": {"steps": [{"min": 3, "score": 3}, {"min": 1, "score": 1}, {"min": 0, "score": 0}]},
            },
            "monetary": {"value": "monetary", "score": {"split": "median"}},
            "median": {"value": "monetary", "score": {"group": "median"}},
            "channel": {"value": "channel", "score": {"lookup": {"web": 2, "shop": 1}, "otherwise": 0}},
            "refunds": {
                "value": "refund_count",
                "better": "low",
                "score": {"steps": [{"max": 0, "score": 1}, {"score": 0}]},
            },
            "average": {"value": "average_order_value", "score": {"tiles": 2}},
            "known": {"value": "days_between(first_order_date, last_order_date)", "score": {"clamp": [0, 1]}},
            "days": {"value": "purchase_days", "score": {"clamp": [0, 1]}},
        },
        "total": {
            "expression": "frequency_score + monetary_score + channel_score + refunds_score + average_score"
            " + known_score + days_score + case when monetary > median_score then 1 else 0 end"
        },
        "grades": [{"grade": "high", "min": 7}, {"grade": "middle", "min": 5}, {"grade": "low"}],
        "actions": {
            "high": {"contact_every_days": 10, "resources": {"slots": 1, "visits": 3}},
            "middle": {"contact_every_days": 3, "resources": {"slots": 1, "visits": 2}},
            "low": {"contact_every_days": 100, "services": ["letter"], "resources": {"visits": 1}},
        },
    },
    "words": {
        "metrics": {
            "recency": {
                "value": "recency_days",
                "better": "low",
                "score": {"steps": [{"max": 3, "score": "A"}, {"max": 9, "score": "B"}, {"score": "C"}]},
            },
            "frequency": {"value": "frequency", "score": {"split": "mean", "scores": ["+", "-"]}},
            "monetary": {"value": "monetary", "score": {"tiles": 2}},
        },
        "total": {"code": ["recency", "frequency", "monetary"]},
        "grades": [
            {"grade": "best", "codes": ["A+[12]", "B+2"]},
            {"grade": "good", "codes": ["A-2", "B-2", "B+1"]},
            {"grade": "others"},
        ],
    },
    "points": {
        "metrics": {
            "recency": {"value": "recency_days", "better": "low", "score": {"tiles": 4}},
            "frequency": {"value": "frequency"},
            "monetary": {"value": "monetary / 8"},
        },
        "total": {"recency": 2, "frequency": 1.5, "monetary": 0.1},
    },
}
EXTRA_COLUMNS: Row = {
    "channel": {"column": "channel", "type": "text"},
    "disputes": {"column": "disputes", "type": "integer"},
    "project_complexity": "project_complexity",
    "last_contact_date": {"column": "last_contact_date", "type": "date"},
}
REGION = {"region": "region"}
RANDOM_WARNINGS: Row = {
    "frequency_fell": {"by": 0.3},
    "order_value_fell": {"best_grades": 1},
    "poorer": {"kind": "fell", "value": "monetary", "by": 0.25, "best_grades": 9, "severity": "low"},
    "many_orders": {"kind": "reaches", "value": "frequency", "at_least": 2, "worst_grades": 1, "severity": "low"},
}
RANDOM_DATASETS: Row = {
    "plain": {**orders("orders", datetime.date(2024, 2, 29), "tiles"), "columns": LINES_ONLY},
    "months": orders(
        "orders",
        {"from": "2023-12-31", "to": "2024-04-30", "every": "month"},
        "tiles",
        columns=REGION,
        within="region",
        window={"months": 1},
        warnings={"grade_fell": {"cause": "any"}, "frequency_fell": {"by": 1, "best_grades": 1}},
    ),
    "weeks": orders(
        "orders",
        {"from": "2024-01-11", "to": "2024-03-10", "every": "week"},
        "words",
        window={"days": 14},
        frequency="days",
        refunds="drop",
        inactive="drop",
        warnings={"order_value_fell": False, "poorer": {"by": 0.5, "best_grades": 5}},
    ),
    "net": orders(
        "orders",
        ["2024-03-10", "2024-01-31", datetime.date(2024, 2, 10)],
        "mixed",
        columns={**EXTRA_COLUMNS, **REGION},
        window={"since": "2024-01-20"},
        frequency="net_orders",
        resources={"slots": 4, "visits": 5},
        warnings={"disputes": {"at_least": 2, "worst_grades": 1}, "complexity_fell": {"by": 0.1, "best_grades": 9}},
    ),
    "quarters": {
        **orders("orders", {"from": "2023-11-30", "to": "2024-05-31", "every": "quarter"}, "mixed"),
        "columns": {**LINES_ONLY, **REGION, **EXTRA_COLUMNS},
        "within": "region",
        "missing": "zero",
        "resources": {"visits": 7},
        "warnings": {"silent": {"times": 0.5, "orders": 2}, "frequency_fell": False},
    },
    "points": orders(
        "orders",
        {"from": "2024-01-30", "to": "2024-03-30", "every": "month"},
        "points",
        window={"days": 45},
        frequency="net_orders",
        warnings={"silent": {"orders": 2}},
    ),
    "regions": orders(
        "orders",
        ["2024-01-10", "2024-02-10", "2024-03-10"],
        "tiles",
        columns={**REGION, "last_contact_date": {"column": "last_contact_date", "type": "date"}},
        within="region",
        window={"months": 2},
        frequency="days",
        inactive="drop",
        resources={"slots": 5, "visits": 1},
        warnings={
            "silent": {"times": 1, "orders": 2, "severity": "low"},
            "dear": {
                "kind": "reaches",
                "value": "order_value",
                "at_least": 12.5,
                "worst_grades": 3,
                "severity": "high",
            },
        },
    ),
    "records": records(
        "records", "tiles", columns={**REGION, **EXTRA_COLUMNS}, resources={"slots": 7}, warnings={"poorer": False}
    ),
    "regional_records": records(
        "records",
        "tiles",
        columns={**REGION, "disputes": {"column": "disputes", "type": "integer"}},
        within="region",
        resources={"visits": 2, "slots": 3},
        warnings={"disputes": {"at_least": 1}},
    ),
}
ORDER_COLUMNS = [*ORDER_LINES.split(), "region", *EXTRA_COLUMNS, "note"]
RECORD_COLUMNS = [*RECORDS.split(), "region", *EXTRA_COLUMNS]

DAYS = ["2023-11-30", "2023-12-31", "2024-01-11", "2024-01-20", "2024-01-28", "2024-01-31", "2024-02-01", "2024-02-10"]
DAYS += ["2024-02-24", "2024-02-25", "2024-02-29", "2024-03-01", "2024-03-10", "2024-03-31", "2024-04-30", "2024-06-01"]
AMOUNTS = ["10", "20", "0", "10", "33.33", "0.01", "100", "7.5", "-10", "-20", "-0.01", "-100"]
CUSTOMERS = ["c1", "c2", "10", "9", "é", "北京", "B", "a", "c'3", "c 4", "c5", "c6"]
POOLS: dict[str, list[Any]] = {
    "order_id": ["1", "2", "10", "9", "B", "a", "é", "订", "it's", "o 1"],
    "region": ["north", "south", "北", None, " "],
    "channel": ["web", "shop", "Web", None],
    "disputes": ["0", "1", "2", "3", None],
    "project_complexity": ["4", "2", "1.5", "3.6", "0", None],
    "last_contact_date": ["2024-01-15", "2024-02-29", "2023-06-01", None, None],
    "note": [None, None, None, "", "x"],
}
FAULTS = [
    {"customer_id": None},
    {"customer_id": "\u3000"},
    {"order_id": " "},
    {"ordered_at": "soon"},
    {"ordered_at": None},
    {"amount": "1,2"},
    {"amount": None},
    {"amount": ""},
    {"order_id": None, "amount": "many"},
]


def order_rows(random: Random) -> list[Row]:
    """Orders of few customers on few days, with order lines, refunds, ties, faults and copies."""

    def some(values: list[Any], most: int) -> list[Any]:
        return random.sample(values, random.randint(1, min(most, len(values))))

    pools: dict[str, list[Any]] = {name: some(values, 6) for name, values in POOLS.items()}
    pools["customer_id"] = some(CUSTOMERS, 12)
    pools["ordered_at"] = some(DAYS, 16)
    pools["amount"] = some(AMOUNTS, 12)
    rows: list[Row] = []
    for _ in range(random.choice([3, 10, 20, 40, 60, 90])):
        kind = random.choice(["order"] * 14 + ["line"] * 4 + ["copy", "messy", "faulty"])
        if kind == "copy" and rows:
            rows.append(random.choice(rows))
            continue
        row: Row = {name: random.choice(pools[name]) for name in ORDER_COLUMNS}
        if kind == "line" and rows:
            other = random.choice(rows)
            row |= {"customer_id": other["customer_id"], "order_id": other["order_id"]}
            if random.random() < 0.5:
                row["ordered_at"] = other["ordered_at"]
        if kind == "messy":
            row["customer_id"] = f" {row['customer_id']}\u3000"
            row["ordered_at"] = f"{row['ordered_at'].replace('-', '/')} 23:59:59"
        if kind == "faulty":
            row |= random.choice(FAULTS)
        rows.append(row)
    return rows


def record_rows(random: Random) -> list[Row]:
    """Records of few customers at a few dates; each customer is missing at some."""

    def some(values: list[Any]) -> list[Any]:
        return random.sample(values, random.randint(1, min(4, len(values))))

    pools: dict[str, list[Any]] = {name: some(POOLS[name]) for name in ["region", *EXTRA_COLUMNS]}
    pools["recency_days"] = some([0, 5, 8, 9, 10, 19, 20, 21, 90])
    pools["frequency"] = some([0, 1, 2, 3, 4, 10])
    pools["monetary"] = some(["0", "10", "20", "33.33", "100", "-5"])
    customers = CUSTOMERS[: random.randint(1, len(CUSTOMERS))]
    rows = []
    for as_of_date in ["2024-01-31", "2024-02-20", "2024-02-29", "2024-03-10"]:
        for customer_id in random.sample(customers, random.randint(0, len(customers))):
            values = {name: random.choice(pool) for name, pool in pools.items()}
            values = {name: None if value is None else str(value) for name, value in values.items()}
            rows.append({"customer_id": customer_id, "as_of_date": as_of_date, **values})
    return rows


KEYS = {
    "rejected": ["reasons", "row"],
    "ungraded": ["as_of_date", "customer_id"],
    "graded": ["as_of_date", "customer_id"],
    "values": ["as_of_date", "customer_id", "metric"],
    "grade_changes": ["as_of_date", "region", "customer_id"],
    "tier_migration": ["as_of_date", "region", "rulebook", "previous_grade", "grade"],
    "churn_warnings": ["as_of_date", "region", "customer_id", "warning"],
    "service_plan": ["region", "customer_id"],
    "backtest": ["as_of_date", "region", "part", "name"],
}
GRADED = ["region", "rulebook", "last_order_date", "recency_days", "frequency", "monetary", "total_score", "score_code"]
GRADED += ["grade", "grade_order", "value_rank"]


def raw(row: Row) -> str:
    """An input row as text; what is null may be left out."""
    return json.dumps({name: value for name, value in row.items() if value is not None}, sort_keys=True)


def expected_marts(name: str, rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of all marts of a dataset by the oracle."""
    dataset = RANDOM_DATASETS[name]
    metrics = RANDOM_RULEBOOKS[dataset["rulebook"]]["metrics"]
    made = history_oracle.marts(name, dataset, RANDOM_RULEBOOKS, rows, RANDOM_WARNINGS)
    made["rejected"] = [{"reasons": len(row["reasons"]), "row": raw(row["row"])} for row in made["rejected"]]
    made["ungraded"] = [{key: row[key] for key in ("as_of_date", "region", "customer_id")} for row in made["ungraded"]]
    made["values"] = [
        {**{key: row[key] for key in KEYS["graded"]}, "metric": metric, **value_and_score(row, metric)}
        for row in made["graded"]
        for metric in metrics
    ]
    made["graded"] = [{key: row[key] for key in [*KEYS["graded"], *GRADED]} for row in made["graded"]]
    return {mart: made[mart] for mart in KEYS}


def value_and_score(row: Row, metric: str) -> Row:
    value, score = row[f"{metric}_value"], row[f"{metric}_score"]
    return {
        "value": None if isinstance(value, str) else value,
        "value_text": value if isinstance(value, str) else None,
        "score": None if isinstance(score, str) else score,
        "score_text": score if isinstance(score, str) else None,
    }


def found_marts(models: CompiledModels) -> dict[str, dict[str, list[Row]]]:
    """The rows of all marts by dataset."""
    found: dict[str, dict[str, list[Row]]] = {name: {mart: [] for mart in KEYS} for name in RANDOM_DATASETS}
    for mart in KEYS:
        table_name = {"graded": "graded_customers", "values": "customer_scores"}.get(mart, mart)
        if mart in ("rejected", "ungraded"):
            continue
        for row in models.rows(f"from rfm__{table_name}"):
            if row.get("resources") is not None:
                row["resources"] = json.loads(row["resources"])
            found[row["dataset"]][mart].append(row)
    for row in models.rows("from rfm__rejected_records"):
        if row["stage"] == "grading":
            found[row["dataset"]]["ungraded"].append(row)
        else:
            reasons, record = len(row["reasons"].split("; ")), raw(json.loads(row["record"]))
            found[row["dataset"]]["rejected"].append({"reasons": reasons, "row": record})
            if "orders" in RANDOM_DATASETS[row["dataset"]]:
                assert row["as_of_date"] is None
    return found


def in_order(value: Any) -> Any:
    """A mapping with the order of its names, which counts."""
    return list(value.items()) if isinstance(value, dict) else value


def differences(mart: str, expected: list[Row], found: list[Row]) -> list[str]:
    """One line for each row that is missing, too many or different."""

    def by_key(rows: list[Row]) -> dict[tuple[str, ...], list[Row]]:
        keyed: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            keyed.setdefault(tuple(str(row[column]) for column in KEYS[mart]), []).append(row)
        return keyed

    said = []
    wanted, got = by_key(expected), by_key(found)
    for key in sorted({*wanted, *got}):
        if len(wanted.get(key, [])) != len(got.get(key, [])):
            said.append(f"{mart} {key}: {len(got.get(key, []))} rows, expected {len(wanted.get(key, []))}")
            continue
        for wanted_row, row in zip(wanted[key], got[key], strict=True):
            for column, value in wanted_row.items():
                if in_order(row[column]) != in_order(value):
                    said.append(f"{mart} {key}: {column} is {row[column]!r}, expected {value!r}")
    return said


@dataclass
class Comparison:
    """The compiled marts beside the oracle."""

    models: CompiledModels = field(repr=False)

    def faults(self, order_rows: list[Row], record_rows: list[Row]) -> dict[str, list[str]]:
        """Where they disagree, for each dataset where they do."""
        load_table(self.models.connection, "input.orders", order_rows, ORDER_COLUMNS)
        load_table(self.models.connection, "input.records", record_rows, RECORD_COLUMNS)
        self.models.run({}, [])
        found = found_marts(self.models)
        faults = {}
        for name, dataset in RANDOM_DATASETS.items():
            rows = order_rows if "orders" in dataset else record_rows
            expected = expected_marts(name, rows)
            said = [line for mart in KEYS for line in differences(mart, expected[mart], found[name][mart])]
            if said:
                faults[name] = said
        return faults

    def shrunk(self, rows: list[Row], other_rows: list[Row], is_orders: bool, seconds: float = 30) -> list[Row]:
        """Leave out rows as long as they disagree."""
        deadline = time.monotonic() + seconds

        def fails(fewer: list[Row]) -> bool:
            return bool(self.faults(fewer, other_rows) if is_orders else self.faults(other_rows, fewer))

        size = max(len(rows) // 2, 1)
        while size and time.monotonic() < deadline:
            for start in range(0, len(rows), size):
                fewer = rows[:start] + rows[start + size :]
                if time.monotonic() < deadline and fails(fewer):
                    rows = fewer
                    break
            else:
                size //= 2
        return rows

    def check(self, order_rows: list[Row], record_rows: list[Row]) -> None:
        """Fail with few rows that show a fault."""
        if not self.faults(order_rows, record_rows):
            return
        fewer_orders: list[Row] = self.shrunk(order_rows, [], True) if self.faults(order_rows, []) else []
        fewer_records: list[Row] = [] if fewer_orders else self.shrunk(record_rows, [], False)
        faults = self.faults(fewer_orders, fewer_records)
        said = [f"{name}:\n  " + "\n  ".join(found[:12]) for name, found in faults.items()]
        rows = [*fewer_orders, *fewer_records]
        pytest.fail("\n".join([*said, *(raw(row) for row in rows)]), pytrace=False)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    folder = tmp_path_factory.mktemp("random_orders")
    project = write_project(folder, RANDOM_RULEBOOKS, RANDOM_DATASETS, tables=["orders", "records"])
    add_var(folder / "dbt_project.yml", "rfm__warnings", RANDOM_WARNINGS)
    project.load("orders", [], ORDER_COLUMNS)
    project.load("records", [], RECORD_COLUMNS)
    project.build()
    compiled = CompiledModels.of(project)
    yield Comparison(compiled)
    compiled.connection.close()


def add_var(path: Path, name: str, value: Any) -> None:
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    written["vars"][name] = value
    path.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), encoding="utf-8")


# A fault is shrunk by `check`, which needs fewer runs of all models than Hypothesis would.
@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32))
def test_random_orders_equal_the_oracle(comparison: Comparison, seed: int) -> None:
    random = Random(seed)
    comparison.check(order_rows(random), record_rows(random))
