"""History on every engine: two builds in a row give the same marts, and a killed build is repaired by the next."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow
import pytest

from conftest import QUINTILE, REPOSITORY, STANDARD_COLUMNS, Row
from engines import SCHEMA, DuckDB, Engine, PostgreSQL, Spark, canonical
from test_parity import MARTS, text_table

Marts = dict[str, pyarrow.Table]


def variables(until: str) -> Row:
    """A monthly file of records whose regions are ranked apart, and CDNOW up to a month."""
    columns = {"customer_id": "customer_id", "order_id": "order_id", "ordered_at": "order_date", "amount": "revenue"}
    records = {"rulebook": "quintile", "records": "input.monthly", "columns": STANDARD_COLUMNS, "within": "region"}
    orders = {
        "rulebook": "quintile",
        "orders": "input.cdnow",
        "columns": columns,
        "as_of": {"from": "1998-02-28", "to": until, "every": "month"},
    }
    return {"rfm__rulebooks": {"quintile": QUINTILE}, "rfm__datasets": {"monthly": records, "cdnow": orders}}


def month(as_of: str, customers: range, factor: int) -> list[Row]:
    """The file of a month; some rows are rejected."""
    return [
        {
            "customer_id": f"K{number:03d}",
            "region": "南" if number % 3 else "North",
            "as_of_date": as_of,
            "last_order_date": None,
            "recency_days": str(number * factor % 37),
            "frequency": "x" if number % 41 == 0 else str(1 + number % 4),
            "monetary": f"{number * factor % 101}.{number % 100:02d}",
        }
        for number in customers
    ]


def cdnow() -> pyarrow.Table:
    file = REPOSITORY / "seeds" / "raw_cdnow_orders.csv"
    return duckdb.sql(f"from read_csv('{file}', nullstr='') where customer_id <= '0400'").to_arrow_table()


# The second file corrects November, where everybody of the north is gone, and brings December; October is not in it.
FIRST = month("2024-10-31", range(1, 90), 7) + month("2024-11-30", range(5, 95), 11)
SECOND = [
    row
    for row in month("2024-11-30", range(10, 95), 13) + month("2024-12-31", range(10, 100), 17)
    if row["region"] == "南" or row["as_of_date"] == "2024-12-31"
]


def first_build(engine: Engine) -> None:
    engine.write_project(variables("1998-04-30"), ["monthly", "cdnow"])
    engine.load({"monthly": text_table(FIRST), "cdnow": cdnow()})
    engine.dbt("run")


def bring_second(engine: Engine) -> None:
    engine.write_vars(variables("1998-06-30"))
    engine.load({"monthly": text_table(SECOND)})


def read(engine: Engine) -> dict[str, list]:
    return {name: canonical(table) for name, table in engine.read(MARTS).items()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list]]:
    """What DuckDB has after the first and the second build; test_history compares such builds with the oracle."""
    engine = DuckDB(tmp_path_factory.mktemp("duckdb"))
    first_build(engine)
    first = read(engine)
    bring_second(engine)
    engine.dbt("run")
    return [first, read(engine)]


@pytest.fixture(scope="module", params=["postgres", "spark"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "postgres":
        return PostgreSQL(folder, request.getfixturevalue("postgres_server"), "history")
    request.getfixturevalue("spark_here")
    return Spark(folder)


def test_a_killed_build_leaves_the_old_marts_and_the_next_repairs_it(
    engine: Engine, expected: list[dict[str, list]]
) -> None:
    first_build(engine)
    assert read(engine) == expected[0]
    october = files_of(engine, "2024-10-31")
    assert len(october) == (engine.name == "spark")

    bring_second(engine)
    # The marts between the history and this one are written, those after it are not.
    kill_when(engine.start("run"), lambda line: "START" in line and "rfm__grade_changes" in line)
    broken = read(engine)
    for mart in ["rfm__grade_changes", "rfm__tier_migration", "rfm__churn_warnings", "rfm__backtest"]:
        assert broken[mart] == expected[0][mart], mart
    for mart in MARTS:
        assert broken[mart], mart

    if engine.name == "spark":
        engine.run(*REMAINS)
    engine.dbt("run")
    found = read(engine)
    for mart in MARTS:
        assert found[mart] == [row for row in expected[1][mart] if not is_of_ties_once_graded(row)], mart
    assert files_of(engine, "2024-10-31") == october
    assert not [*engine.folder.rglob("*__rfm_*")]


# What builds that were killed at other points leave on Spark, where a table is replaced in several steps.
REMAINS = [
    # The rows that a partition keeps were staged, and the partition is gone.
    "create table shop.rfm__score_cutpoints__rfm_new using parquet tblproperties ('rfm.is_complete' = 'true') as "
    "select * from shop.rfm__score_cutpoints where dataset = 'monthly' and as_of_date = '2024-10-31'",
    "alter table shop.rfm__score_cutpoints drop partition (dataset = 'monthly', as_of_date = '2024-10-31')",
    # They were being staged.
    "create table shop.rfm__tier_summary__rfm_new using parquet as "
    "select * from shop.rfm__tier_summary where dataset = 'monthly' and as_of_date = '2024-10-31' and grade = 'A'",
    # A table with other columns was to take its place.
    "alter table shop.rfm__rejected_records rename to shop.rfm__rejected_records__rfm_old",
    "create table shop.rfm__rejected_records__rfm_next using parquet as select 'half' as reasons",
    # It had taken it.
    "create table shop.rfm__tier_migration__rfm_old using parquet as select 'old' as grade",
    # A table of an older version of the package.
    "drop table shop.rfm__rulebooks",
    "create table shop.rfm__rulebooks using parquet as select 'quintile' as name",
]


def is_of_ties_once_graded(row: tuple) -> bool:
    """Whether a row of the audit counts ties at dates of orders that the killed build graded: no build counts them again."""
    findings = {"decided_by_tie_break", "changed_by_reversed_ties"}
    return "cdnow" in row and bool(findings & set(row)) and bool({"1998-05-31", "1998-06-30"} & set(row))


def kill_when(process: subprocess.Popen[str], is_reached: Callable[[str], bool]) -> None:
    """Kill dbt, and what it started, at a line of its log."""
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if is_reached(line):
            break
    else:
        pytest.fail("".join(said))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def files_of(engine: Engine, day: str) -> set[str]:
    """The files of a date of the history on Spark, where a build writes only the dates that it grades."""
    folder = engine.folder / ".spark" / "warehouse" / f"{SCHEMA}.db" / "int_rfm__score_history"
    return {str(file) for file in Path(folder).glob(f"dataset=monthly/as_of_date={day}/*.parquet")}
