"""On Spark no task gets all customers of a group, whether all of them have an amount of their own or all have the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow
import pytest

from conftest import QUINTILE, STANDARD_COLUMNS, Row
from engines import DuckDB, Engine, Spark, canonical
from test_parity import MARTS

TABLES = [*MARTS, "my_grades"]
CUSTOMERS = 10_000
DATES = ["2024-11-30", "2024-12-31"]
# The 10,000 customers of a date are one group. Those of all dates, spread over the tasks by their ids, are some 4,000 in each.
LARGEST_TASK = 8_000

RULEBOOK: Row = {
    "metrics": {
        "recency": {"value": "recency_days", "better": "low", "score": {"tiles": 5, "tie_break": ["monetary desc"]}},
        "frequency": {"value": "frequency", "score": {"split": "median"}},
        "monetary": {"value": "monetary", "score": {"tiles": 7}},
        "share": {"value": "monetary", "score": {"scale": "mean"}},
    },
    "total": {"recency": 0.3, "frequency": 0.3, "monetary": 0.3, "share": 0.1},
    "grades": QUINTILE["grades"],
    "actions": {
        "A": {"contact_every_days": 30, "resources": {"visits": 2}},
        "B": {"contact_every_days": 60, "resources": {"visits": 1}},
        "C": {"contact_every_days": 90},
        "D": {"contact_every_days": 365},
    },
}
# What rfm.grade() puts in order on Spark: texts, dates and numbers in both directions, some of them missing.
RANKED: Row = {
    "metrics": {
        "recency": {
            "value": "mod(recency_days, 2)",
            "better": "low",
            "score": {"tiles": 7, "tie_break": ["label desc", "day desc", "frequency", "monetary desc"]},
        }
    },
    "total": {"recency": 1},
    "grades": [{"grade": "A", "min": 3}, {"grade": "B"}],
}
MY_GRADES = "{{ config(materialized='table') }} {{ rfm.grade(ref('my_customers'), rulebook='ranked') }}"
MY_CUSTOMERS = """
{{ config(materialized="table") }}
select
    customer_id,
    recency_days,
    frequency,
    monetary,
    case
        when recency_days < 3 then null
        when recency_days < 6 then 'a'
        when recency_days < 12 then 'ab'
        when recency_days < 18 then 'é'
        when recency_days < 24 then 'B'
        else '茂'
    end as label,
    case when frequency > 1 then cast('2024-12-31' as date) - cast(frequency as integer) end as day
