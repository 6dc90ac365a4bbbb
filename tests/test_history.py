"""An as-of date that has been graded stays as it was graded, unless the input holds it again."""

from __future__ import annotations

import calendar
import datetime
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import DERIVED_MARTS, HISTORY_MARTS, QUINTILE, STANDARD_COLUMNS, Project, Row, dump

RULEBOOKS = {"quintile": QUINTILE}
DATASETS: Row = {"shop": {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}}
ORDER_COLUMNS = ["customer_id", "order_id", "ordered_at", "amount", "region"]
MEASURES = ["region", "recency_days", "frequency", "monetary"]
MONTH_ENDS = [datetime.date(2024, month, calendar.monthrange(2024, month)[1]) for month in range(1, 13)]


def month(as_of_date: str, customers: int, factor: int = 1, faulty: int = 0) -> list[Row]:
    rows = [
        {
            "customer_id": f"c{number:03d}",
            "region": "north",
            "as_of_date": as_of_date,
            "recency_days": str(number * factor % 31),
            "frequency": str(1 + number * factor % 3),
            "monetary": str(10 * (number * 7 * factor % 50)),
        }
        for number in range(customers)
    ]
    rows += [{**rows[0], "customer_id": f"faulty{number}", "frequency": "often"} for number in range(faulty)]
    return rows


def marts(project: Project, where: str = "true", names: list[str] = HISTORY_MARTS) -> dict[str, list[Row]]:
    return {mart: project.query(f"select * from rfm__{mart} where {where} order by all") for mart in names}


def build(project: Project, rows: list[Row]) -> None:
    project.load("customers", rows, STANDARD_COLUMNS)
    project.build()


def test_history(make_project: Callable[..., Project]) -> None:
    project = make_project(RULEBOOKS, DATASETS, tables=["customers"])
    january = month("2025-01-31", 40, faulty=2)
    february = month("2025-02-28", 43, factor=3)
    without_date = [{**january[0], "as_of_date": "soon"}]

    build(project, january + without_date)
    graded_january = marts(project, "as_of_date = '2025-01-31'")
    assert len(graded_january["graded_customers"]) == 40
    assert len(graded_january["rejected_records"]) == 2

    # Only February is in the input: January is kept to the last value; the row without a date is gone with its input.
    build(project, february)
    assert marts(project, "as_of_date = '2025-01-31'") == graded_january
    assert len(marts(project, "as_of_date = '2025-02-28'")["graded_customers"]) == 43
    assert not project.query("select * from rfm__rejected_records where as_of_date is null")

    # The same file again changes nothing; a second copy beside it adds no customer, and its rows are accounted for.
    everything = marts(project, names=HISTORY_MARTS + DERIVED_MARTS)
    build(project, february)
    assert marts(project, names=HISTORY_MARTS + DERIVED_MARTS) == everything
    build(project, february + february)
    copies = project.query("select count(*) as n from rfm__rejected_records where reasons = 'duplicate'")[0]["n"]
    assert copies == 43
    assert marts(project, names=["graded_customers", *DERIVED_MARTS]) == {
        mart: everything[mart] for mart in ["graded_customers", *DERIVED_MARTS]
    }
    build(project, february)

    # A corrected file replaces its month, rejected rows included, and no other.
    graded_february = marts(project, "as_of_date = '2025-02-28'")
    build(project, month("2025-01-31", 38, factor=5))
    corrected = marts(project, "as_of_date = '2025-01-31'")
    assert len(corrected["graded_customers"]) == 38
    assert corrected["rejected_records"] == []
    assert marts(project, "as_of_date = '2025-02-28'") == graded_february

    # Month by month and all at once come to the same.
    at_once = make_project(RULEBOOKS, DATASETS, tables=["customers"], name="at_once")
    build(at_once, month("2025-01-31", 38, factor=5) + february)
    assert marts(at_once) == marts(project)
    assert marts(at_once, names=DERIVED_MARTS) == marts(project, names=DERIVED_MARTS)


def year_of_orders() -> list[Row]:
    """Orders of 2024, a few rejected, refunded or delivered twice."""
    random_numbers = random.Random(11)
    orders = []
    for number in range(700):
        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=random_numbers.randrange(366))
        customer = random_numbers.randrange(60)
        orders.append(
            {
                "customer_id": f"c{customer:02d}",
                "order_id": f"o{number:04d}",
                "ordered_at": day.isoformat(),
                "amount": str(random_numbers.randrange(-20, 300)),
                "region": "north" if customer % 3 else "south",
            }
        )
    orders += orders[::90]
    orders += [{**order, "amount": "much"} for order in orders[::200]]
    return orders


