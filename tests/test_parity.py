"""DuckDB, PostgreSQL and Spark make the same marts of the same input, to the last digit."""

from __future__ import annotations

import random

import duckdb
import pyarrow
import pytest

from conftest import GALLERY, REPOSITORY, Row, demo_vars, gallery_rows, gallery_vars
from engines import DuckDB, Engine, PostgreSQL, Spark, canonical

MARTS = sorted(path.stem for path in (REPOSITORY / "models" / "marts").glob("rfm__*.sql"))

# Order, case and width of these ids differ from locale to locale; some are SQL, some are other alphabets.
NASTY_IDS = [
    "a", "B", "b", "A", "ab", "a b", "a-b", "a_b", "aB", "Ab", "_a", "-a", "é", "e", "f", "É", "ß", "ss", "z", "Z", "ä", "10", "9",
    "010", "1e3", "O'Brien", '"quoted"', "back\\slash", "per%cent", "semi;colon", "--comment", "$1", "{{ jinja }}", "茂南", "茂名",
    "客户", "ｗｉｄｅ", "😀", "İstanbul", "ıstanbul", "Ω", "ω", "null", "NULL", "true", "\\N", "new\nline", "tab\tin", "a'; drop table x; --",
]  # fmt: skip
NASTY_NUMBERS = [
    "0", "0.000001", "0.0000005", "1", "1.5", "2.5", "3.5", "0.333333", "0.666667", "1e3", "1E-3", "１２３", "1,234.56", "￥88.8",
    "99元", "999999999.999999", "-0", "12345678.123456", "100", "100.0", "100.00", "7", "7.0000004", "7.0000005",
    "1e0003", "1e-9999", "1e9999", "1e15", "-1e21", "9999999999999999999999.999999", "1e22",
]  # fmt: skip
NASTY_DATES = [
    "2024-02-29", "2024/3/1", "20240131", "45352", "2024年12月31日", "２０２４-0１-02", "2024-01-05 13:45:00", "2024-01-06T00:00:00",
    "2024.3.9", "1999-12-31", "2024-02-30", "yesterday", "", "2024-02-01\u0085", "2024-02-01\u2028", "2024-02-01T8:00\u2028",
    "2024-02-01 8:00\n9:00", "0001-01-01",
]  # fmt: skip