from {{ ref('rfm__graded_customers') }}
where dataset = 'unique_amounts' and as_of_date = cast('2024-12-31' as date)
"""
FEW_IN_ONE_TASK = "{% macro spark__customers_in_one_task() %}{{ return(1000) }}{% endmacro %}"


def records(amount_of: dict[str, int]) -> pyarrow.Table:
    """Two months of customers; their recency has few values, or one."""
    rows = [(day, number) for day in DATES for number in range(CUSTOMERS)]
    return pyarrow.table({
        "customer_id": [f"{number * 7919 % 100_003:06d}" for _, number in rows],
        "region": pyarrow.array([None] * len(rows), pyarrow.string()),
        "as_of_date": [day for day, _ in rows],
        "last_order_date": pyarrow.array([None] * len(rows), pyarrow.string()),
        "recency_days": [number * amount_of["recency"] % 31 for _, number in rows],
        "frequency": [1 + number * amount_of["frequency"] % 5 for _, number in rows],
        "monetary": [str(100 + number * amount_of["monetary"] * (1 + DATES.index(day)) % 100_003) for day, number in rows],
    })  # fmt: skip


def orders() -> pyarrow.Table:
    """Three orders of everybody."""
    first = date(2024, 9, 1)
    numbers = [(number, order) for number in range(CUSTOMERS) for order in range(3)]
    return pyarrow.table({
        "who": [f"{number * 7919 % 100_003:06d}" for number, _ in numbers],
        "order": [f"{number}-{order}" for number, order in numbers],
        "day": [str(first + timedelta(days=(number * 31 + order * 47) % 120)) for number, order in numbers],
        "amount": [str(5 + (number * 17 + order) % 997) for number, order in numbers],
    })  # fmt: skip


DATASETS: Row = {
    "unique_amounts": {"rulebook": "scaled", "records": "input.unique_amounts", "columns": STANDARD_COLUMNS, "resources": {"visits": 99}},
    "tied_amounts": {"rulebook": "scaled", "records": "input.tied_amounts", "columns": STANDARD_COLUMNS},
    "from_orders": {
        "rulebook": "scaled",
        "orders": "input.from_orders",
        "columns": {"customer_id": "who", "order_id": "order", "ordered_at": "day", "amount": "amount"},
        "as_of": DATES,
        "window": {"days": 60},
    },
}  # fmt: skip


def build(engine: Engine) -> dict[str, pyarrow.Table]:
    tables = {
        "unique_amounts": records({"recency": 3, "frequency": 7, "monetary": 7919}),
        "tied_amounts": records({"recency": 0, "frequency": 0, "monetary": 0}),
        "from_orders": orders(),
    }
    variables = {"rfm__rulebooks": {"scaled": RULEBOOK, "ranked": RANKED}, "rfm__datasets": DATASETS}
    files = {
        "macros/few.sql": FEW_IN_ONE_TASK,
        "models/my_customers.sql": MY_CUSTOMERS,
        "models/my_grades.sql": MY_GRADES,
    }
    engine.write_project(variables, list(tables), files)
    engine.load(tables)
    engine.dbt("run")
    return engine.read(TABLES)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pyarrow.Table]:
    return build(DuckDB(tmp_path_factory.mktemp("duckdb")))


@pytest.fixture(scope="module")
def engine(spark_here: None, tmp_path_factory: pytest.TempPathFactory) -> Spark:
    engine = Spark(tmp_path_factory.mktemp("spark"))
    engine.settings = {
        "spark.sql.shuffle.partitions": "16",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": str(engine.folder / "events"),
    }
    (engine.folder / "events").mkdir()
    return engine


@pytest.fixture(scope="module")
def found(engine: Spark) -> dict[str, pyarrow.Table]:
    return build(engine)


@pytest.mark.parametrize("mart", TABLES)
def test_ranges_count_as_windows_do(
    expected: dict[str, pyarrow.Table], found: dict[str, pyarrow.Table], mart: str
) -> None:
    assert canonical(found[mart]) == canonical(expected[mart])


def test_no_task_gets_all_customers_of_a_group(engine: Spark, found: dict[str, pyarrow.Table]) -> None:
    large = {
        (task.records, task.stage): task.plan for task in tasks(engine.folder / "events") if task.records > LARGEST_TASK
    }
    assert not large, "\n\n".join(f"{key}: {plan}" for key, plan in large.items())


def test_whoever_is_put_in_order_is_put_into_ranges_first(engine: Spark, found: dict[str, pyarrow.Table]) -> None:
    """The windows of the physical plans whose order tells customers or amounts apart."""
    seen = 0
    for plan in {task.plan for task in tasks(engine.folder / "events")}:
        for partition, order in WINDOW.findall(plan):
            if names(order) & {"customer_id", "best_first", "total_score", "id_start", "value_rank"}:
                seen += 1
                parts = names(partition)
                assert parts & {"customer_id", "id_start"} or any(name.endswith("__range") for name in parts), plan
    assert seen > 10


# The partition and the order of a window, in the details that Spark writes of every operator.
WINDOW = re.compile(r"\(\d+\) Window\nInput .*\nArguments: .*\], \[([^\[\]]*)\], \[([^\[\]]*)\]\n")


def names(columns: str) -> set[str]:
    """The columns' names in a list like 'dataset#12, place__range#3 ASC NULLS FIRST'."""
    return set(re.findall(r"(\w+)#\d+", columns))


class Task:
    """What a task read from others, and for which query."""

    def __init__(self, records: int, stage: int, plan: str) -> None:
        self.records, self.stage, self.plan = records, stage, plan


def tasks(events: Path) -> Iterator[Task]:
    """The tasks of all queries in Spark's event logs."""
    for log in events.iterdir():
        plans: dict[str, str] = {}
        execution_of_stage: dict[int, str] = {}
        for line in log.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["Event"].endswith("SparkListenerSQLExecutionStart"):
                plans[str(event["executionId"])] = event["physicalPlanDescription"]
            elif event["Event"] == "SparkListenerJobStart":
                for stage in event["Stage IDs"]:
                    execution_of_stage[stage] = event["Properties"].get("spark.sql.execution.id", "")
            elif event["Event"] == "SparkListenerTaskEnd":
                read = event["Task Metrics"]["Shuffle Read Metrics"]["Total Records Read"]
                stage = event["Stage ID"]
                yield Task(read, stage, plans.get(execution_of_stage.get(stage, ""), ""))