def year_of_records() -> list[Row]:
    """Customers at twelve month ends: some come later, some leave, some come back."""
    random_numbers = random.Random(12)
    rows = []
    for date in MONTH_ENDS:
        for number in range(50):
            if random_numbers.random() < 0.2:
                continue
            rows.append(
                {
                    "customer_id": f"c{number:02d}",
                    "region": "north" if number % 2 else "south",
                    "as_of_date": date.isoformat(),
                    "recency_days": str(random_numbers.randrange(31)),
                    "frequency": str(random_numbers.randrange(1, 9)),
                    "monetary": str(random_numbers.randrange(900)),
                }
            )
    return rows


def year_vars(until: datetime.date) -> Row:
    rulebook = {
        **QUINTILE,
        "actions": {"A": {"contact_every_days": 30, "resources": {"slots": 2}}, "B": {"resources": {"slots": 1}}},
    }
    orders = {
        "rulebook": "quintile",
        "orders": "input.orders",
        "columns": {name: name for name in ORDER_COLUMNS},
        "as_of": {"from": "2024-01-31", "to": until.isoformat(), "every": "month"},
        "resources": {"slots": 7},
    }
    return {
        "rfm__rulebooks": {"quintile": rulebook},
        "rfm__datasets": {
            "all_history": orders,
            "recent": {**orders, "window": {"months": 3}, "within": "region", "frequency": "net_orders"},
            "measured": {**DATASETS["shop"], "resources": {"slots": 5}},
        },
    }


def set_vars(project: Project, written: Row) -> None:
    path = project.folder / "dbt_project.yml"
    dump(path, {**yaml.safe_load(path.read_text(encoding="utf-8")), "vars": written})


def load_until(project: Project, date: datetime.date, orders: list[Row], records: list[Row], since: str = "") -> None:
    """Load the orders up to a date, and the records of the as-of dates from ``since`` up to it."""
    project.load("orders", [order for order in orders if order["ordered_at"] <= date.isoformat()], ORDER_COLUMNS)
    chosen = [row for row in records if since <= row["as_of_date"] <= date.isoformat()]
    project.load("customers", chosen, STANDARD_COLUMNS)


def test_a_year_played_month_by_month(make_project: Callable[..., Project]) -> None:
    """Monthly builds and one build of everything come to the same; late orders are reported and applied on request."""
    orders, records = year_of_orders(), year_of_records()
    december = MONTH_ENDS[-1]
    played = make_project({}, {}, tables=["orders", "customers"], name="played")
    for date in MONTH_ENDS:
        set_vars(played, year_vars(date))
        load_until(played, date, orders, records, since=date.isoformat())
        played.build()
    at_once = make_project({}, {}, tables=["orders", "customers"], name="at_once")
    set_vars(at_once, year_vars(december))
    load_until(at_once, december, orders, records)
    at_once.build()
    names = [*HISTORY_MARTS, *DERIVED_MARTS]
    for mart in names:
        assert marts(played, names=[mart]) == marts(at_once, names=[mart]), mart
    assert all(marts(played, names=names).values())
    assert len(played.query("select distinct dataset, as_of_date from rfm__graded_customers")) == 36

    # Orders of March come in January: what was graded stays, and the audit counts what they would change.
    before = marts(played, names=names)
    late = [
        {"customer_id": "c07", "order_id": "late1", "ordered_at": "2024-03-05", "amount": "5000", "region": "south"},
        {"customer_id": "late", "order_id": "late2", "ordered_at": "2024-03-06", "amount": "9", "region": "north"},
    ]
    for project in [played, at_once]:
        project.load("orders", orders + late, ORDER_COLUMNS)
    played.build()
    for mart in [*HISTORY_MARTS[:-1], *DERIVED_MARTS[:-1]]:
        assert marts(played, names=[mart])[mart] == before[mart], mart
    known = "finding != 'late_orders'"
    assert marts(played, known, ["rulebook_audit"]) == {"rulebook_audit": before["rulebook_audit"]}
    reported = {
        (row["dataset"], row["as_of_date"]): row
        for row in played.query("select * from rfm__rulebook_audit where finding = 'late_orders'")
    }

    # Graded anew, in a build that grades everything for the first time, exactly that many customers are measured otherwise.
    fresh = make_project({}, {}, tables=["orders", "customers"], name="fresh")
    set_vars(fresh, year_vars(december))
    load_until(fresh, december, orders + late, records)
    fresh.build()
    changed: dict[Any, int] = {}
    old, new = (
        {
            (row["dataset"], row["as_of_date"], row["customer_id"]): [row[name] for name in MEASURES]
            for row in project.query("select * from rfm__graded_customers where dataset != 'measured'")
        }
        for project in [at_once, fresh]
    )
    for key in old | new:
        changed[key[:2]] = changed.get(key[:2], 0) + (old.get(key) != new.get(key))
    assert {key: row["amount"] for key, row in reported.items()} == {key: n for key, n in changed.items() if n}
    assert len(reported) > 10
    for (_, date), row in reported.items():
        number = int(row["amount"])
        assert f"{number} customer{'s' if number > 1 else ''} would be measured otherwise at {date}" in row["sentence"]
        assert f"有 {number} 户客户" in row["sentence_zh"]

    # On request the frozen dates are graded anew, and the months whose files are gone are still there.
    played.build("--full-refresh")
    for mart in names:
        assert marts(played, names=[mart]) == marts(fresh, names=[mart]), mart


