"""The command rfm: what it prints equals the marts, what is wrong is one line, and nothing hides in a home folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import duckdb

from conftest import QUINTILE, STANDARD_COLUMNS, Project, Row


def month(as_of: str, numbers: range) -> list[Row]:
    """Customers of a month; every tenth row cannot be used."""
    return [
        {
            "customer_id": f"K{number:03d}",
            "region": "=1+1" if number % 3 else "north",
            "as_of_date": as_of,
            "last_order_date": None,
            "recency_days": str(number * 7 % 31),
            "frequency": "many" if number % 10 == 0 else str(1 + number * (3 if as_of > "2025-01" else 1) % 5),
            "monetary": str(number * 13 % 101),
        }
        for number in numbers
    ]


def shop(make_project: Callable[..., Project], **keywords: object) -> Project:
    """A shop at two month ends, whose regions are ranked apart."""
    dataset = {
        "rulebook": "quintile",
        "records": "input.customers",
        "columns": STANDARD_COLUMNS,
        "within": "region",
    }
    project = make_project({"quintile": QUINTILE}, {"shop": dataset}, tables=["customers"], **keywords)
    project.load("customers", month("2024-12-31", range(1, 60)) + month("2025-01-31", range(10, 80)))
    return project


def test_a_build_says_what_the_marts_say(
    make_project: Callable[..., Project], rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    project = shop(make_project)
    built = rfm("build", "--json", folder=project.folder)
    assert built.returncode == 0, built.stderr
    outcome = json.loads(built.stdout)
    assert outcome["exit_code"] == 0
    assert outcome["engine"] == "duckdb"
    assert outcome["database"] == str(project.database)
    assert outcome["nodes"]["test"]["pass"] > 10
    assert outcome["failures"] == []

    tiers = {row["grade"]: row for row in outcome["summary"]["tiers"]}
    for grade in "ABCD":
        before, after = (
            project.query(
                f"select count(*) as n from rfm__graded_customers where grade = '{grade}' and as_of_date = '{day}'"
            )[0]["n"]
            for day in ["2024-12-31", "2025-01-31"]
        )
        assert (tiers[grade]["customers"], tiers[grade]["change"]) == (after, after - before)
        assert tiers[grade]["as_of_date"] == "2025-01-31"
    assert len({row["change"] for row in tiers.values()}) > 1

    (rejected,) = outcome["summary"]["rejected"]
    assert rejected["reasons"] == "frequency ('frequency') is …, expected a whole number"
    assert rejected["rows"] == project.query("select count(*) as n from rfm__rejected_records")[0]["n"] == 12

    warned = {row["severity"]: row for row in outcome["summary"]["warnings"]}
    for severity, row in warned.items():
        (expected,) = project.query(
            "select count(*) filter (where not is_repeated) as n, count(distinct customer_id) as customers "
            f"from rfm__churn_warnings where severity = '{severity}' and as_of_date = '2025-01-31'"
        )
        assert (row["new_warnings"], row["customers"]) == (expected["n"], expected["customers"])
    assert warned

    assert {row["periods"] for row in outcome["summary"]["followed_grades"]} == {1}
    assert {row["region"] for row in outcome["summary"]["audit"]} == {"=1+1"}

    printed = rfm("summary", "--database", project.database)
    assert printed.returncode == 0
    assert f"rfm report -d {project.database} " in printed.stdout
    assert "\nshop, =1+1, quintile: " in printed.stdout
    assert printed.stdout.startswith("dataset  as_of_date  rulebook  grade")
    assert json.loads(rfm("summary", "--database", project.database, "--json").stdout) == outcome["summary"]
    again = rfm("build", "--select", "rfm__tier_summary", folder=project.folder)
    assert again.returncode == 0
    assert "dbt build: 1 model success" in again.stderr
    nothing = rfm("build", "--select", "no_such_model", folder=project.folder)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "rfm: nothing was built: no node is what was selected" in nothing.stderr.splitlines()
    with duckdb.connect(str(project.database)):
        locked = rfm("build", folder=project.folder)
    assert locked.returncode != 0
    assert re.search(
        rf"^rfm: {project.database} is open in another program \(process {os.getpid()}\): close it there, and let it open "
        "what rfm publish writes$",
        locked.stderr,
        re.MULTILINE,
    )


def test_what_fails_is_a_line_and_the_exit_code_is_dbts(
    make_project: Callable[..., Project], rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    project = shop(
        make_project,
        files={
            "models/broken.sql": "select no_such_column from {{ ref('rfm__graded_customers') }}",
            "tests/never_holds.sql": "select * from {{ ref('rfm__tier_summary') }}",
        },
    )
    failed = rfm("build", folder=project.folder)
    assert failed.returncode == 1
    assert failed.stdout == ""
    lines = [line for line in failed.stderr.splitlines() if line.startswith("rfm: ")]
    assert any(line.startswith("rfm: broken: ") and "no_such_column" in line for line in lines)
    assert any(line.startswith("rfm: never_holds: Got 16 results") for line in lines)
    assert lines[-1] == (
        "rfm: what failed or was skipped is as the build before left it; what was built is new, also where a test of it failed; "
        "rfm publish publishes none of it; logs/dbt.log has the details"
    )

    (project.folder / "models" / "broken.sql").unlink()
    # It waits for no model, so none is skipped.
    (project.folder / "tests" / "never_holds.sql").write_text("select 1 as number")
    tested = rfm("build", folder=project.folder)
    assert tested.returncode == 1
    assert tested.stderr.splitlines()[-1] == (
        "rfm: what was built is new, also where a test of it failed; rfm publish publishes none of it; logs/dbt.log has the details"
    )
    settings = project.folder / "dbt_project.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("tiles: 5", "tilse: 5", 1), encoding="utf-8")
    stopped = rfm("build", folder=project.folder)
    assert stopped.returncode == 2
    assert "rfm: rulebook 'quintile': metrics.recency.score has the unknown key 'tilse'" in stopped.stderr
    assert json.loads(rfm("build", "--json", folder=project.folder).stdout)["exit_code"] == 2


def test_a_file_that_cannot_be_read_is_a_line(
    tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def mistake(*arguments: str | Path) -> str:
        called = rfm("summary", "--database", *arguments)
        assert called.returncode == 1
        assert called.stdout == ""
        (line,) = called.stderr.splitlines()
        return line

    path = tmp_path / "marts.duckdb"
    assert mistake(path) == (
        f"rfm: there is no file {path}, expected the DuckDB file that a build made, which the profile names: --database or RFM_DUCKDB_PATH"
    )
    path.write_text("no database, but long enough to have a header" * 100)
    assert mistake(path).startswith(f"rfm: {path} cannot be read: ")
    path.unlink()
    with duckdb.connect(str(path)) as connection:
        assert mistake(path) == f"rfm: {path} is being written, wait until the build is done"
        connection.execute("create table customers (id integer)")
    assert mistake(path) == f"rfm: {path} has no marts of dbt-rfm: rfm build makes them"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema north; create schema south")
        connection.execute("create table north.rfm__graded_customers (id integer)")
        connection.execute("create table south.rfm__graded_customers (id integer)")
    assert mistake(path) == f"rfm: {path} has marts in the schemas north, south: name one with --schema"
    assert mistake(path, "--schema", "east") == (
        f"rfm: {path} has no marts in schema 'east', expected one of: north, south"
    )


def test_what_cannot_begin_is_a_line(
    make_project: Callable[..., Project], tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def line(*arguments: str | Path, code: int = 2, folder: Path = tmp_path) -> str:
        called = rfm(*arguments, folder=folder)
        assert (called.returncode, called.stdout) == (code, "")
        return called.stderr.splitlines()[0]

    assert line("build", code=1) == (
        f"rfm: there is no dbt_project.yml in {tmp_path}: go to the folder of a project, or name --project-dir"
    )
    project = shop(make_project)
    assert line("build", "--target", "nope", folder=project.folder).endswith(
        "The valid target names for this profile are: dev"
    )
    assert line("sumary") == "rfm: No such command 'sumary'. Did you mean 'summary'?: rfm --help explains it"
    assert line("report", "--nope") == "rfm: No such option: --nope: rfm report --help explains it"
    assert line("publish") == "rfm: Missing argument 'target': rfm publish --help explains it"
    for wrong in ["31.07.2025", "2025-02-30"]:
        assert line("export", "--as-of", wrong) == (
            f"rfm: Invalid value for '--as-of': '{wrong}' is no day, expected one like 2025-07-31: rfm export --help explains it"
        )


def test_whoever_reads_may_stop(demo: Project) -> None:
    command = f"{sys.executable} -m dbt_rfm.command summary --database {demo.database} | head -n 1"
    called = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert called.stdout.startswith("dataset ")
    assert called.stderr == ""


def test_every_command_teaches(rfm: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    nothing = rfm()
    assert nothing.returncode == 2
    assert "Usage: rfm" in nothing.stdout
    assert rfm("--version").stdout == f"{version('dbt-rfm')}\n"
    listed = rfm("--help").stdout
    for command in ["build", "summary", "report", "export", "publish"]:
        assert command in listed
        assert "--json" in rfm(command, "--help").stdout
