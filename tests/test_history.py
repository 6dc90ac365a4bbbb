"""An as-of date that has been graded stays as it was graded, unless the input holds it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conftest import QUINTILE, STANDARD_COLUMNS, Project, Row

RULEBOOKS = {"quintile": QUINTILE}
DATASETS: Row = {"shop": {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}}
MARTS = ["graded_customers", "customer_scores", "score_cutpoints", "tier_summary", "rejected_records", "rulebook_audit"]


def month(as_of_date: str, customers: int, factor: int = 1, faulty: int = 0) -> list[Row]:
    rows = [
        {
            "customer_id": f"c{number:03d}",
            "region": "north",
            "as_of_date": as_of_date,
            "recency_days": str(number * factor % 31),
            "frequency": str(1 + number * factor % 3),
            "monetary": str(10 * (number * 7 * factor % 50)),
        }
        for number in range(customers)
    ]
    rows += [{**rows[0], "customer_id": f"faulty{number}", "frequency": "often"} for number in range(faulty)]
    return rows


def marts(project: Project, where: str = "true") -> dict[str, list[Row]]:
    return {mart: project.query(f"select * from rfm__{mart} where {where} order by all") for mart in MARTS}


def build(project: Project, rows: list[Row]) -> None:
    project.load("customers", rows, STANDARD_COLUMNS)
    project.build()


def test_history(make_project: Callable[..., Project]) -> None:
    project = make_project(RULEBOOKS, DATASETS, tables=["customers"])
    january = month("2025-01-31", 40, faulty=2)
    february = month("2025-02-28", 43, factor=3)
    without_date = [{**january[0], "as_of_date": "soon"}]

    build(project, january + without_date)
    graded_january = marts(project, "as_of_date = '2025-01-31'")
    assert len(graded_january["graded_customers"]) == 40
    assert len(graded_january["rejected_records"]) == 2

    # Only February is in the input: January is kept to the last value; the row without a date is gone with its input.
    build(project, february)
    assert marts(project, "as_of_date = '2025-01-31'") == graded_january
    assert len(marts(project, "as_of_date = '2025-02-28'")["graded_customers"]) == 43
    assert not project.query("select * from rfm__rejected_records where as_of_date is null")

    # A corrected file replaces its month, rejected rows included, and no other.
    graded_february = marts(project, "as_of_date = '2025-02-28'")
    build(project, month("2025-01-31", 38, factor=5))
    corrected = marts(project, "as_of_date = '2025-01-31'")
    assert len(corrected["graded_customers"]) == 38
    assert corrected["rejected_records"] == []
    assert marts(project, "as_of_date = '2025-02-28'") == graded_february

    # Month by month and all at once come to the same.
    at_once = make_project(RULEBOOKS, DATASETS, tables=["customers"], name="at_once")
    build(at_once, month("2025-01-31", 38, factor=5) + february)
    assert marts(at_once) == marts(project)


def test_a_failed_build_leaves_the_last_good_marts(make_project: Callable[..., Project]) -> None:
    project = make_project(RULEBOOKS, DATASETS, tables=["customers"])
    build(project, month("2025-01-31", 12))
    before: Any = marts(project)
    project.load("customers", [{"customer_id": "a", "as_of_date": "2025-01-31"}])
    result = project.dbt("build")
    assert not result.success
    assert marts(project) == before
    assert any(
        "rfm: dataset 'shop': column 'region' (columns.region) is not in input.customers, "
        "expected one of its columns: customer_id, as_of_date" in line
        for line in result.errors
    ), result.errors
