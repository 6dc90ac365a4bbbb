"""The package in somebody else's project: installed by packages.yml, with nothing of ours leaking into it."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import oracle
from conftest import QUINTILE, REPOSITORY, Project, Row, dump, write_project

CUSTOMERS = 23_570


def customers() -> list[Row]:
    """Customers of the size of the CDNOW cohort: most bought once, money has a long tail."""
    rng = random.Random(1997)
    rows = []
    for number in range(CUSTOMERS):
        frequency = min(200, 1 + int(rng.expovariate(1 / 1.7)))
        rows.append(
            {
                "customer_id": f"{number:05d}",
                "recency_days": str(rng.randrange(546)),
                "frequency": str(frequency),
                "monetary": f"{rng.lognormvariate(3, 1) * frequency:.2f}",
            }
        )
    return rows


def test_a_bare_project_gets_the_oracles_grades(tmp_path: Path) -> None:
    """Only packages.yml, dbt_project.yml with the two vars, profiles.yml and one model with customers."""
    rows = customers()
    folder = tmp_path / "bare"
    (folder / "models").mkdir(parents=True)
    with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    columns = {name: name for name in rows[0]}
    dataset = {"rulebook": "platform_quintile", "records": "customers", "columns": columns, "as_of_date": "1998-06-30"}
    dump(
        folder / "dbt_project.yml",
        {
            "name": "bare",
            "version": "1.0.0",
            "profile": "bare",
            "vars": {"rfm__rulebooks": {"platform_quintile": QUINTILE}, "rfm__datasets": {"cdnow": dataset}},
        },
    )
    dump(folder / "packages.yml", {"packages": [{"local": str(REPOSITORY)}]})
    dump(
        folder / "profiles.yml",
        {"bare": {"target": "dev", "outputs": {"dev": {"type": "duckdb", "path": "bare.duckdb"}}}},
    )
    (folder / "models" / "customers.sql").write_text("select * from read_csv('customers.csv', all_varchar = true)")
    project = Project(folder, folder / "bare.duckdb", folder)
    assert project.dbt("deps").success
    project.build()

    expected, ungraded = oracle.grade(oracle.clean(rows, dataset)[0], QUINTILE)
    assert not ungraded
    names = ["customer_id", "recency_score", "frequency_score", "monetary_score", "total_score", "grade", "value_rank"]
    found = project.query(f"select {', '.join(names)} from rfm__graded_customers order by customer_id")
    assert len(found) == CUSTOMERS
    by_id = {customer["customer_id"]: customer for customer in expected}
    assert found == [{name: by_id[row["customer_id"]][name] for name in names} for row in found]

    before = project.mart("rfm__graded_customers")
    result = project.build()
    assert project.mart("rfm__graded_customers") == before

    # Nothing but the package's models and their tests came along, into the schema that the user's profile names.
    names_built = {row["table_name"] for row in project.query("select table_name from information_schema.tables")}
    assert {name for name in names_built if not re.match("(stg_|int_)?rfm__", name)} == {"customers"}
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    assert {node["resource_type"] for node in manifest["nodes"].values()} == {"model", "test"}
    assert manifest["unit_tests"] == {}
    assert {node["schema"] for node in manifest["nodes"].values() if node["resource_type"] == "model"} == {"main"}
    assert "WARNING" not in result.text
    assert "deprecat" not in result.text.lower()


def test_no_macro_of_the_package_overrides_dbt() -> None:
    macros = [
        name
        for path in (REPOSITORY / "macros").rglob("*.sql")
        for name in re.findall(r"{%-?\s*macro\s+(\w+)", path.read_text(encoding="utf-8"))
    ]
    assert macros
    assert not [
        name for name in macros if name.startswith(("generate_", "ref", "source", "materialization", "create_"))
    ]
    project = (REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8")
    assert "on-run" not in project
    assert "hook" not in project
    assert not (REPOSITORY / "packages.yml").exists()


def copied_integration_project(tmp_path: Path) -> Path:
    folder = tmp_path / "integration_tests"
    shutil.copytree(
        REPOSITORY / "integration_tests",
        folder,
        ignore=shutil.ignore_patterns("target", "dbt_packages", "logs", "*.duckdb*"),
    )
    dump(folder / "packages.yml", {"packages": [{"local": str(REPOSITORY)}]})
    return folder


def test_the_integration_project_builds(tmp_path: Path) -> None:
    """integration_tests as a user has it: its own vars, profile and schema, the package beside it."""
    folder = copied_integration_project(tmp_path)
    project = Project(folder, folder / "web_shop.duckdb", folder)
    assert project.dbt("deps").success
    result = project.build()
    assert "WARNING" not in result.text
    schemas = project.query("select distinct table_schema from information_schema.tables")
    assert schemas == [{"table_schema": "shop"}]


@pytest.mark.skipif(
    "RFM_DBT_1_11" not in os.environ, reason="RFM_DBT_1_11 does not name a python with dbt-core 1.11 (.ci/run sets it)"
)
def test_the_integration_project_builds_with_dbt_1_11(tmp_path: Path) -> None:
    python = Path(os.environ["RFM_DBT_1_11"])
    folder = copied_integration_project(tmp_path)
    for command in ["--version", "deps", "build"]:
        finished = subprocess.run(
            [python.parent / "dbt", *([command] if command == "--version" else [command, "--profiles-dir", "."])],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
        if command == "--version":
            assert "1.11." in finished.stdout
    assert "ERROR=0" in finished.stdout
    assert "WARN=0" in finished.stdout
    assert "deprecat" not in finished.stdout.lower()


def test_the_macro_grades_any_relation(make_project: Callable[..., Project]) -> None:
    """One group, and a customer in whom a metric has no value: no grade, and nobody's rank changes."""
    rows = [
        {
            "customer_id": f"c{number:02d}",
            "recency_days": str(number),
            "frequency": "1",
            "monetary": str((23 - number) ** 2),
        }
        for number in range(23)
    ]
    rows.append({"customer_id": "new", "recency_days": None, "frequency": "1", "monetary": "1000000"})
    columns = {name: name for name in rows[0]}
    dataset = {"rulebook": "quintile", "records": "input.customers", "columns": columns, "as_of_date": "2025-06-30"}
    typed = (
        "select customer_id, cast(recency_days as integer) as recency_days, cast(frequency as integer) as frequency, "
        "cast(monetary as decimal(28, 6)) as monetary from {{ source('input', 'customers') }}"
    )
    project = make_project(
        {"quintile": QUINTILE},
        {"shop": dataset},
        tables=["customers"],
        files={
            "models/my_customers.sql": typed,
            "models/my_grades.sql": "{{ rfm.grade(ref('my_customers'), rulebook='quintile') }}",
            "models/best_customers.sql": "select * from ({{ rfm.grade(ref('my_customers'), 'quintile') }}) as g where grade = 'A'",
        },
    )
    project.load("customers", rows)
    project.build()
    expected, _ = oracle.grade(oracle.clean(rows, dataset)[0], QUINTILE)
    names = ["customer_id", "recency_score", "frequency_score", "monetary_score", "total_score", "grade", "grade_order"]
    found = project.query(f"select {', '.join(names)} from my_grades where grade is not null order by customer_id")
    assert found == sorted(
        ({name: row[name] for name in names} for row in expected), key=lambda row: row["customer_id"]
    )
    assert project.query("select customer_id, total_score, grade from my_grades where grade is null") == [
        {"customer_id": "new", "total_score": None, "grade": None}
    ]
    best = sum(row["grade"] == "A" for row in expected)
    assert project.query("select count(*) as n from best_customers") == [{"n": best}]
    assert best

    (project.folder / "models" / "my_grades.sql").write_text(
        "{{ rfm.grade(ref('my_customers'), rulebook='quintiles') }}"
    )
    assert (
        project.dbt("parse").errors[0]
        == "rfm: macro grade: rulebook is 'quintiles': did you mean 'quintile'? expected one of: quintile"
    )


