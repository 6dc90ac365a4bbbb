"""The command line: ``python -m benchmarks [SIZE]`` measures and writes benchmarks/RESULTS.md and its chart."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import rounds
from benchmarks.data import customers_file, months_file, orders_file
from benchmarks.machine import memory_bytes
from benchmarks.measure import REPOSITORY, Limits
from benchmarks.rounds import Settings

PARTS = ["grading", "orders", "demo", "commands", "spark"]
DEFAULT_PARTS = ["grading", "orders", "demo"]
"""The commands are measured on request, as they take long, and so is Spark, as it needs Java."""

NUMBERS = {"10k": 10**4, "100k": 10**5, "200k": 2 * 10**5, "300k": 3 * 10**5, "1m": 10**6, "10m": 10**7, "100m": 10**8}
SIZES: dict[str, dict[str, list[str]]] = {
    "small": {"grading": ["10k", "100k"], "orders": ["200k"], "commands": ["demo", "300k"], "spark": ["100k"]},
    **{size: dict.fromkeys(["grading", "orders", "spark"], [size]) for size in ["1m", "10m", "100m"]},
}
"""What a size means for each part."""

MEMORY_LIMITS = {("grading", "100m"): "4GB", ("orders", "100m"): "7GB"}
"""DuckDB's memory_limit where the target is about memory. DuckDB does not count all it has: 7GB keeps it below 8 GB."""


def main(arguments: list[str]) -> int:
    """Measure, write the results, and return 1 if two contenders disagreed about a customer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("size", nargs="?", default="small", choices=list(SIZES))
    parser.add_argument("--parts", nargs="*", default=DEFAULT_PARTS, choices=PARTS, help="none: only write the report")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=60, help="at most, for each measurement")
    parser.add_argument("--memory-limit", help="DuckDB's, like 4GB; default: 4GB and 7GB at 100m, else DuckDB's own")
    parser.add_argument("--without", nargs="*", default=[], metavar="CONTENDER", help="names as the lines print them")
    parser.add_argument("--scratch", type=Path, default=REPOSITORY / "benchmarks" / "scratch", help="folder for data")
    parser.add_argument("--results", type=Path, default=REPOSITORY / "benchmarks", help="folder of RESULTS.md")
    given = parser.parse_args(arguments)
    settings = Settings(
        scratch=given.scratch.resolve(),
        rounds=given.rounds,
        # More than this would slow the machine down before it stops anybody.
        limits=Limits(minutes=given.minutes, memory=int(0.85 * memory_bytes())),
        memory_limit=given.memory_limit,
        without=frozenset(given.without),
    )
    differing = 0
    for part in given.parts:
        for size in SIZES[given.size].get(part, [""]):
            result = measure(part, size, settings)
            differing += sum(measurement["differing"] or 0 for measurement in result["measurements"])
            write_result(given.results, result)

    # Only now: the process that measures has to stay small.
    from benchmarks import report

    for line in report.write(given.results):
        print(line)
    print(f"\nwritten: {given.results / 'RESULTS.md'}")
    if differing:
        print("The contenders disagree: see the numbers of customers that differ above.", file=sys.stderr)
    return 1 if differing else 0


def measure(part: str, size: str, settings: Settings) -> dict[str, Any]:
    """Measure one part at one size."""
    settings = replace(settings, memory_limit=settings.memory_limit or MEMORY_LIMITS.get((part, size)))
    if part == "demo":
        return rounds.measured(part, size, 0, rounds.demo(settings), settings)
    if part == "commands":
        customers = NUMBERS.get(size, 0)
        data = months_file(settings.scratch, customers) if customers else None
        return rounds.measured(part, size, customers, rounds.commands(data, settings), settings)
    if part == "orders":
        data, contenders = orders_file(settings.scratch, NUMBERS[size]), rounds.orders
    elif part == "grading":
        data, contenders = customers_file(settings.scratch, NUMBERS[size]), rounds.grading
    else:
        data, contenders = customers_file(settings.scratch, NUMBERS[size], "unique"), rounds.spark
    read_once(data)
    return rounds.measured(part, size, NUMBERS[size], contenders(data, settings), settings)


def read_once(path: Path) -> None:
    """Let the file be in memory for the first contender too, if it is going to be there for the others."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Keep a result; it replaces the one of the same part and size."""
    name = f"{result['part']}_{result['size']}".rstrip("_")
    path = folder / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
