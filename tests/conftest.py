"""Projects for the tests: a user's own dbt project that installs this package, built in process on its own DuckDB file."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import postgres_server as postgres_server_script
import pyarrow
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from hypothesis import settings
from java_home import find_java_home

REPOSITORY = Path(__file__).resolve().parent.parent
CASES = REPOSITORY.parent / "shared" / "cases"

settings.register_profile("rfm", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("rfm")

Row = dict[str, Any]


@dataclass
class Result:
    """What a dbt call came to."""

    success: bool
    messages: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.messages)

    @property
    def errors(self) -> list[str]:
        """The lines that this package's own errors print."""
        return [line.strip() for line in self.text.splitlines() if line.strip().startswith("rfm: ")]


def invoke(*arguments: str, manifest: Any = None) -> Result:
    """Call dbt in process and let go of the database file."""
    messages: list[str] = []
    runner = dbtRunner(manifest=manifest, callbacks=[lambda event: messages.append(event.info.msg)])
    try:
        outcome = runner.invoke(list(arguments))
    finally:
        DuckDBConnectionManager.close_all_connections()
    if outcome.exception is not None:
        messages.append(str(outcome.exception))
    return Result(bool(outcome.success), messages)


@dataclass
class Project:
    """A dbt project in a folder of its own, with one DuckDB file."""

    folder: Path
    database: Path
    profiles: Path
    threads: int = 4
    arguments: list[str] = field(default_factory=list)

    def dbt(self, command: str, *arguments: str) -> Result:
        """Call a dbt command on this project."""
        with contextlib.chdir(self.folder):
            return invoke(
                command,
                "--project-dir",
                str(self.folder),
                "--profiles-dir",
                str(self.profiles),
                *([] if command == "deps" else ["--target-path", str(self.folder / "target")]),
                "--log-path",
                str(self.folder / "logs"),
                *(["--threads", str(self.threads)] if command in {"build", "run", "test", "compile"} else []),
                *self.arguments,
                *arguments,
            )

    def build(self, *arguments: str) -> Result:
        """Build, and show dbt's messages where it fails."""
        result = self.dbt("build", *arguments)
        assert result.success, result.text
        return result

    def load(self, table: str, rows: Sequence[Row], columns: Iterable[str] | None = None) -> None:
        """Put rows into a table of text columns in the schema 'input', as an export that nobody cleaned."""
        names = list(columns if columns is not None else rows[0])
        with duckdb.connect(str(self.database)) as connection:
            load_table(connection, f"input.{table}", rows, names)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open the database for writing; close it before the next build."""
        return duckdb.connect(str(self.database))

    def query(self, sql: str) -> list[Row]:
        """Return the rows of a query as mappings."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return rows_of(connection, sql)

    def mart(self, name: str, order_by: str = "all") -> list[Row]:
        """Return a mart's rows in a full order."""
        return self.query(f"select * from {name} order by {order_by}")


def quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def load_table(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Create or replace a table of text columns."""
    connection.execute("create schema if not exists input")
    connection.execute(f"create or replace table {table} ({', '.join(f'{quoted(name)} varchar' for name in columns)})")
    arrow = {name: [row.get(name) for row in rows] for name in columns}
    if rows:
        source = pyarrow.table({name: pyarrow.array(values, pyarrow.string()) for name, values in arrow.items()})
        connection.register("loaded_rows", source)
        connection.execute(f"insert into {table} select * from loaded_rows")
        connection.unregister("loaded_rows")


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """Return the rows of a query as mappings."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def write_project(
    folder: Path,
    rulebooks: Row,
    datasets: Row,
    tables: Iterable[str] = (),
    files: dict[str, str] | None = None,
    sources: list[Row] | None = None,
) -> Project:
    """Write a user's project: dbt_project.yml with the two vars, a profile, the sources, and the package installed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    project = {
        "name": "shop",
        "version": "1.0.0",
        "profile": "shop",
        "vars": {"rfm__rulebooks": rulebooks, "rfm__datasets": datasets},
    }
    dump(folder / "dbt_project.yml", project)
    dump(folder / "packages.yml", {"packages": [{"local": str(REPOSITORY)}]})
    output = {
        "type": "duckdb",
        "path": str(folder / "shop.duckdb"),
        "threads": 4,
        "plugins": [{"module": "dbt_rfm.xlsx"}],
    }
    dump(folder / "profiles.yml", {"shop": {"target": "dev", "outputs": {"dev": output}}})
    listed = list(sources or [])
    if tables:
        listed.append({"name": "input", "schema": "input", "tables": [{"name": name} for name in tables]})
    if listed:
        dump(folder / "models" / "sources.yml", {"version": 2, "sources": listed})
    for name, text in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # What `dbt deps` does with a local package, without its seconds; test_package calls the real one.
    (folder / "dbt_packages").mkdir(exist_ok=True)
    link = folder / "dbt_packages" / "rfm"
    if not link.exists():
        link.symlink_to(REPOSITORY, target_is_directory=True)
    return Project(folder, folder / "shop.duckdb", folder)


def dump(path: Path, content: Any) -> None:
    """Write YAML."""
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Write user projects below the test's own folder."""

    def make(*arguments: Any, name: str = "shop", **keywords: Any) -> Project:
        return write_project(tmp_path / name, *arguments, **keywords)

    return make