def test_customers_that_a_rulebook_does_not_score_are_rejected(tmp_path: Path) -> None:
    """No value for a metric, or a total that no grade matches: the customer is not guessed but reported."""
    rulebook = {
        "metrics": {"ticket": {"value": "monetary / nullif(frequency, 0)"}},
        "total": {"ticket": 1},
        "grades": [{"grade": "high", "min": 100}, {"grade": "low", "max": 10}],
    }
    columns = {"customer_id": "id", "frequency": "F", "monetary": "M"}
    dataset = {"rulebook": "tickets", "records": "input.customers", "columns": columns, "as_of_date": "2025-06-30"}
    project = write_project(tmp_path / "shop", {"tickets": rulebook}, {"shop": dataset}, tables=["customers"])
    rows = [
        {"id": "high", "F": "2", "M": "200"},
        {"id": "between", "F": "2", "M": "40"},
        {"id": "never", "F": "0", "M": "0"},
    ]
    project.load("customers", rows)
    project.build()
    graded = project.query("select customer_id, grade, grade_order, value_rank from rfm__graded_customers")
    assert graded == [{"customer_id": "high", "grade": "high", "grade_order": 1, "value_rank": 1}]
    rejected = project.query("select customer_id, stage, reasons from rfm__rejected_records order by customer_id")
    assert rejected == [
        {
            "customer_id": "between",
            "stage": "grading",
            "reasons": "total 20.00 matches no grade of rulebook 'tickets'",
        },
        {"customer_id": "never", "stage": "grading", "reasons": "metric ticket has no value"},
    ]


