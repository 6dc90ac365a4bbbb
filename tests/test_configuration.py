"""Every mistake in the vars is one line that names the rulebook or dataset, the key, the value and what is expected."""

from __future__ import annotations

import copy
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.cli.main import dbtRunner

from conftest import QUINTILE, REPOSITORY, STANDARD_COLUMNS, Project, Row, invoke, write_project

RULEBOOKS: Row = {
    "quintile": QUINTILE,
    "firm": {
        "metrics": {
            "size": {"value": "company_size", "score": {"lookup": {"XS": 2, "S": 4}, "otherwise": 0}},
            "amount": {
                "value": "monetary",
                "score": {"steps": [{"min": 100, "score": 2}, {"min": 50, "score": 1}, {"score": 0}]},
            },
            "ticket": {"value": "monetary / frequency", "score": {"group": "mean"}},
            "part": {"value": "monetary", "score": {"share": "percent"}},
            "pace": {"value": "frequency", "score": {"scale": "minmax"}, "clamp": [0, 1]},
        },
        "total": {"expression": "(size_score + amount_score) * pace_score"},
        "round": 2,
        "grades": [
            {"grade": "A", "when": "total_score > 3 and ticket_score > disputes"},
            {"grade": "B", "min": 1},
            {"grade": "C"},
        ],
    },
    "eight": {
        "metrics": {
            "recency": {"value": "recency_days", "better": "low", "score": {"split": "median"}},
            "frequency": {"value": "frequency", "score": {"split": "mean", "scores": [1, 0]}},
            "monetary": {"value": "monetary", "score": {"tiles": 5}},
        },
        "total": {"code": ["recency", "frequency", "monetary"]},
        "grades": [
            {"grade": "best", "codes": ["11[4-5]"]},
            {"grade": "good", "codes": ["[01]1[3]", "101"]},
            {"grade": "rest"},
        ],
    },
    "store": {
        "metrics": {
            "ticket": {
                "value": "case when frequency = 0 then 0 else monetary / frequency end",
                "score": {"group": "mean"},
            },
            "member": {"value": "region", "score": {"lookup": {"north": "N", "south": "S"}, "otherwise": "O"}},
        },
        "grades": [{"grade": "core", "when": "monetary >= 3 * ticket_score"}, {"grade": "other"}],
    },
    "served": {
        "metrics": {"monetary": {"value": "monetary"}},
        "total": {"monetary": 1},
        "grades": [{"grade": "A", "min": 100}, {"grade": "B"}],
        "actions": {"A": {"resources": {"visits": 2, "hours": 0.5}}, "B": {"resources": {"visits": 1}}},
    },
    "score": {"metrics": {"monetary": {"value": "monetary"}}, "total": {"monetary": 1}},
}
FIRM_COLUMNS: Row = STANDARD_COLUMNS | {
    "company_size": {"column": "company_size", "type": "text"},
    "disputes": {"column": "disputes", "type": "integer"},
}
ORDER_COLUMNS: Row = {
    "customer_id": "customer_id",
    "region": "region",
    "order_id": "order_id",
    "ordered_at": "ordered_at",
    "amount": "amount",
}
DATASETS: Row = {
    "shop": {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS},
    "firms": {"rulebook": "firm", "records": "input.customers", "columns": FIRM_COLUMNS},
    "users": {"rulebook": "eight", "records": "input.customers", "columns": STANDARD_COLUMNS},
    "stores": {"rulebook": "store", "records": "input.customers", "columns": STANDARD_COLUMNS},
    "sales": {
        "rulebook": "served",
        "orders": "input.orders",
        "columns": ORDER_COLUMNS,
        "as_of": ["2024-02-29", "2024-01-31"],
    },
    "scores": {"rulebook": "score", "orders": "input.orders", "columns": ORDER_COLUMNS, "as_of": "2024-02-29"},
}

SALES: Row = DATASETS["sales"]

REMOVE = type("Remove", (), {"__repr__": lambda self: "(removed)"})()

