"""The parts of the benchmark, each measured in rounds: every contender once a round, in turns, then the answers.

A result is one JSON file for each part and size, with every single measurement.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks import machine, package
from benchmarks.compare import Answer
from benchmarks.contenders import Task
from benchmarks.measure import REPOSITORY, Limits, Outcome, run


@dataclass(frozen=True)
class Settings:
    """How to measure. scratch: folder for what the contenders write; memory_limit: of DuckDB, like 4GB, or none."""

    scratch: Path
    rounds: int = 3
    limits: Limits = field(default_factory=Limits)
    memory_limit: str | None = None
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Figure:
    """One measurement. row: what was measured, as the report names it; written_bytes: of files for people."""

    row: str
    seconds: float
    peak_bytes: int
    written_bytes: int | None = None


@dataclass(frozen=True)
class Run:
    """What one contender came to in one round: its figures, where its answer is, and why figures are missing."""

    figures: list[Figure]
    answer: Answer | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Contender:
    """What is measured. rows: all it gives figures for; reference: whose answer must be the same, by name."""

    name: str
    rows: list[str]
    measure: Callable[[Path], Run]
    reference: str | None = None


def in_rounds(contenders: list[Contender], settings: Settings) -> list[dict[str, Any]]:
    """Measure every contender once a round; odd rounds go backwards. Who does not finish is not tried again.

    Returns one entry for each row and round: seconds, peak_bytes, failure, and the number of differing customers, which
    is none where nothing was compared.
    """
    found: list[dict[str, Any]] = []
    failed: set[str] = set()
    for number in range(settings.rounds):
        runs: dict[str, Run] = {}
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            if contender.name in failed or contender.name in settings.without:
                continue
            folder = settings.scratch / "round" / contender.name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            os.sync()
            runs[contender.name] = contender.measure(folder)
            say(f"round {number + 1}, {contender.name}: {in_words(runs[contender.name])}")
            if not runs[contender.name].figures:
                failed.add(contender.name)
                shutil.rmtree(folder)
        told: dict[str, int] = {}
        for contender in contenders:
            if contender.name not in runs:
                continue
            done = runs[contender.name]
            reference = runs.get(contender.reference or "")
            differing = differing_customers(done, reference, settings) if reference else None
            if differing is not None:
                told[contender.name] = differing
            figures = {figure.row: figure for figure in done.figures}
            for row in contender.rows:
                figure = figures.get(row)
                found.append(
                    {
                        "row": row,
                        "round": number + 1,
                        "seconds": figure and round(figure.seconds, 4),
                        "peak_bytes": figure and figure.peak_bytes,
                        "written_bytes": figure and figure.written_bytes,
                        "failure": None if figure else done.failure,
                        "differing": differing,
                    }
                )
        if told:
            counts = ", ".join(f"{name} {count}" for name, count in told.items())
            say(f"round {number + 1}, customers that differ from the project's: {counts}")
        shutil.rmtree(settings.scratch / "round", ignore_errors=True)
    return found


def differing_customers(done: Run, reference: Run, settings: Settings) -> int | None:
    """For how many customers two answers differ; none where one of them is missing."""
    if done.answer is None or reference.answer is None:
        return None
    told = settings.scratch / "differing.json"
    command = ["-m", "benchmarks.compare", json.dumps(done.answer), json.dumps(reference.answer), str(told)]
    outcome = run([sys.executable, *command], REPOSITORY, settings.scratch / "compare.log", Limits())
    if outcome.failure:
        raise RuntimeError(f"the answers could not be compared: {outcome.failure}")
    return json.loads(told.read_text(encoding="utf-8"))


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)


def in_words(done: Run) -> str:
    """A run in one line."""
    figures = [f"{figure.row} {figure.seconds:.2f} s {figure.peak_bytes / 1e6:.0f} MB" for figure in done.figures]
    return ", ".join([*figures, *([done.failure] if done.failure else [])])


# --- Contenders that are not this project -----------------------------------------------------------------------------


def process(
    row: str, function: str, data: Path, as_of_dates: list[str], reference: str | None, settings: Settings
) -> Contender:
    """One of `benchmarks.contenders`, by the name of its function there."""

    def measure(folder: Path) -> Run:
        name, table = ("graded.parquet", None) if function in {"pandas", "polars"} else ("graded.duckdb", "answer")
        figure, outcome = work(row, function, data, folder / name, as_of_dates, settings)
        if outcome.failure:
            return Run([], failure=outcome.failure)
        return Run([figure], {"file": str(folder / name), "table": table} if reference else None)

    return Contender(row, [row], measure, reference)


def work(
    row: str, function: str, data: Path, output: Path, as_of_dates: list[str], settings: Settings
) -> tuple[Figure, Outcome]:
    """Run a function of `benchmarks.contenders` in a process of its own."""
    task: Task = {
        "contender": function,
        "input": str(data),
        "output": str(output),
        "as_of_dates": as_of_dates,
        "memory_limit": settings.memory_limit,
    }
    told = output.parent / "seconds.json"
    command = [sys.executable, "-m", "benchmarks.contenders", json.dumps(task), str(told)]
    outcome = run(command, REPOSITORY, output.parent / "log", settings.limits)
    seconds = 0.0 if outcome.failure else json.loads(told.read_text(encoding="utf-8"))
    return Figure(row, seconds, outcome.peak_bytes), outcome


# --- This project -----------------------------------------------------------------------------------------------------


def project(kind: str, data: Path, as_of_dates: list[str], prefix: str, settings: Settings) -> Contender:
    """`dbt run --select +rfm__graded_customers`, then reading the mart with its ranks into a table.

    Gives four figures: grading alone (the models between the cleaned input and the mart, the mart included), grading
    with cleaning, the wall clock of the whole command, and grading with the ranks read.
    """
    rows = [f"{prefix}{name}" for name in ["grading", "cleaning_grading", "command", "grading_ranks"]]

    def measure(folder: Path) -> Run:
        database = folder / package.DATABASE
        package.write_project(folder, kind, data, as_of_dates, package.duckdb_output(settings.memory_limit))
        package.parse(folder, settings.scratch / "parsed" / f"{kind}_{len(as_of_dates)}.msgpack")
        command = package.run_command(f"+{package.GRADED}")
        outcome = run(command, folder, folder / "log", settings.limits)
        if outcome.failure:
            return Run([], failure=outcome.failure)
        figures = figures_of_models(folder, rows, outcome)
        ranks, read = work("ranks", "read_ranks", data, database, as_of_dates, settings)
        if read.failure:
            return Run(figures, read_answer(data, database, settings), f"reading the ranks: {read.failure}")
        figures.append(with_ranks(rows[3], figures[0], ranks))
        return Run(figures, {"file": str(database), "table": "answer"})

    return Contender(f"{prefix}project", rows, measure)


def figures_of_models(folder: Path, rows: list[str], outcome: Outcome) -> list[Figure]:
    """Grading, grading with cleaning, and the whole command, from what dbt kept of its run."""
    seconds = package.seconds_of_models(folder)
    cleaning = sum(seconds[model] for model in package.staging_models(folder) if model in seconds)
    everything = sum(seconds.values())
    return [
        Figure(row, value, outcome.peak_bytes)
        for row, value in zip(rows[:3], [everything - cleaning, everything, outcome.seconds], strict=True)
    ]


def with_ranks(row: str, grading: Figure, ranks: Figure) -> Figure:
    """Grading, and reading the mart with its ranks."""
    return Figure(row, grading.seconds + ranks.seconds, max(grading.peak_bytes, ranks.peak_bytes))


def all_models(kind: str, data: Path, as_of_dates: list[str], prefix: str, settings: Settings) -> Contender:
    """`dbt run`: every mart."""
    row = f"{prefix}all_models"

    def measure(folder: Path) -> Run:
        package.write_project(folder, kind, data, as_of_dates, package.duckdb_output(settings.memory_limit))
        package.parse(folder, settings.scratch / "parsed" / f"{kind}_{len(as_of_dates)}.msgpack")
        outcome = run(package.run_command(None), folder, folder / "log", settings.limits)
        if outcome.failure:
            return Run([], failure=outcome.failure)
        seconds = sum(package.seconds_of_models(folder).values())
        answer = read_answer(data, folder / package.DATABASE, settings)
        return Run([Figure(row, seconds, outcome.peak_bytes)], answer)

    return Contender(row, [row], measure, f"{prefix}project")


def read_answer(data: Path, database: Path, settings: Settings) -> Answer | None:
    """Put the project's answer without ranks into a table, which can be compared whatever the mart is."""
    _, outcome = work("grades", "read_grades", data, database, [], settings)
    return None if outcome.failure else {"file": str(database), "table": "answer"}