def test_what_a_build_broke_off_is_made_by_the_next(make_project: Callable[..., Project]) -> None:
    """Before the date was graded: it is graded anew. Behind it: the marts catch up, by the grades that stand."""
    project = make_project({}, {}, tables=["orders", "customers"])
    set_vars(project, year_vars(MONTH_ENDS[2]))
    load_until(project, MONTH_ENDS[2], year_of_orders(), year_of_records())
    project.build()
    names = HISTORY_MARTS + DERIVED_MARTS
    before = marts(project, names=names)
    behind = ["int_rfm__finished_dates", "rfm__score_cutpoints", "rfm__tier_summary", "rfm__rejected_records"]
    with project.connect() as connection:
        for table in ["int_rfm__graded_dates", "int_rfm__graded_metrics", *behind]:
            connection.execute(f"delete from {table} where as_of_date = '2024-03-31'")
        connection.execute("update int_rfm__score_history set grade = 'D' where as_of_date = '2024-03-31'")
    project.build()
    assert marts(project, names=names) == before
    with project.connect() as connection:
        for table in behind:
            connection.execute(f"delete from {table} where as_of_date = '2024-03-31'")
    late = {"customer_id": "c07", "order_id": "late1", "ordered_at": "2024-03-05", "amount": "5000", "region": "south"}
    load_until(project, MONTH_ENDS[2], [*year_of_orders(), late], year_of_records())
    project.build()
    kept = ["graded_customers", "customer_scores", "score_cutpoints", "tier_summary"]
    assert marts(project, names=kept) == {name: before[name] for name in kept}


COMPARING_MARTS = ["grade_changes", "tier_migration", "churn_warnings", "backtest"]


def told_rows(random_numbers: random.Random, date: datetime.date, only_ungraded: bool = False) -> list[Row]:
    """Customers who come, go, come back and move; those with a monetary of 900 and more match no step."""
    return [
        {
            "customer_id": f"c{number:02d}",
            "region": random_numbers.choice(["north", "south", "south"]) if number % 3 else "west",
            "as_of_date": date.isoformat(),
            "recency_days": str(random_numbers.randrange(31)),
            "frequency": str(random_numbers.choice([1, 2, 4, 8])),
            "monetary": str(random_numbers.randrange(900, 950) if only_ungraded else random_numbers.randrange(1000)),
        }
        for number in range(16)
        if random_numbers.random() < (0.8 if number % 3 else 0.5)
    ]


