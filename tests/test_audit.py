"""The audit says of the rulebooks what arithmetic and the oracle say."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest

import oracle
from conftest import GALLERY, QUINTILE, STANDARD_COLUMNS, Project, Row, demo_vars, write_project


def findings(project: Project, rulebook: str, finding: str) -> list[Row]:
    return project.query(
        f"from rfm__rulebook_audit where rulebook = '{rulebook}' and finding = '{finding}' "
        "order by dataset, as_of_date, region, subject, position"
    )


def test_the_publisher_of_appraisal_sum_is_told_that_d_cannot_occur_and_nearly_all_are_a(demo: Project) -> None:
    [unreachable] = findings(demo, "appraisal_sum", "unreachable_grade")
    assert (unreachable["subject"], unreachable["severity"], unreachable["dataset"]) == ("D", "high", None)
    assert unreachable["lowest"] == 2
    assert unreachable["sentence"].startswith("Nobody can get grade D: totals run from 2 upwards")
    assert unreachable["sentence_zh"].startswith("等级 D 不可能出现")
    last = findings(demo, "appraisal_sum", "dominant_grade")[-1]
    tiers = demo.query(
        "select grade, count(*) as customers from rfm__graded_customers "
        f"where dataset = 'maoming_appraisal' and as_of_date = '{last['as_of_date']}' group by grade"
    )
    counts = {row["grade"]: row["customers"] for row in tiers}
    assert (last["subject"], last["severity"]) == ("A", "high")
    assert (last["amount"], last["out_of"]) == (counts["A"], 681)
    assert last["sentence"].startswith(f"Nearly all customers are A ({counts['A']} of 681 customers, 97.1 percent)")
    assert last["sentence_zh"].startswith(f"几乎所有客户都是 A 级（681 户中的 {counts['A']} 户，占 97.1%）")


def test_the_sentences_of_the_demo_name_what_they_are_about(demo: Project) -> None:
    rows = demo.query("from rfm__rulebook_audit")
    assert rows
    for row in rows:
        assert row["sentence"].endswith(".")
        assert row["sentence_zh"].endswith("。")
        assert row["subject"] is None or (row["subject"] in row["sentence"] and row["subject"] in row["sentence_zh"]), (
            row
        )


@pytest.mark.parametrize("dataset", ["kunming_platform", "maoming_appraisal"])
def test_reversed_ties_change_the_grades_that_the_oracle_changes(demo: Project, dataset: str) -> None:
    """Ids in the opposite order reverse every tie."""
    rulebook = demo_vars()["rfm__datasets"][dataset]["rulebook"]
    rules: Row = demo_vars()["rfm__rulebooks"][rulebook]
    customers = demo.query(f"from stg_rfm__records where dataset = '{dataset}' and rejection_reasons is null")
    opposite = {
        old: f"{len(customers) - place:06d}" for place, old in enumerate(sorted({c["customer_id"] for c in customers}))
    }
    grades: list[Row] = []
    tied: set[Any] = set()
    for names in [None, opposite]:
        renamed = [
            c | {"customer_id": names[c["customer_id"]], "old": c["customer_id"]}
            if names
            else c | {"old": c["customer_id"]}
            for c in customers
        ]
        graded, _ = oracle.grade(renamed, rules)
        grades.append({(c["as_of_date"], c["old"]): c["grade"] for c in graded})
        if names is None:
            tied = {
                (c["as_of_date"], c["old"]) for c in graded if any(c[f"{m}_is_tie_broken"] for m in rules["metrics"])
            }
    for finding, changed in [
        ("changed_by_reversed_ties", {key for key in grades[0] if grades[0][key] != grades[1][key]}),
        ("decided_by_tie_break", tied),
    ]:
        found = {
            row["as_of_date"]: (row["amount"], row["out_of"])
            for row in findings(demo, rulebook, finding)
            if row["dataset"] == dataset
        }
        expected = {
            date: (sum(key[0] == date for key in changed), sum(key[0] == date for key in grades[0]))
            for date in {key[0] for key in grades[0]}
        }
        assert found == expected


def test_cloud_mall_can_hardly_give_an_a(gallery: Project) -> None:
    """0.3 R + 0.4 F + 0.6 M > 6 has three solutions in 1 to 5: (5, 5, 5), (4, 5, 5) and (5, 4, 5)."""
    by_grade = {row["subject"]: row for row in findings(gallery, "cloud_mall", "score_combinations")}
    assert (by_grade["A"]["amount"], by_grade["A"]["out_of"], by_grade["A"]["severity"]) == (3, 125, "medium")
    assert "3 of 125 combinations of scores (2.4 percent), so hardly anybody" in by_grade["A"]["sentence"]
    counts = {"A": 0, "B": 0, "C": 0}
    for recency, frequency, monetary in product(range(1, 6), repeat=3):
        total = Decimal("0.3") * recency + Decimal("0.4") * frequency + Decimal("0.6") * monetary
        counts["A" if total > 6 else "B" if total > 3 else "C"] += 1
    assert {grade: row["amount"] for grade, row in by_grade.items()} == counts
    [weights] = findings(gallery, "cloud_mall", "weights_do_not_sum_to_1")
    assert (weights["amount"], weights["severity"]) == (Decimal("1.3"), "medium")
    [totals] = findings(gallery, "cloud_mall", "range_of_totals")
    assert (totals["lowest"], totals["highest"]) == (Decimal("1.3"), Decimal("6.5"))
    gaps = [(row["subject"], row["sentence"]) for row in findings(gallery, "cloud_mall", "value_without_score")]
    assert [subject for subject, _ in gaps] == ["frequency", "monetary"]
    assert gaps[0][1].startswith("No step of frequency scores a value of exactly 0:")
    assert gaps[1][1].startswith("No step of monetary scores a value of at most 0:")
    [ungraded] = findings(gallery, "cloud_mall", "ungraded_customers")
    assert ungraded["amount"] == len(GALLERY["cloud_mall"]["rejected"])


def test_codes_and_conditions_are_counted(gallery: Project) -> None:
    """All 125 codes, all 25, all 8; and drug_import's conditions: 1 + 20 + 20 + 1 + 83."""
    for rulebook, combinations in [
        ("eleven_segments", 125),
        ("ten_segments", 25),
        ("median_eight", 8),
        ("eight_types", 8),
    ]:
        rows = findings(gallery, rulebook, "score_combinations")
        assert sum(row["amount"] for row in rows) == combinations == rows[0]["out_of"]
        assert not findings(gallery, rulebook, "total_without_grade")
    counts = {row["subject"]: row["amount"] for row in findings(gallery, "drug_import", "score_combinations")}
    expected = {"高价值客户": 0, "高潜力客户": 0, "重点维护客户": 0, "无效客户": 0, "一般客户": 0}
    for recency, frequency, monetary in product(range(1, 6), repeat=3):
        if recency == frequency == monetary == 5:
            expected["高价值客户"] += 1
        elif recency == 5 and monetary < 5:
            expected["高潜力客户"] += 1
        elif recency < 5 and monetary == 5:
            expected["重点维护客户"] += 1
        elif recency == frequency == monetary == 1:
            expected["无效客户"] += 1
        else:
            expected["一般客户"] += 1
    assert counts == expected


