"""What BI finds: descriptions in the database, a page whose example runs, and dbt's own documentation without a gap."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool, QueuePool

from conftest import QUINTILE, REPOSITORY, STANDARD_COLUMNS, Project, invoke
from engines import SCHEMA, DuckDB, Engine, PostgreSQL

PAGE = (REPOSITORY / "docs" / "bi.md").read_text(encoding="utf-8")
MARTS = yaml.safe_load((REPOSITORY / "models" / "marts" / "rfm__marts.yml").read_text(encoding="utf-8"))["models"]
DESCRIPTIONS = {(mart["name"], ""): mart["description"] for mart in MARTS} | {
    (mart["name"], column["name"]): column["description"] for mart in MARTS for column in mart["columns"]
}
VIEWS = {"rfm__graded_customers", "rfm__customer_scores"}

# The name of the table or view, that of the column or an empty text, and the comment.
DUCKDB_COMMENTS = f"""
    select table_name, '', comment from duckdb_tables() where schema_name = '{SCHEMA}'
    union all
    select view_name, '', comment from duckdb_views() where schema_name = '{SCHEMA}'
    union all
    select table_name, column_name, comment from duckdb_columns() where schema_name = '{SCHEMA}'
"""
POSTGRES_COMMENTS = f"""
    select relations.relname, coalesce(columns.attname, ''), descriptions.description
    from pg_description as descriptions
    inner join pg_class as relations on descriptions.objoid = relations.oid
    left join pg_attribute as columns
        on descriptions.objoid = columns.attrelid and descriptions.objsubid = columns.attnum and columns.attnum > 0
    where relations.relnamespace = '{SCHEMA}'::regnamespace and descriptions.classoid = 'pg_class'::regclass
"""


# --- Comments ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A user's project that installs the package."""
    if request.param == "duckdb":
        return DuckDB(tmp_path)
    return PostgreSQL(tmp_path, request.getfixturevalue("postgres_server"), "bi")


def records(*dates: str) -> dict[str, pyarrow.Table]:
    """Ten customers at each as-of date, as text."""
    rows = [
        {"customer_id": f"c{number}", "region": "all", "as_of_date": day, "last_order_date": None}
        | {"recency_days": str(number), "frequency": str(number % 3), "monetary": str(number * 10)}
        for day in dates
        for number in range(10)
    ]
    return {
        "customers": pyarrow.Table.from_pylist(rows, pyarrow.schema([(name, pyarrow.string()) for name in rows[0]]))
    }


def comments(engine: Engine) -> dict[tuple[str, str], str]:
    """The comments of the marts and their columns."""
    if isinstance(engine, PostgreSQL):
        with engine.connect() as connection, connection.cursor() as cursor:
            cursor.execute(POSTGRES_COMMENTS)
            found = cursor.fetchall()
        connection.close()
    else:
        with duckdb.connect(str(engine.folder / "engine.duckdb"), read_only=True) as connection:
            found = connection.execute(DUCKDB_COMMENTS).fetchall()
    return {(table, column): comment for table, column, comment in found if table.startswith("rfm__")}


def test_descriptions_are_comments_after_the_first_build_and_a_later_one(engine: Engine) -> None:
    dataset = {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}
    engine.write_project({"rfm__rulebooks": {"quintile": QUINTILE}, "rfm__datasets": {"shop": dataset}}, ["customers"])
    engine.load(records("2025-01-31"))
    engine.dbt("run")
    assert comments(engine) == DESCRIPTIONS
    # What somebody else changed is put right by the next build, in tables that it adds to and in views that it replaces.
    engine.run(
        *[
            f"comment on {'view' if mart['name'] in VIEWS else 'table'} {SCHEMA}.{mart['name']} is 'mine'"
            for mart in MARTS
        ],
        *[
            f"comment on column {SCHEMA}.{mart['name']}.{mart['columns'][0]['name']} is 'mine'"
            for mart in MARTS
            if mart["name"] not in VIEWS
        ],
    )
    assert comments(engine) != DESCRIPTIONS
    engine.load(records("2025-01-31", "2025-02-28"))
    engine.dbt("run")
    assert comments(engine) == DESCRIPTIONS


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(demo: Project, tmp_path: Path) -> Path:
    """A copy of the demo's file where the page's example looks for it."""
    return Path(shutil.copy(demo.database, tmp_path / "marts.duckdb"))


def test_the_example_prints_what_the_page_shows(published: Path) -> None:
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    code, shown = found.groups()
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=published.parent, capture_output=True, text=True, check=False
    )
    assert finished.stderr == ""
    assert finished.stdout == shown