# (where in the vars, the value put there, the error's text behind "rfm: ")
WRONG: list[tuple[str, Any, str]] = [
    (
        "rulebooks.quintile.metrics.monetary.value",
        "frequency % 7 * monetary * 2",
        "rulebook 'quintile': metrics.monetary.value is 'frequency % 7 * monetary * 2', expected mod(a, b) in place of %",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "case when frequency > 1 then 2 else 1 end * monetary * 2",
        "rulebook 'quintile': metrics.monetary.value is 'case when frequency > 1 then 2 else 1 end * monetary * 2', "
        "expected brackets around a case ... end",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "days_between(last_order_date, frequency)",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value takes days_between of 'frequency', a column of type integer, "
        "expected type date",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "case when monetary / frequency > 95% then 1 else 0 end",
        "rulebook 'quintile': metrics.monetary.value is 'case when monetary / frequency > 95% then 1 else 0 end', "
        "expected a fraction in place of a percentage",
    ),
    (
        "rulebooks.quintile.metrics.monetary",
        {"value：monetary": None},
        "rulebook 'quintile': metrics.monetary has the unknown key 'value：monetary', expected one of: value, better, score, clamp "
        "(a half-width colon and a blank stand behind a key)",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "sum(monetary)",
        "rulebook 'quintile': metrics.monetary.value is 'sum(monetary)', expected a SQL expression over one customer's columns without sum (a metric with score: {group: sum} is that of the group",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary * random()",
        "rulebook 'quintile': metrics.monetary.value is 'monetary * random()', expected a SQL expression over one customer's columns without random: the same input",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "days_between(last_order_date)",
        "rulebook 'quintile': metrics.monetary.value is 'days_between(last_order_date)', expected two dates: days_between(from, to)",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary::integer",
        "rulebook 'quintile': metrics.monetary.value is 'monetary::integer', expected a SQL expression over one customer's columns: cast(a as type) in place of a::type",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary[1]",
        "rulebook 'quintile': metrics.monetary.value is 'monetary[1]', expected a SQL expression over one customer's columns without [",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary / case when frequency > 1 then 2 else 1 end",
        "rulebook 'quintile': metrics.monetary.value is 'monetary / case when frequency > 1 then 2 else 1 end', expected brackets around a case ... end",
    ),
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
        "rulebook 'quintile': the rulebook has the unknown key 'metric': did you mean 'metrics'? expected one of: description, metrics, total, round",
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
        "rulebook 'quintile': a key of metrics is 'Money', expected a name of lower-case letters",
    ),
    (
        "rulebooks.quintile.metrics.recency.better",
        "lower",
        "rulebook 'quintile': metrics.recency.better is 'lower', expected one of: high, low",
    ),
    (
        "rulebooks.quintile.metrics.recency.valeu",
        "recency_days",
        "rulebook 'quintile': metrics.recency has the unknown key 'valeu': did you mean 'value'? expected one of: value, better, score, clamp",
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
        "rulebook 'quintile': metrics.recency.value is '(recency_days', expected a SQL expression over one customer's columns "
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
        "rulebook 'quintile': metrics.recency.score has the unknown key 'tilse': did you mean 'tiles'? expected one of: tiles, steps, lookup",
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
        "rulebook 'quintile': metrics.recency.score has the unknown key 'tie': did you mean 'ties'? expected one of: tiles, ties, tie_break, clamp",
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
        "dataset 'shop': rulebook 'quintile' metrics.recency.score.tie_break names 'margin', expected one of: customer_id, region",
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
        "rulebook 'quintile': total has the unknown key 'moneytary': did you mean 'monetary'? expected one of: recency, frequency, monetary",
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
        "rulebook 'quintile': grades[1] ('A') has no condition, expected such an otherwise to be the last",
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
    (
        "rulebooks.quintile.metrics.total",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'total', expected another name: the marts use this one",
    ),
    ("datasets.Shop", DATASETS["shop"], "dataset 'Shop': its name is 'Shop', expected a name of lower-case letters"),
    (
        "datasets.shop.rulebook",
        "quintiles",
        "dataset 'shop': rulebook is 'quintiles': did you mean 'quintile'? expected one of: quintile, firm, eight, store",
    ),
    ("datasets.shop.rulebook", REMOVE, "dataset 'shop': the dataset lacks 'rulebook', expected the keys: rulebook"),
    (
        "datasets.shop.records",
        REMOVE,
        "dataset 'shop': the dataset lacks 'records' or 'orders', expected one of the two: where its rows come from",
    ),
    (
        "datasets.shop.records",
        "select 1",
        "dataset 'shop': records is 'select 1', expected the name of a model or seed",
    ),
    (
        "datasets.shop.colums",
        {},
        "dataset 'shop': the dataset has the unknown key 'colums': did you mean 'columns'? expected one of: description, rulebook",
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
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value names 'monetary', expected one of: customer_id, region",
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
        "datasets.shop.columns.recency_is_own",
        "m",
        "dataset 'shop': a key of columns is 'recency_is_own', expected another name",
    ),
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
    # Unknown keys and words, with the nearest one where it is likely meant.
    (
        "rulebooks.quintile.gardes",
        [],
        "rulebook 'quintile': the rulebook has the unknown key 'gardes': did you mean 'grades'? expected one of: description, metrics, total, round, grades, actions",
    ),
    (
        "rulebooks.quintile.metrics.recency.socre",
        {"tiles": 5},
        "rulebook 'quintile': metrics.recency has the unknown key 'socre': did you mean 'score'? expected one of: value, better, score, clamp",
    ),
    (
        "rulebooks.quintile.metrics.recency.beter",
        "low",
        "rulebook 'quintile': metrics.recency has the unknown key 'beter': did you mean 'better'? expected one of: value, better, score, clamp",
    ),
    (
        "rulebooks.quintile.metrics.recency.better",
        "hihg",
        "rulebook 'quintile': metrics.recency.better is 'hihg': did you mean 'high'? expected one of: high, low",
    ),
    (
        "rulebooks.quintile.metrics.recency.better",
        True,
        "rulebook 'quintile': metrics.recency.better is True, expected one of: high, low",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"window": 5},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'window', expected one of: tiles, steps, lookup, split, share, scale, group, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"tiles": 5, "tie_braek": ["frequency"]},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'tie_braek': did you mean 'tie_break'? expected one of: tiles, ties, tie_break, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"tiles": 5, "otherwise": 1},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'otherwise', expected one of: tiles, ties, tie_break, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"stpes": [{"score": 1}]},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'stpes': did you mean 'steps'? expected one of: tiles, steps, lookup, split, share, scale, group, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"score": 1}], "otherwise": 0},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'otherwise', expected one of: steps, clamp",
    ),
    (
        "rulebooks.firm.metrics.size.score",
        {"lookup": {"XS": 2}, "otherwize": 0},
        "rulebook 'firm': metrics.size.score has the unknown key 'otherwize': did you mean 'otherwise'? expected one of: lookup, otherwise, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "mean", "socres": [1, 0]},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'socres': did you mean 'scores'? expected one of: split, scores, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"share": "percent", "of": "sum"},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'of', expected one of: share, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"scale": "max", "by": 1},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'by', expected one of: scale, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"gruop": "mean"},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'gruop': did you mean 'group'? expected one of: tiles, steps, lookup, split, share, scale, group, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"group": "mean", "by": "region"},
        "rulebook 'quintile': metrics.monetary.score has the unknown key 'by', expected one of: group, clamp",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"mim": 1, "score": 2}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] has the unknown key 'mim': did you mean 'min'? expected one of: score, min, above, max, below",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 1, "scroe": 2}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] has the unknown key 'scroe': did you mean 'score'? expected one of: score, min, above, max, below",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "wehn": "monetary > 0"}],
        "rulebook 'quintile': grades[1] has the unknown key 'wehn': did you mean 'when'? expected one of: grade, min, above, max, below, when, codes",
    ),
    (
        "rulebooks.quintile.grades",
        [{"gade": "A"}],
        "rulebook 'quintile': grades[1] has the unknown key 'gade': did you mean 'grade'? expected one of: grade, min, above, max, below, when, codes",
    ),
    (
        "rulebooks.quintile.grades",
        ["A", "B"],
        "rulebook 'quintile': grades[1] is 'A', expected a mapping of names to values",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": 5}],
        "rulebook 'quintile': grades[1].grade is 5, expected a text (put it in quotes)",
    ),
    (
        "rulebooks.quintile.total.recncy",
        0.3,
        "rulebook 'quintile': total has the unknown key 'recncy': did you mean 'recency'? expected one of: recency, frequency, monetary, expression, code",
    ),
    (
        "rulebooks.quintile.total.bonus",
        1,
        "rulebook 'quintile': total has the unknown key 'bonus', expected one of: recency, frequency, monetary, expression, code",
    ),
    (
        "rulebooks.firm.total",
        {"expresion": "size_score"},
        "rulebook 'firm': total has the unknown key 'expresion': did you mean 'expression'? expected one of: size, amount, ticket, part, pace, expression, code",
    ),
    (
        "rulebooks.eight.total",
        {"cdoe": ["recency"]},
        "rulebook 'eight': total has the unknown key 'cdoe': did you mean 'code'? expected one of: recency, frequency, monetary, expression, code",
    ),
    (
        "rulebooks.quintile.actions.a",
        {"contact_every_days": 1},
        "rulebook 'quintile': actions has the unknown key 'a': did you mean 'A'? expected one of: A, B, C, D",
    ),
    (
        "rulebooks.quintile.actions.A.contact_evry_days",
        30,
        "rulebook 'quintile': actions.A has the unknown key 'contact_evry_days': did you mean 'contact_every_days'? expected one of: contact_every_days, services, resources",
    ),
    (
        "rulebooks.quintile.actions.A.resources",
        {"Hours": 1},
        "rulebook 'quintile': a key of actions.A.resources is 'Hours', expected a name of lower-case letters, digits and underscores that starts with a letter",
    ),
    (
        "rulebooks.quintile.actions.A.resources",
        {"hours": -1},
        "rulebook 'quintile': actions.A.resources.hours is -1, expected a share of 0 or more",
    ),
    (
        "rulebooks.quintile.actions.A.resources",
        ["hours"],
        "rulebook 'quintile': actions.A.resources is ['hours'], expected a mapping of names to values",
    ),
    (
        "rulebooks.quintile.actions.A.services",
        [1],
        "rulebook 'quintile': actions.A.services is 1, expected a text (put it in quotes)",
    ),
    (
        "rulebooks.quintile.actions.A.contact_every_days",
        "30",
        "rulebook 'quintile': actions.A.contact_every_days is '30', expected a whole number from 1 to 3660",
    ),
    (
        "datasets.shop.rulebok",
        "quintile",
        "dataset 'shop': the dataset has the unknown key 'rulebok': did you mean 'rulebook'? expected one of: description, rulebook, records, as_of_date, columns, within, missing, warnings, resources",
    ),
    (
        "datasets.shop.rulebook",
        "quintle",
        "dataset 'shop': rulebook is 'quintle': did you mean 'quintile'? expected one of: quintile, firm, eight, store",
    ),
    (
        "datasets.shop.rulebook",
        "gold",
        "dataset 'shop': rulebook is 'gold', expected one of: quintile, firm, eight, store",
    ),
    (
        "datasets.shop.rulebook",
        ["quintile"],
        "dataset 'shop': rulebook is ['quintile'], expected one of: quintile, firm, eight, store",
    ),
    (
        "datasets.shop.missing",
        "zeor",
        "dataset 'shop': missing is 'zeor': did you mean 'zero'? expected one of: reject, zero",
    ),
    (
        "datasets.shop.within",
        "regoin",
        "dataset 'shop': within is 'regoin': did you mean 'region'? expected one of: region",
    ),
    (
        "datasets.shop.orders",
        "input.orders",
        "dataset 'shop': the dataset has both 'records' and 'orders', expected one of the two",
    ),
    (
        "datasets.shop.columns.margin",
        {"column": "m", "tpye": "integer"},
        "dataset 'shop': columns.margin has the unknown key 'tpye': did you mean 'type'? expected one of: column, type",
    ),
    (
        "datasets.shop.columns.margin",
        {"column": "m", "type": "integr"},
        "dataset 'shop': columns.margin.type is 'integr': did you mean 'integer'? expected one of: decimal, integer, text, date",
    ),
    (
        "datasets.shop.columns.monetary",
        {"column": "m", "type": "decimal"},
        "dataset 'shop': columns.monetary has the unknown key 'type', expected one of: column",
    ),
    ("datasets.shop", "quintile", "dataset 'shop': the dataset is 'quintile', expected a mapping of names to values"),
    ("rulebooks.quintile", None, "rulebook 'quintile': the rulebook is None, expected a mapping of names to values"),
    # Scores.
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"tiles": 5, "split": "mean"},
        "rulebook 'quintile': metrics.monetary.score has both 'tiles' and 'split', expected one of the two",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"lookup": {"A": 1}, "steps": []},
        "rulebook 'quintile': metrics.monetary.score has both 'steps' and 'lookup', expected one of the two",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {},
        "rulebook 'quintile': metrics.monetary.score is {}, expected at least one entry",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        None,
        "rulebook 'quintile': metrics.monetary.score is None, expected a mapping of names to values",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"clamp": [5, 1]},
        "rulebook 'quintile': metrics.monetary.score.clamp is [5, 1], expected the lower bound first",
    ),
    (
        "rulebooks.quintile.metrics.monetary",
        {"value": "monetary", "score": {"tiles": 5, "clamp": [1, 4]}, "clamp": [1, 4]},
        "rulebook 'quintile': metrics.monetary has 'clamp' inside and beside 'score', expected one of the two",
    ),
    (
        "rulebooks.quintile.metrics.monetary.clamp",
        [1, True],
        "rulebook 'quintile': metrics.monetary.clamp is True, expected a number of at most 12 digits before and 6 after the point",
    ),
    (
        "rulebooks.quintile.metrics.monetary.clamp",
        {"min": 1},
        "rulebook 'quintile': metrics.monetary.clamp is {'min': 1}, expected a list of two numbers: [lowest, highest]",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"tiles": 2.5},
        "rulebook 'quintile': metrics.monetary.score.tiles is 2.5, expected a whole number from 2 to 100",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"tiles": 5, "tie_break": ["frequncy"]},
        "dataset 'shop': rulebook 'quintile' metrics.monetary.score.tie_break names 'frequncy': did you mean 'frequency'? expected one of: customer_id, region, as_of_date, last_order_date, recency_days, frequency, monetary",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"tiles": 5, "tie_break": [5]},
        "rulebook 'quintile': metrics.monetary.score.tie_break is 5, expected a column, with asc or desc behind it or not",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": {"min": 1, "score": 2}},
        "rulebook 'quintile': metrics.monetary.score.steps is {'min': 1, 'score': 2}, expected a list of steps like {max: 10, score: 5}, the first that matches wins",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": []},
        "rulebook 'quintile': metrics.monetary.score.steps is [], expected a list of steps like {max: 10, score: 5}, the first that matches wins",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [5]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] is 5, expected a mapping of names to values",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 1}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] lacks 'score', expected the keys: score",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 1, "max": 5, "score": 2}, {"min": 5, "max": 9, "score": 3}]},
        "rulebook 'quintile': metrics.monetary.score.steps[2] ('3') overlaps '2', expected ranges that share no value (use above and below at a shared bound)",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 1, "score": 2}, {"min": 5, "score": 3}]},
        "rulebook 'quintile': metrics.monetary.score.steps[2] ('3') is never reached behind '2', expected the best entry first, each with a wider or another range",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"max": 4, "score": 1}, {"above": 4, "score": 2}, {"score": 3}]},
        "rulebook 'quintile': metrics.monetary.score.steps[3] ('3') is never reached behind the entries before it, expected the best entry first, each with a wider or another range",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"score": 1}, {"min": 5, "score": 2}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] ('1') has no bounds, expected such an otherwise to be the last",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 5, "max": 1, "score": 1}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] ('1') has its lower bound above its upper bound, expected bounds that some value fits",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 1, "above": 2, "score": 1}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] has both 'min' and 'above', expected one of the two",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"max": 1, "below": 2, "score": 1}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1] has both 'max' and 'below', expected one of the two",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": "five", "score": 1}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1].min is 'five', expected a number of at most 12 digits before and 6 after the point",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 0, "score": True}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1].score is True, expected a number, or a text in quotes",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 0, "score": ""}]},
        "rulebook 'quintile': metrics.monetary.score.steps[1].score is '', expected a text (put it in quotes)",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"lookup": {}},
        "rulebook 'quintile': metrics.monetary.score.lookup is {}, expected at least one entry",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"lookup": ["A"]},
        "rulebook 'quintile': metrics.monetary.score.lookup is ['A'], expected a mapping of names to values",
    ),
    (
        "rulebooks.firm.metrics.size.score.lookup",
        {True: 1, False: 0},
        "rulebook 'firm': a label of metrics.size.score.lookup is True, expected a text in quotes: YAML reads a bare yes, no, on and off so",
    ),
    (
        "rulebooks.firm.metrics.size.score.lookup.XS",
        [1],
        "rulebook 'firm': metrics.size.score.lookup.XS is [1], expected a number, or a text in quotes",
    ),
    (
        "rulebooks.firm.metrics.size.score.lookup.XS",
        {"score": 1},
        "rulebook 'firm': metrics.size.score.lookup.XS is {'score': 1}, expected a number, or a text in quotes",
    ),
    (
        "rulebooks.firm.metrics.size.score.otherwise",
        True,
        "rulebook 'firm': metrics.size.score.otherwise is True, expected a number, or a text in quotes",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 1, "score": "A"}, {"score": "B"}]},
        "rulebook 'quintile': metrics.monetary.score gives texts, expected numbers, as the total is a number (texts serve a total like {code: [monetary]}, or none)",
    ),
    (
        "rulebooks.firm.metrics.size.score.lookup.XS",
        "a",
        "rulebook 'firm': metrics.size.score gives texts, expected numbers, as the total is a number (texts serve a total like {code: [size]}, or none)",
    ),
    (
        "rulebooks.firm.metrics.size.score.otherwise",
        "b",
        "rulebook 'firm': metrics.size.score gives texts, expected numbers, as the total is a number (texts serve a total like {code: [size]}, or none)",
    ),
    (
        "rulebooks.eight.metrics.recency",
        {"value": "recency_days", "score": {"split": "mean", "scores": ["+", "-"]}, "clamp": [0, 1]},
        "rulebook 'eight': metrics.recency.clamp is [0, 1], expected no clamp: the scores are texts",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "medain"},
        "rulebook 'quintile': metrics.monetary.score.split is 'medain': did you mean 'median'? expected one of: mean, median",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "mode"},
        "rulebook 'quintile': metrics.monetary.score.split is 'mode', expected one of: mean, median",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "mean", "scores": [1]},
        "rulebook 'quintile': metrics.monetary.score.scores is [1], expected two scores, of the better side and of the worse: [1, 0]",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "mean", "scores": [1, 2, 3]},
        "rulebook 'quintile': metrics.monetary.score.scores is [1, 2, 3], expected two scores, of the better side and of the worse: [1, 0]",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "mean", "scores": "10"},
        "rulebook 'quintile': metrics.monetary.score.scores is '10', expected two scores, of the better side and of the worse: [1, 0]",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"split": "mean", "scores": [True, False]},
        "rulebook 'quintile': metrics.monetary.score.scores is True, expected a number, or a text in quotes",
    ),
    (
        "rulebooks.quintile.metrics.recency.score",
        {"share": "percent"},
        "rulebook 'quintile': metrics.recency.score.share stands beside better: low, expected better: high, as this score grows with the value",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"share": "all"},
        "rulebook 'quintile': metrics.monetary.score.share is 'all', expected one of: percent",
    ),
    (
        "rulebooks.quintile.metrics.recency.score",
        {"scale": "max"},
        "rulebook 'quintile': metrics.recency.score.scale stands beside better: low, expected better: high, as this score grows with the value",
    ),
    (
        "rulebooks.quintile.metrics.recency.score",
        {"scale": "mean"},
        "rulebook 'quintile': metrics.recency.score.scale stands beside better: low, expected better: high, as this score grows with the value",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"scale": "minmx"},
        "rulebook 'quintile': metrics.monetary.score.scale is 'minmx': did you mean 'minmax'? expected one of: minmax, max, mean",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"scale": 10},
        "rulebook 'quintile': metrics.monetary.score.scale is 10, expected one of: minmax, max, mean",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"group": "average"},
        "rulebook 'quintile': metrics.monetary.score.group is 'average', expected one of: mean, median, sum, min, max, count",
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"group": "medain"},
        "rulebook 'quintile': metrics.monetary.score.group is 'medain': did you mean 'median'? expected one of: mean, median, sum, min, max, count",
    ),
    # Values: what they name, and the types of columns.
    (
        "rulebooks.quintile.metrics.monetary.value",
        "montary",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value names 'montary': did you mean 'monetary'? expected one of: customer_id, region, as_of_date, last_order_date, recency_days, frequency, monetary",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "montary / frequency",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value names 'montary': did you mean 'monetary'? expected one of: customer_id, region, as_of_date, last_order_date, recency_days, frequency, monetary",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary_score",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value names 'monetary_score', expected one of: customer_id, region, as_of_date, last_order_date, recency_days, frequency, monetary",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "shop.monetary",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value names 'shop', expected one of: customer_id, region, as_of_date, last_order_date, recency_days, frequency, monetary",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "region",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value is 'region', a column of type text, expected type integer or decimal, as its score compares numbers",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "last_order_date",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value is 'last_order_date', a column of type date, expected type integer or decimal, as its score compares numbers",
    ),
    (
        "rulebooks.firm.metrics.size.value",
        "monetary",
        "dataset 'firms': rulebook 'firm' metrics.size.value is 'monetary', a column of type decimal, expected type text, as its lookup has texts for labels",
    ),
    (
        "rulebooks.firm.metrics.size.value",
        "disputes",
        "dataset 'firms': rulebook 'firm' metrics.size.value is 'disputes', a column of type integer, expected type text, as its lookup has texts for labels",
    ),
    (
        "rulebooks.firm.metrics.size.score",
        {"lookup": {1: 1, 2: 2}},
        "dataset 'firms': rulebook 'firm' metrics.size.value is 'company_size', a column of type text, expected type integer or decimal, as its score compares numbers",
    ),
    (
        "rulebooks.firm.metrics.size.value",
        "company_sizes",
        "dataset 'firms': rulebook 'firm' metrics.size.value names 'company_sizes': did you mean 'company_size'? expected one of: customer_id, region, as_of_date, last_order_date",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary % 7 / 2",
        "rulebook 'quintile': metrics.monetary.value is 'monetary % 7 / 2', expected mod(a, b) in place of % beside a division",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "case when monetary > 5 then 1 else 2 end / 2",
        "rulebook 'quintile': metrics.monetary.value is 'case when monetary > 5 then 1 else 2 end / 2', expected brackets around a case ... end that is multiplied or divided",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary / case when monetary > 5 then 1 else 2 end * 2",
        "rulebook 'quintile': metrics.monetary.value is 'monetary / case when monetary > 5 then 1 else 2 end * 2', expected brackets around a case ... end that is multiplied or divided",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "sum(monetary) over ()",
        "rulebook 'quintile': metrics.monetary.value is 'sum(monetary) over ()', expected a SQL expression over one customer's columns, without queries and windows",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "(select max(monetary) from customers)",
        "rulebook 'quintile': metrics.monetary.value is '(select max(monetary) from customers)', expected a SQL expression over one customer's columns, without queries and windows",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary // 2",
        "rulebook 'quintile': metrics.monetary.value is 'monetary // 2', expected a SQL expression over one customer's columns without //",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "monetary /* all */",
        "rulebook 'quintile': metrics.monetary.value is 'monetary /* all */', expected a SQL expression over one customer's columns without /*",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "{{ monetary }}",
        "rulebook 'quintile': metrics.monetary.value is '{{ monetary }}', expected a SQL expression over one customer's columns without {",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        ["monetary"],
        "rulebook 'quintile': metrics.monetary.value is ['monetary'], expected a text (put it in quotes)",
    ),
    # Names of metrics.
    (
        "rulebooks.quintile.metrics.grade",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'grade', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.customer_id",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'customer_id', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.value_rank",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'value_rank', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.code",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'code', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.previous_frequency",
        {"value": "frequency"},
        "rulebook 'quintile': a key of metrics is 'previous_frequency', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.x_score",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'x_score', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.x_value",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'x_value', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.rank_cut_1",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'rank_cut_1', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.x_group_sum",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'x_group_sum', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.rfm_x",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is 'rfm_x', expected another name: the marts use this one, or end columns of their own like it",
    ),
    (
        "rulebooks.quintile.metrics.金额",
        {"value": "monetary"},
        "rulebook 'quintile': a key of metrics is '金额', expected a name of lower-case letters, digits and underscores that starts with a letter",
    ),
    (
        "rulebooks.quintile.metrics.bonus",
        {"value": "monetary"},
        "rulebook 'quintile': total lacks 'bonus', expected a weight for every metric: recency, frequency, monetary, bonus",
    ),
    (
        "rulebooks.quintile.metrics",
        ["recency"],
        "rulebook 'quintile': metrics is ['recency'], expected a mapping of names to values",
    ),
    (
        "rulebooks.quintile.metrics.recency",
        "recency_days",
        "rulebook 'quintile': metrics.recency is 'recency_days', expected a mapping of names to values",
    ),
    # Totals.
    (
        "rulebooks.firm.total",
        {"expression": "size_score + amount_scroe"},
        "dataset 'firms': rulebook 'firm' total.expression names 'amount_scroe': did you mean 'amount_score'? expected one of: customer_id, region, as_of_date, last_order_date",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score + recency_score"},
        "rulebook 'firm': total.expression names 'recency_score', expected one of: size_score, amount_score, ticket_score, part_score, pace_score",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score + disputs"},
        "dataset 'firms': rulebook 'firm' total.expression names 'disputs': did you mean 'disputes'? expected one of: customer_id, region, as_of_date, last_order_date",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "total_score"},
        "rulebook 'firm': total.expression names 'total_score', expected one of: size_score, amount_score, ticket_score, part_score, pace_score",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "(size_score + 1"},
        "rulebook 'firm': total.expression is '(size_score + 1', expected a SQL expression over one customer's columns with matching brackets",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score) + (1"},
        "rulebook 'firm': total.expression is 'size_score) + (1', expected a SQL expression over one customer's columns with matching brackets",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score; drop table x"},
        "rulebook 'firm': total.expression is 'size_score; drop table x', expected a SQL expression over one customer's columns without ;",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score -- all"},
        "rulebook 'firm': total.expression is 'size_score -- all', expected a SQL expression over one customer's columns without --",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "(select 1)"},
        "rulebook 'firm': total.expression is '(select 1)', expected a SQL expression over one customer's columns, without queries and windows",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "sum(size_score) over ()"},
        "rulebook 'firm': total.expression is 'sum(size_score) over ()', expected a SQL expression over one customer's columns, without queries and windows",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score / 2 % 3"},
        "rulebook 'firm': total.expression is 'size_score / 2 % 3', expected mod(a, b) in place of % beside a division",
    ),
    (
        "rulebooks.firm.total",
        {"expression": 5},
        "rulebook 'firm': total.expression is 5, expected a text (put it in quotes)",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score", "size": 1},
        "rulebook 'firm': total has the unknown key 'size', expected one of: expression",
    ),
    (
        "rulebooks.firm.total",
        {"expression": "size_score", "code": ["size"]},
        "rulebook 'firm': total has the unknown key 'code', expected one of: expression",
    ),
    (
        "rulebooks.quintile.total",
        ["recency"],
        "rulebook 'quintile': total is ['recency'], expected a mapping of names to values",
    ),
    ("rulebooks.quintile.total", {}, "rulebook 'quintile': total is {}, expected at least one entry"),
    (
        "rulebooks.eight.total",
        {"code": "recency"},
        "rulebook 'eight': total.code is 'recency', expected a list of metrics like [recency, frequency]",
    ),
    (
        "rulebooks.eight.total",
        {"code": []},
        "rulebook 'eight': total.code is [], expected a list of metrics like [recency, frequency]",
    ),
    (
        "rulebooks.eight.total",
        {"code": ["recency", "frequncy"]},
        "rulebook 'eight': total.code[2] is 'frequncy': did you mean 'frequency'? expected one of: recency, frequency, monetary",
    ),
    (
        "rulebooks.eight.total",
        {"code": ["recency", "recency"]},
        "rulebook 'eight': total.code[2] is 'recency', expected each metric once",
    ),
    (
        "rulebooks.eight.total",
        {"code": ["recency", 1]},
        "rulebook 'eight': total.code[2] is 1, expected one of: recency, frequency, monetary",
    ),
    (
        "rulebooks.eight.total",
        {"code": ["recency"], "monetary": 1},
        "rulebook 'eight': total has the unknown key 'monetary', expected one of: code",
    ),
    ("rulebooks.eight.round", 0, "rulebook 'eight': round is 0, expected a total of numbers that it rounds"),
    ("rulebooks.firm.total", REMOVE, "rulebook 'firm': round is 2, expected a total of numbers that it rounds"),
    ("rulebooks.store.round", 2, "rulebook 'store': round is 2, expected a total of numbers that it rounds"),
    (
        "rulebooks.store.total",
        {"ticket": 1, "member": 1},
        "rulebook 'store': metrics.member.score gives texts, expected numbers, as the total is a number (texts serve a total like {code: [member]}, or none)",
    ),
    (
        "rulebooks.store.total",
        {"expression": "ticket_score"},
        "rulebook 'store': metrics.member.score gives texts, expected numbers, as the total is a number (texts serve a total like {code: [member]}, or none)",
    ),
    # Grades.
    (
        "rulebooks.eight.grades",
        [{"grade": "A", "min": 4}, {"grade": "B"}],
        "rulebook 'eight': grades[1] ('A') has bounds, but the total is a code, expected codes like ['111', '5[4-5]']",
    ),
    (
        "rulebooks.store.grades",
        [{"grade": "A", "min": 4}, {"grade": "B"}],
        "rulebook 'store': the rulebook lacks 'total', expected a total that the bounds of grades hold",
    ),
    (
        "rulebooks.quintile.grades",
        [{"grade": "A", "codes": ["111"]}],
        "rulebook 'quintile': total lacks 'code', expected a total like {code: [recency, frequency]} for grades by codes",
    ),
    (
        "rulebooks.store.grades",
        [{"grade": "A", "codes": ["111"]}],
        "rulebook 'store': total lacks 'code', expected a total like {code: [recency, frequency]} for grades by codes",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "size_scroe > 1",
        "dataset 'firms': rulebook 'firm' grades[1].when names 'size_scroe': did you mean 'size_score'? expected one of: customer_id, region, as_of_date, last_order_date",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "x_score > 1",
        "rulebook 'firm': grades[1].when names 'x_score', expected one of: size_score, amount_score, ticket_score, part_score, pace_score, total_score",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "disputs > 1",
        "dataset 'firms': rulebook 'firm' grades[1].when names 'disputs': did you mean 'disputes'? expected one of: customer_id, region, as_of_date, last_order_date",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "total > 1",
        "dataset 'firms': rulebook 'firm' grades[1].when names 'total': did you mean 'total_score'? expected one of: customer_id",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "size_score > 1; x",
        "rulebook 'firm': grades[1].when is 'size_score > 1; x', expected a SQL expression over one customer's columns without ;",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "(size_score > 1",
        "rulebook 'firm': grades[1].when is '(size_score > 1', expected a SQL expression over one customer's columns with matching brackets",
    ),
    (
        "rulebooks.firm.grades.1.when",
        "row_number() over () = 1",
        "rulebook 'firm': grades[1].when is 'row_number() over () = 1', expected a SQL expression over one customer's columns, without queries and windows",
    ),
    (
        "rulebooks.firm.grades.1.when",
        True,
        "rulebook 'firm': grades[1].when is True, expected a text (put it in quotes)",
    ),
    (
        "rulebooks.eight.grades.1",
        {"grade": "A", "when": "total_score > 1"},
        "rulebook 'eight': grades[1].when names 'total_score', expected one of: recency_score, frequency_score, monetary_score",
    ),
    (
        "rulebooks.store.grades.1.when",
        "total_score > 1",
        "rulebook 'store': grades[1].when names 'total_score', expected one of: ticket_score, member_score",
    ),
    (
        "rulebooks.quintile.grades.1",
        {"grade": "A", "min": 4, "when": "monetary > 0"},
        "rulebook 'quintile': grades[1] has both 'min' and 'when', expected one of",
    ),
    (
        "rulebooks.eight.grades.1",
        {"grade": "A", "codes": ["111"], "when": "monetary > 0"},
        "rulebook 'eight': grades[1] has both 'when' and 'codes', expected one of: bounds, when, codes",
    ),
    (
        "rulebooks.firm.grades.1",
        {"grade": "A"},
        "rulebook 'firm': grades[1] ('A') has no condition, expected such an otherwise to be the last",
    ),
    (
        "rulebooks.eight.grades.1",
        {"grade": "A"},
        "rulebook 'eight': grades[1] ('A') has no condition, expected such an otherwise to be the last",
    ),
    ("rulebooks.eight.grades.2.grade", "best", "rulebook 'eight': grades[2].grade is 'best', expected each grade once"),
    (
        "rulebooks.firm.grades",
        [{"grade": "A", "min": 3}, {"grade": "B", "when": "size_score > 1"}, {"grade": "C", "min": 4}],
        "rulebook 'firm': grades[3] ('C') is never reached behind 'A', expected the best entry first, each with a wider or another range",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        "111",
        "rulebook 'eight': grades[1].codes is '111', expected a list of codes like ['111', '5[4-5]']",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        [],
        "rulebook 'eight': grades[1].codes is [], expected a list of codes like ['111', '5[4-5]']",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["11"],
        "rulebook 'eight': grades[1].codes[1] is '11', expected a code of 3 characters: recency, frequency, monetary",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["1111"],
        "rulebook 'eight': grades[1].codes[1] is '1111', expected a code of 3 characters: recency, frequency, monetary",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["121"],
        "rulebook 'eight': grades[1].codes[1] is '121', expected codes that the scores of recency, frequency, monetary can give (like '001')",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["11[4-6]"],
        "rulebook 'eight': grades[1].codes[1] is '11[4-6]', expected codes that the scores of recency, frequency, monetary can give ('116' is none)",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        [111],
        "rulebook 'eight': grades[1].codes[1] is 111, expected a text in quotes like '011', which YAML reads as 9 without them",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["11[4-"],
        "rulebook 'eight': grades[1].codes[1] is '11[4-', expected a code like '111', or with classes like '5[4-5]'",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["11[5-4]"],
        "rulebook 'eight': grades[1].codes[1] is '11[5-4]', expected classes that run upwards, like [4-5]",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["1[]1"],
        "rulebook 'eight': grades[1].codes[1] is '1[]1', expected a code like '111', or with classes like '5[4-5]'",
    ),
    (
        "rulebooks.eight.grades.1.codes",
        ["114", "1[1]4"],
        "rulebook 'eight': grades[1].codes[2] ('best') has the code '114' of 'best', expected each code once",
    ),
    (
        "rulebooks.eight.grades.2.codes",
        ["11[3-5]"],
        "rulebook 'eight': grades[2].codes[1] ('good') has the code '114' of 'best', expected each code once",
    ),
    # Extra columns.
    (
        "datasets.shop.columns.recency_score",
        "m",
        "dataset 'shop': a key of columns is 'recency_score', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.monetary_value",
        "m",
        "dataset 'shop': a key of columns is 'monetary_value', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.rulebook",
        "m",
        "dataset 'shop': a key of columns is 'rulebook', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.grade_order",
        "m",
        "dataset 'shop': a key of columns is 'grade_order', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.score_code",
        "m",
        "dataset 'shop': a key of columns is 'score_code', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.group_customers",
        "m",
        "dataset 'shop': a key of columns is 'group_customers', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.x_cut_1",
        "m",
        "dataset 'shop': a key of columns is 'x_cut_1', expected another name: the models use this one, or end columns of their own like it",
    ),
    (
        "datasets.shop.columns.select",
        "m",
        "dataset 'shop': a key of columns is 'select', expected another name: this one is a word of SQL",
    ),
    ("datasets.shop.columns.margin", 5, "dataset 'shop': columns.margin is 5, expected a text (put it in quotes)"),
    ("datasets.shop.columns", {}, "dataset 'shop': columns is {}, expected at least one entry"),
    (
        "datasets.shop.columns.monetary",
        None,
        "dataset 'shop': columns.monetary is None, expected a text (put it in quotes)",
    ),
    # Datasets of orders: where rows come from, and keys of the other kind.
    (
        "datasets.sales.orders",
        REMOVE,
        "dataset 'sales': the dataset lacks 'records' or 'orders', expected one of the two: where its rows come from",
    ),
    (
        "datasets.sales.records",
        "input.orders",
        "dataset 'sales': the dataset has both 'records' and 'orders', expected one of the two",
    ),
    (
        "datasets.sales.orders",
        None,
        "dataset 'sales': orders is None, expected the name of a model or seed, or source_name.table_name",
    ),
    (
        "datasets.sales.orders",
        "select 1",
        "dataset 'sales': orders is 'select 1', expected the name of a model or seed, or source_name.table_name",
    ),
    (
        "datasets.sales",
        {name: value for name, value in SALES.items() if name != "orders"} | {"ordrs": "input.orders"},
        "dataset 'sales': the dataset has the unknown key 'ordrs': did you mean 'orders'? expected one of: description, rulebook, records, as_of_date, orders, as_of, window, frequency, refunds, inactive, columns, within, missing, warnings, resources",
    ),
    (
        "datasets.sales.rulebook",
        REMOVE,
        "dataset 'sales': the dataset lacks 'rulebook', expected the keys: rulebook, orders, columns",
    ),
    (
        "datasets.sales.columns",
        REMOVE,
        "dataset 'sales': the dataset lacks 'columns', expected the keys: rulebook, orders, columns",
    ),
    (
        "datasets.sales.windows",
        {"days": 30},
        "dataset 'sales': the dataset has the unknown key 'windows': did you mean 'window'? expected one of: description, rulebook, orders, as_of, window, frequency, refunds, inactive, columns, within, missing, warnings, resources",
    ),
    (
        "datasets.sales.as_of_date",
        "2024-02-29",
        "dataset 'sales': the dataset has 'as_of_date' beside 'orders', expected as_of",
    ),
    (
        "datasets.shop.as_of",
        "2024-02-29",
        "dataset 'shop': the dataset has 'as_of' beside 'records', expected as_of_date, here or in columns",
    ),
    (
        "datasets.shop.window",
        {"days": 30},
        "dataset 'shop': the dataset has 'window' beside 'records', expected no window: it is for 'orders'",
    ),
    (
        "datasets.shop.frequency",
        "orders",
        "dataset 'shop': the dataset has 'frequency' beside 'records', expected no frequency: it is for 'orders'",
    ),
    (
        "datasets.shop.refunds",
        "net",
        "dataset 'shop': the dataset has 'refunds' beside 'records', expected no refunds: it is for 'orders'",
    ),
    (
        "datasets.shop.inactive",
        "keep",
        "dataset 'shop': the dataset has 'inactive' beside 'records', expected no inactive: it is for 'orders'",
    ),
    (
        "datasets.sales",
        SALES | {"within": "region", "columns": {name: name for name in ["customer_id", "ordered_at", "amount"]}},
        "dataset 'sales': within is 'region', expected columns to name the column of the region",
    ),
    ("datasets.sales.missing", "drop", "dataset 'sales': missing is 'drop', expected one of: reject, zero"),
    # The columns of orders.
    (
        "datasets.sales.columns.customer_id",
        REMOVE,
        "dataset 'sales': columns lacks 'customer_id', expected the column that holds the customer's id",
    ),
    (
        "datasets.sales.columns.ordered_at",
        REMOVE,
        "dataset 'sales': columns lacks 'ordered_at', expected the column of the order's date",
    ),
    (
        "datasets.sales.columns.amount",
        REMOVE,
        "dataset 'sales': columns lacks 'amount', expected the column of the money",
    ),
    (
        "datasets.sales.columns.amount",
        {"column": "amount", "type": "decimal"},
        "dataset 'sales': columns.amount has the unknown key 'type', expected one of: column",
    ),
    (
        "datasets.sales.columns.order_id",
        None,
        "dataset 'sales': columns.order_id is None, expected a text (put it in quotes)",
    ),
    *(
        (
            f"datasets.sales.columns.{name}",
            "x",
            f"dataset 'sales': a key of columns is '{name}', expected another name: this is measured from the orders (columns of orders: customer_id, region, order_id, ordered_at, amount)",
        )
        for name in [
            "last_order_date",
            "recency_days",
            "frequency",
            "monetary",
            "first_order_date",
            "purchase_days",
            "refund_count",
            "average_order_value",
        ]
    ),
    (
        "datasets.sales.columns.as_of_date",
        "x",
        "dataset 'sales': a key of columns is 'as_of_date', expected another name: this comes from as_of (columns of orders: customer_id",
    ),
    *(
        (
            f"datasets.sales.columns.{name}",
            "x",
            f"dataset 'sales': a key of columns is '{name}', expected another name: the models use this one, or end columns of their own like it",
        )
        for name in [
            "is_refund",
            "is_in_group",
            "orders_to_date",
            "purchase_days_to_date",
            "monetary_to_date",
            "usual_interval_days",
        ]
    ),
    (
        "datasets.shop.columns.last_contact_date",
        "last_call",
        "dataset 'shop': columns.last_contact_date.type is 'decimal', expected {column: last_call, type: date}, as the service plan counts from this day",
    ),
    (
        "datasets.sales.columns.last_contact_date",
        {"column": "last_call", "type": "text"},
        "dataset 'sales': columns.last_contact_date.type is 'text', expected {column: last_call, type: date}, as the service plan counts from this day",
    ),
    (
        "rulebooks.served.metrics.monetary.value",
        "amount",
        "dataset 'sales': rulebook 'served' metrics.monetary.value names 'amount', expected one of: customer_id, region, as_of_date, last_order_date, recency_days, frequency, monetary, first_order_date, purchase_days, refund_count, average_order_value",
    ),
    (
        "rulebooks.served.metrics.monetary.value",
        "first_order_date",
        "dataset 'sales': rulebook 'served' metrics.monetary.value is 'first_order_date', a column of type date, expected type integer or decimal",
    ),
    (
        "rulebooks.quintile.metrics.monetary.value",
        "purchase_days",
        "dataset 'shop': rulebook 'quintile' metrics.monetary.value names 'purchase_days', expected one of: customer_id",
    ),
    # As-of dates.
    (
        "datasets.sales.as_of",
        REMOVE,
        "dataset 'sales': the dataset lacks 'as_of', expected the date, the list or {from: , to: , every: month} to grade for",
    ),
    ("datasets.sales.as_of", None, "dataset 'sales': as_of is None, expected a date like 2024-11-02"),
    ("datasets.sales.as_of", "today", "dataset 'sales': as_of is 'today', expected a date like 2024-11-02"),
    ("datasets.sales.as_of", 2024, "dataset 'sales': as_of is '2024', expected a date like 2024-11-02"),
    ("datasets.sales.as_of", "2024-6-30", "dataset 'sales': as_of is '2024-6-30', expected a date like 2024-11-02"),
    ("datasets.sales.as_of", "2024/06/30", "dataset 'sales': as_of is '2024/06/30', expected a date like 2024-11-02"),
    ("datasets.sales.as_of", "0024-06-30", "dataset 'sales': as_of is '0024-06-30', expected a date like 2024-11-02"),
    ("datasets.sales.as_of", "2024-06-31", "dataset 'sales': as_of is '2024-06-31', expected a day that the month has"),
    ("datasets.sales.as_of", "2100-02-29", "dataset 'sales': as_of is '2100-02-29', expected a day that the month has"),
    (
        "datasets.sales.as_of",
        [],
        "dataset 'sales': as_of is [], expected a date, a list of dates, or {from: , to: , every: month}",
    ),
    (
        "datasets.sales.as_of",
        {},
        "dataset 'sales': as_of is {}, expected a date, a list of dates, or {from: , to: , every: month}",
    ),
    (
        "datasets.sales.as_of",
        ["2024-01-31", "2024-01-32"],
        "dataset 'sales': as_of[2] is '2024-01-32', expected a date like 2024-11-02",
    ),
    (
        "datasets.sales.as_of",
        ["2024-04-31"],
        "dataset 'sales': as_of[1] is '2024-04-31', expected a day that the month has",
    ),
    (
        "datasets.sales.as_of",
        [date(2024, 1, 31), date(2024, 2, 29), "2024-01-31"],
        "dataset 'sales': as_of[3] is '2024-01-31', expected each date once",
    ),
    (
        "datasets.sales.as_of",
        [date(2000, 1, 1) + timedelta(days=day) for day in range(1001)],
        "dataset 'sales': as_of stands for more than 1000 dates, expected at most 1000",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "2024-06-30"},
        "dataset 'sales': as_of lacks 'every', expected the keys: from, to, every (week, month or quarter)",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "every": "month"},
        "dataset 'sales': as_of lacks 'to', expected the keys: from, to, every",
    ),
    (
        "datasets.sales.as_of",
        {"to": "2024-01-31", "every": "month"},
        "dataset 'sales': as_of lacks 'from', expected the keys: from, to, every",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "2024-06-30", "evry": "month"},
        "dataset 'sales': as_of has the unknown key 'evry': did you mean 'every'? expected one of: from, to, every",
    ),
    (
        "datasets.sales.as_of",
        {"start": "2024-01-31", "end": "2024-06-30", "every": "month"},
        "dataset 'sales': as_of has the unknown key 'start', expected one of: from, to, every",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "2024-06-30", "every": "day"},
        "dataset 'sales': as_of.every is 'day', expected one of: week, month, quarter",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "2024-06-30", "every": "monthly"},
        "dataset 'sales': as_of.every is 'monthly', expected one of: week, month, quarter",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "2024-06-30", "every": "months"},
        "dataset 'sales': as_of.every is 'months': did you mean 'month'? expected one of: week, month, quarter",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "2024-06-31", "every": "month"},
        "dataset 'sales': as_of.to is '2024-06-31', expected a day that the month has",
    ),
    (
        "datasets.sales.as_of",
        {"from": None, "to": "2024-06-30", "every": "month"},
        "dataset 'sales': as_of.from is None, expected a date like 2024-11-02",
    ),
    (
        "datasets.sales.as_of",
        {"from": "2024-01-31", "to": "today", "every": "month"},
        "dataset 'sales': as_of.to is 'today', expected a date like 2024-11-02",
    ),
    (
        "datasets.sales.as_of",
        {"from": date(2024, 6, 30), "to": date(2024, 6, 29), "every": "week"},
        "dataset 'sales': as_of.to is '2024-06-29', expected a date from as_of.from on: 2024-06-30",
    ),
    (
        "datasets.sales.as_of",
        {"from": "1900-01-01", "to": date(1900, 1, 1) + timedelta(weeks=1000), "every": "week"},
        "dataset 'sales': as_of stands for more than 1000 dates, expected at most 1000",
    ),
    (
        "datasets.sales.as_of",
        {"from": "1900-01-01", "to": "1983-05-01", "every": "month"},
        "dataset 'sales': as_of stands for more than 1000 dates, expected at most 1000",
    ),
    (
        "datasets.sales.as_of",
        {"from": "1900-01-01", "to": "9999-12-31", "every": "quarter"},
        "dataset 'sales': as_of stands for more than 1000 dates, expected at most 1000",
    ),
    # Windows.
    (
        "datasets.sales.window",
        30,
        "dataset 'sales': window is 30, expected one like {days: 30}, {months: 12} or {since: 2024-01-01}, or no window: all history",
    ),
    (
        "datasets.sales.window",
        "all",
        "dataset 'sales': window is 'all', expected one like {days: 30}, {months: 12} or {since: 2024-01-01}, or no window: all history",
    ),
    ("datasets.sales.window", {}, "dataset 'sales': window is {}, expected one like {days: 30}, {months: 12}"),
    (
        "datasets.sales.window",
        {"day": 30},
        "dataset 'sales': window has the unknown key 'day': did you mean 'days'? expected one of: days, months, since",
    ),
    (
        "datasets.sales.window",
        {"years": 1},
        "dataset 'sales': window has the unknown key 'years', expected one of: days, months, since",
    ),
    (
        "datasets.sales.window",
        {"days": 30, "months": 1},
        "dataset 'sales': window has both 'days' and 'months', expected one of the two",
    ),
    (
        "datasets.sales.window",
        {"days": 0},
        "dataset 'sales': window.days is 0, expected a whole number from 1 to 36600",
    ),
    (
        "datasets.sales.window",
        {"days": 36601},
        "dataset 'sales': window.days is 36601, expected a whole number from 1 to 36600",
    ),
    (
        "datasets.sales.window",
        {"days": "30"},
        "dataset 'sales': window.days is '30', expected a whole number from 1 to 36600",
    ),
    (
        "datasets.sales.window",
        {"months": 1.5},
        "dataset 'sales': window.months is 1.5, expected a whole number from 1 to 1200",
    ),
    (
        "datasets.sales.window",
        {"months": 1201},
        "dataset 'sales': window.months is 1201, expected a whole number from 1 to 1200",
    ),
    (
        "datasets.sales.window",
        {"since": 2024},
        "dataset 'sales': window.since is '2024', expected a date like 2024-11-02",
    ),
    (
        "datasets.sales.window",
        {"since": "2023-02-29"},
        "dataset 'sales': window.since is '2023-02-29', expected a day that the month has",
    ),
    (
        "datasets.sales.window",
        {"since": date(2024, 2, 1)},
        "dataset 'sales': window.since is '2024-02-01', expected a date up to the first as-of date, 2024-01-31",
    ),
    # What counts.
    (
        "datasets.sales.frequency",
        "count",
        "dataset 'sales': frequency is 'count', expected one of: orders, days, net_orders",
    ),
    (
        "datasets.sales.frequency",
        "order",
        "dataset 'sales': frequency is 'order': did you mean 'orders'? expected one of: orders, days, net_orders",
    ),
    ("datasets.sales.refunds", "ignore", "dataset 'sales': refunds is 'ignore', expected one of: net, drop"),
    ("datasets.sales.inactive", False, "dataset 'sales': inactive is False, expected one of: keep, drop"),
    (
        "datasets.sales.inactive",
        "drop",
        "dataset 'sales': inactive is 'drop', expected a window: over all history every customer has an order",
    ),
    (
        "datasets.sales",
        SALES | {"frequency": "net_orders", "refunds": "drop"},
        "dataset 'sales': frequency is 'net_orders', expected refunds: net, as refunds that are dropped lower nothing",
    ),
    # Warnings, in the var and in a dataset.
    (
        "warnings",
        None,
        "var 'rfm__warnings': the var is None, expected a mapping of names to rules; a name with false switches that warning off",
    ),
    ("warnings", ["silent"], "var 'rfm__warnings': the var is ['silent'], expected a mapping of names to rules"),
    (
        "datasets.sales.warnings",
        False,
        "dataset 'sales': warnings is False, expected a mapping of names to rules; a name with false switches that warning off",
    ),
    (
        "warnings.Silent",
        {"times": 3},
        "var 'rfm__warnings': the name of a warning is 'Silent', expected a name of lower-case letters",
    ),
    (
        "warnings.silent",
        "off",
        "var 'rfm__warnings': silent is 'off', expected a mapping of what differs, like {severity: low}, or false to switch the warning off",
    ),
    (
        "warnings.silent",
        True,
        "var 'rfm__warnings': silent is True, expected a mapping of what differs, like {severity: low}, or false",
    ),
    (
        "warnings.silent",
        {},
        "var 'rfm__warnings': silent is {}, expected a mapping of what differs, like {severity: low}, or false",
    ),
    (
        "datasets.sales.warnings",
        {"frequency_fell": 0.3},
        "dataset 'sales': warnings.frequency_fell is 0.3, expected a mapping of what differs, like {severity: low}, or false",
    ),
    (
        "warnings.silnt",
        False,
        "var 'rfm__warnings': the var has the unknown key 'silnt': did you mean 'silent'? expected one of: frequency_fell, order_value_fell, complexity_fell, grade_fell, silent, disputes",
    ),
    (
        "datasets.sales.warnings",
        {"late": False},
        "dataset 'sales': warnings has the unknown key 'late', expected one of: frequency_fell, order_value_fell, complexity_fell, grade_fell, silent, disputes",
    ),
    (
        "warnings.frequency_fel",
        {"by": 0.3},
        "var 'rfm__warnings': the var has the unknown key 'frequency_fel': did you mean 'frequency_fell'? expected one of: frequency_fell, order_value_fell",
    ),
    (
        "datasets.sales.warnings",
        {"frequency_fel": {"by": 0.3}},
        "dataset 'sales': warnings has the unknown key 'frequency_fel': did you mean 'frequency_fell'? expected one of: frequency_fell",
    ),
    (
        "warnings.money",
        {"value": "monetary", "by": 0.3},
        "var 'rfm__warnings': money lacks 'kind', expected one of: fell, grade_fell, silent, reaches (known without it: frequency_fell, order_value_fell, complexity_fell, grade_fell, silent, disputes)",
    ),
    (
        "warnings.money",
        {"kind": "fel"},
        "var 'rfm__warnings': money.kind is 'fel': did you mean 'fell'? expected one of: fell, grade_fell, silent, reaches",
    ),
    (
        "datasets.sales.warnings",
        {"money": {"kind": "drop"}},
        "dataset 'sales': warnings.money.kind is 'drop', expected one of: fell, grade_fell, silent, reaches",
    ),
    (
        "warnings.money",
        {"kind": "fell"},
        "var 'rfm__warnings': money lacks 'value', expected the keys: kind, value, by, best_grades, severity",
    ),
    (
        "warnings.money",
        {"kind": "reaches"},
        "var 'rfm__warnings': money lacks 'value', expected the keys: kind, value, at_least, worst_grades, severity",
    ),
    (
        "warnings.quiet",
        {"kind": "silent", "times": 2, "severity": "low"},
        "var 'rfm__warnings': quiet lacks 'orders', expected the keys: kind, times, orders, severity",
    ),
    (
        "datasets.sales.warnings",
        {"fall": {"kind": "grade_fell", "grades": 2, "cause": "any"}},
        "dataset 'sales': warnings.fall lacks 'severity', expected the keys: kind, grades, cause, severity",
    ),
    (
        "warnings.silent",
        {"kind": "fell"},
        "var 'rfm__warnings': silent lacks 'value', expected the keys: kind, value, by, best_grades, severity",
    ),
    (
        "warnings.silent",
        {"time": 2},
        "var 'rfm__warnings': silent has the unknown key 'time': did you mean 'times'? expected one of: kind, times, orders, severity, action, action_zh",
    ),
    (
        "warnings.frequency_fell",
        {"worst_grades": 2},
        "var 'rfm__warnings': frequency_fell has the unknown key 'worst_grades', expected one of: kind, value, by, best_grades, severity",
    ),
    (
        "warnings.grade_fell",
        {"best_grades": 2},
        "var 'rfm__warnings': grade_fell has the unknown key 'best_grades', expected one of: kind, grades, cause, severity",
    ),
    (
        "warnings.disputes",
        {"by": 2},
        "var 'rfm__warnings': disputes has the unknown key 'by', expected one of: kind, value, at_least, worst_grades, severity",
    ),
    (
        "warnings.silent",
        {"severity": "hgih"},
        "var 'rfm__warnings': silent.severity is 'hgih': did you mean 'high'? expected one of: high, medium, low",
    ),
    (
        "datasets.sales.warnings",
        {"silent": {"severity": 1}},
        "dataset 'sales': warnings.silent.severity is 1, expected one of: high, medium, low",
    ),
    (
        "warnings.silent",
        {"action": ["call"]},
        "var 'rfm__warnings': silent.action is ['call'], expected a text (put it in quotes)",
    ),
    (
        "datasets.sales.warnings",
        {"silent": {"action_zh": " "}},
        "dataset 'sales': warnings.silent.action_zh is ' ', expected a text (put it in quotes)",
    ),
    (
        "warnings.frequency_fell",
        {"by": 50},
        "var 'rfm__warnings': frequency_fell.by is 50, expected a share above 0, up to 1: 0.5 is a fall by half",
    ),
    (
        "warnings.frequency_fell",
        {"by": "50%"},
        "var 'rfm__warnings': frequency_fell.by is '50%', expected a share above 0, up to 1: 0.5 is a fall by half",
    ),
    (
        "warnings.frequency_fell",
        {"by": True},
        "var 'rfm__warnings': frequency_fell.by is True, expected a share above 0, up to 1",
    ),
    (
        "datasets.sales.warnings",
        {"frequency_fell": {"by": 0}},
        "dataset 'sales': warnings.frequency_fell.by is 0, expected a share above 0, up to 1",
    ),
    (
        "datasets.sales.warnings",
        {"frequency_fell": {"by": 1.01}},
        "dataset 'sales': warnings.frequency_fell.by is 1.01, expected a share above 0, up to 1",
    ),
    (
        "warnings.frequency_fell",
        {"by": 0.0000001},
        "var 'rfm__warnings': frequency_fell.by is 1e-07, expected a number of at most 3 digits before and 6 after the point",
    ),
    (
        "warnings.frequency_fell",
        {"best_grades": 0},
        "var 'rfm__warnings': frequency_fell.best_grades is 0, expected a whole number from 1 to 1000",
    ),
    (
        "warnings.frequency_fell",
        {"best_grades": ["A", "B"]},
        "var 'rfm__warnings': frequency_fell.best_grades is ['A', 'B'], expected a whole number from 1 to 1000",
    ),
    (
        "warnings.grade_fell",
        {"grades": 0},
        "var 'rfm__warnings': grade_fell.grades is 0, expected a whole number from 1 to 1000",
    ),
    (
        "warnings.grade_fell",
        {"cause": "rank_only"},
        "var 'rfm__warnings': grade_fell.cause is 'rank_only', expected one of: own, any",
    ),
    ("warnings.silent", {"times": 0}, "var 'rfm__warnings': silent.times is 0, expected a number above 0"),
    (
        "warnings.silent",
        {"times": "2"},
        "var 'rfm__warnings': silent.times is '2', expected a number of at most 3 digits before",
    ),
    (
        "warnings.silent",
        {"orders": 1},
        "var 'rfm__warnings': silent.orders is 1, expected a whole number from 2 to 1000",
    ),
    (
        "warnings.disputes",
        {"at_least": "many"},
        "var 'rfm__warnings': disputes.at_least is 'many', expected a number of at most 12 digits before",
    ),
    (
        "warnings.disputes",
        {"worst_grades": 0},
        "var 'rfm__warnings': disputes.worst_grades is 0, expected a whole number from 1 to 1000",
    ),
    (
        "warnings.frequency_fell",
        {"value": "frequncy"},
        "var 'rfm__warnings': frequency_fell.value is 'frequncy': did you mean 'frequency'? expected one of: frequency, monetary, order_value, disputes, purchase_days, refund_count, average_order_value, a further column of numbers",
    ),
    (
        "warnings.frequency_fell",
        {"value": None},
        "var 'rfm__warnings': frequency_fell.value is None, expected one of: frequency, monetary, order_value, disputes",
    ),
    (
        "warnings.complexity_fell",
        {"by": 0.3},
        "var 'rfm__warnings': complexity_fell.value is 'project_complexity', expected one of: frequency, monetary, order_value, disputes",
    ),
    (
        "datasets.sales.warnings",
        {"disputes": {"at_least": 2}},
        "dataset 'sales': warnings.disputes.value is 'disputes', expected one of: frequency, monetary, order_value, purchase_days, refund_count, average_order_value, a further column of numbers",
    ),
    (
        "datasets.firms.warnings",
        {"disputes": {"value": "company_size"}},
        "dataset 'firms': warnings.disputes.value is 'company_size', expected one of: frequency, monetary, order_value, disputes, a further column of numbers",
    ),
    (
        "datasets.shop.warnings",
        {"silent": {"times": 3}},
        "dataset 'shop': warnings.silent compares the days between orders, expected a dataset with 'orders'",
    ),
    (
        "datasets.scores.warnings",
        {"grade_fell": {"grades": 2}},
        "dataset 'scores': warnings.grade_fell compares grades, but rulebook 'score' has 0, expected two grades or more",
    ),
    # Limited resources.
    (
        "datasets.sales.resources",
        {"visits": 12.5},
        "dataset 'sales': resources.visits is 12.5, expected a whole number from 0 to 1000000",
    ),
    (
        "datasets.sales.resources",
        {"hours": 1000001},
        "dataset 'sales': resources.hours is 1000001, expected a whole number from 0 to 1000000",
    ),
    (
        "datasets.sales.resources",
        {"visits": -1},
        "dataset 'sales': resources.visits is -1, expected a whole number from 0 to 1000000",
    ),
    (
        "datasets.sales.resources",
        {"visits": None},
        "dataset 'sales': resources.visits is None, expected a whole number from 0 to 1000000",
    ),
    (
        "datasets.sales.resources",
        {"visit": 10},
        "dataset 'sales': resources has the unknown key 'visit': did you mean 'visits'? expected one of: visits, hours",
    ),
    (
        "datasets.sales.resources",
        {"slots": 10},
        "dataset 'sales': resources has the unknown key 'slots', expected one of: visits, hours",
    ),
    ("datasets.sales.resources", 40, "dataset 'sales': resources is 40, expected a mapping of names to values"),
    ("datasets.sales.resources", {}, "dataset 'sales': resources is {}, expected at least one entry"),
    (
        "datasets.shop.resources",
        {"visits": 10},
        "dataset 'shop': resources names 'visits', expected actions of rulebook 'quintile' that share it: {resources: {visits: 3}}",
    ),
]