STEPS = [{"max": 10, "score": 1}, {"above": 12, "max": 20, "score": 2}, {"above": 20, "score": 3}]
BINARY: Row = {"value": "frequency", "score": {"steps": [{"min": 1, "score": 1}, {"score": 0}]}}
RULEBOOKS: Row = {
    "quintile": QUINTILE,
    # Totals 0, 1 and 2 in 1, 2 and 1 ways; 'none' asks for 3.
    "gaps": {
        "metrics": {"frequency": BINARY, "monetary": {"value": "monetary", "score": {"split": "median"}}},
        "total": {"frequency": 1, "monetary": 1},
        "grades": [{"grade": "none", "min": 3}, {"grade": "both", "min": 2}, {"grade": "no", "max": 0}],
    },
    "steps": {
        "metrics": {
            "recency": {"value": "recency_days", "score": {"steps": STEPS}},
            "city": {"value": "city", "score": {"lookup": {"a": 1}}},
        },
        "total": {"recency": 0.5, "city": 0.5},
    },
    "weighted_value": {
        "metrics": {
            "recency": {"value": "recency_days", "better": "low", "score": {"clamp": [0, 30]}},
            "scaled": {"value": "monetary", "score": {"scale": "minmax"}},
        },
        "total": {"recency": -0.1, "scaled": 1.1},
        "round": 1,
        "grades": [{"grade": "A", "above": 1.2}, {"grade": "B", "min": 0, "max": 1.2}, {"grade": "C", "below": -1}],
    },
    "codes": {
        "metrics": {"frequency": BINARY, "monetary": {"value": "monetary", "score": {"split": "mean"}}},
        "total": {"code": ["frequency", "monetary"]},
        "grades": [{"grade": "x", "codes": ["1[01]"]}, {"grade": "y", "codes": ["01"]}],
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three customers, two of them alike in all but the id; recency 11 is in a gap of 'steps'."""
    columns = {**STANDARD_COLUMNS, "city": {"column": "city", "type": "text"}}
    datasets = {name: {"rulebook": name, "records": "input.customers", "columns": columns} for name in RULEBOOKS}
    project = write_project(tmp_path_factory.mktemp("audit"), RULEBOOKS, datasets, tables=["customers"])
    rows = [
        {
            "customer_id": name,
            "as_of_date": "2025-06-30",
            "recency_days": days,
            "frequency": "1",
            "monetary": money,
            "city": "a",
        }
        for name, days, money in [("a", "5", "10"), ("b", "5", "10"), ("c", "11", "10")]
    ]
    project.load("customers", rows, [*STANDARD_COLUMNS, "city"])
    project.build()
    return project


def test_grades_out_of_reach_and_totals_without_a_grade(shop: Project) -> None:
    assert [row["subject"] for row in findings(shop, "gaps", "unreachable_grade")] == ["none"]
    assert findings(shop, "gaps", "unreachable_grade")[0]["out_of"] == 4
    [gap] = findings(shop, "gaps", "total_without_grade")
    assert (gap["amount"], gap["out_of"]) == (2, 4)
    assert "2 of 4 combinations of scores earn no grade (totals like 1)" in gap["sentence"]
    [code] = findings(shop, "codes", "total_without_grade")
    assert (code["amount"], code["out_of"]) == (1, 4)
    assert "(codes like 00)" in code["sentence"]


def test_the_range_of_totals_that_are_no_finite_set(shop: Project) -> None:
    """-0.1 x 30 to 1.1, moved by half of 0.1 that rounding may add: from -3.05 to 1.15, so A is out of reach."""
    [totals] = findings(shop, "weighted_value", "range_of_totals")
    assert (totals["lowest"], totals["highest"]) == (Decimal("-3.05"), Decimal("1.15"))
    assert [row["subject"] for row in findings(shop, "weighted_value", "unreachable_grade")] == ["A"]
    [gap] = findings(shop, "weighted_value", "total_without_grade")
    assert (gap["lowest"], gap["highest"]) == (-1, 0)
    assert gap["sentence"].startswith("A total of at least -1 and less than 0 earns no grade")


def test_values_without_a_score(shop: Project) -> None:
    rows = findings(shop, "steps", "value_without_score")
    assert [(row["subject"], row["severity"]) for row in rows] == [("city", "low"), ("recency", "medium")]
    assert rows[1]["sentence"].startswith("No step of recency scores a value of more than 10 and at most 12:")
    assert (rows[1]["lowest"], rows[1]["highest"]) == (10, 12)
    [ungraded] = findings(shop, "steps", "ungraded_customers")
    assert (ungraded["amount"], ungraded["out_of"]) == (1, 3)
    assert "recency 11 matches no step of rulebook 'steps'" in ungraded["sentence"]


def test_small_groups_and_one_sided_splits(shop: Project) -> None:
    rows = findings(shop, "quintile", "fewer_customers_than_tiles")
    assert [(row["subject"], row["amount"], row["out_of"]) for row in rows] == [
        (metric, 3, 5) for metric in ["frequency", "monetary", "recency"]
    ]
    [split] = findings(shop, "gaps", "one_sided_split")
    assert (split["subject"], split["amount"], split["out_of"], split["amount_share"]) == ("monetary", 3, 3, 1)


def test_the_findings_of_a_date_stay_when_the_date_is_gone(shop: Project) -> None:
    before = shop.mart("rfm__rulebook_audit")
    shop.load(
        "customers",
        [
            {
                "customer_id": "d",
                "as_of_date": "2025-07-31",
                "recency_days": "1",
                "frequency": "1",
                "monetary": "1",
                "city": "a",
            }
        ],
        [*STANDARD_COLUMNS, "city"],
    )
    shop.build()
    after = shop.mart("rfm__rulebook_audit")
    assert [row for row in after if str(row["as_of_date"]) != "2025-07-31"] == before
    assert any(str(row["as_of_date"]) == "2025-07-31" for row in after)
