"""What the marts hold of one data product at one as-of date, and which columns its rulebook fills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any, Self

import pyarrow as pa

from dbt_rfm.marts import Marts, Row
from dbt_rfm.mistake import Mistake
from dbt_rfm.words import COLUMNS, MEANINGS, Words

# Rows that are read at a time.
BATCH = 10_000
# What rfm__graded_customers has for the region where the dataset has none.
NO_REGION = "all"
# The metrics that people call by a letter.
LETTERS = {"recency": "R", "frequency": "F", "monetary": "M"}


class Kind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    DATE = "date"
    WHOLE = "whole number"
    NUMBER = "number"
    AMOUNT = "amount"
    SHARE = "share"


@dataclass(frozen=True)
class Column:
    """A column of customers or tiers.

    name: for programs; sql: its values in the common table expression customers
    longest: how many Latin characters' place the longest value takes; is_whole: whether no value has decimals
    """

    name: str
    sql: str
    header: Words
    meaning: Words
    kind: Kind
    longest: int = 0
    is_whole: bool = False


@dataclass(frozen=True)
class Metric:
    """A metric of the rulebook.

    is_measure: whether its values are those of recency_days, frequency or monetary, so that nobody needs them twice
    definition: the rule in words, none where the rulebook no longer has the metric
    """

    name: str
    is_measure: bool
    value_is_text: bool
    score_is_text: bool
    definition: Words | None

    @property
    def parts(self) -> list[str]:
        """Return which columns of rfm__customer_scores are shown: those that rfm__graded_customers does not have."""
        value = [] if self.is_measure else ["value_text" if self.value_is_text else "value"]
        if self.score_is_text:
            return [*value, "score_text"]
        return value if self.name in LETTERS else [*value, "score"]

    def explained(self, what: Words) -> Words:
        """Return what a column of the metric is, with the rule."""
        if self.definition is None:
            return what
        return Words(f"{what.en}: {self.definition.en}", f"{what.zh}：{self.definition.zh}")


@dataclass(frozen=True)
class Product:
    """A dataset at an as-of date.

    source: the common table expression customers; parameters: of the queries that read it
    regions: customers of each, in the order in which they are read
    rules: rows of rfm__rulebooks in the order in which they apply
    tiers: rows of rfm__tier_summary, of every region and, with region None, of all together; none without grades
    """

    marts: Marts
    dataset: str
    as_of_date: date
    source: str
    parameters: dict[str, Any]
    rulebook: str
    regions: dict[str, int]
    rules: list[Row]
    columns: list[Column]
    tiers: list[Row]

    @classmethod
    def of(cls, marts: Marts, dataset: str, as_of: date | None, period: str | None) -> Self:
        """Read what there is. Raises Mistake where the dataset was not graded for this date."""
        chosen = {"dataset": dataset, "as_of_date": date_of(marts, dataset, as_of)}
        parameters = chosen if period is None else chosen | {"period": period}
        counted = marts.rows(REGIONS, chosen)
        rules = rules_of(marts, counted[0]["rulebook"])
        metrics = metrics_of(marts, chosen, rules)
        source = customers_sql(metrics)
        regions = {row["region"]: row["customers"] for row in counted}
        columns = customer_columns(metrics, has_regions=list(regions) != [NO_REGION], has_period=period is not None)
        return cls(
            marts=marts,
            dataset=dataset,
            as_of_date=chosen["as_of_date"],
            source=source,
            parameters=parameters,
            rulebook=counted[0]["rulebook"],
            regions=regions,
            rules=rules,
            columns=filled(marts, source, parameters, columns),
            tiers=marts.rows(TIERS, chosen),
        )

    @property
    def customers(self) -> int:
        """Return how many customers there are."""
        return sum(self.regions.values())

    @property
    def has_regions(self) -> bool:
        """Return whether the dataset knows its customers' regions."""
        return list(self.regions) != [NO_REGION]

    @property
    def grades(self) -> list[str]:
        """Return the rulebook's grades, best first."""
        return [tier["grade"] for tier in self.tiers if tier["region"] is None]

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield all customers by region and rank, each batch with its region."""
        selected = ", ".join(f"{column.sql} as {column.name}" for column in self.columns)
        query = (
            f"{self.source} select region as file_region, {selected} from customers "
            "order by customers.region, customers.value_rank, customers.customer_id"
        )
        for batch in self.marts.connection.sql(query, params=self.parameters).to_arrow_reader(BATCH):
            customers = batch.select([column.name for column in self.columns])
            start = 0
            for region, rows in groupby(batch.column("file_region").to_pylist()):
                length = sum(1 for _ in rows)
                yield region, customers.slice(start, length)
                start += length

    def rulebook_hash(self) -> str | None:
        """Return SHA-256 of the rulebook's rows in rfm__rulebooks as JSON; decimals as texts without trailing zeros.

        None where the project no longer has the rulebook.
        """
        if not self.rules:
            return None
        parts = ["part", "position", "name", "definition", "weight", "lowest_score", "highest_score"]
        rows = [[plain(rule[part]) for part in parts] for rule in self.rules]
        return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


REGIONS = """
select region, min(rulebook) as rulebook, count(*) as customers
from rfm__graded_customers
where dataset = $dataset and as_of_date = $as_of_date
group by region
order by region
"""

METRICS = """
select
    scores.metric as name,
    bool_and(
        case scores.metric
            when 'recency' then scores.value is not distinct from customers.recency_days
            when 'frequency' then scores.value is not distinct from customers.frequency
            when 'monetary' then scores.value is not distinct from customers.monetary
            else false
        end
    ) as is_measure,
    count(scores.value_text) > 0 as value_is_text,
    count(scores.score_text) > 0 as score_is_text
