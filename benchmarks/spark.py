"""What runs on Spark beside this project: NTILE windows, the table that dbt reads, and reading the marts.

Each is a process of its own, as a catalogue in a folder has one user at a time. Only the work is timed, not the start
of the session.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from benchmarks.contenders import GRADED, RANK, timed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Task(TypedDict):
    """What is to be done in the folder of a project. settings: of the session; input: a parquet file."""

    contender: str
    settings: dict[str, str]
    input: str
    as_of_date: str


def load(spark: SparkSession, task: Task) -> float:
    """Make the file the table that the project's source names."""
    spark.sql("create schema if not exists input")
    return timed(lambda: spark.sql(f"create table input.file using parquet options (path '{task['input']}')"))


def ntile(spark: SparkSession, task: Task, rank: str = "") -> float:
    """Customers graded by windows."""
    day = f"date '{task['as_of_date']}' as as_of_date, cast(null as date) as last_order_date"
    customers = f"select *, {day} from parquet.`{task['input']}`"
    query = GRADED.format(dataset="customers", customers=customers, partition="", rank=rank)
    return timed(lambda: spark.sql(f"create table answer using parquet as {query}"))


def ntile_ranks(spark: SparkSession, task: Task) -> float:
    """Customers graded and ranked by windows."""
    return ntile(spark, task, RANK)


def read_ranks(spark: SparkSession, task: Task) -> float:
    """What this project graded, read with its ranks into a table."""
    query = "select * from rfm.rfm__graded_customers"
    return timed(lambda: spark.sql(f"create table answer using parquet as {query}"))


CONTENDERS: dict[str, Callable[[SparkSession, Task], float]] = {
    "load": load,
    "ntile": ntile,
    "ntile_ranks": ntile_ranks,
    "read_ranks": read_ranks,
}


def main(text: str, told: Path) -> None:
    """Do a task and write the seconds it took."""
    from pyspark.sql import SparkSession

    task: Task = json.loads(text)
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in task["settings"].items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    # The catalogue and the first query of a session start much that is not the work.
    spark.sql("show schemas").collect()
    spark.read.parquet(task["input"]).limit(1).collect()
    told.write_text(json.dumps(CONTENDERS[task["contender"]](spark, task)), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
