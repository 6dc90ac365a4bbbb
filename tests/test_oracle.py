"""The oracle itself, on cases that are small enough to work out by hand."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import oracle
from oracle import oracle_sql

Row = dict[str, Any]
AS_OF = datetime.date(2024, 12, 31)


def customers(**columns: list[Any]) -> list[Row]:
    """Customers c1, c2, ... with these columns, one value each."""
    count = len(next(iter(columns.values())))
    standard: Row = {
        "as_of_date": AS_OF,
        "region": "all",
        "last_order_date": None,
        "recency_days": 1,
        "frequency": 1,
        "monetary": Decimal(1),
    }
    return [
        {**standard, "customer_id": f"c{number + 1}", **{name: values[number] for name, values in columns.items()}}
        for number in range(count)
    ]


def grade(group: list[Row], metrics: Row, **rest: Any) -> tuple[dict[str, Row], dict[str, str]]:
    """The graded customers and the others' reasons, by customer."""
    columns = rest.pop("columns", None)
    within_region = rest.pop("within_region", False)
    graded, ungraded = oracle.grade(group, {"metrics": metrics, **rest}, within_region, columns=columns, name="book")
    assert sorted(row["customer_id"] for row in [*graded, *ungraded]) == sorted(row["customer_id"] for row in group)
    return (
        {row["customer_id"]: row for row in sorted(graded, key=lambda row: row["customer_id"])},
        {row["customer_id"]: row["reason"] for row in ungraded},
    )


def results(values: list[Any], metric: Row, key: str = "score", **rest: Any) -> list[Any]:
    """One result of the metric m for customers with these values of x; all of them have to be graded."""
    graded, reasons = grade(customers(x=values), {"m": {"value": "x", **metric}}, **rest)
    assert not reasons
    return [row[f"m_{key}"] for row in graded.values()]


def decimals(*numbers: Any) -> list[Decimal | None]:
    return [None if number is None else Decimal(str(number)) for number in numbers]


# --- Scores -----------------------------------------------------------------------------------------------------------


def test_the_value_itself() -> None:
    found = results([3, Decimal("-1.5")], {})
    assert found == decimals(3, -1.5)
    assert all(number.as_tuple().exponent == -6 for number in found)


@pytest.mark.parametrize("metric", [{"clamp": [0, 2.5]}, {"score": {"clamp": [0, 2.5]}}])
def test_clamp(metric: Row) -> None:
    assert results([-1, 1, 3], metric) == decimals(0, 1, 2.5)


def test_tiles() -> None:
    # Seven customers in fifths: the better tiles are the larger ones.
    assert results([7, 6, 5, 4, 3, 2, 1], {"score": {"tiles": 5}}) == decimals(5, 5, 4, 4, 3, 2, 1)
    assert results([7, 6, 5, 4, 3, 2, 1], {"score": {"tiles": 5}, "better": "low"}) == decimals(1, 2, 3, 4, 4, 5, 5)
    assert results([9], {"score": {"tiles": 5}}) == decimals(5)
    assert results([1, 1, 1], {"score": {"tiles": 2}}) == decimals(2, 2, 1)
    assert results([1, 1, 1], {"score": {"tiles": 2}}, "is_tie_broken") == [True, True, True]
    assert results([1, 1, 1], {"score": {"tiles": 2, "ties": "together"}}) == decimals(2, 2, 2)
    assert results([1, 1, 1], {"score": {"tiles": 2, "ties": "together"}}, "is_tie_broken") == [False] * 3
    assert results([1, 2, 3], {"score": {"tiles": 3}}, "next_score") == decimals(2, 3, None)
    assert results([1, 2, 3], {"score": {"tiles": 3}}, "value_for_next_score") == decimals(2, 3, None)


def test_tiles_rank_exact_numbers() -> None:
    """1/3 is more than 0.333333, though both are shown alike; so customer_id decides nothing."""
    group = customers(x=[Decimal("0.333333"), 1], y=[1, 3])
    graded, _ = grade(group, {"m": {"value": "x / y", "score": {"tiles": 2}}})
    assert [(row["m_value"], row["m_score"], row["m_is_tie_broken"]) for row in graded.values()] == [
        (Decimal("0.333333"), 1, False),
        (Decimal("0.333333"), 2, False),
    ]


