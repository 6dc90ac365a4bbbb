"""The dashboard on a real Superset, which has an environment of its own: RFM_SUPERSET names its python."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from conftest import REPOSITORY, Project

SET_UP = REPOSITORY / "examples" / "superset" / "set_up.py"
MADE = ["dbs", "tables", "table_columns", "sql_metrics", "slices", "dashboards", "dashboard_slices"]

pytestmark = pytest.mark.skipif(
    "RFM_SUPERSET" not in os.environ, reason="RFM_SUPERSET does not name a python with Superset (.ci/run sets it)"
)


def set_up(marts: Path, home: Path) -> str:
    """Run the script to the end of its checks, and return what it prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    finished = subprocess.run(
        [os.environ["RFM_SUPERSET"], str(SET_UP), str(marts), "--home", str(home), "--port", str(port), "--once"],
        env=os.environ | {"RFM_SUPERSET_PASSWORD": "only for this test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def made(home: Path) -> dict[str, int]:
    """How many of each there are."""
    with sqlite3.connect(home / "superset.db") as connection:
        return {table: connection.execute(f"select count(*) from {table}").fetchone()[0] for table in MADE}


def test_the_dashboard_is_set_up_once_and_agrees_with_the_marts(demo: Project, tmp_path: Path) -> None:
    """The script compares every chart with plain SQL; a second run brings up to date and duplicates nothing."""
    printed = set_up(demo.database, tmp_path)
    assert "27 charts with 956 rows are what plain SQL over the marts gives" in printed
    assert "SQL Lab refuses 'delete from rfm__tier_summary'" in printed
    assert "Permission Error: Cannot access file" in printed
    first = made(tmp_path)
    assert first["dashboards"] == first["dbs"] == 1
    with sqlite3.connect(tmp_path / "superset.db") as connection:
        described = connection.execute("select count(*) from table_columns where description is null").fetchone()
    # All but the as-of date as text, of which each dataset has one.
    assert described == (first["tables"],)
    set_up(demo.database, tmp_path)
    assert made(tmp_path) == first