NASTY_RULEBOOK: Row = {
    "metrics": {
        "recency": {"value": "recency_days", "better": "low", "score": {"tiles": 5}},
        "frequency": {"value": "frequency", "score": {"split": "median", "scores": [2, 1]}},
        "monetary": {"value": "monetary", "score": {"tiles": 7, "tie_break": ["frequency desc"]}},
        "apiece": {"value": "monetary / frequency", "score": {"scale": "minmax"}},
        "share": {"value": "monetary", "score": {"share": "percent"}},
        "middle": {"value": "monetary * 1.0 / 3", "score": {"split": "mean", "scores": [1, -1]}},
        "typical": {"value": "monetary", "score": {"group": "median"}},
        "waited": {
            "value": "days_between(last_order_date, as_of_date) + 1",
            "score": {"scale": "mean"},
            "clamp": [0, 3],
        },
    },
    "total": {
        "expression": "recency_score * 0.3 + frequency_score / 3 + monetary_score * 0.4 + apiece_score + share_score / 100"
        " + middle_score + waited_score"
    },
    "round": 4,
    "grades": [
        {"grade": "Ä'1", "min": 5},
        {"grade": "b", "when": "monetary >= 3 * typical_score or total_score > 4.5"},
        {"grade": "B", "min": 2.5},
        {"grade": "普通"},
    ],
    "actions": {
        "Ä'1": {"contact_every_days": 7, "services": ['it\'s "first"', "茶"], "resources": {"visits": 2.5}},
        "b": {"contact_every_days": 45, "resources": {"visits": 1}},
        "普通": {"contact_every_days": 400},
    },
}
# Some of its codes are of no grade, and which is the first of them depends on the locale.
CODED_RULEBOOK: Row = {
    "metrics": {
        "size": {
            "value": "frequency",
            "score": {"steps": [{"min": 3, "score": "B"}, {"min": 2, "score": "a"}, {"score": "A"}]},
        },
        "sign": {
            "value": "monetary",
            "score": {"steps": [{"min": 100, "score": "+"}, {"min": 1, "score": "-"}, {"score": "_"}]},
        },
    },
    "total": {"code": ["size", "sign"]},
    "grades": [{"grade": "first", "codes": ["B+", "B-"]}, {"grade": "last", "codes": ["a+", "A_"]}],
}
FALL: Row = {"kind": "fell", "value": "monetary", "by": 0.1, "best_grades": 4, "severity": "low"}
# Orders by text and number in both directions, as a model of one's own may ask rfm.grade() for.
RANKED_RULEBOOK: Row = {
    "metrics": {
        "frequency": {"value": "frequency", "score": {"tiles": 3, "tie_break": ["region desc", "monetary desc"]}},
        "recency": {
            "value": "recency_days",
            "better": "low",
            "score": {"tiles": 7, "tie_break": ["last_order_date desc"]},
        },
        "monetary": {"value": "round(monetary / 100, 0)", "score": {"tiles": 11, "tie_break": ["region asc"]}},
    },
    "total": {"frequency": 0.3, "recency": 0.3, "monetary": 0.4},
    "grades": [{"grade": "A", "min": 5}, {"grade": "B"}],
}
# dbt's own tables on Spark are lines of text, which an id with a line feed breaks.
TABLE = "{{ config(materialized='table', file_format='parquet' if target.type == 'spark' else none) }}"
MY_CUSTOMERS = (
    TABLE
    + " select customer_id, region, last_order_date, recency_days, frequency, monetary from {{ ref('rfm__graded_customers') }} "
    "where dataset = 'nasty_orders' and as_of_date = cast('2024-12-31' as date)"
)
MY_GRADES = TABLE + " {{ rfm.grade(ref('my_customers'), rulebook='ranked') }}"
NASTY_DATASETS: Row = {
    "nasty_codes": {
        "rulebook": "coded",
        "records": "input.nasty_records",
        "columns": {"customer_id": "Kunde ID", "as_of_date": "as of", "frequency": "F", "monetary": "M"},
    },
    "nasty_records": {
        "rulebook": "nasty",
        "records": "input.nasty_records",
        "columns": {
            "customer_id": "Kunde ID",
            "region": "地区",
            "as_of_date": "as of",
            "last_order_date": "last",
            "recency_days": "R",
            "frequency": "F",
            "monetary": "M",
            "disputes": {"column": "select", "type": "integer"},
            "note": {"column": 'a "note"', "type": "text"},
            "last_contact_date": {"column": "contact", "type": "date"},
        },
        "within": "region",
        "missing": "zero",
        "resources": {"visits": 11},
    },
    "nasty_orders": {
        "rulebook": "nasty",
        "orders": "input.nasty_orders",
        "columns": {
            "customer_id": "who",
            "region": "region",
            "order_id": "order",
            "ordered_at": "day",
            "amount": "amount",
        },
        "as_of": ["2024-02-29", "2024-06-30", "2024-12-31"],
        "window": {"months": 6},
        "frequency": "net_orders",
        "warnings": {"drop_big": FALL, "drop2": FALL},
        "resources": {"visits": 5},
    },
}


