"""Set Apache Superset up with a dashboard on the marts, in one go, and serve it on this machine.

Run it with the Python of an environment that has Superset (see README.md)::

    RFM_SUPERSET_PASSWORD=... python examples/superset/set_up.py marts.duckdb --home .superset

It prepares Superset's own database, starts the server on 127.0.0.1, makes the connection, datasets, charts and the
dashboard over the REST API, and compares every chart's numbers with plain SQL over the marts. What is there already is
brought up to date. Then it serves until it is interrupted; with --once it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import prison
import requests
from contents import AS_OF, CHARTS, GRADE_COLORS, METRICS, Chart, Json

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
USER = "admin"
DATABASE = "RFM marts"
SLUG = "rfm"
TITLE = "Customers by RFM"


class Mistake(Exception):
    """One line: what was found, and what to do."""


class Refusal(Mistake):
    """What Superset says to a call that it refuses."""

    def __init__(self, asked: str, answer: str) -> None:
        """Take the first line of the answer's own message, where it has one."""
        with contextlib.suppress(ValueError, LookupError, TypeError):
            said = json.loads(answer)
            answer = said["errors"][0]["message"] if "errors" in said else str(said["message"])
        self.reason = (answer.strip().splitlines() or ["no reason given"])[0][:300]
        super().__init__(f"Superset refuses {asked}: {self.reason}")


# --- Superset itself --------------------------------------------------------------------------------------------------


def environment(home: Path) -> dict[str, str]:
    """Return what Superset finds in its environment: settings of this folder, and nothing kept outside of home."""
    own = {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "FLASK_APP": "superset",
    }
    own["SUPERSET_SECRET_KEY"] = os.environ.get("SUPERSET_SECRET_KEY") or kept_key(home / "secret_key")
    return {name: value for name, value in os.environ.items() if name != "RFM_SUPERSET_PASSWORD"} | own


