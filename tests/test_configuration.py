"""Every mistake in the two vars is one line that names the rulebook or dataset, the key, the value and what is expected."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from dbt.cli.main import dbtRunner

from conftest import QUINTILE, STANDARD_COLUMNS, Project, Row, invoke, write_project

RULEBOOKS: Row = {"quintile": QUINTILE}
DATASETS: Row = {"shop": {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}}

REMOVE = object()

# (where in the vars, the value put there, the error's text behind "rfm: ")
WRONG: list[tuple[str, Any, str]] = [
    ("rulebooks", {}, "var 'rfm__rulebooks' is not set, expected a mapping of rulebook names"),
    ("rulebooks", ["quintile"], "var 'rfm__rulebooks' is not set, expected a mapping of rulebook names"),
    ("datasets", {}, "var 'rfm__datasets' is not set, expected a mapping of dataset names"),
    (
        "rulebooks.Quintile",
        QUINTILE,
        "rulebook 'Quintile': its name is 'Quintile', expected a name of lower-case letters",
    ),
    ("rulebooks.quintile", "fifths", "rulebook 'quintile': the rulebook is 'fifths', expected a mapping"),
    (
        "rulebooks.quintile.metric",
        {},
        "rulebook 'quintile': the rulebook has the unknown key 'metric', expected one of: description, metrics, total, round, grades",
    ),
    (
        "rulebooks.quintile.metrics",
        REMOVE,
        "rulebook 'quintile': the rulebook lacks 'metrics', expected the keys: metrics",
    ),
    ("rulebooks.quintile.metrics", {}, "rulebook 'quintile': metrics is {}, expected at least one entry"),
    ("rulebooks.quintile.description", 7, "rulebook 'quintile': description is 7, expected a text"),
    ("rulebooks.quintile.round", 2.5, "rulebook 'quintile': round is 2.5, expected a whole number from 0 to 6"),
    ("rulebooks.quintile.round", 9, "rulebook 'quintile': round is 9, expected a whole number from 0 to 6"),
    (
        "rulebooks.quintile.metrics.Money",
        {"value": "monetary"},
        "rulebook 'quintile': total lacks 'Money', expected a weight for every metric",
    ),
    (
        "rulebooks.quintile.metrics.recency.better",
        "lower",
        "rulebook 'quintile': metrics.recency.better is 'lower', expected one of: high, low",
    ),
    (
        "rulebooks.quintile.metrics.recency.valeu",
        "recency_days",
        "rulebook 'quintile': metrics.recency has the unknown key 'valeu', expected one of: value, better, score, clamp",
    ),
    (
        "rulebooks.quintile.metrics.recency.value",
        REMOVE,
        "rulebook 'quintile': metrics.recency lacks 'value', expected the keys: value",
    ),
    ("rulebooks.quintile.metrics.recency.value", 5, "rulebook 'quintile': metrics.recency.value is 5, expected a text"),
    (
        "rulebooks.quintile.metrics.recency.value",
        "recency_days; drop table x",
        "rulebook 'quintile': metrics.recency.value is 'recency_days; drop table x', expected a SQL expression",
    ),
    (
        "rulebooks.quintile.metrics.recency.value",
        "recency_days -- all",
        "rulebook 'quintile': metrics.recency.value is 'recency_days -- all', expected a SQL expression",
    ),
    (
        "rulebooks.quintile.metrics.recency.value",
        "(recency_days",
        "rulebook 'quintile': metrics.recency.value is '(recency_days', expected a SQL expression over the dataset's columns "
        "with matching brackets",
    ),
    (
        "rulebooks.quintile.metrics.recency.value",
        "recency_days) from x, (select 1",
        "rulebook 'quintile': metrics.recency.value is 'recency_days) from x, (select 1', expected a SQL expression",
    ),
    (
        "rulebooks.quintile.metrics.recency.value",
        "nullif(region, 'x)",
        "rulebook 'quintile': metrics.recency.value is 'nullif(region, 'x)', expected a SQL expression",
    ),
    (
        "rulebooks.quintile.metrics.recency.score",
        "fifths",
        "rulebook 'quintile': metrics.recency.score is 'fifths', expected a mapping",
    ),
    (
        "rulebooks.quintile.metrics.recency.score",
        {"tilse": 5},
        "rulebook 'quintile': metrics.recency.score has the unknown key 'tilse', expected one of: tiles, clamp",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tiles",
        1,
        "rulebook 'quintile': metrics.recency.score.tiles is 1, expected a whole number from 2 to 100",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tiles",
        "five",
        "rulebook 'quintile': metrics.recency.score.tiles is 'five', expected a whole number from 2 to 100",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tiles",
        True,
        "rulebook 'quintile': metrics.recency.score.tiles is True, expected a whole number from 2 to 100",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tie",
        "split",
        "rulebook 'quintile': metrics.recency.score has the unknown key 'tie', expected one of: tiles, ties, tie_break, clamp",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.ties",
        "apart",
        "rulebook 'quintile': metrics.recency.score.ties is 'apart', expected one of: split, together",
    ),
    (
        "rulebooks.quintile.metrics.recency.score",
        {"tiles": 5, "ties": "together", "tie_break": ["monetary desc"]},
        "rulebook 'quintile': metrics.recency.score.tie_break is ['monetary desc'], expected no tie_break",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tie_break",
        "monetary desc",
        "rulebook 'quintile': metrics.recency.score.tie_break is 'monetary desc', expected a list of columns",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tie_break",
        ["monetary descending"],
        "rulebook 'quintile': metrics.recency.score.tie_break is 'monetary descending', expected a column, with asc or desc",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.tie_break",
        ["margin desc"],
        "dataset 'shop': rulebook 'quintile' metrics.recency.score.tie_break is 'margin', expected one of the dataset's columns",
    ),
    (
        "rulebooks.quintile.metrics.recency.clamp",
        5,
        "rulebook 'quintile': metrics.recency.clamp is 5, expected a list of two numbers",
    ),
    (
        "rulebooks.quintile.metrics.recency.clamp",
        [5, 1],
        "rulebook 'quintile': metrics.recency.clamp is [5, 1], expected the lower bound first",
    ),
    (
        "rulebooks.quintile.metrics.recency.score.clamp",
        [5],
        "rulebook 'quintile': metrics.recency.score.clamp is [5], expected a list of two numbers",
    ),
    (
        "rulebooks.quintile.metrics.recency.clamp",
        ["a", 2],
        "rulebook 'quintile': metrics.recency.clamp is 'a', expected a number",
    ),
    (
        "rulebooks.quintile.total.moneytary",
        0.4,
        "rulebook 'quintile': total has the unknown key 'moneytary', expected one of: recency, frequency, monetary",
    ),
    (
        "rulebooks.quintile.total.monetary",
        REMOVE,
        "rulebook 'quintile': total lacks 'monetary', expected a weight for every metric: recency, frequency, monetary",
    ),
    ("rulebooks.quintile.total.monetary", "0.4", "rulebook 'quintile': total.monetary is '0.4', expected a number"),
    (
        "rulebooks.quintile.total.monetary",
        1e-7,
        "rulebook 'quintile': total.monetary is 1e-07, expected a number of at most",
    ),
    (
        "rulebooks.quintile.total.monetary",
        4000,
        "rulebook 'quintile': total.monetary is 4000, expected a number of at most 3",
    ),
    ("rulebooks.quintile.total", REMOVE, "rulebook 'quintile': the rulebook lacks 'total', expected a total"),
    (
        "rulebooks.quintile.grades",
        {"A": 4},
        "rulebook 'quintile': grades is {'A': 4}, expected a list of grades, best first",
    ),
    ("rulebooks.quintile.grades", [], "rulebook 'quintile': grades is [], expected a list of grades, best first"),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "minimum": 4}],
        "rulebook 'quintile': grades[1] has the unknown key 'minimum', expected one of: grade, min, above, max, below",
    ),
    (
        "rulebooks.quintile.grades",
        [{"min": 4}],
        "rulebook 'quintile': grades[1] lacks 'grade', expected the keys: grade",
    ),
    ("rulebooks.quintile.grades", [{"grade": True}], "rulebook 'quintile': grades[1].grade is True, expected a text"),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": "4"}],
        "rulebook 'quintile': grades[1].min is '4', expected a number",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": 4}, {"grade": "A"}],
        "rulebook 'quintile': grades[2].grade is 'A', expected each grade once",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": 3}, {"grade": "B", "min": 4}],
        "rulebook 'quintile': grades[2] ('B') is never reached behind 'A', expected the best entry first",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A"}, {"grade": "B", "min": 4}],
        "rulebook 'quintile': grades[1] ('A') has no bounds, expected such an otherwise to be the last",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": 4}, {"grade": "B", "min": 3, "max": 4}],
        "rulebook 'quintile': grades[2] ('B') overlaps 'A', expected ranges that share no value",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": 4}, {"grade": "B", "below": 4}, {"grade": "C"}],
        "rulebook 'quintile': grades[3] ('C') is never reached behind the entries before it, expected the best",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": 4, "max": 3}],
        "rulebook 'quintile': grades[1] ('A') has its lower bound above its upper bound, expected bounds",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "min": 4, "above": 4}],
        "rulebook 'quintile': grades[1] has both 'min' and 'above', expected one of the two",
    ),
    (
        "rulebooks.quintile.actions",
        {"E": {}},
        "rulebook 'quintile': actions has the unknown key 'E', expected one of: A, B, C, D",
    ),
    (
        "rulebooks.quintile.actions.A.contact_every_days",
        0,
        "rulebook 'quintile': actions.A.contact_every_days is 0, expected a whole number from 1 to 3660",
    ),
    (
        "rulebooks.quintile.actions.A",
        {"services": "visit"},
        "rulebook 'quintile': actions.A.services is 'visit', expected a list of words",
    ),
    ("rulebooks.quintile.metrics.total", {"value": "monetary"}, "rulebook 'quintile': total lacks 'total'"),
    ("datasets.Shop", DATASETS["shop"], "dataset 'Shop': its name is 'Shop', expected a name of lower-case letters"),
    ("datasets.shop.rulebook", "quintiles", "dataset 'shop': rulebook is 'quintiles', expected one of: quintile"),
    ("datasets.shop.rulebook", REMOVE, "dataset 'shop': the dataset lacks 'rulebook', expected the keys: rulebook"),
    (
        "datasets.shop.records",
        REMOVE,
        "dataset 'shop': the dataset lacks 'records', expected the keys: rulebook, records",
    ),
    (
        "datasets.shop.records",
        "select 1",
        "dataset 'shop': records is 'select 1', expected the name of a model or seed",
    ),
    (
        "datasets.shop.colums",
        {},
        "dataset 'shop': the dataset has the unknown key 'colums', expected one of: description, rulebook",
    ),
    ("datasets.shop.columns", ["R"], "dataset 'shop': columns is ['R'], expected a mapping"),
    ("datasets.shop.columns.customer_id", REMOVE, "dataset 'shop': columns lacks 'customer_id', expected the column"),
    ("datasets.shop.columns.as_of_date", REMOVE, "dataset 'shop': columns lacks 'as_of_date', expected the column of"),
    (
        "datasets.shop.as_of_date",
        "2024-11-02",
        "dataset 'shop': as_of_date is '2024-11-02', expected either this date or",
    ),
    (
        "datasets.shop.columns.monetary",
        True,
        "dataset 'shop': columns.monetary is True, expected a text (put it in quotes)",
    ),
    (
        "datasets.shop.columns.monetary",
        REMOVE,
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value is 'monetary', expected one of the dataset's columns",
    ),
    (
        "datasets.shop.columns.margin",
        {"column": "m", "type": "money"},
        "dataset 'shop': columns.margin.type is 'money', expected one of: decimal, integer, text, date",
    ),
    (
        "datasets.shop.columns.margin",
        {"type": "decimal"},
        "dataset 'shop': columns.margin lacks 'column', expected the keys: column",
    ),
    (
        "datasets.shop.columns.Margin",
        "m",
        "dataset 'shop': a key of columns is 'Margin', expected a name of lower-case letters",
    ),
    (
        "datasets.shop.columns.total_score",
        "m",
        "dataset 'shop': a key of columns is 'total_score', expected another name",
    ),
    ("datasets.shop.columns.grade", "m", "dataset 'shop': a key of columns is 'grade', expected another name"),
    (
        "datasets.shop.columns.order",
        "m",
        "dataset 'shop': a key of columns is 'order', expected another name: this one is a",
    ),
    (
        "datasets.shop.columns.money_read",
        "m",
        "dataset 'shop': a key of columns is 'money_read', expected another name",
    ),
    ("datasets.shop.within", "city", "dataset 'shop': within is 'city', expected one of: region"),
    ("datasets.shop.missing", "ignore", "dataset 'shop': missing is 'ignore', expected one of: reject, zero"),
]


def changed(path: str, value: Any) -> Row:
    """The right vars with one thing wrong."""
    written: Row = copy.deepcopy({"rulebooks": RULEBOOKS, "datasets": DATASETS})
    *parents, last = path.split(".")
    place = written
    for part in parents:
        place = place[part]
    if value is REMOVE:
        del place[last]
    else:
        place[last] = value
    return {f"rfm__{name}": content for name, content in written.items()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write_project(tmp_path_factory.mktemp("configuration"), RULEBOOKS, DATASETS, tables=["customers"])


@pytest.fixture(scope="module")
def read_datasets(shop: Project) -> Any:
    """Evaluate the macro that reads both vars, on a manifest that is parsed once."""
    runner = dbtRunner()
    folder = [
        "--project-dir",
        str(shop.folder),
        "--profiles-dir",
        str(shop.folder),
        "--log-path",
        str(shop.folder / "logs"),
    ]
    manifest = runner.invoke(["parse", *folder]).result

    def read(written: Row) -> Any:
        dumped = yaml.safe_dump(written, allow_unicode=True, default_flow_style=True, width=10_000, sort_keys=False)
        return invoke("run-operation", "rfm.checked_datasets", "--vars", dumped, *folder, manifest=manifest)

    return read


def test_the_right_vars_are_read(read_datasets: Any) -> None:
    result = read_datasets({"rfm__rulebooks": RULEBOOKS, "rfm__datasets": DATASETS})
    assert result.success, result.text


@pytest.mark.parametrize(
    ("path", "value", "message"), WRONG, ids=[f"{path}={value!r}"[:70] for path, value, _ in WRONG]
)
def test_a_mistake_is_one_line(read_datasets: Any, path: str, value: Any, message: str) -> None:
    result = read_datasets(changed(path, value))
    assert not result.success
    lines = [line for line in result.errors if line.startswith(f"rfm: {message}")]
    assert lines, result.text


def test_as_of_date_must_be_a_date(read_datasets: Any) -> None:
    written = changed("datasets.shop.columns.as_of_date", REMOVE)
    written["rfm__datasets"]["shop"]["as_of_date"] = "2024-13-01"
    result = read_datasets(written)
    assert "rfm: dataset 'shop': as_of_date is '2024-13-01', expected a date like 2024-11-02" in result.text


def test_within_needs_the_region(read_datasets: Any) -> None:
    written = changed("datasets.shop.columns.region", REMOVE)
    written["rfm__datasets"]["shop"]["within"] = "region"
    assert "rfm: dataset 'shop': within is 'region', expected columns to name" in read_datasets(written).text


@pytest.mark.parametrize(
    "grades",
    [
        [{"grade": "A", "min": 4}, {"grade": "B", "above": 3}, {"grade": "C"}],
        [{"grade": "low", "max": 1}, {"grade": "middle", "max": 2}, {"grade": "high", "above": 2}],
        [{"grade": "A", "min": 4}, {"grade": "B", "min": 2, "below": 4}, {"grade": "C", "below": 1}],
        [{"grade": "exactly three", "min": 3, "max": 3}, {"grade": "the rest"}],
        [{"grade": "middle", "min": 2, "max": 3}, {"grade": "above", "above": 3}, {"grade": "below", "below": 2}],
    ],
)
def test_ladders_that_are_right_are_taken(read_datasets: Any, grades: list[Row]) -> None:
    written = changed("rulebooks.quintile.grades", grades)
    del written["rfm__rulebooks"]["quintile"]["actions"]
    result = read_datasets(written)
    assert result.success, result.text


def test_mistakes_stop_dbt_while_it_parses(shop: Project) -> None:
    result = shop.dbt("parse", "--vars", yaml.safe_dump(changed("rulebooks.quintile.metrics.recency.better", "lower")))
    assert not result.success
    assert result.errors == [
        "rfm: rulebook 'quintile': metrics.recency.better is 'lower', expected one of: high, low",
    ] * len(result.errors)
    assert result.errors