from rfm__customer_scores as scores
inner join rfm__graded_customers as customers
    on scores.region = customers.region and scores.customer_id = customers.customer_id
where
    scores.dataset = $dataset and scores.as_of_date = $as_of_date
    and customers.dataset = $dataset and customers.as_of_date = $as_of_date
group by scores.metric
order by scores.metric
"""

# The averages of all regions together are made from those of each, which have six decimals.
TIERS = """
with

tiers as (
    select * from rfm__tier_summary
    where dataset = $dataset and as_of_date = $as_of_date
),

everybody as (
    select
        null as region,
        grade,
        min(grade_order) as grade_order,
        cast(sum(customers) as bigint) as customers,
        sum(monetary) as monetary,
        cast(
            sum(average_recency_days * customers) / nullif(sum(customers), 0) as decimal(28, 6)
        ) as average_recency_days,
        cast(
            sum(average_frequency * customers) / nullif(sum(customers), 0) as decimal(28, 6)
        ) as average_frequency,
        cast(sum(monetary) / nullif(sum(customers), 0) as decimal(28, 6)) as average_monetary,
        cast(
            sum(average_total_score * customers) / nullif(sum(customers), 0) as decimal(28, 6)
        ) as average_total_score
    from tiers
    group by grade
)

select
    region,
    grade,
    grade_order,
    customers,
    customer_share,
    monetary,
    monetary_share,
    average_recency_days,
    average_frequency,
    average_monetary,
    average_total_score
from tiers

union all

select
    region,
    grade,
    grade_order,
    customers,
    cast(customers / sum(customers) over () as decimal(28, 6)) as customer_share,
    monetary,
    cast(coalesce(monetary / nullif(sum(monetary) over (), 0), monetary * 0) as decimal(28, 6)) as monetary_share,
    average_recency_days,
    average_frequency,
    average_monetary,
    average_total_score
from everybody
order by region nulls last, grade_order, grade
"""


def customers_sql(metrics: Sequence[Metric]) -> str:
    """Return the common table expression customers, of which a query follows: a row for each, with its metrics."""
    # What rfm__graded_customers has need not be put together from the rows of metrics.
    parts = [
        f"max({part}) filter (where metric = '{metric.name}') as {metric.name}_{part}"
        for metric in metrics
        for part in metric.parts
    ]
    if not parts:
        return """
with

customers as (
    select * from rfm__graded_customers
    where dataset = $dataset and as_of_date = $as_of_date
)
"""
    return f"""
with

graded_customers as (
    select * from rfm__graded_customers
    where dataset = $dataset and as_of_date = $as_of_date
),

scores as (
    select region, customer_id, {", ".join(parts)}
    from rfm__customer_scores
    where dataset = $dataset and as_of_date = $as_of_date
    group by region, customer_id
),

