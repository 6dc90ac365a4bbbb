"""This project as its users have it: a dbt project of their own that installs the package and reads a parquet file."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmarks.contenders import STORAGE
from benchmarks.data import LAST_DAY
from benchmarks.measure import REPOSITORY, Limits, run

DBT = str(Path(sys.executable).parent / "dbt")
DATA = "input.parquet"
DATABASE = "shop.duckdb"
GRADED = "rfm__graded_customers"
COLUMNS = {
    "records": ["customer_id", "recency_days", "frequency", "monetary"],
    "months": ["customer_id", "region", "as_of_date", "recency_days", "frequency", "monetary"],
    "orders": ["customer_id", "order_id", "ordered_at", "amount"],
}
ONE_DATE: list[str] = [LAST_DAY]
MONTH_ENDS: list[str] = [
    *("2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30"),
    *("2023-07-31", "2023-08-31", "2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31"),
    *("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"),
    *("2024-07-31", "2024-08-31", "2024-09-30", "2024-10-31", "2024-11-30", LAST_DAY),
]


def duckdb_output(memory_limit: str | None) -> dict[str, Any]:
    """The output of a profile that builds in the file shop.duckdb. memory_limit: like 4GB; none for DuckDB's own."""
    output: dict[str, Any] = {
        "type": "duckdb",
        "path": DATABASE,
        "threads": 1,
        "config_options": {"storage_compatibility_version": STORAGE},
    }
    return output | ({"settings": {"memory_limit": memory_limit}} if memory_limit else {})


def spark_output(cores: int) -> dict[str, Any]:
    """The output of a profile that builds on Spark with so many cores, as this repository's own does."""
    profiles = (REPOSITORY / "profiles" / "profiles.yml").read_text(encoding="utf-8")
    profiles = profiles.replace("{{ env_var('RFM_SPARK_DIR', '.spark') }}", ".spark")
    output = yaml.safe_load(profiles)["rfm"]["outputs"]["spark"]
    settings = {
        "spark.master": f"local[{cores}]",
        "spark.driver.memory": "8g",
        "spark.sql.shuffle.partitions": "16",
        "spark.local.dir": ".spark",
    }
    return output | {"server_side_parameters": output["server_side_parameters"] | settings}


def write_project(folder: Path, kind: str, data: Path, as_of_dates: list[str], output: dict[str, Any]) -> None:
    """Write the project; its tables are not there yet.

    Every path in the project is relative: dbt sees the same project whatever the file, and need not parse it again.
    kind: what the file has, records of one day or of months, or orders. output: of its profile.
    """
    rulebooks = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["rfm__rulebooks"]
    read_as = "orders" if kind == "orders" else "records"
    dataset: dict[str, Any] = {"rulebook": "platform_quintile", read_as: "input.file"}
    dataset["columns"] = {name: name for name in COLUMNS[kind]}
    if kind == "orders":
        dataset["as_of"] = as_of_dates
    elif kind == "records":
        [dataset["as_of_date"]] = as_of_dates
    name = "orders" if kind == "orders" else "customers"
    # dbt-duckdb reads the file; Spark has a table of this name.
    source = {"name": "input", "config": {"meta": {"external_location": DATA}}, "tables": [{"name": "file"}]}
    files = {
        "dbt_project.yml": {
            "name": "shop",
            "version": "1.0.0",
            "profile": "shop",
            "vars": {
                "rfm__rulebooks": {"platform_quintile": rulebooks["platform_quintile"]},
                "rfm__datasets": {name: dataset},
            },
        },
        "packages.yml": {"packages": [{"local": str(REPOSITORY)}]},
        "profiles.yml": {"shop": {"target": "dev", "outputs": {"dev": output}}},
        "models/sources.yml": {"version": 2, "sources": [source]},
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (folder / DATA).symlink_to(data)
    # What `dbt deps` does with a local package.
    (folder / "dbt_packages").mkdir()
    (folder / "dbt_packages" / "rfm").symlink_to(REPOSITORY, target_is_directory=True)


def parse(folder: Path, kept: Path) -> None:
    """Have dbt parse the project, as it stays parsed between the runs of its users. kept: file for the next project."""
    parsed = folder / "target" / "partial_parse.msgpack"
    parsed.parent.mkdir()
    if kept.exists():
        shutil.copy(kept, parsed)
        return
    outcome = run([DBT, "--no-use-colors", "parse", "--profiles-dir", "."], folder, folder / "log", Limits())
    if outcome.failure:
        raise RuntimeError(f"dbt could not parse the project: {outcome.failure}")
    # Without what dbt keeps for the next time, every run parses again.
    if parsed.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(parsed, kept)


def run_command(select: str | None) -> list[str]:
    """The command that builds the models. select: which ones, in dbt's words, or none for all.

    One thread of dbt, so that the seconds of the models add up; DuckDB uses all cores within each.
    """
    return [DBT, "--no-use-colors", "run", "--profiles-dir", ".", *(["--select", select] if select else [])]


def seconds_of_models(folder: Path) -> dict[str, float]:
    """Seconds of every model that the last dbt call built, by name; dbt's own work on the model is in them."""
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].split(".")[-1]: result["execution_time"] for result in results}


def node_counts(folder: Path) -> Counter[str]:
    """How many models, seeds and tests the project has that dbt parsed last."""
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    return Counter(node["resource_type"] for node in manifest["nodes"].values())


def staging_models(folder: Path) -> set[str]:
    """The models that read and clean the input: those that the package keeps in its folder staging."""
    nodes = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    return {
        node["name"] for node in nodes.values() if node["resource_type"] == "model" and "staging" in node["fqn"][:-1]
    }