def test_the_wheel_of_the_python_part_imports_without_dbt_running() -> None:
    """The plugin is found by name, as a profile names it."""
    finished = subprocess.run(
        [sys.executable, "-c", "import dbt_rfm.xlsx as plugin; print(plugin.Plugin.__name__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == "Plugin"


def test_names_and_values_that_could_end_in_sql_stay_data(tmp_path: Path) -> None:
    customer, orders, amount, level = '客户 "编号" ID', "it's F; --", "金额😀", "le\\vel"
    grade = "A'; drop table x; --"
    rulebook = {
        "description": 'it\'s "quoted" \\ {{ 1 }}',
        "metrics": {
            "ticket": {"value": "monetary / nullif(frequency, 0)"},
            "level": {"value": "case when level = 'it''s' then 2 else 1 end"},
        },
        "total": {"ticket": 1, "level": 0.5},
        "grades": [{"grade": grade, "min": 3}, {"grade": "其余😀 \\"}],
    }
    columns = {
        "customer_id": customer,
        "frequency": orders,
        "monetary": amount,
        "level": {"column": level, "type": "text"},
    }
    dataset = {"rulebook": "hostile", "records": "input.customers", "columns": columns, "as_of_date": "2025-06-30"}
    project = write_project(tmp_path / "shop", {"hostile": rulebook}, {"shop": dataset}, tables=["customers"])
    names = [customer, orders, amount, level]
    rows = [["O'Brien\"; --", "1", "5", "it's"], ["b\\", "2", "3", None], ["😀", "x'y", "7", None]]
    project.load("customers", [dict(zip(names, row, strict=True)) for row in rows], names)
    project.build()
    assert project.query("select customer_id, total_score, grade from rfm__graded_customers order by value_rank") == [
        {"customer_id": "O'Brien\"; --", "total_score": 6, "grade": grade},
        {"customer_id": "b\\", "total_score": 2, "grade": "其余😀 \\"},
    ]
    (rejected,) = project.query("select customer_id, reasons, record from rfm__rejected_records")
    assert rejected["customer_id"] == "😀"
    assert rejected["reasons"] == "frequency ('it's F; --') is 'x'y', expected a whole number"
    assert json.loads(rejected["record"]) == dict(zip(names, rows[2], strict=True))
    assert project.query("select name from rfm__rulebooks where part = 'grade' and position = 1") == [{"name": grade}]