def told_vars(as_of: list[datetime.date], best_grades: int, service: str) -> Row:
    steps = [{"min": 600, "below": 900, "score": 3}, {"min": 200, "below": 600, "score": 2}, {"below": 200, "score": 1}]
    stepwise = {
        "metrics": {"monetary": {"value": "monetary", "score": {"steps": steps}}},
        "total": {"monetary": 1},
        "grades": [{"grade": "high", "min": 3}, {"grade": "middle", "min": 2}, {"grade": "low"}],
        "actions": {"high": {"contact_every_days": 30, "services": [service]}},
    }
    orders = {
        "rulebook": "quintile",
        "orders": "input.orders",
        "columns": {name: name for name in ORDER_COLUMNS},
        "as_of": sorted(date.isoformat() for date in as_of),
        "window": {"months": 2},
        "within": "region",
    }
    return {
        "rfm__rulebooks": {"quintile": QUINTILE, "stepwise": stepwise},
        "rfm__warnings": {
            "poorer": {"kind": "fell", "value": "monetary", "by": 0.25, "best_grades": 1, "severity": "low"}
        },
        "rfm__datasets": {
            "bought": orders,
            "measured": DATASETS["shop"],
            "apart": {
                **DATASETS["shop"],
                "rulebook": "stepwise",
                "within": "region",
                "warnings": {"frequency_fell": {"best_grades": best_grades}},
            },
        },
    }


@pytest.mark.parametrize("seed", [1])
def test_what_builds_told_one_by_one_is_what_the_history_tells(make_project: Callable[..., Project], seed: int) -> None:
    """Months that come late or again, a changed rule, a build that broke off: nothing in the marts is out of date."""
    random_numbers = random.Random(seed)
    months = MONTH_ENDS[:8]
    first, later = months[:3], months[3:]
    random_numbers.shuffle(later)
    left_out = first.pop(random_numbers.randrange(3))
    events = ["left out", "corrected", "another rule", "another service", "broken off", "only ungraded", "deleted"]
    random_numbers.shuffle(events)
    orders = year_of_orders()
    for order in orders:
        order["region"] = random_numbers.choice(["north", "south"])
    project = make_project({}, {}, tables=["orders", "customers"])
    project.load("orders", orders, ORDER_COLUMNS)

    as_of, rows = first, [row for date in first for row in told_rows(random_numbers, date)]
    best_grades, service = 2, "letter"
    for event in ["first", *events]:
        if event != "first":
            rows = []
        if event == "left out":
            as_of = [*as_of, left_out]
            rows = told_rows(random_numbers, left_out)
        elif event == "corrected":
            rows = told_rows(random_numbers, random_numbers.choice(first))
        elif event == "another rule":
            best_grades = 1
        elif event == "another service":
            service = "visit"
        elif event == "deleted":
            with project.connect() as connection:
                condition = f"dataset = 'measured' and as_of_date = '{random_numbers.choice(first)}'"
                for table in ["graded_dates", "score_history", "graded_metrics", "cut_points"]:
                    connection.execute(f"delete from int_rfm__{table} where {condition}")
        if event in ["another rule", "only ungraded", "broken off", "corrected"]:
            as_of = [*as_of, later.pop()]
            rows += told_rows(random_numbers, as_of[-1], only_ungraded=event == "only ungraded")
        if event == "broken off":
            rows += told_rows(random_numbers, first[0])
        set_vars(project, told_vars(as_of, best_grades, service))
        project.load("customers", rows, STANDARD_COLUMNS)
        if event == "broken off":
            assert project.dbt("run", "--select", "+int_rfm__graded_dates").success
            as_of = [*as_of, later.pop()]
            set_vars(project, told_vars(as_of, best_grades, service))
            project.load("customers", told_rows(random_numbers, as_of[-1]), STANDARD_COLUMNS)
        assert project.dbt("run").success
        told = marts(project, names=COMPARING_MARTS)
        models = [f"rfm__{mart}" for mart in COMPARING_MARTS]
        assert project.dbt("run", "--full-refresh", "--select", *models).success
        for mart in COMPARING_MARTS:
            assert marts(project, names=[mart])[mart] == told[mart], (event, mart)
    project.build()

    found = "select count(*) as n from rfm__{} where {}"
    for mart, where in [
        ("grade_changes", "is_returning and dataset = 'apart'"),
        ("grade_changes", "direction = 'left' and other_region is not null"),
        ("churn_warnings", "is_repeated"),
        ("backtest", "part = 'warning' and customers > 0"),
    ]:
        assert project.query(found.format(mart, where))[0]["n"] > 0, where


