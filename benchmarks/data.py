"""Customers and orders of realistic shape, as parquet files that DuckDB writes and that are used again.

Every value is drawn by a hash of the row's number: the same size gives the same file, with no seed and no clock.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import REPOSITORY, Limits, run

LAST_DAY = "2024-12-31"
"""The as-of date of the customers, and the last day of the orders."""

DAYS = 731
"""The orders lie on the days of two years, 2023 and 2024."""

MONTHS = 6
REGIONS = 30
"""Of the customers that are graded month by month."""


def customers_file(folder: Path, customers: int, amounts: str = "tied") -> Path:
    """Return the file with this many customers, and write it if it is not there.

    customer_id is a text whose order is not that of the rows; recency_days is 0 to 729 and mostly small; frequency is
    geometric, so it has few distinct values; monetary has cents and a long tail, and where amounts are unique instead
    of tied, no two customers have the same.
    """
    monetary = {
        "tied": "frequency * exp(4.5 + 1.1 * amount)",
        "unique": f"customer * {step_through(customers, 0.382)} % {customers} / 100",
    }[amounts]
    name = "customers" if amounts == "tied" else f"customers_{amounts}"
    sql = f"""
        with

        drawn as (
            select
                number * {step_through(customers, 0.618)} % {customers} as customer,
                {draw(4, 0)} as recency,
                {draw(4, 1)} as frequency,
                {normal(draw(4, 2), draw(4, 3))} as amount
            from range({customers}) as numbers (number)
        ),

        measured as (
            select
                customer,
                amount,
                cast(floor(730 * pow(recency, 2.5)) as bigint) as recency_days,
                1 + cast(floor(ln(frequency) / ln(0.65)) as bigint) as frequency
            from drawn
        )

        select
            'C' || lpad(cast(customer as varchar), 9, '0') as customer_id,
            recency_days,
            frequency,
            cast({monetary} as decimal(18, 2)) as monetary
        from measured
    """
    return written(folder, f"{name}_{customers}", sql)


def step_through(count: int, part: float) -> int:
    """A step, about this part of the count, that visits all numbers below the count once before it comes back."""
    return next(step for step in range(int(count * part) or 1, 2 * count + 1) if math.gcd(step, count) == 1)


def months_file(folder: Path, customers: int) -> Path:
    """Return the file with this many customers in each of six months, in 30 regions; write it if it is not there.

    A row for each customer and month end. A customer's amount and frequency vary from month to month around its own,
    and a fiftieth of the customers is missing in each month.
    """
    sql = f"""
        with

        drawn as (
            select
                number // {MONTHS} as customer,
                number % {MONTHS} as month,
                {draw(4, 0)} as recency,
                {draw(4, 1)} as noise,
                {draw(4, 2)} as missing,
                (hash(number // {MONTHS}) >> 11) / 9007199254740992 as habit
            from range({customers * MONTHS}) as numbers (number)
        )

        select
            'C' || lpad(cast(customer as varchar), 9, '0') as customer_id,
            'Region ' || lpad(cast(customer % {REGIONS} + 1 as varchar), 2, '0') as region,
            last_day(date '{LAST_DAY}' - to_months(cast({MONTHS - 1} - month as integer))) as as_of_date,
            cast(floor(180 * pow(recency, 2)) as bigint) as recency_days,
            1 + cast(floor(12 * habit * (0.5 + noise)) as bigint) as frequency,
            cast(exp(3 + 4 * habit + noise) as decimal(18, 2)) as monetary
        from drawn
        where missing > 0.02
    """
    return written(folder, f"months_{customers}", sql)


def orders_file(folder: Path, orders: int) -> Path:
    """Return the file with this many orders, and write it if it is not there.

    The orders come in the order of their days, as in an export. The number of orders of a customer is geometric with
    mean 10: that is what comes out if customers differ exponentially in how often they order, and the product of two
    draws picks each order's customer accordingly.
    """
    customers = max(orders // 9, 1)
    sql = f"""
        select
            'C' || lpad(cast(cast(floor({draw(4, 0)} * {draw(4, 1)} * {customers}) as bigint) as varchar), 9, '0')
                as customer_id,
            'O' || lpad(cast(number as varchar), 10, '0') as order_id,
            date '{LAST_DAY}' - cast({DAYS - 1} - number * {DAYS} // {orders} as integer) as ordered_at,
            cast(exp(4 + {normal(draw(4, 2), draw(4, 3))}) as decimal(18, 2)) as amount
        from range({orders}) as numbers (number)
    """
    return written(folder, f"orders_{orders}", sql)


def draw(draws: int, which: int) -> str:
    """SQL of a number above 0 and below 1, drawn by the row's number. draws: how many such numbers a row needs."""
    return f"(((hash({draws} * number + {which}) >> 11) + 0.5) / 9007199254740992)"


def normal(first: str, second: str) -> str:
    """SQL of a normally distributed number, from two drawn ones."""
    return f"(sqrt(-2 * ln({first})) * cos(2 * pi() * {second}))"


def written(folder: Path, name: str, sql: str) -> Path:
    """Return the file that holds the rows of this query; another query gets another file."""
    mark = hashlib.sha256(f"{version('duckdb')} {sql}".encode()).hexdigest()[:8]
    path = folder / f"{name}_{mark}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        task = json.dumps({"sql": sql, "path": str(path)})
        outcome = run([sys.executable, "-m", "benchmarks.data", task], REPOSITORY, folder / f"{name}.log", Limits())
        if outcome.failure:
            raise RuntimeError(f"{path.name} could not be written: {outcome.failure}")
    return path


def write(sql: str, path: Path) -> None:
    """Write the rows of a query; the file has its name only when it is complete."""
    import duckdb

    incomplete = path.with_suffix(".incomplete")
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set temp_directory = '{path.parent / 'spilled'}'")
        connection.execute(f"copy ({sql}) to '{incomplete}' (format parquet)")
    incomplete.rename(path)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    write(given["sql"], Path(given["path"]))
