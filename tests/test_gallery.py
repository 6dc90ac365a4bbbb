"""The rulebooks of the gallery give the answers that were worked out by hand, and the oracle gives the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import history_oracle
import oracle
from conftest import GALLERY, Project, Row, gallery_rows


def test_every_rulebook_is_one_file_with_one_dataset() -> None:
    assert len(GALLERY) == 20
    for name, entry in GALLERY.items():
        assert list(entry["vars"]["rfm__rulebooks"]) == list(entry["vars"]["rfm__datasets"]) == [name]
        dataset = entry["vars"]["rfm__datasets"][name]
        kind, rows = ("orders", "orders") if "orders" in dataset else ("records", "customers")
        assert dataset[kind] == f"raw_{name}"
        assert entry[rows]


@pytest.mark.parametrize("name", GALLERY)
def test_the_answers_worked_out_by_hand(gallery: Project, name: str) -> None:
    entry = GALLERY[name]
    graded = {row["customer_id"]: row for row in gallery.query(f"from rfm__graded_customers where dataset = '{name}'")}
    scores: dict[str, Row] = {}
    for row in gallery.query(f"from rfm__customer_scores where dataset = '{name}'"):
        score = row["score_text"] if row["score"] is None else row["score"]
        scores.setdefault(row["customer_id"], {})[row["metric"]] = score
    assert graded.keys() == {answer["customer_id"] for answer in entry["answers"]}
    for answer in entry["answers"]:
        row = graded[answer["customer_id"]]
        total = answer.get("total_score")
        assert row["grade"] == answer.get("grade"), (answer, row)
        assert row["total_score"] == (None if total is None else Decimal(total)), (answer, row)
        assert row["score_code"] == answer.get("score_code"), (answer, row)
        expected = {
            metric: score if isinstance(score, str) else Decimal(str(score))
            for metric, score in answer["scores"].items()
        }
        assert scores[answer["customer_id"]] == expected, answer
    rejected = gallery.query(
        f"select customer_id, reasons from rfm__rejected_records where dataset = '{name}' order by customer_id"
    )
    assert rejected == sorted(entry.get("rejected", []), key=lambda row: row["customer_id"])


@pytest.mark.parametrize("name", GALLERY)
def test_the_oracle_agrees(name: str) -> None:
    entry = GALLERY[name]
    dataset: Row = entry["vars"]["rfm__datasets"][name]
    read = history_oracle.measure if "orders" in dataset else oracle.clean
    customers, _ = read(gallery_rows(entry), dataset)
    graded, ungraded = oracle.grade(
        customers,
        entry["vars"]["rfm__rulebooks"][name],
        within_region="within" in dataset,
        columns=dataset["columns"],
        name=name,
    )
    found: dict[str, Any] = {customer["customer_id"]: customer for customer in graded}
    for answer in entry["answers"]:
        assert found.pop(answer["customer_id"])["grade"] == answer.get("grade"), answer
    assert not found
    grading = {customer["customer_id"]: customer["reason"] for customer in ungraded}
    assert grading == {
        row["customer_id"]: row["reasons"] for row in entry.get("rejected", []) if row["customer_id"] in grading
    }