# F: (0,2] 1, (2,5] 2, (5,10] 3, more 4. Nothing scores 0.
COUNTS = [
    {"above": 0, "max": 2, "score": 1},
    {"above": 2, "max": 5, "score": 2},
    {"above": 5, "max": 10, "score": 3},
    {"above": 10, "score": 4},
]


def test_steps() -> None:
    values = [Decimal("0.01"), 2, Decimal("2.01"), 5, 10, 11]
    assert results(values, {"score": {"steps": COUNTS}}) == decimals(1, 1, 2, 2, 3, 4)
    ladder = {"steps": [{"min": 8, "score": 5}, {"min": 6, "below": 8, "score": 2.5}, {"score": -1}]}
    assert results([8, Decimal("7.999999"), 6, 5], {"score": ladder}) == decimals(5, 2.5, 2.5, -1)
    assert results([8, 6, 5], {"score": ladder, "clamp": [0, 3]}) == decimals(3, 2.5, 0)


def test_steps_say_what_lifts_the_score() -> None:
    # From below the nearest bound of the next rung is its lower one, from above its upper one.
    assert results([1, 3, 11], {"score": {"steps": COUNTS}}, "next_score") == decimals(2, 3, None)
    assert results([1, 3, 11], {"score": {"steps": COUNTS}}, "value_for_next_score") == decimals(2, 5, None)
    days = {"score": {"steps": [{"max": 10, "score": 5}, {"max": 20, "score": 4}, {"score": 1}]}, "better": "low"}
    assert results([5, 15, 99], days, "next_score") == decimals(None, 5, 4)
    assert results([5, 15, 99], days, "value_for_next_score") == decimals(None, 10, 20)
    # Two rungs have the next score: the nearer one counts. An 'otherwise' begins where the others end.
    middle = {"steps": [{"max": 0, "score": 2}, {"min": 10, "score": 2}, {"score": 1}]}
    assert results([3, 8], {"score": middle}, "value_for_next_score") == decimals(0, 10)
    falling = {"steps": [{"min": 3, "score": -10}, {"score": 5}]}
    assert results([4], {"score": falling}, "next_score") == decimals(5)
    assert results([4], {"score": falling}, "value_for_next_score") == decimals(3)
    # What a clamp takes away lifts nothing.
    assert results([6], {"score": {"steps": COUNTS}, "clamp": [0, 3]}, "next_score") == [None]


def test_steps_that_match_nothing() -> None:
    group = customers(frequency=[0, 3], monetary=[Decimal(0), Decimal(0)], pieces=[Decimal("-0.5"), 0], n=[0, 0])
    steps = {"score": {"steps": COUNTS}}
    _, reasons = grade(group, {"pieces": {"value": "pieces", **steps}})
    assert reasons == {
        "c1": "pieces -0.50 matches no step of rulebook 'book'",
        "c2": "pieces 0.00 matches no step of rulebook 'book'",
    }
    # The first metric that fails gives the reason; whole-number columns have no decimals.
    _, reasons = grade(group, {"f": {"value": "frequency", **steps}, "money": {"value": "monetary", **steps}})
    assert reasons == {
        "c1": "f 0 matches no step of rulebook 'book'",
        "c2": "money 0.00 matches no step of rulebook 'book'",
    }
    assert grade(group, {"n": {"value": "n", **steps}})[1]["c1"] == "n 0.00 matches no step of rulebook 'book'"
    whole = {"n": {"column": "N", "type": "integer"}}
    assert grade(group, {"n": {"value": "n", **steps}}, columns=whole)[1]["c1"] == (
        "n 0 matches no step of rulebook 'book'"
    )
    assert grade(group, {"n": {"value": "frequency - 1.0 / 3", "score": {"steps": [{"min": 9, "score": 1}]}}})[1] == {
        "c1": "n -0.333333 matches no step of rulebook 'book'",
        "c2": "n 2.666667 matches no step of rulebook 'book'",
    }


def test_lookup() -> None:
    sizes = {"score": {"lookup": {"XS": 2, "S": 4.5}, "otherwise": 0}}
    assert results(["XS", "S", "xs", "", None], sizes) == decimals(2, 4.5, 0, 0, 0)
    assert results(["XS", None], sizes, "value") == ["XS", None]
    assert results(["XS", "S"], {**sizes, "clamp": [3, 4]}) == decimals(3, 4)
    _, reasons = grade(customers(x=["XL", None]), {"m": {"value": "x", "score": {"lookup": {"XS": 2}}}})
    assert reasons == {"c1": "m 'XL' matches no label of rulebook 'book'", "c2": "metric m has no value"}


