"""What cleaning makes of a value, and which reasons it gives. The answers are written out here, not computed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oracle
from conftest import QUINTILE, STANDARD_COLUMNS, CompiledModels, Row, write_project

EXTRAS: Row = {
    "margin": "margin",
    "disputes": {"column": "disputes", "type": "integer"},
    "level": {"column": "level", "type": "text"},
    "founded": {"column": "founded", "type": "date"},
    # Names that the models might use themselves: an extra column never takes their place.
    "copy_number": {"column": "copy_number", "type": "integer"},
    "preference": {"column": "preference", "type": "text"},
    "is_contested": {"column": "is_contested", "type": "date"},
}
COLUMNS = [*STANDARD_COLUMNS, *EXTRAS]
DATASETS: Row = {
    "strict": {"rulebook": "quintile", "records": "input.customers", "columns": {**STANDARD_COLUMNS, **EXTRAS}},
    "lenient": {
        "rulebook": "quintile",
        "records": "input.customers",
        "columns": {name: name for name in STANDARD_COLUMNS if name not in ("region", "as_of_date")},
        "as_of_date": datetime.date(2025, 6, 30),
        "missing": "zero",
    },
}
GOOD: Row = {
    "customer_id": "c1",
    "region": "north",
    "as_of_date": "2025-06-30",
    "last_order_date": "2025-06-20",
    "recency_days": "10",
    "frequency": "2",
    "monetary": "100.00",
    "margin": None,
    "disputes": None,
    "level": None,
    "founded": None,
    "copy_number": "7",
    "preference": "none",
    "is_contested": "2025-01-01",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledModels]:
    project = write_project(tmp_path_factory.mktemp("cleaning"), {"quintile": QUINTILE}, DATASETS, tables=["customers"])
    project.load("customers", [], COLUMNS)
    project.build()
    compiled = CompiledModels.of(project)
    yield compiled
    compiled.connection.close()


def clean(models: CompiledModels, rows: list[Row], dataset: str = "strict") -> list[Row]:
    models.run({"customers": [{**GOOD, **row} for row in rows]}, COLUMNS)
    return models.rows(
        f"select * from stg_rfm__records where dataset = '{dataset}' order by customer_id, rejection_reasons"
    )


READABLE: list[tuple[str, str, Any]] = [
    ("customer_id", " 0012\u3000", "0012"),
    ("customer_id", '\t张三\'s "店" 😀\n', '张三\'s "店" 😀'),
    ("region", "  ", "unknown"),
    ("region", None, "unknown"),
    ("as_of_date", "2025/6/30", datetime.date(2025, 6, 30)),
    ("as_of_date", "2025.06.30", datetime.date(2025, 6, 30)),
    ("as_of_date", "2025年6月30日", datetime.date(2025, 6, 30)),
    ("as_of_date", "20250630", datetime.date(2025, 6, 30)),
    ("as_of_date", "２０２５-０６-３０", datetime.date(2025, 6, 30)),
    ("as_of_date", "45838", datetime.date(2025, 6, 30)),
    ("as_of_date", "45838.75", datetime.date(2025, 6, 30)),
    ("as_of_date", "2025-06-30 23:59:59", datetime.date(2025, 6, 30)),
    ("as_of_date", "2025-06-30T23:59:59.123", datetime.date(2025, 6, 30)),
    ("as_of_date", "2025年6月30日 8:00", datetime.date(2025, 6, 30)),
    ("last_order_date", "", None),
    ("recency_days", "７", 7),
    ("recency_days", "7.0", 7),
    ("recency_days", "", 10),
    ("frequency", "1,200", 1200),
    ("frequency", "+3", 3),
    ("frequency", "0", 0),
    ("monetary", "￥1,234.50", Decimal("1234.5")),
    ("monetary", "¥12", Decimal(12)),
    ("monetary", "１，２３４．５０", Decimal("1234.5")),
    ("monetary", "99.9元", Decimal("99.9")),
    ("monetary", "-30.5", Decimal("-30.5")),
    ("monetary", "-￥30.5", Decimal("-30.5")),
    ("monetary", "1.2E+05", Decimal(120000)),
    ("monetary", ".5", Decimal("0.5")),
    ("monetary", "0.0000005", Decimal("0.000001")),
    ("monetary", "-0.0000005", Decimal("-0.000001")),
    ("monetary", "999999999999999.999999", Decimal("999999999999999.999999")),
    ("monetary", "-1e0003", Decimal(-1000)),
    ("monetary", "1e-9999", Decimal(0)),
    ("margin", "-0.25", Decimal("-0.25")),
    ("disputes", "2", 2),
    ("level", "有; drop", "有; drop"),
    ("customer_id", "#7", "#7"),
    ("customer_id", "#N/A 7", "#N/A 7"),
    ("founded", "2001/1/9", datetime.date(2001, 1, 9)),
]


@pytest.mark.parametrize(("column", "text", "value"), READABLE, ids=[f"{c}={t!r}" for c, t, _ in READABLE])
def test_readable_values_are_read(models: CompiledModels, column: str, text: str, value: Any) -> None:
    (row,) = clean(models, [{column: text}])
    assert row["rejection_reasons"] is None
    assert row["record"] is None
    assert row[column] == value


UNREADABLE: list[tuple[Row, str]] = [
    ({"customer_id": None}, "customer_id ('customer_id') is missing"),
    ({"customer_id": " \u00a0\u3000\t"}, "customer_id ('customer_id') is missing"),
    ({"customer_id": " #N/A"}, "customer_id ('customer_id') is '#N/A', expected a text, not a spreadsheet error"),
    ({"region": "#REF!"}, "region ('region') is '#REF!', expected a text, not a spreadsheet error"),
    ({"level": "#CALC!"}, "level ('level') is '#CALC!', expected a text, not a spreadsheet error"),
    ({"monetary": "#DIV/0!"}, "monetary ('monetary') is '#DIV/0!', expected a number"),
    ({"as_of_date": ""}, "as_of_date ('as_of_date') is missing"),
    ({"as_of_date": "2025-02-30"}, "as_of_date ('as_of_date') is '2025-02-30', expected a date"),
    ({"as_of_date": "30/06/2025"}, "as_of_date ('as_of_date') is '30/06/2025', expected a date"),
    ({"as_of_date": "June"}, "as_of_date ('as_of_date') is 'June', expected a date"),
    ({"last_order_date": "2025"}, "last_order_date ('last_order_date') is '2025', expected a date"),
    ({"last_order_date": "2025-07-01"}, "as_of_date 2025-06-30 is before last_order_date 2025-07-01"),
    ({"recency_days": "-1"}, "recency_days ('recency_days') is '-1', expected 0 or more"),
    ({"recency_days": "1.5"}, "recency_days ('recency_days') is '1.5', expected a whole number"),
    ({"recency_days": "ten"}, "recency_days ('recency_days') is 'ten', expected a whole number"),
    (
        {"recency_days": None, "last_order_date": None},
        "recency_days ('recency_days') is missing and no last_order_date gives it",
    ),
    ({"frequency": None}, "frequency ('frequency') is missing"),
    ({"frequency": "-2"}, "frequency ('frequency') is '-2', expected 0 or more"),
    ({"frequency": "2次"}, "frequency ('frequency') is '2次', expected a whole number"),
    (
        {"frequency": "99999999999999999999"},
        "frequency ('frequency') is '99999999999999999999', expected a whole number",
    ),
    ({"monetary": None}, "monetary ('monetary') is missing"),
    ({"monetary": "1,23.4"}, "monetary ('monetary') is '1,23.4', expected a number"),
    ({"monetary": "1 2"}, "monetary ('monetary') is '1 2', expected a number"),
    ({"monetary": "NaN"}, "monetary ('monetary') is 'NaN', expected a number"),
    ({"monetary": "1e30"}, "monetary ('monetary') is '1e30', expected a number"),
    (
        {"monetary": "999999999999999.9999996"},
        "monetary ('monetary') is '999999999999999.9999996', expected less than 1000000000000000",
    ),
    (
        {"frequency": "-9223372036854775808"},
        "frequency ('frequency') is '-9223372036854775808', expected less than 1000000000000000; "
        "frequency ('frequency') is '-9223372036854775808', expected 0 or more",
    ),
    (
        {"as_of_date": "2025-06-30 8:00\nor later"},
        "as_of_date ('as_of_date') is '2025-06-30 8:00\nor later', expected a date",
    ),
    ({"as_of_date": "2025-06-30\u2028"}, "as_of_date ('as_of_date') is '2025-06-30\u2028', expected a date"),
    ({"monetary": "it's"}, "monetary ('monetary') is 'it's', expected a number"),
    ({"margin": "high"}, "margin ('margin') is 'high', expected a number"),
    ({"disputes": "0.5"}, "disputes ('disputes') is '0.5', expected a whole number"),
    ({"founded": "long ago"}, "founded ('founded') is 'long ago', expected a date"),
    (
        {"customer_id": "", "frequency": "-2", "monetary": "?"},
        "customer_id ('customer_id') is missing; frequency ('frequency') is '-2', expected 0 or more; "
        "monetary ('monetary') is '?', expected a number",
    ),
]


@pytest.mark.parametrize(("change", "reasons"), UNREADABLE, ids=[str(change) for change, _ in UNREADABLE])
def test_what_cannot_be_used_is_rejected_with_every_reason(models: CompiledModels, change: Row, reasons: str) -> None:
    (row,) = clean(models, [change])
    assert row["rejection_reasons"] == reasons
    assert row["record"] is not None


def test_a_missing_value_may_count_as_zero(models: CompiledModels) -> None:
    (row,) = clean(models, [{"frequency": " ", "monetary": None}], dataset="lenient")
    assert (row["rejection_reasons"], row["frequency"], row["monetary"], row["region"]) == (None, 0, Decimal(0), "all")
    (row,) = clean(models, [{"frequency": "x"}], dataset="lenient")
    assert row["rejection_reasons"] == "frequency ('frequency') is 'x', expected a whole number"


def test_of_contradicting_rows_one_is_kept(models: CompiledModels) -> None:
    rows = [
        {"customer_id": "date", "last_order_date": "2025-06-20", "monetary": "900"},
        {"customer_id": "date", "last_order_date": "2025-06-21", "monetary": "1"},
        {"customer_id": "date", "last_order_date": None, "monetary": "999"},
        {"customer_id": "money", "monetary": "5", "frequency": "1"},
        {"customer_id": "money", "monetary": "50", "frequency": "9"},
        {"customer_id": "small", "frequency": "3"},
        {"customer_id": "small", "frequency": "2"},
        {"customer_id": "small", "frequency": "2"},
        {"customer_id": "small ", "frequency": "２"},
        {"customer_id": "small", "frequency": "3"},
    ]
    found = clean(models, rows)
    kept = {row["customer_id"]: row for row in found if row["rejection_reasons"] is None}
    assert kept["date"]["monetary"] == 1
    assert kept["money"]["monetary"] == 50
    assert kept["small"]["frequency"] == 2
    reasons = sorted((row["customer_id"], row["rejection_reasons"]) for row in found if row["rejection_reasons"])
    assert reasons == [
        ("date", "superseded"),
        ("date", "superseded"),
        ("money", "superseded"),
        ("small", "duplicate"),
        ("small", "duplicate"),
        ("small", "duplicate"),
        ("small", "superseded"),
    ]


def test_of_many_identical_rows_each_customer_keeps_one(models: CompiledModels) -> None:
    """Identical rows have no order among themselves; two windows over them once kept none of some customers' rows."""
    rows = [{**GOOD, "customer_id": f"{number % 2000:04d}"} for number in range(6000)]
    found = clean(models, rows)
    assert sorted(row["customer_id"] for row in found if row["rejection_reasons"] is None) == [
        f"{n:04d}" for n in range(2000)
    ]
    assert sum(row["rejection_reasons"] == "duplicate" and row["record"] is not None for row in found) == 4000