def test_a_month_is_told_without_the_months_before_the_last(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    """Their customers could be gone, and the build would tell the same; what was told stays, also of a dataset that left."""
    project = make_project({}, {}, tables=["orders", "customers"])
    orders, records = year_of_orders(), year_of_records()

    def run(number: int, left: str = "") -> dict[str, list[Row]]:
        written = year_vars(MONTH_ENDS[number])
        written["rfm__datasets"].pop(left, None)
        set_vars(project, written)
        load_until(project, MONTH_ENDS[number], orders, records, since=MONTH_ENDS[number].isoformat())
        assert project.dbt("run").success
        return marts(project, names=[*COMPARING_MARTS, "service_plan"])

    for number in range(4):
        run(number)
    kept = tmp_path / "kept.duckdb"
    shutil.copy(project.database, kept)
    expected = run(4)
    shutil.copy(kept, project.database)
    with project.connect() as connection:
        connection.execute(f"delete from int_rfm__score_history where as_of_date < '{MONTH_ENDS[3]}'")
    assert run(4) == expected
    assert any(row["is_returning"] for row in expected["grade_changes"] if row["as_of_date"] == MONTH_ENDS[4])

    after = run(5, left="measured")
    for mart in COMPARING_MARTS:
        for name in ["measured", "recent"]:
            told = [row for row in expected[mart] if row["dataset"] == name]
            assert told
            now = [row for row in after[mart] if row["dataset"] == name]
            assert now == told if name == "measured" else len(now) > len(told), (mart, name)

    # Whose history is deleted, of that nothing is told.
    with project.connect() as connection:
        connection.execute("delete from int_rfm__graded_dates where dataset = 'measured'")
    for mart, told_of in run(6, left="measured").items():
        assert "measured" not in {row["dataset"] for row in told_of}, mart


def test_a_date_before_the_first_order_is_graded_when_orders_come(make_project: Callable[..., Project]) -> None:
    project = make_project({}, {}, tables=["orders", "customers"])
    set_vars(project, year_vars(MONTH_ENDS[1]))
    load_until(project, MONTH_ENDS[1], [], [])
    project.build()
    assert not project.query("from rfm__graded_customers")
    load_until(project, MONTH_ENDS[1], year_of_orders(), [])
    project.build()
    assert len(project.query("select distinct dataset, as_of_date from rfm__graded_customers")) == 4


def test_a_project_may_store_the_ranks(make_project: Callable[..., Project]) -> None:
    project = make_project(RULEBOOKS, DATASETS, tables=["customers"])
    build(project, month("2025-01-31", 12))
    january = marts(project, "as_of_date = '2025-01-31'")
    path = project.folder / "dbt_project.yml"
    stored = {"rfm": {"marts": {"rfm__graded_customers": {"+materialized": "table"}}}}
    dump(path, {**yaml.safe_load(path.read_text(encoding="utf-8")), "models": stored})
    build(project, month("2025-02-28", 9))
    assert project.query(
        "select table_type from information_schema.tables where table_name = 'rfm__graded_customers'"
    ) == [{"table_type": "BASE TABLE"}]
    assert marts(project, "as_of_date = '2025-01-31'") == january
    assert len(marts(project, "as_of_date = '2025-02-28'")["graded_customers"]) == 9


def test_the_history_takes_up_columns_of_other_types(make_project: Callable[..., Project]) -> None:
    """A metric that gets decimals is not rounded; an extra column that becomes a text starts anew."""
    columns = {**STANDARD_COLUMNS, "level": {"column": "level", "type": "integer"}}
    project = make_project(RULEBOOKS, {"shop": {**DATASETS["shop"], "columns": columns}}, tables=["customers"])
    rows = [{**row, "level": str(number)} for number, row in enumerate(month("2025-01-31", 9))]
    project.load("customers", rows, [*STANDARD_COLUMNS, "level"])
    project.build()
    metrics = {**QUINTILE["metrics"], "frequency": {"value": "frequency / 4"}}
    columns["level"] = {"column": "level", "type": "text"}
    rulebooks = {"quintile": {**QUINTILE, "metrics": metrics}}
    set_vars(
        project, {"rfm__rulebooks": rulebooks, "rfm__datasets": {"shop": {**DATASETS["shop"], "columns": columns}}}
    )
    rows = [{**row, "level": f"level {number}"} for number, row in enumerate(month("2025-02-28", 9))]
    project.load("customers", rows, [*STANDARD_COLUMNS, "level"])
    project.build()
    values = "select as_of_date, value, count(*) as n from rfm__customer_scores where metric = 'frequency' group by all order by all"
    assert [(str(row["as_of_date"]), str(row["value"]), row["n"]) for row in project.query(values)] == [
        ("2025-01-31", "1.000000", 3),
        ("2025-01-31", "2.000000", 3),
        ("2025-01-31", "3.000000", 3),
        ("2025-02-28", "0.250000", 3),
        ("2025-02-28", "0.500000", 3),
        ("2025-02-28", "0.750000", 3),
    ]
    levels = "select min(level) as level, max(level__bigint) as level__bigint from int_rfm__score_history"
    assert project.query(levels) == [{"level": "level 0", "level__bigint": 8}]


def test_the_history_takes_up_columns_that_it_did_without(make_project: Callable[..., Project]) -> None:
    """Regions, groups by region, half points, codes and dates: what was graded without them stays as it was."""
    columns = {name: name for name in STANDARD_COLUMNS if name not in ["last_order_date", "region"]}
    project = make_project(RULEBOOKS, {"shop": {**DATASETS["shop"], "columns": columns}}, tables=["customers"])
    build(project, month("2025-01-31", 11))
    names = ["graded_customers", "customer_scores"]
    january = marts(project, "as_of_date = '2025-01-31'", names)
    kept = "select column_name from information_schema.columns where table_name = 'int_rfm__score_history'"
    rare = {"region", "group_region", "last_order_date", "score_code", "recency_value"}
    assert not rare & {row["column_name"] for row in project.query(kept)}

    metrics = {
        "recency": {"value": "recency_days / 2", "better": "low", "score": {"tiles": 2, "clamp": [1.5, 2]}},
        "frequency": {"value": "frequency", "score": {"tiles": 2}},
    }
    codes = {"codes": {"metrics": metrics, "total": {"code": ["recency", "frequency"]}}}
    dataset = {**DATASETS["shop"], "rulebook": "codes", "within": "region"}
    dataset["columns"] = {**columns, "region": "region", "last_order_date": "last_order_date"}
    set_vars(project, {"rfm__rulebooks": {**RULEBOOKS, **codes}, "rfm__datasets": {"shop": dataset}})
    rows = [
        {**row, "region": ["north", "south"][number % 2], "last_order_date": "2025-02-01", "recency_days": "27"}
        for number, row in enumerate(month("2025-02-28", 5))
    ]
    project.load("customers", rows, [*columns, "region", "last_order_date"])
    project.build()
    assert rare <= {row["column_name"] for row in project.query(kept)}
    assert marts(project, "as_of_date = '2025-01-31'", names) == january
    query = """
        select region, customer_id, value_rank, last_order_date, score_code, cast(recency_score as varchar) as score
        from rfm__graded_customers where as_of_date = '2025-02-28' order by customer_id
    """
    # By frequency 1, 3 and 2 in the north and 2 and 1 in the south; all are equally recent, so the first by id are best. A
    # code is no total, so the most money comes first, and that is what the last ones spent.
    assert [(row["region"], row["value_rank"], row["score_code"], row["score"]) for row in project.query(query)] == [
        ("north", 3, "21", "2.000000"),
        ("south", 2, "22", "2.000000"),
        ("north", 2, "22", "2.000000"),
        ("south", 1, "1.51", "1.500000"),
        ("north", 1, "1.52", "1.500000"),
    ]
    values = "select distinct value from rfm__customer_scores where metric = 'recency' and as_of_date = '2025-02-28'"
    assert [str(row["value"]) for row in project.query(values)] == ["13.500000"]


def test_a_failed_build_leaves_the_last_good_marts(make_project: Callable[..., Project]) -> None:
    project = make_project(RULEBOOKS, DATASETS, tables=["customers"])
    build(project, month("2025-01-31", 12))
    before: Any = marts(project)
    project.load("customers", [{"customer_id": "a", "as_of_date": "2025-01-31"}])
    result = project.dbt("build")
    assert not result.success
    assert marts(project) == before
    assert any(
        "rfm: dataset 'shop': column 'region' (columns.region) is not in input.customers, "
        "expected one of its columns: customer_id, as_of_date" in line
        for line in result.errors
    ), result.errors
