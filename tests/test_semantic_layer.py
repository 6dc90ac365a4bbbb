"""The semantic layer: what mf answers equals plain SQL over the marts, and no project that installs the package has it."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import QUINTILE, REPOSITORY, STANDARD_COLUMNS, Project, Row

PAGE = (REPOSITORY / "docs" / "semantic_layer.md").read_text(encoding="utf-8")
Call = Callable[..., subprocess.CompletedProcess[str]]
Figures = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def asked_hosts() -> Iterator[tuple[str, set[str]]]:
    """The address of a proxy that connects nobody, and the hosts that it was asked for."""
    hosts: set[str] = set()

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            hosts.add(self.rfile.readline().decode().split()[1])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", hosts
        server.shutdown()


@pytest.fixture(scope="module")
def mf(tmp_path_factory: pytest.TempPathFactory, asked_hosts: tuple[str, set[str]]) -> Call:
    """Call mf in a project's folder, without a network and with a home folder of its own, in which it has to leave nothing."""
    home, temporary = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("temporary")
    proxy, _ = asked_hosts

    def call(folder: Path, profiles: Path, database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "RFM_"))}
        called = subprocess.run(
            [Path(sys.executable).parent / "mf", *arguments],
            cwd=folder,
            env=kept
            | {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONUTF8": "1"}
            | {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "https_proxy": proxy, "http_proxy": proxy, "NO_PROXY": ""}
            | {"DBT_PROFILES_DIR": str(profiles), "RFM_DUCKDB_PATH": str(database)}
            | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert called.returncode == 0, called.stdout + called.stderr
        assert [*home.rglob("*")] == []
        return called

    return call


@pytest.fixture(scope="module")
def mf_of_demo(demo: Project, mf: Call, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Call mf on the demo: it needs the project's file, and what dbt parsed in the target folder that it always reads."""
    folder = tmp_path_factory.mktemp("asked")
    shutil.copy(REPOSITORY / "dbt_project.yml", folder)
    (folder / "target").mkdir()
    shutil.copy(Path(demo.arguments[1], "semantic_manifest.json"), folder / "target")
    return lambda *arguments: mf(folder, REPOSITORY / "profiles", demo.database, *arguments)


def answer(call: Call, file: Path, metrics: str, by: str = "", where: str = "") -> Figures:
    """What mf answers: a figure for each metric and group."""
    options = (["--group-by", by] if by else []) + (["--where", where] if where else [])
    call("query", "--metrics", metrics, *options, "--csv", str(file))
    with file.open(encoding="utf-8", newline="") as opened:
        return figures(list(csv.DictReader(opened)), metrics, by)


def figures(rows: list[Row], metrics: str, by: str) -> Figures:
    """The rows of a table as a figure for each metric and group; nothing is not a number."""
    groups, names = [name for name in by.split(",") if name], metrics.split(",")
    return {
        (*(str(row[group]) for group in groups), name): nan if row[name] in {"", None} else float(row[name])
        for row in rows
        for name in names
    }


def near(expected: Figures) -> Any:
    """Integers have to be equal, averages as near as the six decimals of the marts."""
    return pytest.approx(expected, rel=1e-6, nan_ok=True)


STATES = "customers,revenue,customers_of_a,revenue_of_a,share_of_a,revenue_share_of_a,average_total_score"
STATES_IN_SQL = """
    count(*) as customers,
    sum(monetary) as revenue,
    count(*) filter (where grade = 'A') as customers_of_a,
    coalesce(sum(monetary) filter (where grade = 'A'), 0) as revenue_of_a,
    count(*) filter (where grade = 'A') / count(*) as share_of_a,
    coalesce(sum(monetary) filter (where grade = 'A'), 0) / sum(monetary) as revenue_share_of_a,
    avg(total_score) as average_total_score
"""
EVENTS = "migration,rises,falls,moves,arrivals,departures,compared_customers,share_moved"
EVENTS_IN_SQL = """
    count(*) filter (where previous_as_of_date is not null) as migration,
    count(*) filter (where direction = 'up') as rises,
    count(*) filter (where direction = 'down') as falls,
    count(*) filter (where direction in ('up', 'down')) as moves,
    count(*) filter (where direction = 'new' and previous_as_of_date is not null) as arrivals,
    count(*) filter (where direction = 'left') as departures,
    count(*) filter (where direction in ('up', 'down', 'same')) as compared_customers,
    count(*) filter (where direction in ('up', 'down'))
    / nullif(count(*) filter (where direction in ('up', 'down', 'same')), 0) as share_moved
"""


def test_mf_finds_nothing_wrong_and_asks_nobody_but_pypi(mf_of_demo: Call, asked_hosts: tuple[str, set[str]]) -> None:
    validated = mf_of_demo("validate-configs", "--show-all").stdout
    counts = re.findall(r"ERRORS: (\d+), FUTURE_ERRORS: (\d+), WARNINGS: (\d+)", validated)
    assert counts == [("0", "0", "0")] * 6, validated
    assert asked_hosts[1] == {"pypi.org:443"}


def test_states_are_those_of_the_last_as_of_date(demo: Project, mf_of_demo: Call, tmp_path: Path) -> None:
    of_datasets = demo.query(
        f"select dataset, {STATES_IN_SQL} from rfm__graded_customers as customers where as_of_date = "
        "(select max(as_of_date) from rfm__graded_customers where dataset = customers.dataset) group by dataset"
    )
    assert len(of_datasets) == 3
    assert answer(mf_of_demo, tmp_path / "datasets.csv", STATES, "dataset") == near(
        figures(of_datasets, STATES, "dataset")
    )
    # All datasets together: customers of different days, each dataset's last.
    assert answer(mf_of_demo, tmp_path / "all.csv", "customers,share_of_a") == near(
        {
            ("customers",): sum(row["customers"] for row in of_datasets),
            ("share_of_a",): sum(row["customers_of_a"] for row in of_datasets)
            / sum(row["customers"] for row in of_datasets),
        }
    )


def test_states_of_a_quarter_are_those_of_its_last_as_of_date(demo: Project, mf_of_demo: Call, tmp_path: Path) -> None:
    by = "dataset,region,metric_time__quarter"
    of_quarters = demo.query(
        f"""
        with quarters as (
            select *, cast(cast(date_trunc('quarter', as_of_date) as timestamp) as text) as metric_time__quarter
            from rfm__graded_customers
        )
        select dataset, region, metric_time__quarter, {STATES_IN_SQL}
        from quarters
        where (dataset, as_of_date) in
            (select (dataset, max(as_of_date)) from quarters group by dataset, metric_time__quarter)
        group by all
        """
    )
    assert len({row["metric_time__quarter"] for row in of_quarters}) == 9
    assert len({row["region"] for row in of_quarters}) > 5
    assert answer(mf_of_demo, tmp_path / "quarters.csv", STATES, by) == near(figures(of_quarters, STATES, by))


def test_moves_are_those_of_the_customers(demo: Project, mf_of_demo: Call, tmp_path: Path) -> None:
    of_regions = demo.query(f"select dataset, region, {EVENTS_IN_SQL} from rfm__grade_changes group by all")
    assert answer(mf_of_demo, tmp_path / "regions.csv", EVENTS, "dataset,region") == near(
        figures(of_regions, EVENTS, "dataset,region")
    )
    by = "dataset,metric_time__day,previous_grade,grade,move__direction"
    ways = demo.query(
        """
        select
            dataset,
            cast(cast(as_of_date as timestamp) as text) as metric_time__day,
            coalesce(previous_grade, '(new)') as previous_grade,
            coalesce(grade, '(left)') as grade,
            direction as move__direction,
            count(*) filter (where previous_as_of_date is not null) as migration
        from rfm__grade_changes
        group by all
        """
    )
    assert {row["move__direction"] for row in ways} == {"up", "down", "same", "new", "left"}
    assert answer(mf_of_demo, tmp_path / "ways.csv", "migration", by) == near(figures(ways, "migration", by))


def test_warnings_and_rejected_records_are_those_of_the_marts(demo: Project, mf_of_demo: Call, tmp_path: Path) -> None:
    warnings = "new_warnings,warned_customers,money_newly_at_risk,money_at_risk"
    selected = """
        count(*) filter (where not is_repeated) as new_warnings,
        count(distinct customer_id) as warned_customers,
        sum(money_at_risk) filter (where not is_repeated) as money_newly_at_risk,
        sum(money_at_risk) filter (where as_of_date = last_date) as money_at_risk
        from (select *, max(as_of_date) over (partition by dataset) as last_date from rfm__churn_warnings)
        group by all
    """
    by = "dataset,churn_warning__warning,churn_warning__severity"
    of_rules = demo.query(
        f"select dataset, warning as churn_warning__warning, severity as churn_warning__severity, {selected}"
    )
    assert len(of_rules) > 5
    answered = answer(mf_of_demo, tmp_path / "rules.csv", warnings, by)
    # A rule that did not warn on the last date has no money at risk, which mf leaves out of the table or empty.
    assert answered == near(figures(of_rules, warnings, by))

    together = "new_warnings,warned_customers,rejected_records"
    of_datasets = demo.query(
        f"""
        with warned as (select dataset, {selected}),
        rejected as (select dataset, count(*) as rejected_records from rfm__rejected_records group by dataset)
        select * from warned full join rejected using (dataset)
        """
    )
    assert len(of_datasets) == 3
    assert answer(mf_of_demo, tmp_path / "together.csv", together, "dataset") == near(
        figures(of_datasets, together, "dataset")
    )


# --- The page ---------------------------------------------------------------------------------------------------------


def metrics_of_marts() -> dict[str, Row]:
    """The metrics of models/marts/rfm__marts.yml by name."""
    marts = yaml.safe_load((REPOSITORY / "models" / "marts" / "rfm__marts.yml").read_text(encoding="utf-8"))
    return {metric["name"]: metric for mart in marts["models"] for metric in mart.get("metrics", [])}


def fences(kind: str) -> list[str]:
    """The page's blocks of this kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_shows_what_mf_answers(mf_of_demo: Call) -> None:
    shown = [re.fullmatch(r"\$ mf ((?:.*\\\n)*.*)\n((?:.*\n)*)", block) for block in fences("text")]
    assert len(shown) > 5
    for block in shown:
        assert block
        printed = mf_of_demo(*shlex.split(block[1].replace("\\\n", ""))).stdout
        assert [line.rstrip() for line in printed.splitlines()] == block[2].splitlines()


def test_the_page_names_every_metric() -> None:
    table = re.search(r"<!-- metrics -->\n((?:\|.*\n)+)", PAGE)
    assert table
    named = re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table[1].splitlines()))
    assert sorted(named) == sorted(metrics_of_marts())
    for metric in metrics_of_marts().values():
        assert metric["label"]
        assert metric["description"].endswith(".")


# --- Other projects ---------------------------------------------------------------------------------------------------


def parsed(project: Project) -> Row:
    """The manifest of a project."""
    assert project.dbt("parse", "--warn-error", "--show-all-deprecations").success
    return json.loads((project.folder / "target" / "manifest.json").read_text(encoding="utf-8"))


def test_a_project_with_the_package_has_no_semantic_layer(make_project: Callable[..., Project]) -> None:
    dataset = {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}
    project = make_project({"quintile": QUINTILE}, {"shop": dataset}, tables=["customers"])
    manifest = parsed(project)
    assert [manifest[kind] for kind in ["semantic_models", "metrics", "saved_queries"]] == [{}, {}, {}]
    assert not [node for node in manifest["nodes"] if "time_spine" in node]
    assert "model.rfm.rfm__tier_summary" in manifest["nodes"]


def test_a_project_has_its_own_as_the_page_says(make_project: Callable[..., Project], mf: Call, tmp_path: Path) -> None:
    """The page's files over a mart made by hand: grades of other names, a region that is gone, a dataset without money."""
    files = {}
    for block in fences("sql") + fences("yaml"):
        name, text = block.split("\n", 1)
        files[name.split()[1]] = text
    assert sorted(files) == ["models/tiers.sql", "models/tiers.yml", "models/time_spine.sql", "models/time_spine.yml"]
    (tiers,) = yaml.safe_load(files["models/tiers.yml"])["models"]
    assert tiers["metrics"] == [metrics_of_marts()[metric["name"]] for metric in tiers["metrics"]]

    dataset = {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}
    project = make_project({"quintile": QUINTILE}, {"shop": dataset}, tables=["customers"], files=files)
    with project.connect() as connection:
        connection.execute(
            """
            create table rfm__tier_summary as
            select * from (values
                ('shop', date '2025-01-31', 'north', 'medals', 'gold', 1, 10),
                ('shop', date '2025-01-31', 'north', 'medals', 'silver', 2, 30),
                ('shop', date '2025-01-31', 'south', 'medals', 'gold', 1, 7),
                ('shop', date '2025-01-31', 'south', 'medals', 'silver', 2, 0),
                ('shop', date '2025-02-28', 'north', 'medals', 'gold', 1, 12),
                ('shop', date '2025-02-28', 'north', 'medals', 'silver', 2, 28),
                ('kiosk', date '2024-12-31', 'all', 'stars', 'three', 1, 1),
                ('kiosk', date '2024-12-31', 'all', 'stars', 'two', 2, 3)
            ) as tiers (dataset, as_of_date, region, rulebook, grade, grade_order, customers)
            """
        )
    ran = project.dbt("run", "--select", "tiers", "time_spine")
    assert ran.success, ran.text
    manifest = json.loads((project.folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    assert {name.split(".")[1] for name in [*manifest["metrics"], *manifest["semantic_models"]]} == {"shop"}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return mf(project.folder, project.folder, project.database, *arguments)

    metrics = "customers,share_of_a"
    assert answer(call, tmp_path / "datasets.csv", metrics, "dataset") == near(
        {
            ("shop", "customers"): 40,
            ("shop", "share_of_a"): 12 / 40,
            ("kiosk", "customers"): 4,
            ("kiosk", "share_of_a"): 1 / 4,
        }
    )
    # Of the region that is gone there is nothing, unless a filter leaves nothing else.
    assert answer(call, tmp_path / "regions.csv", metrics, "region") == near(
        {
            ("north", "customers"): 40,
            ("north", "share_of_a"): 12 / 40,
            ("all", "customers"): 4,
            ("all", "share_of_a"): 1 / 4,
        }
    )
    gone = answer(call, tmp_path / "gone.csv", metrics, where="{{ Entity('region') }} = 'south'")
    assert gone == near({("customers",): 7, ("share_of_a",): 1})
