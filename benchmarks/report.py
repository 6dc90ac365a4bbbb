"""RESULTS.md and its chart, from all results that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.chart import short, write_chart

LABELS = {
    "copy": "copy the file into a table: the floor",
    "grading": "**dbt-rfm**: grading",
    "ntile": "NTILE SQL",
    "polars": "polars",
    "pandas": "pandas",
    "grading_ranks": "**dbt-rfm**: grading, ranks read",
    "ntile_ranks": "NTILE SQL with ranks",
    "cleaning_grading": "**dbt-rfm**: cleaning and grading",
    "all_models": "**dbt-rfm**: all models",
    "command": "**dbt-rfm**: the whole command, by the clock",
    "plain_sql": "plain SQL",
    "date_by_date": "plain SQL, date by date",
}
WITH_RANKS = {"grading_ranks", "ntile_ranks"}
COMMAND_LABELS = {
    "build": "`dbt build`: the marts",
    "report": "`rfm report`",
    "export": "`rfm export`: xlsx",
    "export_all": "`rfm export --csv --parquet --mask`",
    "publish": "`rfm publish`",
}
DEMO_LABELS = {
    "demo": "`dbt build` of this repository",
    "idle": "`dbt build` of as many models, seeds and tests that do nothing",
    "empty": "`dbt build` of a dbt project without a model",
}
GROWTH = 12
"""Ten times the customers may take this many times as long: a straight line, and something for noise and spilling."""


@dataclass(frozen=True)
class Result:
    """One part at one size, as it was measured."""

    kept: dict[str, Any]

    @property
    def part(self) -> str:
        """The part's name: grading, orders, spark, demo or commands."""
        return self.kept["part"]

    @property
    def rows_in(self) -> int:
        """Customers or orders of the input."""
        return self.kept["rows_in"]

    def rounds(self, row: str) -> dict[int, float]:
        """Seconds of a row by round, of those that finished."""
        return {entry["round"]: entry["seconds"] for entry in self.entries(row) if entry["seconds"] is not None}

    def seconds(self, row: str) -> float | None:
        """The median of a row, or none if it did not finish in every round in which it was tried."""
        rounds = self.rounds(row)
        return median(rounds.values()) if rounds and not self.failure(row) else None

    def ratios(self, row: str, base: str) -> list[float]:
        """Row by base within each round; empty where one of them did not finish, and for the base itself."""
        if row == base or self.failure(row) or self.failure(base):
            return []
        rows, bases = self.rounds(row), self.rounds(base)
        return [rows[number] / bases[number] for number in sorted(rows.keys() & bases.keys())]

    def peak(self, row: str) -> int:
        """The most memory that a row had in any round, in bytes; 0 where nothing finished."""
        return max([entry["peak_bytes"] for entry in self.entries(row) if entry["peak_bytes"]], default=0)

    def written(self, row: str) -> int:
        """The size of what a row wrote for people, in bytes; 0 where nothing finished."""
        return max([entry["written_bytes"] for entry in self.entries(row) if entry.get("written_bytes")], default=0)

    def failure(self, row: str) -> str | None:
        """Why a row did not finish."""
        return next((entry["failure"] for entry in self.entries(row) if entry["failure"]), None)

    def differing(self, row: str) -> int | None:
        """The most customers that differed in any round; none where nothing was compared."""
        return max([entry["differing"] for entry in self.entries(row) if entry["differing"] is not None], default=None)

    def entries(self, row: str) -> list[dict[str, Any]]:
        """The measurements of a row."""
        return [entry for entry in self.kept["measurements"] if entry["row"] == row]

    def has(self, row: str) -> bool:
        """Whether a row was tried."""
        return bool(self.entries(row))


def write(folder: Path) -> list[str]:
    """Write RESULTS.md and the chart from the JSON files in `results`. Returns the lines of the targets."""
    results = read(folder / "results")
    grading = [result for result in results if result.part == "grading"]
    names = {row: label.replace("*", "") for row, label in LABELS.items()}
    names |= {"copy": "copy of the table (floor)"}
    lines = {
        row: {result.rows_in: seconds for result in grading if (seconds := result.seconds(row)) is not None}
        for row in LABELS
    }
    if grading:
        write_chart(folder / "growth.svg", lines, names)
    targets = target_rows(results)
    (folder / "RESULTS.md").write_text(page(results, targets), encoding="utf-8")
    return [" | ".join(cells) for cells in targets]


