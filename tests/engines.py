"""One dbt project on three engines: DuckDB, a PostgreSQL server of its own, and Spark in local processes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import yaml
from java_home import find_java_home

from conftest import REPOSITORY, Row, dump, quoted

SCHEMA = "shop"
PROFILES: Row = yaml.safe_load(
    (REPOSITORY / "profiles" / "profiles.yml")
    .read_text(encoding="utf-8")
    .replace("{{ env_var('RFM_SPARK_DIR', '.spark') }}", ".spark")
)["rfm"]["outputs"]


@dataclass
class Engine:
    """A project's folder, and where its tables are."""

    folder: Path

    name = ""

    def output(self) -> Row:
        """The output of a profile that builds here."""
        raise NotImplementedError

    def load(self, tables: dict[str, pyarrow.Table]) -> None:
        """Put tables into the schema 'input'."""
        raise NotImplementedError

    def read(self, tables: Sequence[str]) -> dict[str, pyarrow.Table]:
        """Return the project's own tables and views."""
        raise NotImplementedError

    def run(self, *statements: str) -> None:
        """Run statements, such as a user's own changes to the tables."""
        raise NotImplementedError

    def write_project(self, variables: Row, tables: Sequence[str], files: dict[str, str] | None = None) -> None:
        """Write a user's project that installs the package and reads tables of the schema 'input'."""
        (self.folder / "models").mkdir(parents=True, exist_ok=True)
        self.write_vars(variables)
        dump(self.folder / "packages.yml", {"packages": [{"local": str(REPOSITORY)}]})
        dump(self.folder / "profiles.yml", {"shop": {"target": self.name, "outputs": {self.name: self.output()}}})
        source = {"name": "input", "schema": "input", "tables": [{"name": name} for name in tables]}
        dump(self.folder / "models" / "sources.yml", {"version": 2, "sources": [source]})
        for name, text in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (self.folder / "dbt_packages").mkdir(exist_ok=True)
        link = self.folder / "dbt_packages" / "rfm"
        if not link.exists():
            link.symlink_to(REPOSITORY, target_is_directory=True)

    def write_vars(self, variables: Row) -> None:
        """Write dbt_project.yml."""
        project = {"name": "shop", "version": "1.0.0", "profile": "shop", "vars": variables}
        dump(self.folder / "dbt_project.yml", project)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Start dbt in a process of its own: Spark's session lives as long as its process, and a test may kill it."""
        return subprocess.Popen(
            [Path(sys.executable).parent / "dbt", command, "--profiles-dir", ".", *arguments],
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def dbt(self, command: str, *arguments: str) -> str:
        """Call dbt and return what it said; stop the test where it fails."""
        process = self.start(command, *arguments)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        return said

    def environment(self) -> dict[str, str]:
        """What dbt finds in its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "RFM_"))}
        return kept | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


class DuckDB(Engine):
    """The engine that the others are compared with."""

    name = "duckdb"

    def output(self) -> Row:
        return {"type": "duckdb", "path": "engine.duckdb", "schema": SCHEMA, "threads": 2}

    def load(self, tables: dict[str, pyarrow.Table]) -> None:
        with duckdb.connect(str(self.folder / "engine.duckdb")) as connection:
            connection.execute("create schema if not exists input")
            for name, table in tables.items():
                connection.register("loaded", table)
                connection.execute(f'create or replace table input."{name}" as from loaded')

    def read(self, tables: Sequence[str]) -> dict[str, pyarrow.Table]:
        with duckdb.connect(str(self.folder / "engine.duckdb"), read_only=True) as connection:
            return {name: connection.sql(f"from {SCHEMA}.{name}").to_arrow_table() for name in tables}

    def run(self, *statements: str) -> None:
        with duckdb.connect(str(self.folder / "engine.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)


@dataclass
class PostgreSQL(Engine):
    """A server on this machine."""

    port: int
    database: str

    name = "postgres"

    def output(self) -> Row:
        return {
            "type": "postgres",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "rfm",
            "password": "",
            "dbname": self.database,
            "schema": SCHEMA,
            "threads": 2,
        }

    def write_project(self, variables: Row, tables: Sequence[str], files: dict[str, str] | None = None) -> None:
        """Write the project, and make its database."""
        super().write_project(variables, tables, files)
        connection = self.connect("rfm")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"drop database if exists {self.database} with (force)")
            cursor.execute(f"create database {self.database}")
        connection.close()

    def connect(self, database: str | None = None) -> Any:
        """Open a connection."""
        import psycopg2

        return psycopg2.connect(host="127.0.0.1", port=self.port, user="rfm", dbname=database or self.database)

    def load(self, tables: dict[str, pyarrow.Table]) -> None:
        types = {
            "string": "text",
            "int64": "bigint",
            "int32": "integer",
            "double": "double precision",
            "date32[day]": "date",
        }
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("create schema if not exists input")
            for name, table in tables.items():
                columns = ", ".join(
                    f"{quoted(field.name)} {types.get(str(field.type), str(field.type).replace('decimal128', 'numeric'))}"
                    for field in table.schema
                )
                cursor.execute(f'drop table if exists input."{name}" cascade')
                cursor.execute(f'create table input."{name}" ({columns})')
                text = io.BytesIO()
                # Quotes around texts tell an empty one from none.
                pyarrow.csv.write_csv(table, text, pyarrow.csv.WriteOptions(include_header=False))
                text.seek(0)
                cursor.copy_expert(f'copy input."{name}" from stdin (format csv)', text)
        connection.close()

    def read(self, tables: Sequence[str]) -> dict[str, pyarrow.Table]:
        types = {
            16: pyarrow.bool_(), 20: pyarrow.int64(), 23: pyarrow.int32(), 25: pyarrow.string(), 1043: pyarrow.string(),
            1082: pyarrow.date32(), 701: pyarrow.float64(),
        }  # fmt: skip
        found = {}
        with self.connect() as connection, connection.cursor() as cursor:
            for name in tables:
                cursor.execute(f"select * from {SCHEMA}.{name}")
                columns = cursor.description
                values = list(zip(*cursor.fetchall(), strict=True)) or [() for _ in columns]
                arrays = []
                for column, rows in zip(columns, values, strict=True):
                    kind = types.get(column.type_code)
                    if column.type_code == 1700 and column.precision <= 38:
                        kind = pyarrow.decimal128(column.precision, column.scale)
                    arrays.append(pyarrow.array(rows, kind))
                found[name] = pyarrow.Table.from_arrays(arrays, names=[column.name for column in columns])
        connection.close()
        return found

    def run(self, *statements: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()


class Spark(Engine):
    """Spark on two cores, with a catalogue and tables below the project's folder."""

    name = "spark"

    settings: dict[str, str] = {}  # noqa: RUF012

    def output(self) -> Row:
        output = {**PROFILES["spark"], "schema": SCHEMA}
        output["server_side_parameters"] = {**output["server_side_parameters"], **TEST_SETTINGS, **self.settings}
        return output

    def environment(self) -> dict[str, str]:
        return super().environment() | {"JAVA_HOME": str(find_java_home()), "PYSPARK_PYTHON": sys.executable}

    def tables(self, command: str, *arguments: str) -> None:
        settings = self.folder / "settings.json"
        settings.write_text(json.dumps(self.output()["server_side_parameters"]), encoding="utf-8")
        called = subprocess.run(
            [sys.executable, REPOSITORY / "tests" / "spark_tables.py", settings, command, *arguments],
            cwd=self.folder,
            env=self.environment(),
            text=True,
            capture_output=True,
            check=False,
        )
        assert called.returncode == 0, called.stderr

    def load(self, tables: dict[str, pyarrow.Table]) -> None:
        folder = self.folder / "input"
        folder.mkdir(exist_ok=True)
        for name, table in tables.items():
            pyarrow.parquet.write_table(table, folder / f"input.{name}.parquet")
        self.tables("load", str(folder))

    def read(self, tables: Sequence[str]) -> dict[str, pyarrow.Table]:
        folder = self.folder / "output"
        folder.mkdir(exist_ok=True)
        self.tables("read", str(folder), *[f"{SCHEMA}.{name}" for name in tables])
        return {name: pyarrow.parquet.read_table(folder / f"{SCHEMA}.{name}.parquet") for name in tables}

    def run(self, *statements: str) -> None:
        self.tables("run", *statements)


# For inputs of a few thousand rows: what Spark plans for large ones takes longer than they do.
TEST_SETTINGS = {
    "spark.master": "local[2]",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-Dderby.stream.error.file=.spark/derby.log -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=400m -XX:+UseSerialGC",
}


def canonical(table: pyarrow.Table) -> list[tuple[str | None, ...]]:
    """The rows of a table as texts in one order, with the scale of every decimal. JSON says what it says, however it is spelt."""
    columns = []
    for name in sorted(table.column_names):
        values = [None if value is None else str(value) for value in table[name].to_pylist()]
        if name == "record":
            # A column of doubles writes 3.0 or 3.
            values = [value and json.dumps(json.loads(value, parse_int=float), ensure_ascii=False) for value in values]
        columns.append(values)
    return sorted(zip(*columns, strict=True), key=lambda row: [(value is not None, value or "") for value in row])