# The marts that keep history, and those that are made from it.
HISTORY_MARTS = [
    "graded_customers",
    "customer_scores",
    "score_cutpoints",
    "tier_summary",
    "rejected_records",
    "rulebook_audit",
]
DERIVED_MARTS = ["grade_changes", "tier_migration", "churn_warnings", "service_plan", "backtest"]

MODELS_IN_ORDER = [
    ("staging", "stg_rfm__records", "table"),
    ("staging", "stg_rfm__orders", "table"),
    ("intermediate", "int_rfm__customers_from_orders", "table"),
    ("intermediate", "int_rfm__input_dates", "table"),
    ("intermediate", "int_rfm__cut_values", "table"),
    ("intermediate", "int_rfm__cut_points", "table"),
    ("intermediate", "int_rfm__score_history", "table"),
    ("intermediate", "int_rfm__scored_customers", "view"),
    ("intermediate", "int_rfm__graded_metrics", "table"),
    ("intermediate", "int_rfm__graded_dates", "table"),
    ("marts", "rfm__rulebooks", "table"),
    ("marts", "rfm__graded_customers", "view"),
    ("marts", "rfm__customer_scores", "view"),
    ("marts", "rfm__score_cutpoints", "table"),
    ("marts", "rfm__tier_summary", "table"),
    ("marts", "rfm__rejected_records", "table"),
    ("marts", "rfm__grade_changes", "table"),
    ("marts", "rfm__tier_migration", "table"),
    ("marts", "rfm__churn_warnings", "table"),
    ("marts", "rfm__service_plan", "table"),
    ("marts", "rfm__backtest", "table"),
]


@dataclass
class CompiledModels:
    """The SQL that dbt compiled for a project, run again and again on other inputs without dbt's seconds."""

    connection: duckdb.DuckDBPyConnection
    statements: list[str]

    @classmethod
    def of(cls, project: Project) -> CompiledModels:
        """Take the SQL of a project's first build, in which nothing is incremental yet."""
        compiled = project.folder / "target" / "compiled" / "rfm" / "models"
        statements = [
            f"create or replace {kind} {name} as {(compiled / folder / f'{name}.sql').read_text(encoding='utf-8')}"
            for folder, name, kind in MODELS_IN_ORDER
        ]
        return cls(duckdb.connect(str(project.database)), statements)

    def run(self, inputs: dict[str, Sequence[Row]], columns: Sequence[str]) -> None:
        """Replace the inputs and run every model once, as a first build would."""
        for table, rows in inputs.items():
            load_table(self.connection, f"input.{table}", rows, columns)
        for statement in self.statements:
            self.connection.execute(statement)

    def rows(self, sql: str) -> list[Row]:
        """Return the rows of a query as mappings."""
        return rows_of(self.connection, sql)


GALLERY: dict[str, Row] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((REPOSITORY / "docs" / "gallery").glob("*.yml"))
}


def gallery_vars() -> Row:
    """All rulebooks and datasets of the gallery; their inputs are tables of the schema 'input'."""
    rulebooks: Row = {}
    datasets: Row = {}
    for entry in GALLERY.values():
        rulebooks |= entry["vars"]["rfm__rulebooks"]
        for name, dataset in entry["vars"]["rfm__datasets"].items():
            datasets[name] = dataset | {"orders" if "orders" in dataset else "records": f"input.{name}"}
    return {"rfm__rulebooks": rulebooks, "rfm__datasets": datasets}