def test_lookup_of_numbers() -> None:
    assert results([1, Decimal("2.500")], {"score": {"lookup": {1: 10, 2.5: 20}}}) == decimals(10, 20)
    # One text among them makes all labels texts.
    assert results(["1", "x"], {"score": {"lookup": {1: 10, "x": 20}}}) == decimals(10, 20)
    with pytest.raises(ValueError, match="is no str"):
        results([1], {"score": {"lookup": {"1": 10}}})


def test_split_at_the_mean() -> None:
    # The mean of 1, 1, 2 is 4/3.
    assert results([1, 1, 2], {"score": {"split": "mean"}}) == decimals(0, 0, 1)
    assert results([1, 1, 2], {"score": {"split": "mean"}, "better": "low"}) == decimals(1, 1, 0)
    assert results([1, 2, 3], {"score": {"split": "mean", "scores": [1, -1]}}) == decimals(-1, 1, 1)
    assert results([1, 2, 3], {"score": {"split": "mean"}}, "next_score") == decimals(1, None, None)
    assert results([1, 2, 3], {"score": {"split": "mean"}}, "value_for_next_score") == decimals(2, None, None)
    assert results([1, 2, 3], {"score": {"split": "mean", "scores": [0, 1]}}, "next_score") == [None] * 3
    low = {"score": {"split": "mean"}, "better": "low"}
    assert results([1, 1.5, 6], low, "value_for_next_score") == decimals(None, None, 1.5)
    assert results([5, 5], {"score": {"split": "mean"}}) == decimals(1, 1)
    # A mean that no decimal number is: 0.333333 is below a third, three thirds are on it.
    assert results([Decimal("0.333333"), Decimal("0.333334"), Decimal("0.333333")], {"score": {"split": "mean"}}) == (
        decimals(0, 1, 0)
    )


def test_split_at_the_median() -> None:
    # The median of an even group is the mean of the middle two.
    assert results([1, 2, 3, 10], {"score": {"split": "median"}}) == decimals(0, 0, 1, 1)
    assert results([1, 2, 3, 10], {"score": {"split": "median"}, "better": "low"}) == decimals(1, 1, 0, 0)
    assert results([1, 2, 3], {"score": {"split": "median"}}) == decimals(0, 1, 1)
    assert results([1, 1, 1, 9], {"score": {"split": "median"}}) == decimals(1, 1, 1, 1)
    assert results([7], {"score": {"split": "median"}}) == decimals(1)


def test_share() -> None:
    assert results([1, 2, 0], {"score": {"share": "percent"}}) == decimals("33.333333", "66.666667", 0)
    assert results([5], {"score": {"share": "percent"}}) == decimals(100)
    assert results([1, -1], {"score": {"share": "percent"}}) == decimals(0, 0)


def test_scale() -> None:
    assert results([2, 4, 10], {"score": {"scale": "minmax"}}) == decimals(0, 0.25, 1)
    assert results([2, 4, 10], {"score": {"scale": "minmax"}, "better": "low"}) == decimals(1, 0.75, 0)
    assert results([2, 4, 10], {"score": {"scale": "max"}}) == decimals(0.2, 0.4, 1)
    assert results([2, 3, 4], {"score": {"scale": "mean"}}) == decimals("0.666667", 1, "1.333333")
    # All values are equal, or the group is one customer: minmax divides by 0.
    assert results([3, 3], {"score": {"scale": "minmax"}}) == decimals(0, 0)
    assert results([3], {"score": {"scale": "minmax"}, "better": "low"}) == decimals(0)
    assert results([0, -2], {"score": {"scale": "max"}}) == decimals(0, 0)
    assert results([2, -2], {"score": {"scale": "mean"}}) == decimals(0, 0)
    assert results([4, 2], {"score": {"scale": "max"}, "clamp": [0.6, 0.9]}) == decimals(0.9, 0.6)


@pytest.mark.parametrize(
    ("statistic", "expected"), [("mean", 4), ("median", 2.5), ("sum", 16), ("min", 1), ("max", 10), ("count", 4)]
)
def test_group(statistic: str, expected: float) -> None:
    assert results([1, 2, 3, 10], {"score": {"group": statistic}}) == decimals(*[expected] * 4)