def test_typed_columns_are_used_as_they_are(models: CompiledModels, tmp_path: Any) -> None:
    """A parquet file has numbers and dates already; its floats become decimals, its fractions no counts."""
    path = tmp_path / "typed.parquet"
    duckdb.sql(
        "select * from (values (7, date '2025-06-30', timestamp '2025-06-20 12:00:00', 10, 2.0::double, 0.1::double), "
        "(8, date '2025-06-30', timestamp '2025-06-20 12:00:00', 10, 2.5::double, 'nan'::double)) "
        "as t(customer_id, as_of_date, last_order_date, recency_days, frequency, monetary)"
    ).write_parquet(str(path))
    columns = {name: name for name in STANDARD_COLUMNS if name != "region"}
    project = write_project(
        tmp_path / "typed",
        {"quintile": QUINTILE},
        {"typed": {"rulebook": "quintile", "records": "files.typed", "columns": columns}},
        sources=[
            {"name": "files", "config": {"meta": {"external_location": str(path)}}, "tables": [{"name": "typed"}]}
        ],
    )
    project.build()
    good, bad = project.query("select * from stg_rfm__records order by customer_id")
    assert (good["customer_id"], good["recency_days"], good["frequency"], good["monetary"]) == (
        "7",
        10,
        2,
        Decimal("0.1"),
    )
    assert good["last_order_date"] == datetime.date(2025, 6, 20)
    assert bad["rejection_reasons"] == (
        "frequency ('frequency') is '2.5', expected a whole number; monetary ('monetary') is 'nan', expected a number"
    )


