"""dbt's build in process: progress while it runs, and what failed in one line for each node."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt.adapters.factory import FACTORY
from dbt.cli.main import dbtRunner
from rich.console import Console
from rich.markup import escape

from dbt_rfm.mistake import Mistake
from dbt_rfm.progress import progress_bar

# What the caller writes behind the subcommand wins. Without the last one dbt leaves a file in the home folder.
QUIET = ["--log-level", "none", "--no-send-anonymous-usage-stats"]
FRAMES = ("Compilation Error", "Runtime Error", "Database Error", "> in macro", "> called by")
LOCKED = re.compile(r'Could not set lock on file "(?P<file>[^"]+)".*?\(PID (?P<process>\d+)\)', re.DOTALL)
FAILED = {"error", "fail", "runtime error", "partial success"}


@dataclass
class Outcome:
    """What a build came to.

    exit_code: dbt's own, 0 where all is well, 1 where a node failed, 2 where dbt could not begin
    nodes: how many models, seeds and tests ended how, in dbt's words for it: {"model": {"success": 26}}
    failures, warnings: one line each
    engine: adapter type; database: the DuckDB file, on other engines none; schema: of the marts
    """

    exit_code: int
    nodes: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    engine: str | None = None
    database: Path | None = None
    schema: str | None = None


def build(arguments: Sequence[str], console: Console) -> Outcome:
    """Run ``dbt build`` with these arguments, showing a bar with the nodes that run on the console."""
    with progress_bar(console) as progress:
        task = progress.add_task("reading the project", total=None, doing="")
        running: dict[str, str] = {}

        def show(event: Any) -> None:
            name = event.info.name
            if name == "ConcurrencyLine":
                progress.update(task, description="building", total=event.data.node_count)
            elif name in {"NodeStart", "NodeFinished"}:
                node = event.data.node_info
                if name == "NodeStart":
                    running[node.unique_id] = node.node_name
                else:
                    running.pop(node.unique_id, None)
                    progress.advance(task)
                progress.update(task, doing=escape(", ".join(running.values())))

        finished = dbtRunner(callbacks=[show]).invoke([*QUIET, "build", *arguments])
    try:
        return _outcome(finished)
    finally:
        _let_go()


def check_project(arguments: Sequence[str]) -> None:
    """Raise Mistake where dbt would find no project, of which it says something else."""
    folder = Path.cwd()
    if any(argument.startswith("--project-dir") for argument in arguments) or "DBT_PROJECT_DIR" in os.environ:
        return
    if not any((place / "dbt_project.yml").is_file() for place in (folder, *folder.parents)):
        raise Mistake(f"there is no dbt_project.yml in {folder}: go to the folder of a project, or name --project-dir")


def what_stands(outcome: Outcome) -> str:
    """Return what to think of the marts after a build that did not end well."""
    if outcome.exit_code == 2:
        return "dbt could not begin"
    ended = {status for statuses in outcome.nodes.values() for status in statuses}
    told = []
    if "error" in ended or "skipped" in ended:
        told.append("what failed or was skipped is as the build before left it")
    if "fail" in ended:
        # dbt tests what it has built already.
        told.append("what was built is new, also where a test of it failed")
    return "; ".join([*told, "rfm publish publishes none of it"])


def in_words(outcome: Outcome) -> str:
    """Return how many nodes ended how: '26 models success, 25 tests pass'."""
    return ", ".join(
        f"{count} {kind.replace('_', ' ')}{'' if count == 1 else 's'} {status}"
        for kind, ended in outcome.nodes.items()
        for status, count in ended.items()
    )


def _outcome(finished: Any) -> Outcome:
    if finished.exception is not None:
        return Outcome(exit_code=2, failures=[one_line(str(finished.exception))])
    outcome = Outcome(exit_code=0 if finished.success else 1)
    for result in getattr(finished.result, "results", []):
        status = str(result.status)
        ended = outcome.nodes.setdefault(str(result.node.resource_type), {})
        ended[status] = ended.get(status, 0) + 1
        line = f"{result.node.name}: {one_line(result.message or status)}"
        if status in FAILED:
            outcome.failures.append(line)
        elif status == "warn":
            outcome.warnings.append(line)
        if result.node.name == "rfm__graded_customers":
            outcome.schema = result.node.schema
    for engine, adapter in FACTORY.adapters.items():
        outcome.engine = engine
        if engine == "duckdb":
            outcome.database = Path(adapter.config.credentials.path)
    return outcome


def _let_go() -> None:
    """Close DuckDB's file, which the process would else keep locked."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def one_line(message: str) -> str:
    """Return the line of a message of dbt that says what is wrong: this package's own where there is one."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("rfm: ")]
    if own:
        return own[0].removeprefix("rfm: ")
    if locked := LOCKED.search(message):
        return (
            f"{locked['file']} is open in another program (process {locked['process']}): close it there, and let it "
            "open what rfm publish writes"
        )
    told = [line for line in lines if not line.startswith(FRAMES)] or lines or [""]
    # What may be said instead stands below, a line each.
    listed = [line.removeprefix("- ") for line in told[1:]] if told[0].endswith(":") else []
    return f"{told[0]} {', '.join(listed)}" if listed else told[0]
