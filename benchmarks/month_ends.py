"""What many as-of dates cost: the same synthetic orders graded for 1 and for 24 month ends, in one run.

``python benchmarks/month_ends.py [orders] [customers]`` prints the seconds of every model and the ratios.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
READING_ORDERS = ["stg_rfm__orders", "int_rfm__customers_from_orders"]


def write_project(folder: Path, orders: int, customers: int) -> None:
    """A project with one table of orders over two years, drawn by a fixed hash and not by chance."""
    rulebooks = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["rfm__rulebooks"]
    project = {
        "name": "shop",
        "version": "1.0.0",
        "profile": "shop",
        "vars": {"rfm__rulebooks": {"quintile": rulebooks["platform_quintile"]}, "rfm__datasets": datasets(1)},
    }
    output = {"type": "duckdb", "path": str(folder / "shop.duckdb"), "schema": "marts", "threads": 4}
    source = {"name": "input", "schema": "input", "tables": [{"name": "orders"}]}
    for name, content in {
        "dbt_project.yml": project,
        "profiles.yml": {"shop": {"target": "dev", "outputs": {"dev": output}}},
        "models/sources.yml": {"version": 2, "sources": [source]},
        "packages.yml": {"packages": [{"local": str(REPOSITORY)}]},
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "dbt_packages").mkdir()
    (folder / "dbt_packages" / "rfm").symlink_to(REPOSITORY, target_is_directory=True)
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("create schema input")
        connection.execute(
            f"""
            create table input.orders as
            select
                'c' || cast(hash(number, 'customer') % {customers} as varchar) as customer_id,
                'o' || cast(number as varchar) as order_id,
                date '2023-01-01' + cast(hash(number, 'day') % 731 as integer) as ordered_at,
                cast(hash(number, 'amount') % 100000 as decimal(18, 2)) / 100 as amount
            from range({orders}) as numbers (number)
            """
        )


def datasets(month_ends: int) -> dict[str, object]:
    """The dataset at the last month end of two years, or at all of them."""
    as_of: object = "2024-12-31"
    if month_ends > 1:
        as_of = {"from": "2023-01-31", "to": "2024-12-31", "every": "month"}
    columns = {name: name for name in ["customer_id", "order_id", "ordered_at", "amount"]}
    return {"shop": {"rulebook": "quintile", "orders": "input.orders", "columns": columns, "as_of": as_of}}


def build(folder: Path, month_ends: int) -> dict[str, float]:
    """Build from nothing and return the seconds of every model."""
    path = folder / "dbt_project.yml"
    project = yaml.safe_load(path.read_text(encoding="utf-8"))
    project["vars"]["rfm__datasets"] = datasets(month_ends)
    path.write_text(yaml.safe_dump(project), encoding="utf-8")
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("drop schema if exists marts cascade")
    subprocess.run(
        [Path(sys.executable).parent / "dbt", "run", "--quiet", "--profiles-dir", ".", "--threads", "1"],
        cwd=folder,
        check=True,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].split(".")[-1]: result["execution_time"] for result in results}


def main() -> None:
    """Print the table."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, orders, customers)
        one, many = build(folder, 1), build(folder, 24)
    print(f"{orders:,} orders of {customers:,} customers, seconds of a build from nothing")
    print(f"{'':38}{'1 month end':>12}{'24 month ends':>15}{'ratio':>8}")
    for model in [*one, "", "read the orders", "all models"]:
        if not model:
            print()
            continue
        chosen = {"read the orders": READING_ORDERS, "all models": list(one)}.get(model, [model])
        before, after = (sum(times[entry] for entry in chosen) for times in (one, many))
        print(f"{model:38}{before:12.2f}{after:15.2f}{after / before:8.1f}")


if __name__ == "__main__":
    main()