def kept_key(path: Path) -> str:
    """Return a random key, the same in every run: Superset cannot read its own database again with another one."""
    with contextlib.suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)
        path.write_text(secrets.token_urlsafe(42), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def call(home: Path, *arguments: str, typed: str = "") -> str:
    """Call the command ``superset`` and return what it printed.

    typed: what it asks for. In a session of its own it has no terminal and reads its input instead, so that a password
    is seen neither in the list of processes nor on the screen.
    """
    finished = subprocess.run(
        [BIN / "superset", *arguments],
        env=environment(home),
        input=typed,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        check=False,
    )
    if finished.returncode:
        raise Mistake(f"superset {' '.join(arguments)} failed: {(finished.stdout.strip().splitlines() or [''])[-1]}")
    return finished.stdout


def prepare(home: Path, password: str) -> None:
    """Make or migrate Superset's own database, and the administrator with this password."""
    home.mkdir(0o700, parents=True, exist_ok=True)
    call(home, "db", "upgrade")
    twice = f"{password}\n{password}\n"
    about = ["--firstname", "RFM", "--lastname", "Admin", "--email", "admin@localhost"]
    made = call(home, "fab", "create-admin", "--username", USER, *about, typed=twice)
    if "already exist" in made:
        call(home, "fab", "reset-password", "--username", USER, typed=twice)
    call(home, "init")


@contextlib.contextmanager
def served(home: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve Superset on 127.0.0.1 and yield its address and its process; stop it in the end."""
    address = f"http://127.0.0.1:{port}"
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Mistake(f"port {port} is taken, name a free one with --port")
    log = home / "superset.log"
    with log.open("w", encoding="utf-8") as written:
        server = subprocess.Popen(
            [BIN / "gunicorn", "--workers", "1", "--threads", "8", "--timeout", "120", "--bind", f"127.0.0.1:{port}",
             "superset.app:create_app()"],
            env=environment(home),
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            for _ in range(120):
                with contextlib.suppress(requests.RequestException):
                    if requests.get(f"{address}/health", timeout=5).ok and server.poll() is None:
                        break
                if server.poll() is not None:
                    raise Mistake(f"Superset did not start on port {port}, see {log}")
                time.sleep(0.5)
            else:
                raise Mistake(f"Superset does not answer on port {port}, see {log}")
            yield address, server
        finally:
            server.terminate()
            server.wait(30)


class Superset:
    """Superset's REST API, as the administrator."""

    def __init__(self, address: str, password: str) -> None:
        """Log in."""
        self.address = address
        self.session = requests.Session()
        self.session.headers["Referer"] = address
        login = {"username": USER, "password": password, "provider": "db", "refresh": False}
        self.session.headers["Authorization"] = f"Bearer {self.call('POST', 'security/login', login)['access_token']}"
        self.session.headers["X-CSRFToken"] = self.call("GET", "security/csrf_token/")["result"]

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the API and return what it says; what it refuses is a Refusal."""
        answer = self.session.request(method, f"{self.address}/api/v1/{path}", json=body, timeout=120)
        if not answer.ok:
            raise Refusal(f"{method} {path}", answer.text)
        return answer.json()

    def put(self, kind: str, wanted: Json, body: Json) -> int:
        """Make a database, dataset, chart or dashboard, or bring the one up to date that is there; return its id.

        wanted: the columns that tell which one it is; body: everything else
        """
        filters = [
            {"col": column, "opr": "rel_o_m" if column == "database" else "eq", "value": value}
            for column, value in wanted.items()
        ]
        found = self.call("GET", f"{kind}/?q={prison.dumps({'filters': filters})}")["ids"]
        if found:
            if body:
                self.call("PUT", f"{kind}/{found[0]}", body)
            return int(found[0])
        return int(self.call("POST", f"{kind}/", wanted | body)["id"])


# --- What the dashboard is made of ------------------------------------------------------------------------------------


def connect(superset: Superset, marts: Path) -> int:
    """Make the connection to the file: read only, and without DuckDB's way to other files of this machine."""
    extra = {"engine_params": {"connect_args": {"read_only": True, "config": {"enable_external_access": "false"}}}}
    return superset.put(
        "database",
        {"database_name": DATABASE},
        {
            "sqlalchemy_uri": f"duckdb:///{marts}",
            "extra": json.dumps(extra),
            "expose_in_sqllab": True,
            "allow_dml": False,
        },
    )


def add_dataset(superset: Superset, database: int, schema: str, mart: str) -> int:
    """Make a dataset of a mart with labels, the as-of date as text, and metrics.

    The descriptions of its columns are the comments that the file has.
    """
    dataset = superset.put("dataset", {"database": database, "schema": schema, "table_name": mart}, {})
    superset.call("PUT", f"dataset/{dataset}/refresh")
    stored = superset.call("GET", f"dataset/{dataset}")["result"]
    kept = ["id", "column_name", "type", "description", "expression", "filterable", "groupby", "is_dttm"]
    columns = [
        {key: column[key] for key in kept} | {"verbose_name": column["column_name"].replace("_", " ").capitalize()}
        for column in stored["columns"]
        if column["column_name"] != AS_OF["column_name"]
    ]
    ids = {column["column_name"]: {"id": column["id"]} for column in stored["columns"]}
    columns.append(AS_OF | {"type": "VARCHAR", "filterable": True, "groupby": True} | ids.get(AS_OF["column_name"], {}))
    ids = {metric["metric_name"]: {"id": metric["id"]} for metric in stored["metrics"]}
    metrics = [
        {"metric_name": metric.name, "verbose_name": metric.label, "expression": metric.sql, "d3format": metric.format}
        | ids.get(metric.name, {})
        for metric in METRICS[mart]
    ]
    superset.call("PUT", f"dataset/{dataset}", {"columns": columns, "metrics": metrics})
    return dataset


def query(chart: Chart, dataset: int, filters: list[Json]) -> Json:
    """Return what the chart asks, as the API has it."""
    return {
        "datasource": {"id": dataset, "type": "table"},
        "force": False,
        "result_format": "json",
        "result_type": "full",
        "queries": [
            {
                "columns": list(chart.columns),
                # With a list of metrics, even an empty one, Superset groups.
                "metrics": list(chart.metrics) or None,
                "filters": filters,
                "orderby": [list(order) for order in chart.order_by],
                "row_limit": chart.limit,
            }
        ],
    }


def form(chart: Chart, dataset: int) -> Json:
    """Return the settings with which Superset's page draws the chart."""
    form: Json = {"viz_type": chart.kind, "datasource": f"{dataset}__table", "row_limit": chart.limit}
    form |= {"adhoc_filters": [], "color_scheme": "supersetColors"} | chart.params
    if chart.kind == "big_number_total":
        form |= {"metric": chart.metrics[0]}
    elif chart.kind == "heatmap_v2":
        form |= {"x_axis": chart.columns[0], "groupby": chart.columns[1], "metric": chart.metrics[0]}
    elif chart.kind == "table":
        form |= {
            "all_columns": list(chart.columns),
            "order_by_cols": [json.dumps(list(order)) for order in chart.order_by],
        }
    else:
        form |= {"x_axis": chart.columns[0], "groupby": list(chart.columns[1:]), "metrics": list(chart.metrics)}
    return form


def add_charts(superset: Superset, datasets: dict[str, int]) -> dict[str, int]:
    """Make the charts; return their ids by name."""
    made = {}
    for chart in CHARTS:
        dataset = datasets[chart.mart]
        form_data = form(chart, dataset)
        made[chart.name] = superset.put(
            "chart",
            {"slice_name": chart.name, "datasource_id": dataset, "datasource_type": "table"},
            {
                "viz_type": chart.kind,
                "params": json.dumps(form_data),
                "query_context": json.dumps(query(chart, dataset, []) | {"form_data": form_data}),
            },
        )
    return made


def layout(charts: dict[str, int]) -> Json:
    """Return the dashboard's grid: rows of twelve columns."""
    rows: dict[int, list[str]] = {}
    grid: Json = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": TITLE}},
    }
    for chart in CHARTS:
        number = charts[chart.name]
        grid[f"CHART-{number}"] = {
            "type": "CHART",
            "id": f"CHART-{number}",
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID", f"ROW-{chart.row}"],
            "meta": {"chartId": number, "sliceName": chart.name, "width": chart.width, "height": chart.height},
        }
        rows.setdefault(chart.row, []).append(f"CHART-{number}")
    for row, children in rows.items():
        grid[f"ROW-{row}"] = {
            "type": "ROW",
            "id": f"ROW-{row}",
            "children": children,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
    children = [f"ROW-{row}" for row in sorted(rows)]
    grid["GRID_ID"] = {"type": "GRID", "id": "GRID_ID", "children": children, "parents": ["ROOT_ID"]}
    return grid


def native_filter(
    name: str,
    column: str,
    dataset: int,
    chosen: str | None,
    controls: Json,
    parents: Sequence[str] = (),
    excluded: Sequence[int] = (),
) -> Json:
    """Return a filter of the dashboard that offers the values of a column.

    chosen: the value with which it opens, if any; controls: of the filter
    parents: filters that narrow the values; excluded: charts that it leaves alone
    """
    opening: Json = {"extraFormData": {}, "filterState": {}}
    if chosen is not None:
        opening["extraFormData"] = {"filters": [{"col": column, "op": "IN", "val": [chosen]}]}
        opening["filterState"] = {"value": [chosen], "label": chosen}
    return {
        "id": f"NATIVE_FILTER-{column}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": name,
        "targets": [{"datasetId": dataset, "column": {"name": column}}],
        "controlValues": {"multiSelect": False, "inverseSelection": False, "sortAscending": True} | controls,
        "scope": {"rootPath": ["ROOT_ID"], "excluded": list(excluded)},
        "defaultDataMask": opening,
        "cascadeParentIds": list(parents),
        "description": "",
    }


def native_filters(dataset: int, first: str, last_date: str, of_all_dates: list[int]) -> list[Json]:
    """Return the dashboard's filters, which open with the first dataset and its last as-of date.

    dataset: id of the one that offers the values; of_all_dates: charts that the filter on the date leaves alone
    """
    required = {"enableEmptyFilter": True}
    datasets = native_filter("Dataset", "dataset", dataset, first, required)
    # Whoever chooses another dataset gets the last of its dates.
    last = required | {"defaultToFirstItem": True, "sortAscending": False}
    of_dataset = [datasets["id"]]
    dates = native_filter("As-of date", AS_OF["column_name"], dataset, last_date, last, of_dataset, of_all_dates)
    return [datasets, dates, native_filter("Region", "region", dataset, None, {"multiSelect": True}, of_dataset)]


def add_dashboard(
    superset: Superset,
    datasets: dict[str, int],
    charts: dict[str, int],
    opening: tuple[str, str],
    grades: list[str],
) -> None:
    """Make the dashboard with its filters, and put the charts on it.

    opening: dataset and as-of date with which it opens; grades: the best first, for their colours
    """
    tiers = datasets["rfm__tier_summary"]
    of_all_dates = [charts[chart.name] for chart in CHARTS if not chart.by_date]
    metadata = {
        "native_filter_configuration": native_filters(tiers, *opening, of_all_dates),
        "label_colors": dict(zip(grades, GRADE_COLORS, strict=False)),
        "color_scheme": "supersetColors",
        "cross_filters_enabled": True,
    }
    body = {
        "dashboard_title": TITLE,
        "published": True,
        "position_json": json.dumps(layout(charts)),
        "json_metadata": json.dumps(metadata),
    }
    dashboard = superset.put("dashboard", {"slug": SLUG}, body)
    for chart in charts.values():
        superset.call("PUT", f"chart/{chart}", {"dashboards": [dashboard]})


# --- Whether its numbers are right ------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Return a value as Superset's JSON has it: numbers as floats, dates as texts."""
    return float(value) if isinstance(value, int | float | Decimal) else None if value is None else str(value)


def same(found: list[Any], expected: list[Any]) -> bool:
    """Tell whether two rows are equal, their floats to nine digits."""
    return all(
        math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
        if isinstance(one, float) and isinstance(other, float)
        else one == other
        for one, other in zip(found, expected, strict=True)
    )


def check(superset: Superset, datasets: dict[str, int], marts: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Ask every chart for the last as-of date of every dataset as the dashboard does, and compare with plain SQL.

    Returns how many charts and rows were compared. Raises Mistake for the first that differs.
    """
    charts = rows = 0
    lasts = "select dataset, max(as_of_date) from rfm__tier_summary group by dataset order by dataset"
    for dataset, as_of in marts.execute(lasts).fetchall():
        for chart in CHARTS:
            filters = [{"col": "dataset", "op": "IN", "val": [dataset]}]
            parameters = {"dataset": dataset}
            if chart.by_date:
                filters.append({"col": AS_OF["column_name"], "op": "IN", "val": [str(as_of)]})
                parameters["as_of"] = as_of
            answer = superset.call("POST", "chart/data", query(chart, datasets[chart.mart], filters))["result"][0]
            names = [*chart.columns, *chart.metrics]
            found = [[plain(row[name]) for name in names] for row in answer["data"]]
            query_of_marts = f"{chart.expected} limit {chart.limit}"
            expected = [list(map(plain, row)) for row in marts.execute(query_of_marts, parameters).fetchall()]
            if not chart.order_by:
                for unordered in (found, expected):
                    unordered.sort(key=lambda row: str(row[: len(chart.columns)]))
            if len(found) != len(expected) or not all(map(same, found, expected)):
                raise Mistake(
                    f"chart '{chart.name}' of {dataset} at {as_of} shows {found[:3]}, expected {expected[:3]}"
                )
            charts += 1
            rows += len(found)
    return charts, rows


def check_read_only(superset: Superset, database: int) -> dict[str, str]:
    """Try to write, and to read another file, in SQL Lab; return what Superset and DuckDB say to it."""
    said = {}
    for sql in ["delete from rfm__tier_summary", f"select * from read_text('{HERE / 'README.md'}')"]:
        try:
            superset.call("POST", "sqllab/execute/", {"database_id": database, "sql": sql, "runAsync": False})
        except Refusal as refusal:
            said[sql] = refusal.reason
        else:
            raise Mistake(f"Superset ran {sql!r}, expected it to be refused")
    return said


# --- The call ---------------------------------------------------------------------------------------------------------


def set_up(marts: Path, home: Path, port: int, password: str, once: bool) -> None:
    """Set everything up, check it, and serve it."""
    begun = time.monotonic()
    try:
        connection = duckdb.connect(str(marts), read_only=True)
    except duckdb.Error as error:
        raise Mistake(f"{marts} cannot be read: {str(error).splitlines()[0]}") from error
    found = connection.execute(
        "select table_schema from information_schema.tables where table_name = 'rfm__graded_customers' order by 1"
    ).fetchall()
    if len(found) != 1:
        raise Mistake(f"{marts} has marts in {len(found)} schemas, expected one: publish them with rfm publish")
    schema = found[0][0]
    connection.execute(f"set search_path = '{schema}'")
    first_dataset = (
        "select dataset, cast(max(as_of_date) as varchar) from rfm__tier_summary group by 1 order by 1 limit 1"
    )
    opening = connection.execute(first_dataset).fetchone()
    if opening is None:
        raise Mistake(f"{marts} has no graded customers, expected some to show")
    by_place = "select grade from rfm__tier_summary group by grade order by min(grade_order), grade"
    grades = [row[0] for row in connection.execute(by_place).fetchall()]
    prepare(home, password)
    with served(home, port) as (address, server):
        superset = Superset(address, password)
        database = connect(superset, marts)
        datasets = {mart: add_dataset(superset, database, schema, mart) for mart in METRICS}
        charts = add_charts(superset, datasets)
        add_dashboard(superset, datasets, charts, opening, grades)
        compared, rows = check(superset, datasets, connection)
        connection.close()
        print(f"{compared} charts with {rows} rows are what plain SQL over the marts gives")
        for sql, reason in check_read_only(superset, database).items():
            print(f"SQL Lab refuses {sql!r}: {reason}")
        print(f"{address}/superset/dashboard/{SLUG}/ after {time.monotonic() - begun:.0f} s, user {USER}", flush=True)
        if not once:
            raise Mistake(f"Superset ended with exit code {server.wait()}, see {home / 'superset.log'}")


def main() -> None:
    """Read the call; a mistake is one line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("marts", type=Path, help="the file of rfm publish, or that of a build")
    parser.add_argument("--home", type=Path, required=True, help="folder for what Superset keeps")
    parser.add_argument("--port", type=int, default=8088, help="on 127.0.0.1 (default: 8088)")
    parser.add_argument("--once", action="store_true", help="end after the check instead of serving")
    arguments = parser.parse_args()
    password = os.environ.get("RFM_SUPERSET_PASSWORD", "")
    # Ended by a service manager, it stops the server too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if not password:
            raise Mistake("RFM_SUPERSET_PASSWORD is not set, expected the password that the administrator is to have")
        set_up(arguments.marts.resolve(), arguments.home.resolve(), arguments.port, password, arguments.once)
    except KeyboardInterrupt:
        pass
    except (Mistake, requests.RequestException) as mistake:
        print(f"set_up: {mistake}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