def test_a_rejected_customer_influences_nobody() -> None:
    group = customers(x=[1, 3, None, 1000], frequency=[1, 1, 1, 0])
    graded, reasons = grade(
        group,
        {"m": {"value": "x", "score": {"group": "mean"}}, "f": {"value": "frequency", "score": {"steps": COUNTS}}},
    )
    assert reasons == {"c3": "metric m has no value", "c4": "f 0 matches no step of rulebook 'book'"}
    assert [row["m_score"] for row in graded.values()] == decimals(2, 2)


def test_a_customer_without_a_grade_takes_part_in_the_group() -> None:
    graded, reasons = grade(
        customers(x=[1, 3, 8]),
        {"m": {"value": "x", "score": {"group": "mean"}}, "x": {"value": "x"}},
        total={"m": 0, "x": 1},
        grades=[{"grade": "A", "max": 5}],
    )
    assert reasons == {"c3": "total 8.00 matches no grade of rulebook 'book'"}
    assert [(row["m_score"], row["value_rank"]) for row in graded.values()] == [(4, 2), (4, 1)]


def test_groups_are_as_of_dates_and_regions() -> None:
    group = customers(x=[1, 3, 8], region=["n", "n", "s"])
    metric = {"m": {"value": "x", "score": {"group": "sum"}}}
    assert [row["m_score"] for row in grade(group, metric)[0].values()] == decimals(12, 12, 12)
    assert [row["m_score"] for row in grade(group, metric, within_region=True)[0].values()] == decimals(4, 4, 8)
    group[0]["as_of_date"] = datetime.date(2024, 1, 1)
    assert [row["m_score"] for row in grade(group, metric)[0].values()] == decimals(1, 11, 11)


# --- Totals and grades ------------------------------------------------------------------------------------------------

CLOUD_MALL = {
    "recency": {
        "value": "recency_days",
        "better": "low",
        "score": {
            "steps": [
                {"max": 10, "score": 5},
                {"max": 20, "score": 4},
                {"max": 30, "score": 3},
                {"max": 50, "score": 2},
                {"score": 1},
            ]
        },
    },
    "frequency": {"value": "frequency", "score": {"steps": COUNTS}},
    "monetary": {"value": "monetary", "score": {"steps": [{"above": 0, "max": 1, "score": 1}]}},
}


def test_0_3_0_4_0_6_of_4_3_1_is_exactly_3() -> None:
    graded, _ = grade(
        customers(recency_days=[20], frequency=[10], monetary=[Decimal(1)]),
        CLOUD_MALL,
        total={"recency": 0.3, "frequency": 0.4, "monetary": 0.6},
        grades=[{"grade": "A", "above": 6}, {"grade": "B", "above": 3}, {"grade": "C"}],
    )
    row = graded["c1"]
    assert [row[f"{metric}_score"] for metric in CLOUD_MALL] == [4, 3, 1]
    assert (row["total_score"], row["score_code"], row["grade"], row["grade_order"]) == (3, None, "C", 3)


def test_0_995_is_rounded_to_1() -> None:
    group = customers(x=[Decimal("0.995"), Decimal("0.994999"), Decimal("98.010001")])
    metrics = {"m": {"value": "x", "score": {"share": "percent"}}}
    grades = [{"grade": "A", "min": 1}, {"grade": "B", "min": 0.8}]
    graded, _ = grade(group, metrics, total={"m": 1}, round=2, grades=grades)
    assert [(row["total_score"], row["grade"]) for row in graded.values()] == [
        (1, "A"),
        (Decimal("0.99"), "B"),
        (Decimal("98.01"), "A"),
    ]
    graded, _ = grade(group, metrics, total={"m": 1}, grades=grades)
    assert [row["grade"] for row in graded.values()] == ["B", "B", "A"]
    graded, _ = grade(customers(x=[Decimal("-2.5")]), {"m": {"value": "x"}}, total={"m": 1}, round=0)
    assert graded["c1"]["total_score"] == -3