# --- On Spark ---------------------------------------------------------------------------------------------------------


def on_spark(row: str, function: str, cores: int, data: Path, settings: Settings) -> Contender:
    """One of `benchmarks.spark`, by the name of its function there."""

    def measure(folder: Path) -> Run:
        figure, outcome = spark_work(row, function, cores, data, folder, settings)
        if outcome.failure:
            return Run([], failure=outcome.failure)
        return Run([figure], spark_answer(folder))

    return Contender(row, [row], measure, SPARK_REFERENCE)


def project_on_spark(cores: int, data: Path, settings: Settings) -> Contender:
    """What `project` measures, on Spark."""
    rows = [f"{cores}_{name}" for name in ["grading", "cleaning_grading", "command", "grading_ranks"]]
    name = f"{cores}_project"

    def measure(folder: Path) -> Run:
        package.write_project(folder, "records", data, package.ONE_DATE, package.spark_output(cores))
        package.parse(folder, settings.scratch / "parsed" / f"spark_{cores}.msgpack")
        _, outcome = spark_work("load", "load", cores, data, folder, settings)
        if not outcome.failure:
            command = package.run_command(f"+{package.GRADED}")
            outcome = run(command, folder, folder / "log", settings.limits, spark_environment())
        if outcome.failure:
            return Run([], failure=outcome.failure)
        figures = figures_of_models(folder, rows, replace(outcome, peak_bytes=0))
        ranks, read = spark_work("ranks", "read_ranks", cores, data, folder, settings)
        if read.failure:
            return Run(figures, failure=f"reading the ranks: {read.failure}")
        return Run([*figures, with_ranks(rows[3], figures[0], ranks)], spark_answer(folder))

    return Contender(name, rows, measure, SPARK_REFERENCE if name != SPARK_REFERENCE else None)


