"""Scores, totals, grades and ranks equal the oracle's, on groups that Hypothesis makes up."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oracle
from conftest import QUINTILE, STANDARD_COLUMNS, CompiledModels, Row, write_project

GRADES = [{"grade": "A", "min": 4}, {"grade": "B", "min": 3}, {"grade": "C", "above": 2}, {"grade": "D"}]


def rulebook(score: Row | None = None, clamp: list[Any] | None = None, **rest: Any) -> Row:
    """A rulebook whose three metrics are scored alike."""
    metrics: Row = {
        "recency": {"value": "recency_days", "better": "low"},
        "frequency": {"value": "frequency"},
        "monetary": {"value": "monetary"},
    }
    for metric in metrics.values():
        if score is not None:
            metric["score"] = dict(score)
        if clamp is not None:
            metric["clamp"] = clamp
    return {"metrics": metrics, "total": {"recency": 0.3, "frequency": 0.4, "monetary": 0.6}, "grades": GRADES, **rest}


RULEBOOKS: Row = {
    "quintile": QUINTILE,
    "two_keys": rulebook({"tiles": 5, "tie_break": ["monetary desc", "last_order_date"]}),
    "text_key": rulebook({"tiles": 3, "tie_break": ["city desc", "points"]}),
    "together": rulebook({"tiles": 5, "ties": "together"}, round=0),
    "halves": rulebook({"tiles": 2}),
    "sevenths": rulebook({"tiles": 7}, clamp=[2, 5.5]),
    "flat": rulebook({"tiles": 4, "clamp": [9, 9]}),
    "values": rulebook(clamp=[-1000.25, 1000.5], round=2),
    "gaps": rulebook({"tiles": 4}, grades=[{"grade": "best", "min": 4}, {"grade": "middle", "min": 2, "below": 3}]),
    "ungraded": {key: value for key, value in rulebook({"tiles": 5}).items() if key != "grades"},
    "extra": {
        "metrics": {
            "points": {"value": "points", "score": {"tiles": 5}},
            "money": {"value": "monetary", "score": {"tiles": 5, "ties": "together"}},
        },
        "total": {"points": -0.5, "money": 1.25},
        "grades": GRADES,
    },
}
COLUMNS: Row = {**STANDARD_COLUMNS, "city": {"column": "city", "type": "text"}, "points": "points"}
INPUT_COLUMNS = [*STANDARD_COLUMNS, "city", "points"]
DATASETS: Row = {
    name: {"rulebook": name, "records": "input.customers", "columns": COLUMNS, **more}
    for name, more in [(name, {}) for name in RULEBOOKS]
} | {
    "by_region": {"rulebook": "quintile", "records": "input.customers", "columns": COLUMNS, "within": "region"},
    # The same extra name with another type: the two are stored apart.
    "another_type": {
        "rulebook": "text_key",
        "records": "input.customers",
        "columns": {**COLUMNS, "points": {"column": "points", "type": "text"}},
        "as_of_date": "2031-01-01",
    },
}
DATASETS["another_type"]["columns"] = {
    k: v for k, v in DATASETS["another_type"]["columns"].items() if k != "as_of_date"
}

CUSTOMER_IDS = st.text(
    st.one_of(st.sampled_from("ab1'\"\\;%_-中文é😀ß"), st.characters(exclude_categories=["C", "Z"])),
    min_size=1,
    max_size=6,
)
AMOUNTS = st.one_of(
    st.sampled_from([Decimal("0"), Decimal("0.01"), Decimal("100"), Decimal("100.000001")]),
    st.decimals(min_value=Decimal("-1e6"), max_value=Decimal("1e6"), places=2),
    st.decimals(min_value=0, max_value=Decimal("999999999999999.999999"), places=6),
)
CUSTOMERS = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": CUSTOMER_IDS,
            "region": st.sampled_from(["北", "南", None]),
            "recency_days": st.one_of(st.integers(0, 4), st.integers(0, 5000)),
            "frequency": st.one_of(st.integers(0, 2), st.integers(0, 10**12)),
            "monetary": AMOUNTS,
            "city": st.sampled_from(["a", "B", "é", None]),
            "points": st.sampled_from([None, 1, 2, 10]),
            "dated": st.booleans(),
            "as_of_date": st.sampled_from([f"2025-0{month}-28" for month in range(1, 9)]),
        }
    ),
    min_size=1,
    max_size=120,
    unique_by=lambda customer: (customer["customer_id"], customer["as_of_date"]),
)


def as_input(customer: Row) -> Row:
    """A customer as a row of text."""
    last_order = datetime.date.fromisoformat(customer["as_of_date"]) - datetime.timedelta(days=customer["recency_days"])
    row = {name: None if value is None else str(value) for name, value in customer.items() if name != "dated"}
    row["monetary"] = f"{customer['monetary']:f}"
    row["last_order_date"] = last_order.isoformat() if customer["dated"] else None
    return row


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledModels]:
    project = write_project(tmp_path_factory.mktemp("scoring"), RULEBOOKS, DATASETS, tables=["customers"])
    project.load("customers", [], INPUT_COLUMNS)
    project.build()
    compiled = CompiledModels.of(project)
    yield compiled
    compiled.connection.close()


def check_against_oracle(models: CompiledModels, rows: list[Row]) -> None:
    """Compare every dataset's marts with what the oracle makes of the same rows."""
    found = {
        (row["dataset"], row["as_of_date"], row["customer_id"]): row
        for row in models.rows("from rfm__graded_customers")
    }
    scores = {
        (row["dataset"], row["as_of_date"], row["customer_id"], row["metric"]): row
        for row in models.rows("from rfm__customer_scores")
    }
    rejected = models.rows(
        "select dataset, customer_id, as_of_date, reasons from rfm__rejected_records where stage = 'grading'"
    )
    for name, dataset in DATASETS.items():
        customers, faulty = oracle.clean(rows, dataset)
        assert not faulty
        rules = RULEBOOKS[dataset["rulebook"]]
        expected, ungraded = oracle.grade(customers, rules, within_region="within" in dataset)
        assert sum(key[0] == name for key in found) == len(expected)
        for customer in expected:
            key = (name, customer["as_of_date"], customer["customer_id"])
            row = found[key]
            for column in [
                "region",
                "recency_days",
                "frequency",
                "monetary",
                "total_score",
                "grade",
                "grade_order",
                "value_rank",
            ]:
                assert row[column] == customer[column], (key, column, row, customer)
            for metric in rules["metrics"]:
                score = scores.pop((*key, metric))
                for column in ["value", "score", "next_score", "value_for_next_score", "is_tie_broken"]:
                    assert score[column] == customer[f"{metric}_{column}"], (key, metric, column, score, customer)
        assert sorted((row["customer_id"], row["as_of_date"]) for row in rejected if row["dataset"] == name) == sorted(
            (customer["customer_id"], customer["as_of_date"]) for customer in ungraded
        )
    assert not scores


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(customers=CUSTOMERS)
def test_grades_equal_the_oracle(models: CompiledModels, customers: list[Row]) -> None:
    """Each example is up to eight groups (as-of dates), graded by every rulebook above."""
    rows = [as_input(customer) for customer in customers]
    models.run({"customers": rows}, INPUT_COLUMNS)
    check_against_oracle(models, rows)