def gallery_rows(entry: Row) -> list[Row]:
    """The input of a gallery's rulebook: its customers, or its orders with each run of rows written out."""
    if "customers" in entry:
        return entry["customers"]
    rows: list[Row] = []
    for written in entry["orders"]:
        runs = {name: run(value) for name, value in written.items() if ".." in value}
        steps = zip(*runs.values(), strict=True) if runs else [()]
        rows += [written | dict(zip(runs, step, strict=True)) for step in steps]
    return rows


def run(text: str) -> list[str]:
    """The numbers of '7..9', or the days of '2024-02-28..2024-03-01', both ends included."""
    first, last = text.split("..")
    if first.isdigit():
        return [str(number) for number in range(int(first), int(last) + 1)]
    day = date.fromisoformat(first)
    return [str(day + timedelta(days=later)) for later in range((date.fromisoformat(last) - day).days + 1)]


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that grades the customers of the whole gallery."""
    written = gallery_vars()
    folder = tmp_path_factory.mktemp("gallery")
    project = write_project(folder, written["rfm__rulebooks"], written["rfm__datasets"], tables=list(GALLERY))
    for name, entry in GALLERY.items():
        project.load(name, gallery_rows(entry))
    project.build()
    return project


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """This repository's own project, built once into a file of its own."""
    folder = tmp_path_factory.mktemp("demo")
    database = folder / "demo.duckdb"
    project = Project(REPOSITORY, database, REPOSITORY / "profiles")
    project.arguments = ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    before = os.environ.get("RFM_DUCKDB_PATH")
    os.environ["RFM_DUCKDB_PATH"] = str(database)
    project.build()
    yield project
    if before is None:
        os.environ.pop("RFM_DUCKDB_PATH", None)
    else:
        os.environ["RFM_DUCKDB_PATH"] = before


def demo_vars() -> Row:
    """The vars of this repository's own dbt_project.yml."""
    return yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


QUINTILE: Row = demo_vars()["rfm__rulebooks"]["platform_quintile"]
STANDARD_COLUMNS: Row = {
    "customer_id": "customer_id",
    "region": "region",
    "as_of_date": "as_of_date",
    "last_order_date": "last_order_date",
    "recency_days": "recency_days",
    "frequency": "frequency",
    "monetary": "monetary",
}


def call_rfm(
    *arguments: str | Path, folder: Path, file_size: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Call the command in a folder, with a home folder of its own, in which it has to leave nothing.

    file_size: how many bytes a file that it writes may have; variables: of its environment
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "RFM_"))}
    with tempfile.TemporaryDirectory() as home:
        called = subprocess.run(
            [sys.executable, "-m", "dbt_rfm.command", *map(str, arguments)],
            cwd=folder,
            env=inherited | {"HOME": home, "PYTHONUTF8": "1"} | variables,
            preexec_fn=file_size and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))),
            capture_output=True,
            text=True,
            check=False,
        )
        assert [*Path(home).rglob("*")] == []
    assert "Traceback" not in called.stderr, called.stderr
    return called


@pytest.fixture
def rfm(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the command in the test's own folder."""

    def call(*arguments: str | Path, folder: Path = tmp_path, **keywords: Any) -> subprocess.CompletedProcess[str]:
        return call_rfm(*arguments, folder=folder, **keywords)

    return call


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[int]:
    """The port of a PostgreSQL server for these tests."""
    if postgres_server_script.find_postgres() is None:
        missing_engine("PostgreSQL 15 or later")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    # Not below pytest's own folder, where the server's user may not go.
    with tempfile.TemporaryDirectory(prefix="rfm_postgres_", ignore_cleanup_errors=True) as folder:
        postgres_server_script.start(Path(folder), port)
        yield port
        postgres_server_script.stop(Path(folder))


@pytest.fixture(scope="session")
def spark_here() -> None:
    """Spark, and the Java that it runs on."""
    if importlib.util.find_spec("pyspark") is None:
        missing_engine("PySpark")
    if find_java_home() is None:
        missing_engine("Java 17")


def missing_engine(name: str) -> None:
    """Skip a test where an engine is not installed; where changes are checked before they land, nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")
