"""The contenders that are not this project, and reading its ranks: each grades one file in a process of its own.

All make the columns of `rfm__graded_customers` but `value_rank`, and `ntile_ranks` that one too. Only the work is
timed, not imports or opening files. They know that their input is clean; this project does not, and cleans it first.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import duckdb
    import numpy
    import pandas
    import polars

STORAGE = "v1.4.0"
"""The storage version of the project's own profile."""


class Task(TypedDict):
    """What a contender is given. output: the file it writes; memory_limit: of DuckDB, like 4GB, or none."""

    contender: str
    input: str
    output: str
    as_of_dates: list[str]
    memory_limit: str | None


# --- DuckDB -----------------------------------------------------------------------------------------------------------

GRADED = """
    select
        '{dataset}' as dataset,
        as_of_date,
        'all' as region,
        customer_id,
        'platform_quintile' as rulebook,
        last_order_date,
        recency_days,
        frequency,
        cast(monetary as decimal(28, 6)) as monetary,
        cast(recency_score as decimal(28, 6)) as recency_score,
        cast(frequency_score as decimal(28, 6)) as frequency_score,
        cast(monetary_score as decimal(28, 6)) as monetary_score,
        total_score,
        cast(null as string) as score_code,
        case when total_score >= 4 then 'A' when total_score >= 3 then 'B' when total_score >= 2 then 'C' else 'D' end
            as grade,
        case when total_score >= 4 then 1 when total_score >= 3 then 2 when total_score >= 2 then 3 else 4 end
            as grade_order
        {rank}
    from (
        select
            *,
            cast(0.3 * recency_score + 0.3 * frequency_score + 0.4 * monetary_score as decimal(28, 6)) as total_score
        from (
            select
                *,
                6 - ntile(5) over ({partition} order by recency_days asc, customer_id asc) as recency_score,
                6 - ntile(5) over ({partition} order by frequency desc, customer_id asc) as frequency_score,
                6 - ntile(5) over ({partition} order by monetary desc, customer_id asc) as monetary_score
            from ({customers})
        )
    )
"""
RANK = """,
        row_number() over (
            order by total_score desc, monetary desc, frequency desc, recency_days asc, customer_id asc
        ) as value_rank"""
ADDED_UP = """
    select
        as_of_date,
        customer_id,
        max(ordered_at) as last_order_date,
        as_of_date - max(ordered_at) as recency_days,
        count(*) as frequency,
        sum(amount) as monetary
    from {orders}
    inner join (values {dates}) as dates (as_of_date) on ordered_at <= as_of_date
    group by as_of_date, customer_id
"""


def copy(task: Task) -> float:
    """The floor: the file becomes a table as it is."""
    with opened(task) as connection:
        return timed(lambda: connection.execute(f"create table answer as select * from {source(task)}"))


def ntile(task: Task, rank: str = "") -> float:
    """Customers graded by windows."""
    [day] = task["as_of_dates"]
    customers = f"select *, date '{day}' as as_of_date, cast(null as date) as last_order_date from {source(task)}"
    query = GRADED.format(dataset="customers", customers=customers, partition="", rank=rank)
    with opened(task) as connection:
        return timed(lambda: connection.execute(f"create table answer as {query}"))


def ntile_ranks(task: Task) -> float:
    """Customers graded and ranked by windows."""
    return ntile(task, RANK)


def plain_sql(task: Task) -> float:
    """Orders added up and graded by windows, at all as-of dates in one statement."""
    query = from_orders(task, task["as_of_dates"])
    with opened(task) as connection:
        return timed(lambda: connection.execute(f"create table answer as {query}"))


def date_by_date(task: Task) -> float:
    """The same with a statement for each as-of date: each reads all orders, and none needs much memory."""
    queries = [from_orders(task, [day]) for day in task["as_of_dates"]]
    with opened(task) as connection:

        def work() -> None:
            connection.execute(f"create table answer as {queries[0]}")
            for query in queries[1:]:
                connection.execute(f"insert into answer {query}")

        return timed(work)


def from_orders(task: Task, days: list[str]) -> str:
    """SQL of the customers graded at some as-of dates."""
    customers = ADDED_UP.format(orders=source(task), dates=", ".join(f"(date '{day}')" for day in days))
    partition = "partition by as_of_date" if len(days) > 1 else ""
    return GRADED.format(dataset="orders", customers=customers, partition=partition, rank="")


def read_ranks(task: Task) -> float:
    """What this project graded, read with its ranks into a table of the same file."""
    return read_mart(task, "*")


def read_grades(task: Task) -> float:
    """The same without ranks."""
    return read_mart(task, "* exclude (value_rank)")


def read_mart(task: Task, columns: str) -> float:
    """A table from the project's mart."""
    with opened(task) as connection:
        return timed(lambda: connection.execute(f"create table answer as select {columns} from rfm__graded_customers"))


def opened(task: Task) -> duckdb.DuckDBPyConnection:
    """Open the database file that the answer goes to, made with the storage version of the project's profile.

    It has the name that dbt gives it, the file's: views in it refer to that.
    """
    import duckdb

    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    if task["memory_limit"]:
        connection.execute(f"set memory_limit = '{task['memory_limit']}'")
    # A database in memory spills to the working folder; this is where one in the file would.
    connection.execute(f"set temp_directory = '{task['output']}.tmp'")
    connection.execute(f"attach '{task['output']}' (storage_version '{STORAGE}')")
    connection.execute(f"use {Path(task['output']).stem}")
    return connection


def source(task: Task) -> str:
    """SQL of the input's rows."""
    return f"read_parquet('{task['input']}')"


# --- Dataframes -------------------------------------------------------------------------------------------------------