def spark_work(
    row: str, function: str, cores: int, data: Path, folder: Path, settings: Settings
) -> tuple[Figure, Outcome]:
    """Run a function of `benchmarks.spark` in a process of its own. What Java needs of memory is not seen from here."""
    task = {
        "contender": function,
        "settings": package.spark_output(cores)["server_side_parameters"],
        "input": str(data),
        "as_of_date": package.ONE_DATE[0],
    }
    told = folder / "seconds.json"
    command = [sys.executable, "-m", "benchmarks.spark", json.dumps(task), str(told)]
    outcome = run(command, folder, folder / f"{function}.log", settings.limits, spark_environment())
    seconds = 0.0 if outcome.failure else json.loads(told.read_text(encoding="utf-8"))
    return Figure(row, seconds, 0), outcome


def spark_environment() -> dict[str, str]:
    """The Java that Spark runs on, and where Python finds the benchmarks from another folder."""
    command = [sys.executable, REPOSITORY / "scripts" / "java_home.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(found.stderr.strip())
    return {"JAVA_HOME": found.stdout.strip(), "PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable}


def spark_answer(folder: Path) -> Answer:
    """The files of the table 'answer'."""
    return {"file": str(folder / ".spark" / "warehouse" / "answer"), "table": None}


# --- The parts --------------------------------------------------------------------------------------------------------


def grading(data: Path, settings: Settings) -> list[Contender]:
    """Part (a): customers with R, F and M in, graded table out."""
    dates = package.ONE_DATE
    return [
        process("copy", "copy", data, dates, None, settings),
        process("ntile", "ntile", data, dates, "project", settings),
        process("ntile_ranks", "ntile_ranks", data, dates, "project", settings),
        project("records", data, dates, "", settings),
        process("polars", "polars", data, dates, "project", settings),
        process("pandas", "pandas", data, dates, "project", settings),
        all_models("records", data, dates, "", settings),
    ]


def orders(data: Path, settings: Settings) -> list[Contender]:
    """Part (b): orders in, graded table out, for one as-of date and for 24."""
    found = [process("copy", "copy", data, [], None, settings)]
    for dates in [package.ONE_DATE, package.MONTH_ENDS]:
        prefix = f"{len(dates)}_"
        functions = ["plain_sql", "date_by_date"] if len(dates) > 1 else ["plain_sql"]
        found += [
            *(process(f"{prefix}{name}", name, data, dates, f"{prefix}project", settings) for name in functions),
            project("orders", data, dates, prefix, settings),
            all_models("orders", data, dates, prefix, settings),
        ]
    return found


SPARK_CORES = [1, 2]
SPARK_REFERENCE = "2_project"


def spark(data: Path, settings: Settings) -> list[Contender]:
    """Part (d): part (a) on Spark with one core and with two, where no two customers have the same amount."""
    return [
        contender
        for cores in SPARK_CORES
        for contender in [
            on_spark(f"{cores}_ntile", "ntile", cores, data, settings),
            on_spark(f"{cores}_ntile_ranks", "ntile_ranks", cores, data, settings),
            project_on_spark(cores, data, settings),
        ]
    ]


WITHOUT_UNIT_TESTS = {"RFM_UNIT_TESTS": "false"}
LEFT_OUT = [
    ".git",
    ".venv*",
    "*.duckdb*",
    "benchmarks",
    "integration_tests",
    "target",
    "logs",
    "__pycache__",
    ".*_cache",
]


def copy_repository(folder: Path) -> None:
    """Copy what a build of this repository needs."""
    shutil.copytree(REPOSITORY, folder, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)


def demo(settings: Settings) -> list[Contender]:
    """Part (c): `dbt build` of this repository, of a project without a model, and of one whose models do nothing."""

    def empty(folder: Path) -> None:
        output = {"type": "duckdb", "path": "empty.duckdb", "threads": 4}
        write(
            folder,
            {
                "dbt_project.yml": yaml.safe_dump({"name": "empty", "version": "1.0.0", "profile": "empty"}),
                "profiles/profiles.yml": yaml.safe_dump({"empty": {"target": "dev", "outputs": {"dev": output}}}),
            },
        )

    def idle(folder: Path) -> None:
        empty(folder)
        models = [f"model_{number}" for number in range(nodes["model"])]
        table = "{{ config(materialized='table') }} select 1 as id"
        write(folder, {f"models/{model}.sql": table for model in models})
        write(folder, {f"seeds/seed_{number}.csv": "id\n1\n" for number in range(nodes["seed"])})
        for number in range(nodes["test"]):
            model = models[number % len(models)]
            test = f"select * from {{{{ ref('{model}') }}}} where id is null"
            write(folder, {f"tests/test_{number}.sql": test})

    def write(folder: Path, files: dict[str, str]) -> None:
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")

    def build(name: str, write_project: Callable[[Path], None]) -> Contender:
        def measure(folder: Path) -> Run:
            write_project(folder)
            figures = []
            for row in rows:
                command = [package.DBT, "--no-use-colors", "build", "--profiles-dir", "profiles"]
                outcome = run(command, folder, folder / "log", settings.limits, WITHOUT_UNIT_TESTS)
                if outcome.failure:
                    return Run([], failure=outcome.failure)
                figures.append(Figure(row, outcome.seconds, outcome.peak_bytes))
            return Run(figures)

        rows = [f"{name}_first", f"{name}_again"]
        return Contender(name, rows, measure)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_repository(folder)
        command = [package.DBT, "parse", "--profiles-dir", "profiles"]
        outcome = run(command, folder, folder / "log", settings.limits, WITHOUT_UNIT_TESTS)
        if outcome.failure:
            raise RuntimeError(f"dbt could not parse this repository: {outcome.failure}")
        nodes = package.node_counts(folder)
    return [build("demo", copy_repository), build("idle", idle), build("empty", empty)]


RFM = [sys.executable, "-m", "dbt_rfm.command"]


def commands(data: Path | None, settings: Settings) -> list[Contender]:
    """Part (e): what people are handed of the marts. data: customers month by month, or none for the demo."""
    built = settings.scratch / "built"
    shutil.rmtree(built, ignore_errors=True)
    write_built_project(built, data)
    outcome = run(build_command(data), built, settings.scratch / "built.log", settings.limits, WITHOUT_UNIT_TESTS)
    if outcome.failure:
        raise RuntimeError(f"the marts could not be built: {outcome.failure}")
    database = "rfm.duckdb" if data is None else package.DATABASE

    def build(folder: Path) -> Run:
        write_built_project(folder, data)
        outcome = run(build_command(data), folder, folder / "log", settings.limits, WITHOUT_UNIT_TESTS)
        if outcome.failure:
            return Run([], failure=outcome.failure)
        return Run([Figure("build", outcome.seconds, outcome.peak_bytes, (folder / database).stat().st_size)])

    def command(row: str, *arguments: str) -> Contender:
        def measure(folder: Path) -> Run:
            output = folder / "output"
            output.mkdir()
            written = [argument.format(output=output) for argument in arguments]
            called = [*RFM, *written, "--database", database]
            key = {"RFM_MASK_KEY": "a key of the benchmark, which guards nothing"}
            outcome = run(called, built, folder / "log", settings.limits, key)
            if outcome.failure:
                return Run([], failure=outcome.failure)
            size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
            return Run([Figure(row, outcome.seconds, outcome.peak_bytes, size)])

        return Contender(row, [row], measure)

    return [
        Contender("build", ["build"], build),
        command("report", "report", "--output", "{output}/report.html"),
        command("export", "export", "--output", "{output}/release"),
        command("export_all", "export", "--output", "{output}/release", "--csv", "--parquet", "--mask"),
        command("publish", "publish", "{output}/marts.duckdb"),
    ]


def write_built_project(folder: Path, data: Path | None) -> None:
    """Write the project whose marts are handed out: this repository, or that of a user with this file."""
    if data is None:
        copy_repository(folder)
    else:
        package.write_project(folder, "months", data, [], package.duckdb_output(None))


def build_command(data: Path | None) -> list[str]:
    """The build of the project that write_built_project wrote."""
    return [package.DBT, "--no-use-colors", "build", "--profiles-dir", "profiles" if data is None else "."]


def measured(part: str, size: str, rows_in: int, contenders: list[Contender], settings: Settings) -> dict[str, Any]:
    """Measure a part at one size; the result as it is kept. rows_in: customers or orders of the input."""
    say(f"\n{part} {size}")
    settings.scratch.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(settings.scratch / "parsed", ignore_errors=True)
    result = {
        "part": part,
        "size": size,
        "rows_in": rows_in,
        "commit": machine.commit(),
        "machine": machine.machine(),
        "versions": machine.versions(part),
        "memory_limit": settings.memory_limit,
        "minutes": settings.limits.minutes,
        "without": sorted(settings.without),
    }
    return result | {"measurements": in_rounds(contenders, settings)}
