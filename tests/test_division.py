"""Division is exact: rounded half away from zero at the last decimal, on both sides of the bound where numbers get large."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow
import pytest

from engines import DuckDB, Engine, PostgreSQL, Spark

DATASET = {"rulebook": "money", "records": "input.numbers", "as_of_date": "2025-06-30"}
RULEBOOK = {"metrics": {"monetary": {"value": "monetary"}}, "total": {"monetary": 1}}
WHOLE = ["0", "1", "2", "3", "7", "8", "64", "-1", "-7", "3999999", "4000000", "-4000000", "79999999999999"]
DECIMALS = [
    "0.000001",
    "0.5",
    "-2.000001",
    "3999999.999999",
    "4000000.000001",
    "-3999999.000005",
    "123456789012.345678",
]


def rounded(number: Fraction, decimals: int) -> Decimal:
    """Half away from zero."""
    units = abs(number) * 10**decimals
    whole = (2 * units.numerator + units.denominator) // (2 * units.denominator)
    return Decimal(whole if number > 0 else -whole).scaleb(-decimals)


MODEL = """
    select
        above, below,
        {{ rfm.divide('above', 'below') }} as six,
        case
            when floor(above) = above and floor(below) = below then {{ rfm.quotient('above', 'below', 0) }}
        end as twelve
    from (
        select cast(above as decimal(28, 6)) as above, cast(below as decimal(28, 6)) as below
        from {{ source('input', 'numbers') }}
    ) as numbers
"""


@pytest.fixture(params=["duckdb", "postgres", "spark"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "duckdb":
        return DuckDB(tmp_path)
    if request.param == "postgres":
        return PostgreSQL(tmp_path, request.getfixturevalue("postgres_server"), "division")
    request.getfixturevalue("spark_here")
    return Spark(tmp_path)


def test_quotients_are_exact(engine: Engine) -> None:
    numbers = WHOLE + DECIMALS
    pairs = list(itertools.product(numbers, numbers))
    columns = {"customer_id": "customer_id", "monetary": "monetary"}
    dataset = {**DATASET, "columns": columns}
    engine.write_project(
        {"rfm__rulebooks": {"money": RULEBOOK}, "rfm__datasets": {"shop": dataset}},
        ["numbers"],
        {"models/quotients.sql": MODEL},
    )
    engine.load(
        {"numbers": pyarrow.table({"above": [above for above, _ in pairs], "below": [below for _, below in pairs]})}
    )
    engine.dbt("run", "--select", "quotients")
    found = engine.read(["quotients"])["quotients"].to_pylist()
    assert len(found) == len(pairs)
    wholes = 0
    for row in found:
        above, below = Fraction(row["above"]), Fraction(row["below"])
        assert row["six"] == (rounded(above / below, 6) if below else 0), row
        if below and above.denominator == below.denominator == 1:
            wholes += 1
            assert row["twelve"] == rounded(above / below, 12), row
    assert wholes == len(WHOLE) * (len(WHOLE) - 1)