# (where in the vars, the value put there) that are right.
RIGHT: list[tuple[str, Any]] = [
    ("rulebooks.quintile.round", 1),
    ("rulebooks.quintile.metrics.recency.better", "high"),
    ("rulebooks.quintile.metrics.monetary.score", {"tiles": 2}),
    ("rulebooks.quintile.metrics.monetary.score", {"tiles": 5, "ties": "together"}),
    ("rulebooks.quintile.metrics.monetary.score", {"tiles": 5, "tie_break": ["frequency desc", "recency_days"]}),
    ("rulebooks.quintile.metrics.monetary.score", {"clamp": [0, 100]}),
    ("rulebooks.quintile.metrics.monetary.clamp", [2, 2]),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 100, "max": 200, "score": 2}, {"above": 200, "score": 3}, {"below": 0, "score": -1.5}]},
    ),
    (
        "rulebooks.quintile.metrics.monetary.score",
        {"steps": [{"min": 3, "max": 3, "score": 2}, {"min": 1, "score": 1}]},
    ),
    ("rulebooks.quintile.metrics.monetary.score", {"lookup": {0: 1, 1.5: 2}, "otherwise": 0, "clamp": [0, 1]}),
    ("rulebooks.quintile.metrics.monetary.score", {"split": "mean", "scores": [1, -1]}),
    ("rulebooks.quintile.metrics.recency.score", {"scale": "minmax"}),
    ("rulebooks.quintile.metrics.monetary.score", {"scale": "mean"}),
    ("rulebooks.quintile.metrics.recency.score", {"group": "count"}),
    ("rulebooks.quintile.metrics.monetary.value", "monetary / nullif(frequency, 0) * 100"),
    ("rulebooks.quintile.metrics.monetary.value", "(case when region = 'a; b -- c' then 1 else 2 end) / 2"),
    ("rulebooks.quintile.metrics.monetary.value", "days_between(last_order_date, as_of_date) / 30"),
    ("rulebooks.quintile.metrics.monetary.value", "cast(extract(year from last_order_date) as integer)"),
    ("rulebooks.quintile.metrics.monetary.value", "MONETARY"),
    ("rulebooks.quintile.metrics.monetary.value", "length(region)"),
    ("rulebooks.quintile.metrics.monetary.value", "mod(frequency, 7) / 2"),
    ("rulebooks.quintile.total.monetary", -0.4),
    ("rulebooks.quintile.total", {"expression": "greatest(recency_score, frequency_score) * 2 + monetary / 1000"}),
    ("rulebooks.firm.metrics.size.score.lookup", {"有": 10, "it's": 2, "3": 1}),
    ("rulebooks.firm.grades.2", {"grade": "B", "when": "size_score in (2, 4) and region is not null"}),
    ("rulebooks.store.grades.1.when", "member_score = 'N' or monetary > 5"),
    ("rulebooks.store.grades", REMOVE),
    ("rulebooks.eight.grades.1.codes", ["11[45]", "00[1-3]"]),
    ("rulebooks.eight.grades.1", {"grade": "best", "when": "monetary > 100"}),
    ("rulebooks.eight.metrics.recency.score", {"split": "median", "scores": ["1", "0"]}),
    (
        "rulebooks.quintile.actions",
        {"A": {"contact_every_days": 1, "services": ["visit", "gift"], "resources": {"hours": 2.5}}},
    ),
    ("datasets.shop.columns.margin", {"column": "毛利", "type": "integer"}),
    ("datasets.shop.columns.value", "m"),
    ("datasets.shop.within", "region"),
    ("datasets.shop.missing", "zero"),
    # Orders.
    ("datasets.sales.as_of", "2024-02-29"),
    ("datasets.sales.as_of", date(2024, 2, 29)),
    ("datasets.sales.as_of", [date(2024, 2, 29), "2023-12-31"]),
    ("datasets.sales.as_of", {"from": date(2024, 1, 31), "to": date(2024, 1, 31), "every": "month"}),
    (
        "datasets.sales.as_of",
        {"from": "1900-01-01", "to": date(1900, 1, 1) + timedelta(weeks=999, days=6), "every": "week"},
    ),
    ("datasets.sales.as_of", {"from": "1900-01-01", "to": "1983-04-30", "every": "month"}),
    ("datasets.sales.as_of", {"from": "1900-01-01", "to": "2149-12-31", "every": "quarter"}),
    ("datasets.sales.window", {"days": 36600}),
    ("datasets.sales.window", {"months": 1}),
    ("datasets.sales.window", {"since": date(2024, 1, 31)}),
    ("datasets.sales", SALES | {"window": {"days": 1}, "inactive": "drop", "frequency": "days", "refunds": "drop"}),
    (
        "datasets.sales",
        SALES
        | {
            "inactive": "keep",
            "frequency": "net_orders",
            "refunds": "net",
            "within": "region",
            "missing": "zero",
            "description": "All sales.",
        },
    ),
    ("datasets.sales.columns", {"customer_id": "客户", "ordered_at": {"column": "下单日期"}, "amount": "金额"}),
    ("datasets.sales.columns.last_contact_date", {"column": "last_call", "type": "date"}),
    ("datasets.shop.columns.first_order_date", {"column": "first_order", "type": "date"}),
    (
        "rulebooks.served.metrics.monetary.value",
        "average_order_value * purchase_days + refund_count + days_between(first_order_date, as_of_date)",
    ),
    # Warnings.
    (
        "warnings",
        dict.fromkeys(
            ["frequency_fell", "order_value_fell", "complexity_fell", "grade_fell", "silent", "disputes"], False
        ),
    ),
    (
        "warnings",
        {
            "silent": {"times": 1.5, "orders": 2, "severity": "low", "action": "call", "action_zh": "致电"},
            "grade_fell": {"grades": 2, "cause": "any"},
            "disputes": {"at_least": -0.5, "worst_grades": 1000},
        },
    ),
    ("warnings.money", {"kind": "fell", "value": "monetary", "by": 1, "best_grades": 1, "severity": "low"}),
    ("warnings.days", {"kind": "fell", "value": "purchase_days", "by": 0.001, "best_grades": 1, "severity": "low"}),
    ("warnings.silent", {"kind": "reaches", "value": "disputes", "at_least": 1, "worst_grades": 1, "severity": "low"}),
    ("datasets.sales.warnings", {}),
    (
        "datasets.sales.warnings",
        {"frequency_fell": {"value": "average_order_value"}, "silent": {"times": 3}, "disputes": False},
    ),
    ("datasets.scores.warnings", {"silent": {"orders": 4}}),
    ("datasets.firms.warnings", {"disputes": {"at_least": 2}}),
    # Limited resources.
    ("datasets.sales.resources", {"visits": 0, "hours": 1000000}),
]