def test_three_thirds_of_a_total_are_1() -> None:
    graded, _ = grade(
        customers(x=[1, 1, 1]),
        {"a": {"value": "x / 3"}, "b": {"value": "1 / 3"}, "c": {"value": "x / 3"}},
        total={"a": 1, "b": 1, "c": 1},
        grades=[{"grade": "A", "min": 1}],
    )
    assert graded["c1"]["total_score"] == 1
    assert graded["c1"]["a_score"] == Decimal("0.333333")


def test_total_by_an_expression() -> None:
    group = customers(size=["S", "M"], status=["存续", "注销"], capital=[Decimal(1000), Decimal(555)])
    metrics = {
        "size": {"value": "size", "score": {"lookup": {"S": 4, "M": 8}}},
        "capital": {"value": "capital / 100"},
        "status": {"value": "status", "score": {"lookup": {"存续": 1, "在业": 1}, "otherwise": 0}},
    }
    total = {"expression": "(size_score + capital_score + capital / 1000) * status_score / (1 - 0.5)"}
    graded, _ = grade(group, metrics, total=total, round=0)
    assert [(row["total_score"], row["grade"]) for row in graded.values()] == [(30, None), (0, None)]
    total = {"expression": "size_score / status_score"}
    graded, reasons = grade(group, metrics, total=total)
    assert graded["c1"]["total_score"] == 4
    assert reasons == {"c2": "the total of rulebook 'book' has no value"}


def test_total_is_a_code() -> None:
    metrics = {
        "rate": {"value": "x / y", "score": {"steps": [{"min": 0.8, "score": "A"}, {"score": "B"}]}},
        "count": {"value": "y", "score": {"split": "mean", "scores": ["+", "-"]}},
        "half": {"value": "y / 4"},
    }
    group = customers(x=[4, 3, 8], y=[5, 4, 10])
    graded, _ = grade(group, metrics, total={"code": ["rate", "count"]})
    assert [(row["score_code"], row["total_score"]) for row in graded.values()] == [
        ("A-", None),
        ("B-", None),
        ("A+", None),
    ]
    assert [row["rate_score"] for row in graded.values()] == ["A", "B", "A"]
    assert [row["count_next_score"] for row in graded.values()] == [None] * 3
    # A number stands in a code without the zeros after its point, but with all its own.
    graded, _ = grade(customers(x=[100, 1], y=[10, 4]), metrics, total={"code": ["half", "rate"]})
    assert [row["score_code"] for row in graded.values()] == ["2.5A", "1B"]


def test_codes() -> None:
    def grades(*codes: str) -> list[str | None]:
        group = customers(x=[11, 12, 15, 51, 54, 55])
        graded, reasons = grade(
            group,
            {"m": {"value": "x"}},
            total={"code": ["m"]},
            grades=[{"grade": str(number), "codes": [code]} for number, code in enumerate(codes)],
        )
        assert set(reasons.values()) <= {f"code {row['x']} matches no grade of rulebook 'book'" for row in group}
        return [graded[row["customer_id"]]["grade"] if row["customer_id"] in graded else None for row in group]

    assert grades("11", "5[4-5]", "[15]5") == ["0", None, "2", None, "1", "1"]
    # No other signs have a meaning: the class is a caret or a 5, and the point is a point.
    assert grades("1[1-2]", "[^5]5", "5.") == ["0", "0", None, None, None, "1"]
    assert grades("1", "1[12-5]", "5[1-]") == ["1", "1", "1", "2", None, None]


def test_grades_are_conditions() -> None:
    member = {
        "ticket": {"value": "monetary / frequency", "score": {"group": "mean"}},
        "yearly": {"value": "frequency"},
    }
    grades = [
        {"grade": "none", "when": "monetary = 0 or yearly_score = 0"},
        {"grade": "core", "when": "monetary >= 3 * ticket_score and yearly_score >= 3"},
        {"grade": "once", "when": "yearly_score = 1"},
        {"grade": "rising", "when": "visits > 3"},
    ]
    # The tickets are 0, 20, 10, 2 and 2, so 3 times their mean is 20.4.
    group = customers(
        monetary=[Decimal(0), Decimal(60), Decimal(10), Decimal(4), Decimal(4)],
        frequency=[4, 3, 1, 2, 2],
        visits=[9, 9, 9, 9, None],
    )
    graded, reasons = grade(group, member, grades=grades)
    assert [row["grade"] for row in graded.values()] == ["none", "core", "once", "rising"]
    assert [row["total_score"] for row in graded.values()] == [None] * 4
    assert [row["value_rank"] for row in graded.values()] == [4, 1, 2, 3]
    # A condition that is null does not match, nor does its opposite.
    assert reasons == {"c5": "the scores match no grade of rulebook 'book'"}
    graded, _ = grade(
        group[4:],
        {"m": {"value": "frequency"}},
        total={"m": 1},
        grades=[
            {"grade": "A", "when": "not visits > 3"},
            {"grade": "B", "min": 3},
            {"grade": "C", "when": "total_score = m_score"},
            {"grade": "D"},
        ],
    )
    assert (graded["c5"]["grade"], graded["c5"]["grade_order"]) == ("C", 3)