def in_pandas(task: Task) -> float:
    """Customers in the order of their ids, ranked by each metric; equal values keep that order."""
    import numpy
    import pandas

    def score(values: pandas.Series, ascending: bool) -> numpy.ndarray:
        place = values.rank(method="first", ascending=ascending).to_numpy().astype("int64") - 1
        size, larger = divmod(len(values), 5)
        in_larger = place // (size + 1)
        tile = numpy.where(place < larger * (size + 1), in_larger, (place - larger) // max(size, 1))
        return 5 - tile

    def decimals(values: numpy.ndarray, per: int) -> pandas.Series:
        # A few distinct numbers become a few decimals, and the rows point to them.
        texts = pandas.Series([str(number / per) for number in range(5 * per + 1)], dtype="string[pyarrow]")
        return texts.astype(pandas.ArrowDtype(decimal_type())).take(values).reset_index(drop=True)

    def work() -> None:
        graded = pandas.read_parquet(task["input"], dtype_backend="pyarrow")
        graded = graded.sort_values("customer_id", ignore_index=True)
        recency = score(graded["recency_days"].astype("int64"), ascending=True)
        frequency = score(graded["frequency"].astype("int64"), ascending=False)
        # As floating point, amounts with two decimals keep their order and which of them are equal.
        monetary = score(graded["monetary"].astype("double[pyarrow]").astype("float64"), ascending=False)
        tenths = 3 * recency + 3 * frequency + 4 * monetary
        order = numpy.select([tenths >= 40, tenths >= 30, tenths >= 20], [1, 2, 3], 4)
        graded["monetary"] = graded["monetary"].astype(pandas.ArrowDtype(decimal_type()))
        graded = graded.assign(
            dataset=pandas.Categorical.from_codes(numpy.zeros(len(graded), "int8"), ["customers"]),
            as_of_date=pandas.Timestamp(task["as_of_dates"][0]),
            region=pandas.Categorical.from_codes(numpy.zeros(len(graded), "int8"), ["all"]),
            rulebook=pandas.Categorical.from_codes(numpy.zeros(len(graded), "int8"), ["platform_quintile"]),
            last_order_date=pandas.NaT,
            recency_score=decimals(recency, 1),
            frequency_score=decimals(frequency, 1),
            monetary_score=decimals(monetary, 1),
            total_score=decimals(tenths, 10),
            score_code=None,
            grade=pandas.Categorical.from_codes(order - 1, list("ABCD")),
            grade_order=order,
        )
        graded.to_parquet(task["output"], index=False)

    return timed(work)


def decimal_type() -> Any:
    """The type of amounts and scores in the marts, as Arrow knows it."""
    import pyarrow

    return pyarrow.decimal128(28, 6)


def in_polars(task: Task) -> float:
    """The same in one lazy query."""
    import polars

    amount = polars.Decimal(28, 6)

    def score(metric: str, descending: bool) -> polars.Expr:
        place = polars.col(metric).rank("ordinal", descending=descending).cast(polars.Int64) - 1
        size, larger = polars.len().cast(polars.Int64) // 5, polars.len().cast(polars.Int64) % 5
        in_larger = place // (size + 1)
        tile = polars.when(place < larger * (size + 1)).then(in_larger).otherwise((place - larger) // size)
        return (5 - tile).alias(f"{metric}_score")

    def work() -> None:
        recency, frequency, monetary = (polars.col(f"{metric}_score") for metric in METRICS)
        tenths = polars.col("tenths")
        grades = [(40, "A", 1), (30, "B", 2), (20, "C", 3)]
        grade, order = polars.lit("D"), polars.lit(4)
        for least, label, place in reversed(grades):
            grade = polars.when(tenths >= least).then(polars.lit(label)).otherwise(grade)
            order = polars.when(tenths >= least).then(polars.lit(place)).otherwise(order)
        (
            polars.scan_parquet(task["input"])
            .sort("customer_id")
            .rename({"recency_days": "recency"})
            .with_columns(score("recency", False), score("frequency", True), score("monetary", True))
            .with_columns((3 * recency + 3 * frequency + 4 * monetary).alias("tenths"))
            .select(
                polars.lit("customers").alias("dataset"),
                polars.lit(task["as_of_dates"][0]).str.to_date().alias("as_of_date"),
                polars.lit("all").alias("region"),
                "customer_id",
                polars.lit("platform_quintile").alias("rulebook"),
                polars.lit(None, dtype=polars.Date).alias("last_order_date"),
                polars.col("recency").alias("recency_days"),
                "frequency",
                polars.col("monetary").cast(amount),
                *(polars.col(f"{metric}_score").cast(amount) for metric in METRICS),
                (tenths.cast(amount) / 10).cast(amount).alias("total_score"),
                polars.lit(None, dtype=polars.String).alias("score_code"),
                grade.alias("grade"),
                order.alias("grade_order"),
            )
            .sink_parquet(task["output"], engine="in-memory")
        )

    return timed(work)


METRICS = ["recency", "frequency", "monetary"]

# --- The process ------------------------------------------------------------------------------------------------------

CONTENDERS: dict[str, Callable[[Task], float]] = {
    "copy": copy,
    "ntile": ntile,
    "ntile_ranks": ntile_ranks,
    "plain_sql": plain_sql,
    "date_by_date": date_by_date,
    "read_ranks": read_ranks,
    "read_grades": read_grades,
    "pandas": in_pandas,
    "polars": in_polars,
}


def timed(work: Callable[[], object]) -> float:
    """Seconds of some work."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main(text: str, told: Path) -> None:
    """Do a task and write the seconds it took."""
    task: Task = json.loads(text)
    told.write_text(json.dumps(CONTENDERS[task["contender"]](task)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
