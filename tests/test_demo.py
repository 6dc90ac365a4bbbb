"""The two demo products, from the raw records to the marts, against the oracle."""

from __future__ import annotations

import csv
import datetime
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

import history_oracle
import oracle
from conftest import DERIVED_MARTS, HISTORY_MARTS, REPOSITORY, Project, Row, demo_vars

DATASETS = demo_vars()["rfm__datasets"]
RECORDS = {name: dataset for name, dataset in DATASETS.items() if "records" in dataset}
RULEBOOKS = demo_vars()["rfm__rulebooks"]

# How the oracle's short reasons begin in the mart.
REASONS = {
    "unreadable": "expected a ",
    "negative": "expected 0 or more",
    "missing": "is missing",
    "before last order": "is before last_order_date",
    "duplicate": "duplicate",
    "superseded": "superseded",
}


def raw(name: str) -> list[dict[str, str | None]]:
    with (REPOSITORY / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", list(RECORDS))
def test_grades_equal_the_oracle(demo: Project, name: str) -> None:
    dataset = DATASETS[name]
    rulebook = RULEBOOKS[dataset["rulebook"]]
    customers, rejected = oracle.clean(raw(dataset["records"]), dataset)
    expected, ungraded = oracle.grade(customers, rulebook)
    assert not ungraded
    columns = ["as_of_date", "region", "customer_id", "last_order_date", "recency_days", "frequency", "monetary"]
    columns += [f"{metric}_score" for metric in rulebook["metrics"]] + [
        "total_score",
        "grade",
        "grade_order",
        "value_rank",
    ]
    found = demo.query(f"select {', '.join(columns)} from rfm__graded_customers where dataset = '{name}' order by all")
    key = ["as_of_date", "region", "customer_id"]
    assert found == sorted(
        ({column: customer[column] for column in columns} for customer in expected),
        key=lambda customer: [customer[column] for column in key],
    )

    # Of two rows that differ in trailing blanks alone either may be the one that is kept, so blanks do not count here.
    written: dict[tuple[str | None, ...], list[str]] = {}
    for row in demo.query(f"select reasons, record from rfm__rejected_records where dataset = '{name}'"):
        written.setdefault(without_blanks(json.loads(row["record"])), []).append(row["reasons"])
    assert Counter({row: len(texts) for row, texts in written.items()}) == Counter(
        without_blanks(r["row"]) for r in rejected
    )
    for faulty in rejected:
        # Two rows that are alike may differ in their reason: one is superseded, its copy is a duplicate.
        assert any(
            len(text.split("; ")) == len(faulty["reasons"])
            and all(said(reason) in text for reason in faulty["reasons"])
            for text in written[without_blanks(faulty["row"])]
        ), (faulty, written)


@pytest.mark.parametrize("name", list(DATASETS))
def test_what_moved_equals_the_oracle(demo: Project, name: str) -> None:
    """Changes, migration, warnings, plan and backtest of each demo product, every row and number."""
    dataset = DATASETS[name]
    expected = history_oracle.marts(name, dataset, RULEBOOKS, raw(dataset.get("records") or dataset["orders"]))
    for mart in DERIVED_MARTS:
        rows = expected[mart]
        found = demo.query(f"select * from rfm__{mart} where dataset = '{name}'")
        for row in found:
            if row.get("resources"):
                row["resources"] = json.loads(row["resources"])
        # The number of a warning in the backtest orders rows and says nothing.
        columns = [column for column in (rows[0] if rows else []) if column != "position"]
        assert sorted(repr([row[column] for column in columns]) for row in found) == sorted(
            repr([row[column] for column in columns]) for row in rows
        ), mart
    assert bool(expected["backtest"]) == (name != "kunming_platform")


def said(reason: str) -> str:
    return next(text for start, text in REASONS.items() if reason.startswith(start))


def without_blanks(row: Row) -> tuple[str | None, ...]:
    return tuple((value or "").strip() for value in row.values())


def test_exactly_the_registered_numbers_of_customers_are_graded(demo: Project) -> None:
    counts = demo.query(
        "select dataset, as_of_date, count(*) as customers, count(distinct customer_id) as ids "
        "from rfm__graded_customers where dataset != 'cdnow' group by all order by all"
    )
    assert {(row["dataset"], str(row["as_of_date"])): (row["customers"], row["ids"]) for row in counts} == {
        ("kunming_platform", "2024-11-02"): (549, 549),
        ("maoming_appraisal", "2025-01-31"): (612, 612),
        ("maoming_appraisal", "2025-02-28"): (628, 628),
        ("maoming_appraisal", "2025-03-31"): (640, 640),
        ("maoming_appraisal", "2025-04-30"): (655, 655),
        ("maoming_appraisal", "2025-05-31"): (667, 667),
        ("maoming_appraisal", "2025-06-30"): (681, 681),
    }


def test_every_input_row_is_used_or_rejected(demo: Project) -> None:
    for name, dataset in RECORDS.items():
        used = demo.query(f"select count(*) as n from rfm__graded_customers where dataset = '{name}'")[0]["n"]
        rejected = demo.query(f"select count(*) as n from rfm__rejected_records where dataset = '{name}'")[0]["n"]
        assert used + rejected == len(raw(dataset["records"]))
        assert rejected > 20


def test_the_tier_summary_adds_up(demo: Project) -> None:
    graded: dict[tuple[Any, ...], list[Row]] = {}
    for row in demo.mart("rfm__graded_customers"):
        graded.setdefault((row["dataset"], row["as_of_date"], row["region"]), []).append(row)
    summary = demo.mart("rfm__tier_summary")
    assert {(row["dataset"], row["as_of_date"], row["region"], row["grade"]) for row in summary} == {
        (*group, grade) for group in graded for grade in "ABCD"
    }
    for tier in summary:
        region = graded[tier["dataset"], tier["as_of_date"], tier["region"]]
        customers = [row for row in region if row["grade"] == tier["grade"]]
        money = sum((row["monetary"] for row in customers), Decimal(0))
        assert tier["customers"] == len(customers)
        assert tier["customer_share"] == oracle.rounded(oracle.exact(len(customers)) / len(region))
        assert tier["monetary"] == money
        assert tier["monetary_share"] == oracle.rounded(
            oracle.exact(money) / oracle.exact(sum(r["monetary"] for r in region))
        )
        for column in ["recency_days", "frequency", "monetary", "total_score"]:
            expected = None
            if customers:
                expected = oracle.rounded(sum(oracle.exact(row[column]) for row in customers) / len(customers))
            assert tier[f"average_{column}"] == expected


def test_the_points_add_up_to_the_total(demo: Project) -> None:
    wrong = demo.query(
        "select dataset, customer_id from rfm__customer_scores "
        "inner join rfm__graded_customers using (dataset, as_of_date, region, customer_id) "
        "group by dataset, as_of_date, region, customer_id, total_score having sum(points) != total_score"
    )
    assert wrong == []


def test_the_dirt_of_real_exports_is_there_and_read(demo: Project) -> None:
    """Every kind of dirt that the seeds claim to carry is in the raw records of graded customers, or in rejected ones."""
    rows = raw("raw_maoming_appraisal")
    assert any("￥" in (row["M"] or "") and "," in (row["M"] or "") for row in rows)
    assert any(any("０" <= letter <= "９" for letter in row["M"] or "") for row in rows)
    assert any((row["分析时间"] or "").isdigit() and len(row["分析时间"] or "") == 5 for row in rows)
    assert any("/" in (row["上次服务时间"] or "") for row in rows)
    assert any((row["客户编号"] or "").endswith(" ") for row in rows)
    found = {row["reasons"] for row in demo.query("select distinct reasons from rfm__rejected_records")}
    for reason in REASONS.values():
        assert any(reason in text for text in found), reason
    assert any("; " in text for text in found)


def test_a_second_build_changes_nothing(demo: Project) -> None:
    marts = [*HISTORY_MARTS, *DERIVED_MARTS, "rulebooks"]
    before = {mart: demo.mart(f"rfm__{mart}") for mart in marts}
    demo.threads = 1
    demo.build()
    assert {mart: demo.mart(f"rfm__{mart}") for mart in marts} == before
    assert all(before.values())


def test_the_rulebooks_are_a_table(demo: Project) -> None:
    rows = demo.query("select * from rfm__rulebooks where rulebook = 'platform_quintile' order by part, position")
    assert [(row["part"], row["name"], row["weight"]) for row in rows if row["part"] == "metric"] == [
        ("metric", "recency", Decimal("0.3")),
        ("metric", "frequency", Decimal("0.3")),
        ("metric", "monetary", Decimal("0.4")),
    ]
    assert [(row["name"], row["definition"]) for row in rows if row["part"] == "grade"] == [
        ("A", "total_score >= 4"),
        ("B", "total_score >= 3"),
        ("C", "total_score >= 2"),
        ("D", "otherwise"),
    ]


def test_no_date_depends_on_the_clock(demo: Project) -> None:
    newest = demo.query("select max(as_of_date) as newest from rfm__graded_customers")[0]["newest"]
    assert newest == datetime.date(2025, 6, 30)