PIECES = st.text(st.sampled_from("0123456789０１９,，.．-－+￥¥元 年月日/TeE:\u3000x"), max_size=12)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "customer_id": st.sampled_from(["a", "b", "b ", "", "ｂ", "#NAME?"]),
                "monetary": st.one_of(PIECES, st.decimals(-1000, 1000, places=3).map(str)),
                "frequency": st.one_of(st.integers(-2, 5).map(str), st.just("")),
                "recency_days": st.one_of(st.integers(-2, 40).map(str), st.just("")),
                "last_order_date": st.sampled_from(["2025-06-01", "2025/6/30", "45838", "2025-07-02", "", "?"]),
                "as_of_date": st.sampled_from(["2025-06-30", "20250630", "2025年6月30日", ""]),
            }
        ),
        min_size=1,
        max_size=40,
    )
)
def test_cleaning_equals_the_oracle(models: CompiledModels, rows: list[Row]) -> None:
    # The oracle reads no blank between a sign and its digits; people write them, so cleaning does.
    rows = [{**GOOD, **row, "monetary": row["monetary"].replace(" ", "")} for row in rows]
    models.run({"customers": rows}, COLUMNS)
    used, rejected = oracle.clean(rows, DATASETS["strict"])
    found = models.rows("select * from stg_rfm__records where dataset = 'strict'")
    names = ["as_of_date", "customer_id", "last_order_date", "recency_days", "frequency", "monetary"]

    def order(row: Row) -> list[str]:
        return [str(row[name]) for name in names]

    assert sorted(
        ({n: row[n] for n in names} for row in found if row["rejection_reasons"] is None), key=order
    ) == sorted(({n: row[n] for n in names} for row in used), key=order)
    counts = [len(row["reasons"]) for row in rejected]
    assert sorted(len(row["rejection_reasons"].split("; ")) for row in found if row["rejection_reasons"]) == sorted(
        counts
    )
