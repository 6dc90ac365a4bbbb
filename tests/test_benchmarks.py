"""The benchmark's contenders agree about every customer, and it would notice if they did not. Nothing here looks at the time."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import data, package, report, rounds
from benchmarks.__main__ import NUMBERS, write_result
from benchmarks.compare import differing
from benchmarks.measure import REPOSITORY, Limits, run
from benchmarks.rounds import Contender, Figure, Run, Settings

CUSTOMERS = 3003
ORDERS = 4004


def copied(source: Path, path: Path, sql: str) -> Path:
    """What a query makes of a file's rows."""
    with duckdb.connect() as connection:
        connection.execute(f"copy (with rows as (from '{source}') {sql}) to '{path}' (format parquet)")
    return path


def liar(name: str, data: Path, settings: Settings) -> Contender:
    """Polars, but one customer gets another grade, one is lost and one is made up."""
    honest = rounds.process(name, "polars", data, package.ONE_DATE, "project", settings)

    def measure(folder: Path) -> Run:
        done = honest.measure(folder)
        assert done.answer
        sql = """
            select * replace (if(customer_id = 'C000000007', 'E', grade) as grade) from rows where customer_id <> 'C000000008'
            union all select * replace ('made up' as customer_id) from rows where customer_id = 'C000000009'
        """
        path = copied(Path(done.answer["file"]), folder / "lie.parquet", sql)
        return Run(done.figures, {"file": str(path), "table": None})

    return Contender(name, [name], measure, "project")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One round without what only costs time: the other marts, and the last of the 24 dates on its own."""
    without = frozenset({"all_models", "24_all_models", "1_all_models", "1_plain_sql", "1_project"})
    return Settings(tmp_path_factory.mktemp("scratch"), rounds=1, without=without, limits=Limits(minutes=5))


@pytest.fixture(scope="module")
def graded(settings: Settings) -> dict[str, Any]:
    """Part (a) on customers with many ties in everything, whose number no tile divides, and a liar among the contenders."""
    path = copied(
        data.customers_file(settings.scratch, CUSTOMERS),
        settings.scratch / "ties.parquet",
        """
        select customer_id, recency_days // 90 as recency_days, frequency, cast(round(monetary, -2) as decimal(18, 2)) as monetary
        from rows
        """,
    )
    contenders = [*rounds.grading(path, settings), liar("liar", path, settings)]
    return rounds.measured("grading", "3k", CUSTOMERS, contenders, settings)


@pytest.fixture(scope="module")
def from_orders(settings: Settings) -> dict[str, Any]:
    """Part (b), with 24 as-of dates."""
    path = data.orders_file(settings.scratch, ORDERS)
    return rounds.measured("orders", "4k", ORDERS, rounds.orders(path, settings), settings)


def compared(result: dict[str, Any]) -> dict[str, int]:
    """For how many customers each row differs."""
    found = {entry["row"]: entry for entry in result["measurements"]}
    assert [entry["failure"] for entry in found.values() if entry["failure"]] == []
    return {row: entry["differing"] for row, entry in found.items() if entry["differing"] is not None}


def test_every_contender_grades_as_the_project_does_and_a_liar_is_found(graded: dict[str, Any]) -> None:
    assert compared(graded) == {"ntile": 0, "ntile_ranks": 0, "polars": 0, "pandas": 0, "liar": 3}


def test_orders_are_graded_alike_at_every_as_of_date(from_orders: dict[str, Any]) -> None:
    assert compared(from_orders) == {"24_plain_sql": 0, "24_date_by_date": 0}


def test_spark_grades_as_ntile_does_there(settings: Settings, spark_here: None) -> None:
    path = data.customers_file(settings.scratch, 503, "unique")
    contenders = [one for one in rounds.spark(path, settings) if one.name in {"2_ntile_ranks", "2_project"}]
    result = rounds.measured("spark", "503", 503, contenders, settings)
    assert compared(result) == {"2_ntile_ranks": 0}


def test_what_people_are_handed_is_measured_with_its_size(settings: Settings, tmp_path: Path) -> None:
    path = data.months_file(settings.scratch, 300)
    [[rows, regions, dates]] = duckdb.sql(
        f"select count(*), count(distinct region), count(distinct as_of_date) from '{path}'"
    ).fetchall()
    assert 1700 < rows < 1800
    assert (regions, dates) == (30, 6)
    contenders = [one for one in rounds.commands(path, settings) if one.name != "build"]
    result = rounds.measured("commands", "300", 300, contenders, settings)
    found = {entry["row"]: entry for entry in result["measurements"]}
    assert list(found) == ["report", "export", "export_all", "publish"]
    assert [entry["failure"] for entry in found.values() if entry["failure"]] == []
    assert all(entry["written_bytes"] > 10_000 for entry in found.values())
    assert found["export_all"]["written_bytes"] > found["export"]["written_bytes"]
    write_result(tmp_path, result)
    report.write(tmp_path)
    assert "### 300 customers, 30 regions, 6 months" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("many", [10**9, 1], ids=["by a join", "by sums"])
def test_each_value_that_differs_is_noticed(tmp_path: Path, many: int) -> None:
    row = """
        select
            date '2024-12-31' as as_of_date, 'C' || number as customer_id, number as recency_days, 1 as frequency,
            number / 100 as monetary, 5 as recency_score, 4 as frequency_score, 3 as monetary_score, 3.9 as total_score,
            'B' as grade, number as value_rank
        from range(100) as numbers (number)
    """
    right = tmp_path / "right.parquet"
    duckdb.sql(row).write_parquet(str(right))

    def told(sql: str) -> int:
        other = copied(right, tmp_path / "other.parquet", sql)
        return differing({"file": str(other), "table": None}, {"file": str(right), "table": None}, many)

    assert told("from rows order by customer_id desc") == 0
    assert told("select * exclude (value_rank) from rows") == 0
    assert told("from rows where value_rank > 3") == 4
    assert told("from rows union all (from rows limit 1)") == 1
    for column in ["recency_days", "frequency", "monetary", "recency_score", "frequency_score", "monetary_score"]:
        assert told(f"select * replace ({column} + 1 as {column}) from rows where value_rank = 7") == 100, column
        assert told(f"select * replace (if(value_rank = 7, {column} + 1, {column}) as {column}) from rows") == 1, column
    assert told("select * replace (if(value_rank = 7, 4, total_score) as total_score) from rows") == 1
    assert told("select * replace (if(value_rank = 7, null, grade) as grade) from rows") == 1
    assert told("select * replace (if(value_rank < 2, 1 - value_rank, value_rank) as value_rank) from rows") == 2


def test_the_data_are_the_same_every_time_and_of_the_shape_they_claim(tmp_path: Path) -> None:
    files = [
        (data.customers_file(tmp_path / name, 20_000), data.orders_file(tmp_path / name, 20_000))
        for name in ["one", "two"]
    ]
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    for one, two in zip(*files, strict=True):
        assert duckdb.sql(f"(from '{one}') except all (from '{two}')").fetchall() == []
    customers, orders = files[0]
    unique = data.customers_file(tmp_path, 20_000, "unique")
    assert duckdb.sql(f"select count(distinct monetary) from '{unique}'").fetchall() == [(20_000,)]
    shape = f"""
        select
            count(distinct customer_id), min(recency_days), max(recency_days), median(recency_days) < 150,
            count(distinct frequency) < 40, median(monetary) < avg(monetary) / 2
        from '{customers}'
    """
    assert duckdb.sql(shape).fetchall() == [(20_000, 0, 729, True, True, True)]
    shape = (
        f"select count(distinct order_id), cast(min(ordered_at) as text), cast(max(ordered_at) as text) from '{orders}'"
    )
    assert duckdb.sql(shape).fetchall() == [(20_000, "2023-01-01", "2024-12-31")]
    [[of_a_customer, alone]] = duckdb.sql(
        f"select avg(n), avg(cast(n = 1 as int)) from (select count(*) as n from '{orders}' group by customer_id)"
    ).fetchall()
    assert 9 < of_a_customer < 11
    assert 0.07 < alone < 0.13


def test_the_month_ends_are_24_and_end_with_the_one_date() -> None:
    ends = duckdb.sql(
        "select cast(last_day(date '2023-01-01' + to_months(cast(n as integer))) as text) from range(24) as t (n)"
    ).fetchall()
    assert [(day,) for day in package.MONTH_ENDS] == ends
    assert package.MONTH_ENDS[-1:] == package.ONE_DATE


def test_who_does_not_finish_is_shown_as_such(settings: Settings, tmp_path: Path) -> None:
    def outcome(code: str, **limits: Any) -> str | None:
        return run([sys.executable, "-c", code], tmp_path, tmp_path / "log", Limits(**limits)).failure

    assert outcome("pass") is None
    assert outcome("import time; time.sleep(60)", minutes=0.005) == "over 0.005 minutes"
    eats = "eaten = []\nwhile True: eaten.append(bytearray(10**6))"
    assert outcome(eats, memory=300 * 10**6, minutes=1) == "out of memory (over 0 GB)"
    assert outcome("raise MemoryError") == "out of memory"
    assert outcome("raise ValueError('no such thing')") == "failed: ValueError: no such thing"

    tried = []

    def gives_up(folder: Path) -> Run:
        tried.append(folder)
        return Run([], failure="out of memory")

    again = Settings(tmp_path / "rounds", rounds=3)
    quick = Contender("copy", ["copy"], lambda folder: Run([Figure("copy", 1.0, 10**6)]))
    slow = Contender("pandas", ["pandas"], gives_up)
    result = rounds.measured("grading", "100m", 10**8, [quick, slow], again)
    assert len(tried) == 1
    write_result(tmp_path, result)
    report.write(tmp_path)
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| pandas | out of memory |  |  |  |  |" in page


def test_the_report_is_made_from_the_results(
    graded: dict[str, Any], from_orders: dict[str, Any], tmp_path: Path
) -> None:
    bigger = json.loads(json.dumps(graded)) | {"size": "10m", "rows_in": NUMBERS["10m"]}
    for result in [graded, from_orders, bigger]:
        write_result(tmp_path, result)
    targets = report.write(tmp_path)
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "### 3,003 customers" in page
    assert "### 4,004 orders" in page
    assert re.search(r"^\| polars \| [\d.]+ \|.*\| 0 \|$", page, re.MULTILINE)
    assert f"commit {graded['commit']}" in page
    assert all(version in page for version in graded["versions"].values())
    assert [line for line in targets if line.startswith("grading 10m customers : NTILE") and "not measured" not in line]
    chart = tmp_path / "growth.svg"
    before = chart.read_bytes()
    report.write(tmp_path)
    assert chart.read_bytes() == before


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_figures_of_the_readme_are_those_of_the_results(readme: str) -> None:
    text = (REPOSITORY / readme).read_text(encoding="utf-8")
    [paragraph] = [
        section
        for section in text.split("\n## ")
        if "](benchmarks/growth.svg)" in section and "benchmarks/RESULTS.md" in section
    ]
    results = (REPOSITORY / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d+\.\d+|\d+(?= (?:s|秒))", paragraph)
    assert len(figures) > 10
    assert [figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.])", results)] == []


def test_the_results_in_the_repository_agree_and_make_the_report_beside_them(tmp_path: Path) -> None:
    folder = Path(report.__file__).parent
    kept = report.read(folder / "results")
    assert kept
    assert [entry for result in kept for entry in result.kept["measurements"] if entry["differing"]] == []
    assert report.page(kept, report.target_rows(kept)) == (folder / "RESULTS.md").read_text(encoding="utf-8")