def many_customers(count: int) -> list[Row]:
    """A group in which most customers share their values."""
    rng = random.Random(7)
    return [
        as_input(
            {
                "customer_id": f"{number:05d}",
                "region": rng.choice("北南东"),
                "recency_days": rng.randrange(31),
                "frequency": rng.choice([1, 1, 1, 1, 2, 3]),
                "monetary": Decimal(rng.randrange(1, 40)) * 25,
                "city": rng.choice(["a", "B", None]),
                "points": rng.choice([1, 2, 10, None]),
                "dated": True,
                "as_of_date": "2025-06-30",
            }
        )
        for number in range(count)
    ]


def test_a_larger_group_with_heavy_ties_equals_the_oracle(models: CompiledModels) -> None:
    rows = many_customers(1507)
    models.run({"customers": rows}, INPUT_COLUMNS)
    check_against_oracle(models, rows)
    tied = models.rows(
        "select count(*) as customers from rfm__customer_scores where is_tie_broken and dataset = 'quintile'"
    )
    assert tied[0]["customers"] > 500


def test_neither_the_order_of_rows_nor_the_threads_change_a_grade(models: CompiledModels) -> None:
    rows = many_customers(5000)
    results = []
    for threads, seed in [(1, 1), (4, 2)]:
        random.Random(seed).shuffle(rows)
        models.connection.execute(f"set threads = {threads}")
        models.run({"customers": rows}, INPUT_COLUMNS)
        results.append(
            [models.rows(f"from {mart} order by all") for mart in ["rfm__graded_customers", "rfm__customer_scores"]]
        )
    assert results[0] == results[1]
    assert results[0][0]


def test_0_3_0_4_0_6_of_4_3_1_is_exactly_3(models: CompiledModels) -> None:
    """The total that floating point puts on the wrong side of the bound."""
    rows = [
        {
            "customer_id": "c",
            "as_of_date": "2025-06-30",
            "recency_days": "4",
            "frequency": "3",
            "monetary": "1.000",
            "points": "1",
        }
    ]
    models.run({"customers": rows}, INPUT_COLUMNS)
    graded = models.rows("select total_score, grade from rfm__graded_customers where dataset = 'values'")
    assert graded == [{"total_score": Decimal(3), "grade": "B"}]


def test_cut_points_say_where_scores_change(models: CompiledModels) -> None:
    rows = [
        as_input(
            {
                "customer_id": f"{number:02d}",
                "region": "北",
                "recency_days": number,
                "frequency": 1,
                "monetary": Decimal(number),
                "city": None,
                "points": 1,
                "dated": True,
                "as_of_date": "2025-06-30",
            }
        )
        for number in range(1, 13)
    ]
    models.run({"customers": rows}, INPUT_COLUMNS)
    found = models.rows(
        "select metric, score, best_value, worst_value, customers, tied_customers from rfm__score_cutpoints "
        "where dataset = 'quintile' order by metric, score desc"
    )
    sizes = [3, 3, 2, 2, 2]
    assert [(row["metric"], int(row["score"]), row["customers"], row["tied_customers"]) for row in found] == [
        (metric, 5 - tile, size, size if metric == "frequency" else 0)
        for metric in ["frequency", "monetary", "recency"]
        for tile, size in enumerate(sizes)
    ]
    assert [(int(row["best_value"]), int(row["worst_value"])) for row in found if row["metric"] == "monetary"] == [
        (12, 10),
        (9, 7),
        (6, 5),
        (4, 3),
        (2, 1),
    ]
    assert [(int(row["best_value"]), int(row["worst_value"])) for row in found if row["metric"] == "recency"] == [
        (1, 3),
        (4, 6),
        (7, 8),
        (9, 10),
        (11, 12),
    ]