def test_value_rank() -> None:
    group = customers(
        x=[1, 2, 2, 2, 2],
        monetary=[Decimal(9), None, Decimal(5), Decimal(5), Decimal(5)],
        frequency=[1, 9, 1, 2, 2],
        recency_days=[1, 1, 1, 4, 3],
    )
    graded, _ = grade(group, {"m": {"value": "x"}}, total={"m": 1})
    assert [row["value_rank"] for row in graded.values()] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"metric": {"values": "x"}},
        {"score": {"tile": 5}},
        {"score": {"tiles": 5, "steps": [{"score": 1}]}},
        {"score": {"tiles": 5, "otherwise": 1}},
        {"score": {"tiles": 5, "ties": "apart"}},
        {"score": {"tiles": 5, "tie_break": ["money desc"]}},
        {"score": {"tiles": True}},
        {"score": {"ties": "together"}},
        {"score": {"steps": [{"score": 1, "from": 3}]}},
        {"score": {"steps": [{"score": 1}, {"score": 2, "min": 3}]}},
        {"score": {"steps": [{"min": 3}]}},
        {"score": {"steps": [{"score": "A"}]}, "book": {"total": {"m": 1}}},
        {"score": {"steps": [{"score": 1, "min": "3"}]}},
        {"score": {"lookup": {"A": 1}}},
        {"score": {"lookup": {True: 2}}},
        {"score": {"lookup": {1: 1}, "otherwise": None}},
        {"score": {"split": "mode"}},
        {"score": {"split": "mean", "scores": [1]}},
        {"score": {"share": "ratio"}},
        {"score": {"share": "percent"}, "metric": {"better": "low"}},
        {"score": {"scale": "max"}, "metric": {"better": "low"}},
        {"score": {"scale": "mean"}, "metric": {"better": "low"}},
        {"score": {"scale": "zscore"}},
        {"score": {"group": "mode"}},
        {"score": {"clamp": [0, 1]}, "metric": {"clamp": [0, 1]}},
        {"metric": {"clamp": [1, 0]}},
        {"metric": {"better": "lower"}},
        {"metric": {"value": "z"}},
        {"metric": {"value": "customer_id"}},
        {"metric": {"value": "x > 1"}},
        {"book": {"weights": {}}},
        {"book": {"total": {"n": 1}}},
        {"book": {"total": {}}},
        {"book": {"total": {"m": "1"}}},
        {"book": {"total": {"expression": "m_score", "round": 2}}},
        {"book": {"total": {"expression": "n_score"}}},
        {"book": {"total": {"expression": "total_score"}}},
        {"book": {"total": {"expression": "m_score > 1"}}},
        {"book": {"total": {"code": ["n"]}}},
        {"book": {"total": {"code": ["m"]}, "round": 1}},
        {"book": {"round": 1}},
        {"book": {"grades": [{"grade": "A", "min": 1}]}},
        {"book": {"grades": [{"grade": "A", "codes": ["1"]}]}},
        {"book": {"grades": [{"grade": "A", "when": "score_code = '1'"}]}},
        {"book": {"grades": [{"grade": "A", "when": "m_score"}]}},
        {"book": {"grades": [{"grade": "A"}, {"grade": "B", "when": "x > 1"}]}},
        {"book": {"grades": [{"when": "x > 1"}]}},
        {"book": {"total": {"m": 1}, "grades": [{"grade": "A", "min": 1, "when": "x > 1"}]}},
        {"book": {"total": {"m": 1}, "grades": [{"grade": "A", "least": 1}]}},
        {"book": {"total": {"code": ["m"]}, "grades": [{"grade": "A", "codes": ["5[4"]}]}},
        {"book": {"total": {"code": ["m"]}, "grades": [{"grade": "A", "codes": [11]}]}},
        {"book": {"total": {"code": ["m"]}, "grades": [{"grade": "A", "min": 1}]}},
    ],
)
def test_what_the_language_does_not_have_is_refused(change: Row) -> None:
    metric = {"value": "x", **change.get("metric", {})}
    if "score" in change:
        metric["score"] = change["score"]
    with pytest.raises(ValueError):  # noqa: PT011
        oracle.grade(customers(x=[1, 2]), {"metrics": {"m": metric}, **change.get("book", {})})