customers as (
    select graded_customers.*, scores.* exclude (region, customer_id)
    from graded_customers
    left join scores
        on graded_customers.region = scores.region and graded_customers.customer_id = scores.customer_id
)
"""


def date_of(marts: Marts, dataset: str, wanted: date | None, shown: int = 12) -> date:
    """Return the wanted as-of date of a dataset, or its last one."""
    dates: list[date] = [
        row["as_of_date"]
        for row in marts.rows(
            "select distinct as_of_date from rfm__graded_customers where dataset = ? order by as_of_date", [dataset]
        )
    ]
    if wanted is None:
        return dates[-1]
    if wanted not in dates:
        earlier = f", or one of {len(dates) - shown} earlier ones" if len(dates) > shown else ""
        raise Mistake(
            f"dataset '{dataset}' has no as-of date {wanted}, expected one of: "
            f"{', '.join(map(str, dates[-shown:]))}{earlier}; --dataset names the datasets to release"
        )
    return wanted


def rules_of(marts: Marts, rulebook: str) -> list[Row]:
    """Return the rows of a rulebook in the order in which they apply."""
    return marts.rows(
        "select * from rfm__rulebooks where rulebook = ? order by "
        "list_position(['rulebook', 'metric', 'total', 'grade', 'action'], part), position",
        [rulebook],
    )


def metrics_of(marts: Marts, chosen: dict[str, Any], rules: list[Row]) -> list[Metric]:
    """Return the metrics by which the date was graded, in the order of the rulebook."""
    definitions = {
        rule["name"]: Words(rule["definition"], rule["definition_zh"]) for rule in rules if rule["part"] == "metric"
    }
    metrics = [
        # A rulebook may have changed since it graded the date, and not know the metric any more.
        Metric(**row, definition=definitions.get(row["name"]))
        for row in marts.rows(METRICS, chosen)
    ]
    order = list(definitions)
    return sorted(metrics, key=lambda metric: order.index(metric.name) if metric.name in order else len(order))


def customer_columns(metrics: list[Metric], has_regions: bool, has_period: bool) -> list[Column]:
    """Return the columns of the registry's layout, with those of the rulebook's own metrics."""
    return [
        graded("customer_id", Kind.TEXT),
        *([graded("region", Kind.TEXT)] if has_regions else []),
        graded("as_of_date", Kind.DATE),
        *([replace(graded("period", Kind.TEXT), sql="$period")] if has_period else []),
        graded("last_order_date", Kind.DATE),
        graded("recency_days", Kind.WHOLE),
        graded("frequency", Kind.WHOLE),
        graded("monetary", Kind.AMOUNT),
        *(value_column(metric) for metric in metrics if not metric.is_measure),
        *(score_column(metric) for metric in metrics),
        graded("total_score", Kind.NUMBER),
        graded("score_code", Kind.TEXT),
        graded("grade", Kind.TEXT),
        graded("value_rank", Kind.WHOLE),
    ]


def graded(name: str, kind: Kind) -> Column:
    """Return a column of rfm__graded_customers."""
    return Column(name, name, COLUMNS[name], MEANINGS[name], kind)


def value_column(metric: Metric) -> Column:
    """Return the column with what a metric measures."""
    name = metric.name
    letter = LETTERS.get(name)
    return Column(
        name=f"{name}_value",
        sql=f"{name}_value_text" if metric.value_is_text else f"{name}_value",
        header=Words(f"{letter} value", f"{letter}值") if letter else Words(name, name),
        meaning=metric.explained(Words(f"What the metric {name} measures", f"指标 {name} 的取值")),
        kind=Kind.TEXT if metric.value_is_text else Kind.NUMBER,
    )


def score_column(metric: Metric) -> Column:
    """Return the column with the score of a metric."""
    name = metric.name
    label = LETTERS.get(name, name)
    return Column(
        name=f"{name}_score",
        sql=f"{name}_score_text" if metric.score_is_text else f"{name}_score",
        header=COLUMNS.get(f"{name}_score", Words(f"{label} score", f"{label}得分")),
        meaning=metric.explained(Words(f"Score of {label}", f"{label} 的得分")),
        kind=Kind.TEXT if metric.score_is_text else Kind.NUMBER,
    )


def filled(marts: Marts, source: str, parameters: dict[str, Any], columns: list[Column]) -> list[Column]:
    """Return the columns in which anybody has a value, with what their values look like."""
    asked = []
    for column in columns:
        # Asking for ranks would put everybody in order once more; none of them is above the number of customers.
        value = "1" if column.name == "value_rank" else column.sql
        parts = {"found": f"count({value}) > 0"}
        if column.kind is Kind.TEXT:
            # Chinese characters have three bytes and take the place of two Latin ones.
            parts["longest"] = f"max(length({value}) + strlen({value})) // 2"
        elif column.kind is not Kind.DATE:
            parts["most"] = f"max({value})" if column.name != "value_rank" else "count(*)"
            parts["least"] = f"min({value})"
            parts["is_whole"] = f"bool_and({value} = trunc({value}))"
        asked += [f"{what} as {column.name}_{part}" for part, what in parts.items()]
    (found,) = marts.rows(f"{source} select {', '.join(asked)} from customers", parameters)
    return [
        replace(column, **looks(column, {part: found.get(f"{column.name}_{part}") for part in PARTS}))
        for column in columns
        if found[f"{column.name}_found"]
    ]


PARTS = ["longest", "most", "least", "is_whole"]


def looks(column: Column, found: Row) -> dict[str, Any]:
    """Return how long a column's longest value is, and whether all are whole."""
    if column.kind in {Kind.TEXT, Kind.DATE}:
        return {"longest": found["longest"] or len("2025-01-31")}
    is_whole = column.kind is not Kind.AMOUNT and found["is_whole"]
    decimals = 0 if is_whole else 2 if column.kind is Kind.AMOUNT else 6
    return {"longest": max(len(f"{found[end]:,.{decimals}f}") for end in ["most", "least"]), "is_whole": is_whole}


def plain(value: Any) -> Any:
    """Return a decimal as text without zeros at the end, anything else as it is."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