GALLERY = sorted((REPOSITORY / "docs" / "gallery").glob("*.yml"))


def changed(path: str, value: Any) -> Row:
    """The right vars with one thing changed. Entries of lists count from 1, as the errors count them."""
    written: Row = copy.deepcopy({"rulebooks": RULEBOOKS, "datasets": DATASETS, "warnings": {}})
    *parents, last = path.split(".")
    place: Any = written
    for part in parents:
        place = place[int(part) - 1] if isinstance(place, list) else place[part]
    key = int(last) - 1 if isinstance(place, list) else last
    if value is REMOVE:
        del place[key]
    else:
        place[key] = value
    return {f"rfm__{name}": content for name, content in written.items()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write_project(tmp_path_factory.mktemp("configuration"), RULEBOOKS, DATASETS, tables=["customers", "orders"])


@pytest.fixture(scope="module")
def read_datasets(shop: Project) -> Any:
    """Evaluate the macro that reads the vars, on a manifest that is parsed once."""
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


@pytest.mark.parametrize(("path", "value"), RIGHT, ids=[f"{path}={value!r}"[:70] for path, value in RIGHT])
def test_what_is_right_is_taken(read_datasets: Any, path: str, value: Any) -> None:
    result = read_datasets(changed(path, value))
    assert result.success, result.text


@pytest.mark.parametrize("file", GALLERY, ids=[file.stem for file in GALLERY])
def test_the_rulebooks_of_the_gallery_are_taken(read_datasets: Any, file: Path) -> None:
    result = read_datasets(yaml.safe_load(file.read_text(encoding="utf-8"))["vars"])
    assert result.success, result.text


@pytest.mark.parametrize(
    ("path", "value", "message"), WRONG, ids=[f"{path}={value!r}"[:70] for path, value, _ in WRONG]
)
def test_a_mistake_is_one_line(read_datasets: Any, path: str, value: Any, message: str) -> None:
    result = read_datasets(changed(path, value))
    assert not result.success
    assert result.errors, result.text
    assert len(set(result.errors)) == 1, result.errors
    assert result.errors[0].startswith(f"rfm: {message}"), result.errors[0]
    assert re.search("[,?] expected .", result.errors[0]), result.errors[0]


def test_as_of_date_must_be_a_date(read_datasets: Any) -> None:
    written = changed("datasets.shop.columns.as_of_date", REMOVE)
    written["rfm__datasets"]["shop"]["as_of_date"] = "2024-13-01"
    result = read_datasets(written)
    assert "rfm: dataset 'shop': as_of_date is '2024-13-01', expected a date like 2024-11-02" in result.text
    for day, is_there in [("2025-06-31", False), ("2023-02-29", False), ("2024-02-29", True), ("2025-12-31", True)]:
        written["rfm__datasets"]["shop"]["as_of_date"] = day
        refused = f"rfm: dataset 'shop': as_of_date is '{day}', expected a day that the month has"
        assert (refused in read_datasets(written).errors) != is_there


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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "rulebooks.quintile.metrics.monetary.value",
            "greatst(monetary, 0)",
            "dataset 'shop': rulebook 'quintile' metrics.monetary.value is 'greatst(monetary, 0)', expected SQL that the database takes (",
        ),
        (
            "rulebooks.quintile.metrics.monetary.value",
            "monetary * region",
            "dataset 'shop': rulebook 'quintile' metrics.monetary.value is 'monetary * region', expected SQL that the database takes (",
        ),
        (
            "rulebooks.firm.total.expression",
            "size_score, 1",
            "dataset 'firms': rulebook 'firm' total.expression is 'size_score, 1', expected SQL that the database takes (",
        ),
        (
            "rulebooks.firm.grades.1.when",
            "size_score >",
            "dataset 'firms': rulebook 'firm' grades[1].when is 'size_score >', expected SQL that the database takes (",
        ),
    ],
)
def test_the_database_is_asked_before_anything_is_built(shop: Project, path: str, value: Any, message: str) -> None:
    dumped = yaml.safe_dump(changed(path, value), allow_unicode=True, default_flow_style=True, width=10_000)
    result = shop.dbt("compile", "--select", "stg_rfm__records", "--vars", dumped)
    assert not result.success
    assert result.errors, result.text
    assert len(set(result.errors)) == 1, result.errors
    assert result.errors[0].startswith(f"rfm: {message}"), result.errors[0]
