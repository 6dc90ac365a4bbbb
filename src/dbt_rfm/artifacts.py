"""What dbt left of its last call in the target folder, and whether it was a build of which every test passed.

``run_results.json`` tells how each node ended, ``manifest.json`` which nodes there are. dbt writes the manifest when it
has read the project, and again before the results, both with the id of the call: two ids mean that a call was stopped,
or only read the project.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt_rfm.mistake import Mistake

PACKAGE = "rfm"
PASSED = {"success", "pass", "warn", "no-op"}


@dataclass(frozen=True)
class Mart:
    """A public model of the package.

    name: its plain name, rfm__tier_summary
    database, schema, identifier: where the build wrote it; DuckDB calls a database as its file, without the suffix
    description: of the table; columns: description of each column
    """

    name: str
    database: str
    schema: str
    identifier: str
    description: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Build:
    """A build whose every node ended well, with all models of the package and all tests of them among it.

    started_at, finished_at: when dbt was called, and when the last node had ended; UTC
    warnings: names of the tests that warned
    """

    invocation_id: str
    project: str
    dbt_version: str
    started_at: datetime
    finished_at: datetime
    marts: list[Mart]
    warnings: list[str]


def passed_build(folder: Path) -> Build:
    """Return the last build that dbt left in the folder.

    Raises Mistake where dbt's last call was something else, failed, or left out models or tests.
    """
    results, manifest = _read(folder / "run_results.json"), _read(folder / "manifest.json")
    try:
        return _passed_build(folder, results, manifest)
    except (KeyError, TypeError, ValueError) as error:
        raise Mistake(f"{folder} holds no results that dbt 1.11 or 1.12 wrote: run dbt build") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Mistake(
            f"there is no file {path}, expected what dbt build leaves: run dbt build, --target-path names its folder"
        ) from error
    except (OSError, ValueError) as error:
        raise Mistake(f"{path} cannot be read, expected what dbt build leaves: run dbt build") from error
    return content


def _passed_build(folder: Path, results: dict[str, Any], manifest: dict[str, Any]) -> Build:
    called, read = results["metadata"], manifest["metadata"]
    arguments = results["args"]
    command = arguments["which"]
    if command != "build":
        raise Mistake(f"the last call in {folder} was dbt {command}, expected dbt build: run dbt build")
    if called["invocation_id"] != read["invocation_id"]:
        raise Mistake(f"dbt was stopped, or read the project again, since the last build in {folder}: run dbt build")
    if read["adapter_type"] != "duckdb":
        raise Mistake(f"the last build in {folder} was on {read['adapter_type']}, expected one on duckdb")
    for option in ("empty", "sample"):
        if arguments.get(option):
            raise Mistake(f"the last build had --{option}, expected all rows: run dbt build without it")

    nodes: dict[str, Any] = manifest["nodes"]
    status: dict[str, str] = {result["unique_id"]: result["status"] for result in results["results"]}

    def name(unique_id: str) -> str:
        its = nodes.get(unique_id) or manifest["unit_tests"].get(unique_id)
        return its["name"] if its else unique_id

    failed = sorted(name(node) for node, ended in status.items() if ended not in PASSED | {"skipped"})
    skipped = sorted(name(node) for node, ended in status.items() if ended == "skipped")
    if failed or skipped:
        what = f"{_some(failed)} failed" if failed else f"{_some(skipped)} skipped"
        raise Mistake(f"the last build did not pass: {what}; put it right and run dbt build")

    models = {node for node, its in nodes.items() if its["resource_type"] == "model" and its["package_name"] == PACKAGE}
    built = {node for node in models if nodes[node]["config"]["materialized"] != "ephemeral"}
    tests = {
        node
        for node, its in nodes.items()
        if its["resource_type"] == "test" and models.intersection(its["depends_on"]["nodes"])
    }
    left_out = sorted(map(name, (built | tests) - status.keys()))
    if left_out:
        raise Mistake(f"the last build left out {_some(left_out)}: run dbt build without selecting or excluding")

    marts = [nodes[node] for node in sorted(built) if nodes[node]["access"] == "public"]
    if not marts:
        raise Mistake(f"the last build in {folder} was of a project without dbt-rfm")
    return Build(
        invocation_id=called["invocation_id"],
        project=read["project_name"],
        dbt_version=called["dbt_version"],
        started_at=datetime.fromisoformat(called["invocation_started_at"]),
        finished_at=datetime.fromisoformat(called["generated_at"]),
        marts=[
            Mart(
                name=mart["name"],
                database=mart["database"],
                schema=mart["schema"],
                identifier=mart["alias"],
                description=mart["description"].strip(),
                columns={column["name"]: column["description"].strip() for column in mart["columns"].values()},
            )
            for mart in marts
        ],
        warnings=sorted(name(node) for node, ended in status.items() if ended == "warn"),
    )


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