def test_a_write_and_another_file_are_refused_as_the_page_says(published: Path) -> None:
    settings = {"read_only": True, "config": {"enable_external_access": "false"}}
    engine = create_engine(f"duckdb:///{published}", connect_args=settings, poolclass=NullPool)
    for sql, refusal in {
        "delete from rfm__tier_summary": 'Cannot execute statement of type "DELETE" on database "marts" which is attached',
        f"select * from read_text('{__file__}')": "Permission Error: Cannot access file",
    }.items():
        with engine.connect() as connection, pytest.raises(Exception, match=re.escape(refusal)):
            connection.execute(text(sql))
    assert 'Cannot execute statement of type "DELETE" on database "marts"' in PAGE


@pytest.mark.parametrize(("pool", "rows"), [(NullPool, 0), (QueuePool, None)], ids=["no pool", "a pool"])
def test_only_a_new_connection_reads_the_new_publication(published: Path, pool: Any, rows: int | None) -> None:
    engine = create_engine(f"duckdb:///{published}", connect_args={"read_only": True}, poolclass=pool)

    def count() -> int:
        with engine.connect() as connection:
            return connection.execute(text("select count(*) from rfm__rulebooks")).scalar_one()

    before = count()
    newer = Path(shutil.copy(published, published.with_name("next.duckdb")))
    with duckdb.connect(str(newer)) as connection:
        connection.execute("delete from rfm__rulebooks")
    newer.replace(published)
    assert before > 0
    assert count() == (before if rows is None else rows)
    engine.dispose()
    assert count() == 0
    engine.dispose()


def test_the_markdown_of_the_command_line_is_what_the_marts_hold(demo: Project) -> None:
    """The tables that the page shows of DuckDB's command line, by the queries above them."""
    queries = re.findall(r'-(markdown|csv) -c "\n(.*?)"', PAGE, re.DOTALL)
    assert [kind for kind, _ in queries] == ["markdown", "csv"]
    cells = [re.split(r"\s*[|,]\s*", line.strip("| ")) for line in PAGE.splitlines()]
    rows = [[str(value) for value in row.values()] for _, sql in queries for row in demo.query(sql)]
    assert len(rows) == 4 + 3
    assert [row for row in rows if row not in cells] == []


# --- dbt's documentation ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documented(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of ``dbt docs generate``, which must have nothing to warn of."""
    target = tmp_path_factory.mktemp("documented")
    folders = ["--project-dir", str(REPOSITORY), "--profiles-dir", str(demo.profiles), "--target-path", str(target)]
    result = invoke("docs", "generate", *folders, "--log-path", str(target), "--warn-error", "--show-all-deprecations")
    assert result.success, result.text
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    assert catalog["errors"] is None
    assert {f"model.rfm.{mart['name']}" for mart in MARTS} <= set(catalog["nodes"])
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


def test_the_overview_explains_every_model(documented: dict[str, Any]) -> None:
    overview = documented["docs"]["doc.rfm.__rfm__"]["block_contents"]
    models = {node["name"] for node in documented["nodes"].values() if node["resource_type"] == "model"}
    home = documented["docs"]["doc.rfm.__overview__"]["block_contents"]
    # The package's own models stand in the package's page, which users see too.
    assert [name for name in models - {"rfm__time_spine"} if not re.search(rf"\b{name}\b", overview)] == []
    assert "rfm__time_spine" in home
    for link in re.findall(r"\]\(#!/model/([^)]+)\)", overview + home):
        assert link in documented["nodes"], link
    assert "(#!/overview/rfm)" in home


def test_the_exposures_name_what_they_read(documented: dict[str, Any]) -> None:
    exposures = {exposure["name"]: exposure for exposure in documented["exposures"].values()}
    assert set(exposures) == {"rfm__report", "rfm__dashboard"}
    assert all(exposure["owner"]["name"] and exposure["description"] for exposure in exposures.values())
    specification = importlib.util.spec_from_file_location("contents", REPOSITORY / "examples/superset/contents.py")
    assert specification
    assert specification.loader
    contents = importlib.util.module_from_spec(specification)
    # Its dataclasses look their module up.
    sys.modules["contents"] = contents
    specification.loader.exec_module(contents)
    read = {node.removeprefix("model.rfm.") for node in exposures["rfm__dashboard"]["depends_on"]["nodes"]}
    assert read == {chart.mart for chart in contents.CHARTS} == set(contents.METRICS)


def test_a_users_own_overview_and_exposures_stay_the_only_ones(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    engine = DuckDB(folder)
    dataset = {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}
    own = {"models/overview.md": "{% docs __overview__ %}\nThe shop\n{% enddocs %}\n"}
    engine.write_project(
        {"rfm__rulebooks": {"quintile": QUINTILE}, "rfm__datasets": {"shop": dataset}}, ["customers"], own
    )
    said = engine.dbt("parse", "--show-all-deprecations")
    assert "WARNING" not in said
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    overviews = {name for name in manifest["docs"] if "overview" in name}
    assert overviews == {"doc.shop.__overview__", "doc.dbt.__overview__"}
    assert "doc.rfm.__rfm__" in manifest["docs"]
    assert manifest["exposures"] == {}