def read(folder: Path) -> list[Result]:
    """All results that are kept, small ones first."""
    found = [Result(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda result: (result.part, result.rows_in))


# --- Words ------------------------------------------------------------------------------------------------------------


def in_seconds(value: float) -> str:
    """Seconds or a ratio with three digits or so."""
    decimals = next((place for place, least in enumerate([100, 10, 0.1]) if value >= least), 3)
    return f"{value:.{decimals}f}"


def in_bytes(value: int) -> str:
    """Memory or the size of files in kB, MB or GB, of thousands."""
    if not value:
        return ""
    if value < 1e6:
        return f"{value / 1e3:.0f} kB"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def spread(values: list[float], written: Callable[[float], str] = in_seconds) -> str:
    """The median, and behind it the least and the greatest value where there are several."""
    if not values:
        return ""
    middle = written(median(values))
    return middle if len(values) == 1 else f"{middle} ({written(min(values))}–{written(max(values))})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; all columns but the first are right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def times(result: Result, row: str) -> str:
    """The seconds of a row, or why there are none."""
    return result.failure(row) or spread(list(result.rounds(row).values()))


# --- Targets ----------------------------------------------------------------------------------------------------------

NOT_MEASURED = "not measured yet"


def verdict(what: str, most: float, values: list[float], unit: str = "×") -> list[str]:
    """A line of the targets: what is measured, the target, the measured median and spread, whether it is met."""
    if not values:
        return [what, f"at most {most:g} {unit}", NOT_MEASURED, ""]
    return [what, f"at most {most:g} {unit}", f"{spread(values)} {unit}", "yes" if median(values) <= most else "**no**"]


def target_rows(results: list[Result]) -> list[list[str]]:
    """Every target beside what was measured."""

    def found(part: str, rows_in: int = 0) -> Result | None:
        return next((result for result in results if result.part == part and result.rows_in == rows_in), None)

    def ratio(result: Result | None, row: str, base: str) -> list[float]:
        return result.ratios(row, base) if result else []

    ten, hundred = found("grading", 10**7), found("grading", 10**8)
    rows = [
        verdict("grading 10m customers : NTILE SQL", 0.25, ratio(ten, "grading", "ntile")),
        verdict("grading 10m customers : copying the table", 4, ratio(ten, "grading", "copy")),
        completes("grading 100m customers with memory_limit 4GB", hundred, "grading", "4GB"),
        verdict("grading 100m customers : grading 10m", GROWTH, between(ten, hundred)),
    ]
    for size in [10**7, 10**8]:
        result = found("orders", size)
        values = ratio(result, "24_cleaning_grading", "1_cleaning_grading")
        rows.append(verdict(f"{short(size)} orders to grades, 24 as-of dates : 1", 4, values))
    result = found("orders", 10**8)
    for dates in [1, 24]:
        row = f"{dates}_cleaning_grading"
        if result and result.failure(row):
            rows.append(
                [f"100m orders, {dates} as-of date(s), peak memory", "at most 8 GB", result.failure(row), "**no**"]
            )
        else:
            peak = [result.peak(row) / 1e9] if result and result.has(row) else []
            rows.append(verdict(f"100m orders, {dates} as-of date(s), peak memory", 8, peak, "GB"))
    for again, words in [("first", "the first time"), ("again", "again")]:
        values = ratio(found("demo"), f"demo_{again}", f"empty_{again}")
        rows.append(verdict(f"the demo's `dbt build` : an empty project's, {words}", 2.5, values))
    return rows


def completes(what: str, result: Result | None, row: str, memory_limit: str) -> list[str]:
    """A line of the targets about finishing at all."""
    if not result or not result.has(row) or result.kept["memory_limit"] != memory_limit:
        return [what, "completes", NOT_MEASURED, ""]
    told = result.failure(row)
    return [
        what,
        "completes",
        told or f"{times(result, row)} s, {in_bytes(result.peak(row))}",
        "**no**" if told else "yes",
    ]


def between(smaller: Result | None, larger: Result | None, row: str = "grading") -> list[float]:
    """The ratio of the medians of a row in two results, as a list of one, or of none."""
    one, other = (result.seconds(row) if result else None for result in (smaller, larger))
    return [other / one] if one and other else []


# --- The page ---------------------------------------------------------------------------------------------------------


def page(results: list[Result], targets: list[list[str]]) -> str:
    """RESULTS.md."""
    parts = [INTRODUCTION, table(["target", "", "measured", "met"], targets)]
    grading = [result for result in results if result.part == "grading"]
    orders = [result for result in results if result.part == "orders"]
    if grading:
        parts += [GRADING, *(section for result in grading for section in grading_section(result)), growth(grading)]
    if orders:
        parts += [ORDERS, *(section for result in orders for section in orders_section(result))]
    spark = [result for result in results if result.part == "spark"]
    if spark:
        parts += [SPARK, *(section for result in spark for section in spark_section(result)), growth_on_spark(spark)]
    parts += [section for result in results if result.part == "demo" for section in demo_section(result)]
    handed = [result for result in results if result.part == "commands"]
    if handed:
        parts += [COMMANDS, *(section for result in handed for section in commands_section(result))]
    return "\n\n".join([*parts, METHOD, made_with(results)]) + "\n"


def grading_section(result: Result) -> list[str]:
    """The table of part (a) at one size."""
    rows = []
    for row, label in LABELS.items():
        if result.has(row):
            base = "ntile_ranks" if row in WITH_RANKS else "ntile"
            rows.append(
                [
                    label,
                    times(result, row),
                    spread(result.ratios(row, "copy")),
                    spread(result.ratios(row, base)),
                    in_bytes(result.peak(row)),
                    compared(result, [row]),
                ]
            )
    header = ["", "seconds", "times the floor", "times NTILE SQL", "peak memory", "customers that differ"]
    limit = result.kept["memory_limit"]
    return [
        f"### {result.rows_in:,} customers{f', memory_limit {limit}' if limit else ''}",
        table(header, rows),
    ]


def compared(result: Result, rows: list[str]) -> str:
    """For how many customers the answers differ from dbt-rfm's, the most of these rows; empty for those without one."""
    differing = [count for row in rows if (count := result.differing(row)) is not None]
    return f"{max(differing):,}" if differing else ""


def growth(results: list[Result]) -> str:
    """What ten times the customers cost, in a sentence for each step."""
    lines = []
    for smaller, larger in zip(results, results[1:], strict=False):
        for ratio in between(smaller, larger):
            customers = larger.rows_in / smaller.rows_in
            lines.append(
                f"- from {short(smaller.rows_in)} to {short(larger.rows_in)} customers, {customers:g} times as many: "
                f"{in_seconds(ratio)} times the time"
            )
    if not lines:
        return "How the time grows needs at least two sizes."
    return "How the time of dbt-rfm's grading grows:\n\n" + "\n".join(lines)


def orders_section(result: Result) -> list[str]:
    """The table of part (b) at one size."""
    rows = []
    if result.has("copy"):
        rows.append([LABELS["copy"], times(result, "copy"), "", "", "", "", in_bytes(result.peak("copy")), "", ""])
    for row in ["plain_sql", "date_by_date", "cleaning_grading", "all_models", "command"]:
        one, many = f"1_{row}", f"24_{row}"
        if not result.has(one) and not result.has(many):
            continue
        rows.append(
            [
                {"cleaning_grading": "**dbt-rfm**: orders to grades"}.get(row, LABELS[row]),
                times(result, one),
                times(result, many),
                spread(result.ratios(many, one)),
                *(spread(result.ratios(f"{dates}_{row}", f"{dates}_plain_sql")) for dates in [1, 24]),
                in_bytes(result.peak(one)),
                in_bytes(result.peak(many)),
                compared(result, [one, many]),
            ]
        )
    header = [
        "",
        "1 date, seconds",
        "24 dates, seconds",
        "times 1 date",
        "1 date, times plain SQL",
        "24 dates, times plain SQL",
    ]
    limit = result.kept["memory_limit"]
    return [
        f"### {result.rows_in:,} orders{f', memory_limit {limit}' if limit else ''}",
        table([*header, "1 date, peak memory", "24 dates, peak memory", "customers that differ"], rows),
    ]


def spark_section(result: Result) -> list[str]:
    """The table of part (d) at one size."""
    rows = []
    for row in ["grading", "ntile", "grading_ranks", "ntile_ranks", "cleaning_grading", "command"]:
        one, two = f"1_{row}", f"2_{row}"
        base = "ntile_ranks" if row in WITH_RANKS else "ntile"
        ratios = [spread(result.ratios(f"{cores}_{row}", f"{cores}_{base}")) for cores in [1, 2]]
        differing = compared(result, [one, two]) if row.startswith("ntile") else ""
        rows.append(
            [LABELS[row], times(result, one), times(result, two), spread(result.ratios(one, two)), *ratios, differing]
        )
    header = ["", "1 core, seconds", "2 cores, seconds", "1 core : 2 cores", "1 core, times NTILE SQL"]
    header += ["2 cores, times NTILE SQL", "customers that differ"]
    return [f"### Spark, {result.rows_in:,} customers", table(header, rows)]


def growth_on_spark(results: list[Result]) -> str:
    """What more customers cost with each number of cores, in a table of the ratios of medians."""
    rows = []
    for smaller, larger in zip(results, results[1:], strict=False):
        for row in ["grading", "ntile"]:
            ratios = [between(smaller, larger, f"{cores}_{row}") for cores in [1, 2]]
            step = f"{LABELS[row]}, from {short(smaller.rows_in)} to {short(larger.rows_in)} customers"
            rows.append([step, *(spread(ratio) for ratio in ratios)])
    if not rows:
        return "How the time grows needs at least two sizes."
    return "How the time grows:\n\n" + table(["times the time", "1 core", "2 cores"], rows)


def demo_section(result: Result) -> list[str]:
    """The table of part (c)."""
    columns = ["first", "again"]
    rows = [
        [label, *(times(result, f"{name}_{column}") for column in columns), in_bytes(result.peak(f"{name}_first"))]
        for name, label in DEMO_LABELS.items()
    ]
    for one, other, words in [
        ("demo", "empty", "this repository : without a model"),
        ("demo", "idle", "this repository : as many that do nothing"),
        ("idle", "empty", "as many that do nothing : without a model"),
    ]:
        rows.append([words, *(spread(result.ratios(f"{one}_{column}", f"{other}_{column}")) for column in columns), ""])
    header = ["seconds by the clock", "from nothing", "again, with what dbt parsed before", "peak memory"]
    return [DEMO, table(header, rows)]


def commands_section(result: Result) -> list[str]:
    """The table of part (e) at one size."""
    rows = [
        [
            label,
            times(result, row),
            spread(result.ratios(row, "build")),
            in_bytes(result.peak(row)),
            in_bytes(result.written(row)),
        ]
        for row, label in COMMAND_LABELS.items()
        if result.has(row)
    ]
    title = f"{result.rows_in:,} customers, 30 regions, 6 months" if result.rows_in else "The demo"
    header = ["", "seconds by the clock", "times the build", "peak memory", "written"]
    return [f"### {title}", table(header, rows)]


def made_with(results: list[Result]) -> str:
    """Machine, versions and commit of every result."""
    lines: dict[str, list[str]] = {}
    for result in results:
        kept, machine, versions = result.kept, result.kept["machine"], result.kept["versions"]
        told = (
            f"{machine['processor']}, {machine['cores']} cores, {in_bytes(machine['memory_bytes'])}, "
            f"{machine['system']}; "
            + ", ".join(f"{name} {number}" for name, number in versions.items())
            + f"; commit {kept['commit']}"
        )
        rounds = max(entry["round"] for entry in kept["measurements"])
        name = f"{result.part} {kept['size']}".strip()
        lines.setdefault(told, []).append(f"{name} ({rounds} rounds, {machine['load_before']:g})")
    return "\n".join(f"- {', '.join(names)}: {told}" for told, names in lines.items())


INTRODUCTION = """# What things cost

Written by `make bench`, which takes some ten minutes; `make bench SIZE=10m` and `SIZE=100m` are the real thing, each
with its own rows below. Seconds depend on the machine. The ratios are taken within one round, in which all contenders
worked on the same files one after the other: they are what to read. A number is the median of the rounds, in brackets
are the least and the greatest."""

GRADING = """## Grading only

Customers whose R, F and M are known go in, the graded table comes out, as `platform_quintile` grades: fifths of R, F
and M, equal values in the order of `customer_id`, weighted total, grade. All answers are compared with dbt-rfm's,
customer by customer. Rows with ranks have `value_rank` too, which sorts everybody once more; their ratio is to *NTILE
SQL with ranks*. dbt-rfm also cleans its input first, and its other models make the other marts: these are rows of
their own, as the other contenders do nothing of that kind.

![Time against customers](growth.svg)"""

ORDERS = """## Orders in, graded out

Orders of two years go in, customers graded at one as-of date or at 24 month ends come out. *Plain SQL* adds up the
orders until each date and grades by NTILE windows, all dates in one statement or date by date; it checks nothing.
dbt-rfm reads the orders once for all dates, and looks for rows that cannot be read, for copies and for refunds."""

SPARK = """## Grading on Spark

The same as *Grading only*, but no two customers have the same amount, which is the hardest case, and all of it runs on
Spark within one process that has one core or two. An NTILE window over everybody sorts in one task, which a second
core does not help; dbt-rfm's tasks are spread, so its columns differ by what cores are worth, and a cluster has more
of them. dbt-rfm pays for that with more passes over the data, and for few customers with planning its queries. Up to a
million customers of a group one task puts them in order here too."""

DEMO = """## The demo

What `make build` runs: all seeds, models and tests of this repository, beside what dbt itself takes to start, read a
project and find nothing to do, and beside a project of as many models (`select 1`), seeds of one row and tests: the
time that dbt takes for these is the least that a project of this shape can take."""

COMMANDS = """## What people are handed

The report, the release and the published file, each made by its command from marts that were built before, beside the
build of the marts from nothing, its tests included. Where the customers are not the demo's, they are those of six month
ends in 30 regions, and the release is that of the last month, a workbook for each region."""

METHOD = """## How it is measured

- **Data.** `benchmarks/data.py` draws it by a hash of the row's number: recency mostly small, frequency geometric,
  money in cents with a long tail, and many ties. The number of orders of a customer is geometric with mean 10.
- **Processes.** Every measurement is a process of its own. Peak memory is its resident memory, Python and all libraries
  included, the highest of the rounds. One that takes 85 percent of the machine's memory, or longer than an hour, is
  stopped, and the row says so.
- **Turns.** Each round runs everybody once; every second round goes backwards.
- **Files.** Whoever uses DuckDB reads parquet and writes a database file in the storage version of this project's
  profile. pandas and polars write parquet. DuckDB has its default settings, but for `memory_limit` where a heading
  says so.
- **What counts.** Of the others the work from reading the file to having written the answer, without imports. Of
  dbt-rfm the `execution_time` of the models, with one thread of dbt so that they add up. It includes what dbt itself
  does for each model, a second or so in all: for few customers that is most of it. *Grading* are the models behind the
  cleaned input, which is a table, up to and including `rfm__graded_customers`; *ranks read* adds a `create table` from
  that mart; *the whole command* is `dbt run --select +rfm__graded_customers` in a project that dbt has parsed before;
  *all models* is `dbt run`.
- **Spark.** The session has the settings of this project's profile, 8 GB and 16 partitions in a shuffle; all contenders
  read the same parquet file and write parquet, and have run a query before the clock starts. What Java needs of memory
  is not measured.
- **Kept.** `benchmarks/results/` has every single measurement.

## Made with

The last number in each bracket is the machine's load average just before: well above 0, somebody else was busy."""