def nasty_tables() -> dict[str, pyarrow.Table]:
    """Records and orders with the ids, numbers and dates that people and spreadsheets write."""
    chance = random.Random(20241102)
    records = []
    for as_of in ["2024-11-30", "2024-12-31"]:
        for copy in range(3):
            for name in NASTY_IDS:
                if chance.random() < 0.8:
                    records.append({
                        "Kunde ID": name if copy < 2 else f"{name} {chance.randrange(9)}",
                        "地区": chance.choice(["North", "north", "Süd", "南", " South ", None]),
                        "as of": as_of if chance.random() < 0.97 else chance.choice(NASTY_DATES),
                        "last": chance.choice(NASTY_DATES),
                        "R": chance.choice([None, str(chance.randrange(400)), "30", "x"]) if chance.random() < 0.5 else None,
                        "F": chance.choice(["1", "2", "2", "3", "3.0", "1,000", None, "2.5"]),
                        "M": chance.choice(NASTY_NUMBERS),
                        "select": chance.choice(["0", "1", "3", "4", None]),
                        'a "note"': chance.choice(["", " ", "it's", '{"json": [1]}', "line\nbreak \\ tab\t", "\u0001", None]),
                        "contact": chance.choice([None, "2024-11-15", "2024/12/1"]),
                    })  # fmt: skip
    orders = [
        {
            "who": chance.choice(NASTY_IDS),
            "region": chance.choice(["North", "Süd", None]),
            "order": chance.choice([None, f"o{chance.randrange(400)}"]),
            "day": chance.choice(
                [f"2024-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"] * 9 + NASTY_DATES[:9]
            ),
            "amount": chance.choice(NASTY_NUMBERS + ["-5", "-1.25", "8.10", "9.99", "free"]),
        }
        for _ in range(900)
    ]
    return {"nasty_records": text_table(records), "nasty_orders": text_table(orders)}


def text_table(rows: list[Row]) -> pyarrow.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pyarrow.table({name: pyarrow.array([row.get(name) for row in rows], pyarrow.string()) for name in names})


def parity_vars() -> Row:
    """The demo's products, CDNOW with its history, the gallery, and the nasty ones."""
    gallery, demo = gallery_vars(), demo_vars()
    datasets = dict(gallery["rfm__datasets"])
    for name, dataset in demo["rfm__datasets"].items():
        kind = "orders" if "orders" in dataset else "records"
        datasets[name] = dataset | {kind: f"input.{dataset[kind]}"}
    own = {"nasty": NASTY_RULEBOOK, "coded": CODED_RULEBOOK, "ranked": RANKED_RULEBOOK}
    rulebooks = gallery["rfm__rulebooks"] | demo["rfm__rulebooks"] | own
    return {"rfm__rulebooks": rulebooks, "rfm__datasets": datasets | NASTY_DATASETS}


def parity_tables() -> dict[str, pyarrow.Table]:
    """The inputs: those of the demo with the types that a reader of csv gives them, the others as text."""
    tables = nasty_tables()
    for file in sorted((REPOSITORY / "seeds").glob("raw_*.csv")):
        tables[file.stem] = duckdb.sql(f"from read_csv('{file}', nullstr='')").to_arrow_table()
    for name, entry in GALLERY.items():
        tables[name] = text_table(gallery_rows(entry))
    return tables


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pyarrow.Table]:
    """What DuckDB makes of them; other tests compare that with the oracle."""
    engine = DuckDB(tmp_path_factory.mktemp("duckdb"))
    build(engine)
    return engine.read([*MARTS, "my_grades"])


@pytest.fixture(scope="module", params=["postgres", "spark"])
def found(request: pytest.FixtureRequest) -> dict[str, pyarrow.Table]:
    """What the other engines make of them."""
    folder = request.getfixturevalue("tmp_path_factory").mktemp(request.param)
    if request.param == "postgres":
        engine: Engine = PostgreSQL(folder, request.getfixturevalue("postgres_server"), "parity")
    else:
        request.getfixturevalue("spark_here")
        engine = Spark(folder)
    build(engine)
    return engine.read([*MARTS, "my_grades"])


def build(engine: Engine) -> None:
    tables = parity_tables()
    models = {"models/my_customers.sql": MY_CUSTOMERS, "models/my_grades.sql": MY_GRADES}
    engine.write_project(parity_vars(), list(tables), models)
    engine.load(tables)
    engine.dbt("build")


@pytest.mark.parametrize("mart", [*MARTS, "my_grades"])
def test_marts_are_equal(expected: dict[str, pyarrow.Table], found: dict[str, pyarrow.Table], mart: str) -> None:
    assert sorted(found[mart].column_names) == sorted(expected[mart].column_names)
    assert expected[mart].num_rows
    assert canonical(found[mart]) == canonical(expected[mart])