def test_a_function_may_measure() -> None:
    graded, _ = grade(customers(x=[1]), {"m": {"value": lambda customer: Fraction(customer["x"], 3)}})
    assert graded["c1"]["m_value"] == Decimal("0.333333")


# --- SQL --------------------------------------------------------------------------------------------------------------

ROW = {"a": 7, "b": Decimal("2.5"), "z": 0, "n": None, "s": "it's", "d": datetime.date(2024, 3, 1)}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("1 / 3", Fraction(1, 3)),
        ("3 / 2", Fraction(3, 2)),
        ("a / z", None),
        ("2 + 3 * 4 - -1", 15),
        ("(2 + 3) * 4 / 8", Fraction(5, 2)),
        ("10 - 4 - 3", 3),
        ("1 + n", None),
        ("-b", Fraction(-5, 2)),
        (".5 + 1e1", Fraction(21, 2)),
        ("greatest(n, 1, b)", Fraction(5, 2)),
        ("least(n, 1, b)", 1),
        ("greatest(n, n)", None),
        ("greatest(30 - a, 0) / 30 * 10", Fraction(23, 3)),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(0.995, 2)", 1),
        ("round(125, -1)", 130),
        ("floor(-0.5)", -1),
        ("ceil(-0.5)", 0),
        ("abs(-a)", 7),
        ("mod(-7, 3)", -1),
        ("mod(a, 0)", None),
        ("coalesce(n, z, 1)", 0),
        ("nullif(a, 7)", None),
        ("nullif(a, n)", 7),
        ("days_between(date '2024-02-28', d)", 2),
        ("days_between(d, n)", None),
        ("extract(year from d) + extract(month from d) * 100 + extract(day from d)", 2325),
        ("s = 'it''s'", True),
        ("d >= date '2024-03-01'", True),
        ("n = n", None),
        ("n <> 1", None),
        ("n is null and a is not null", True),
        ("n > 1 and a > 9", False),
        ("n > 1 and a > 1", None),
        ("n > 1 or a > 1", True),
        ("n > 1 or a > 9", None),
        ("not n > 1", None),
        ("not a = 1 and a = 7", True),
        ("true or false and false", True),
        ("a in (1, n)", None),
        ("a in (7, n)", True),
        ("a not in (1, n)", None),
        ("a NOT IN (1, 2)", True),
        ("a between 7 and 8 and b between 3 and 4", False),
        ("a not between n and 6", True),
        ("a between n and 8", None),
        ("case when n > 1 then 1 when a > 1 then 2 else 3 end", 2),
        ("case when n > 1 then 1 end", None),
        ("case a when 1 then 'x' when 7 then 'y' end", "y"),
        ("case n when n then 1 else 2 end", 2),
        ("case when z = 0 then 0 else a / z end", 0),
    ],
)
def test_sql(sql: str, expected: Any) -> None:
    found = oracle_sql.parse(sql)(ROW)
    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "a +",
        "a b",
        "(a",
        "1a",
        "a -- b",
        "a ; b",
        "a = 1 = 1",
        "a not 1",
        "sqrt(a)",
        "round(a, 1, 1)",
        "days_between(d)",
        "date '2024-02-30'",
        "extract(week from d)",
        "case end",
        "case when a > 1 then 2",
        "'open",
        "a is 1",
        "s + 1",
        "a = '7'",
        "d - d",
        "not a",
        "a and true",
        "case when a then 1 end",
        "round(a, 0.5)",
    ],
)
def test_what_is_no_sql_is_refused(sql: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        oracle_sql.parse(sql)(ROW)


def test_names_of_an_expression() -> None:
    assert oracle_sql.parse("Greatest(A, b) + case when d > date '2024-01-01' then 1 end").names == {"a", "b", "d"}
