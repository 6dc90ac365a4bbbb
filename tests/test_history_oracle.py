"""The history oracle itself, where no build can show the rule or one line says it better."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import history_oracle
from conftest import Row

JANUARY, FEBRUARY = datetime.date(2024, 1, 31), datetime.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("date", "months", "result"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 1, "2024-03-31"),
        ("2023-02-28", -12, "2022-02-28"),
        ("2023-02-28", 12, "2024-02-29"),
        ("2024-02-28", -1, "2024-01-28"),
        ("2024-03-30", -1, "2024-02-29"),
        ("2024-01-15", -1, "2023-12-15"),
        ("2023-11-30", 3, "2024-02-29"),
        ("2024-12-31", 0, "2024-12-31"),
    ],
)
def test_months(date: str, months: int, result: str) -> None:
    assert str(history_oracle.plus_months(datetime.date.fromisoformat(date), months)) == result


def test_rules_are_merged() -> None:
    defaults = history_oracle.DEFAULT_WARNINGS
    assert history_oracle.warning_rules({}) == defaults
    rules = history_oracle.warning_rules(
        {
            "warnings": {
                "frequency_fell": {"best_grades": 1},
                "silent": {"times": 3},
                "disputes": {"kind": "fell", "value": "disputes", "by": 1, "severity": "low"},
                "poorer": False,
            }
        },
        {
            "frequency_fell": {"by": 0.25, "best_grades": 3},
            "silent": False,
            "grade_fell": False,
            "poorer": {"kind": "fell", "value": "monetary", "by": 0.5, "severity": "low"},
        },
    )
    assert rules == {
        "frequency_fell": {**defaults["frequency_fell"], "by": 0.25, "best_grades": 1},
        "order_value_fell": defaults["order_value_fell"],
        "complexity_fell": defaults["complexity_fell"],
        "silent": {**defaults["silent"], "times": 3},
        "disputes": {"kind": "fell", "value": "disputes", "by": 1, "severity": "low"},
    }


def graded(date: datetime.date, customer_id: str, place: int, **rest: Any) -> Row:
    return {
        "as_of_date": date,
        "region": "all",
        "customer_id": customer_id,
        "rulebook": "book",
        "grade": "ABCD"[place - 1],
        "grade_order": place,
        "total_score": None,
        "monetary": Decimal(1),
        **rest,
    }


def change(metric: Row, before: Row, now: Row) -> Row:
    """The change of one customer by one metric m."""
    rulebooks = {"book": {"metrics": {"m": metric}}, "another": {"metrics": {"m": metric}}}
    return history_oracle.grade_changes("shop", {}, rulebooks, [before, now])[-1]


FIFTHS = {"score": {"tiles": 5}}
FALLS: dict[str, tuple[Row, tuple[Any, Any], tuple[Any, Any], Row, str | None]] = {
    "worse value": (FIFTHS, (5, 4), (2, 1), {}, "own"),
    "same value": (FIFTHS, (5, 5), (2, 1), {}, "rank_only"),
    "better value": (FIFTHS, (5, 6), (2, 1), {}, "rank_only"),
    "low is better": ({**FIFTHS, "better": "low"}, (5, 6), (2, 1), {}, "own"),
    "score went the other way": (FIFTHS, (5, 6), (1, 2), {}, None),
    "score stayed": (FIFTHS, (5, 4), (2, 2), {}, None),
    "statistic of the group": ({"score": {"group": "mean"}}, (5, 4), (2, 1), {}, "rank_only"),
    "text score": ({}, (5, 6), ("A", "B"), {}, "own"),
    "text value": ({"score": {"lookup": {"web": 2, "shop": 1}}}, ("web", "shop"), (2, 1), {}, "own"),
    "steps, better left out": ({"score": {"steps": [{"max": 5, "score": 2}, {"score": 1}]}}, (5, 6), (2, 1), {}, "own"),
    "another rulebook": (FIFTHS, (5, 4), (2, 1), {"rulebook": "another"}, None),
}


@pytest.mark.parametrize("name", FALLS)
def test_cause_of_a_fall(name: str) -> None:
    metric, values, scores, rest, cause = FALLS[name]
    before = graded(JANUARY, "c", 1, m_value=values[0], m_score=scores[0])
    now = graded(FEBRUARY, "c", 2, m_value=values[1], m_score=scores[1], **rest)
    found = change(metric, before, now)
    assert (found["direction"], found["cause"]) == ("down", cause)
    assert found["own_metrics"] == ("m" if cause == "own" else None)
    assert found["rank_only_metrics"] == ("m" if cause == "rank_only" else None)


def test_without_grades_the_total_counts() -> None:
    totals = {"a": (1, 2), "b": (2, 1), "c": (1, 1), "d": (None, None)}
    rows = [
        graded(date, customer_id, 1, grade=None, grade_order=None, total_score=total, m_value=1, m_score=1)
        for customer_id, pair in totals.items()
        for date, total in zip((JANUARY, FEBRUARY), pair, strict=True)
    ]
    found = history_oracle.grade_changes("shop", {}, {"book": {"metrics": {"m": {}}}}, rows)
    assert [row["direction"] for row in found if row["as_of_date"] == FEBRUARY] == ["up", "down", "same", "same"]


def test_the_largest_remainders_get_the_units_left() -> None:
    def shared(limit: int, *weights: Any) -> list[int]:
        named = {str(place): Fraction(str(weight)) for place, weight in enumerate(weights)}
        return list(history_oracle.shared_out(limit, named).values())

    assert shared(10, 3, 2, 1) == [5, 3, 2]
    assert shared(1, 1, 1) == [1, 0]
    assert shared(5, 1, 1, 1) == [2, 2, 1]
    assert shared(2, 0.5, 0.5) == [1, 1]
    assert shared(7, 0.1, 0.2, 0.3) == [1, 2, 4]


@pytest.mark.parametrize(
    ("money", "result"),
    [
        ([10, 10, 10], Fraction(0)),
        ([30, 0, 0], Fraction(2, 3)),
        ([0, 0, 30], Fraction(-2, 3)),
        ([5], Fraction(0)),
        ([0, 0], None),
        ([], None),
    ],
)
def test_gini(money: list[int], result: Fraction | None) -> None:
    assert history_oracle.gini([Fraction(amount) for amount in money]) == result
