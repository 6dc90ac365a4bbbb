"""Orders, history, warnings, plan and backtest in plain Python: what the SQL is tested against.

`measure` turns the rows of an orders dataset into customers at each as-of date, `oracle.grade` grades them, and the
functions below compare the dates with one another. `marts` does all of it for one dataset. Everything loops over
everything; all arithmetic is exact: `Fraction` inside, `Decimal` with six places outside.

Rows are those of the marts, without the columns that are sentences.
"""

import calendar
import datetime
import itertools
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import oracle
from oracle import exact, ordered, rounded

Row = dict[str, Any]
Order = dict[str, Any]
Customer = dict[str, Any]
Date = datetime.date

ONE_DAY = datetime.timedelta(days=1)
STANDARD_COLUMNS = {
    "customer_id": "text",
    "order_id": "text",
    "ordered_at": "date",
    "amount": "decimal",
    "region": "text",
}

# --- As-of dates and windows ------------------------------------------------------------------------------------------


def to_date(written: Any) -> Date:
    """Take a date as YAML has it, quoted or not."""
    return written if isinstance(written, Date) else Date.fromisoformat(written)


def plus_months(date: Date, months: int) -> Date:
    """Count months: the last day of a month becomes a last day, any other day stays or is cut to the month's last."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    is_last = (date + ONE_DAY).day == 1
    return Date(year, month + 1, last if is_last else min(date.day, last))


def as_of_dates(as_of: Any) -> list[Date]:
    """List the as-of dates of a dataset's `as_of:`."""
    if isinstance(as_of, list):
        return sorted(to_date(date) for date in as_of)
    if not isinstance(as_of, dict):
        return [to_date(as_of)]
    start, end = to_date(as_of["from"]), to_date(as_of["to"])
    dates = []
    for step in itertools.count():
        if as_of["every"] == "week":
            date = start + datetime.timedelta(days=7 * step)
        else:
            date = plus_months(start, step * {"month": 1, "quarter": 3}[as_of["every"]])
        if date > end:
            return dates
        dates.append(date)
    raise AssertionError


def window_start(as_of_date: Date, window: Row | None) -> Date:
    """Name the first day that the window of an as-of date holds; its last is the as-of date."""
    if not window:
        return Date.min
    if "days" in window:
        return as_of_date - datetime.timedelta(days=window["days"]) + ONE_DAY
    if "months" in window:
        return plus_months(as_of_date, -window["months"]) + ONE_DAY
    return to_date(window["since"])


# --- Orders -----------------------------------------------------------------------------------------------------------


def column_type(name: str, mapped: Any, standard: dict[str, str]) -> str:
    """Name the type of a dataset's column."""
    written = mapped.get("type", "decimal") if isinstance(mapped, dict) else "decimal"
    return standard.get(name, written)


def read_orders(rows: list[Row], dataset: Row) -> tuple[list[Order], list[Row]]:
    """Read the rows of an orders dataset. Returns the usable ones and the rejected ones with `reasons` and `row`."""
    orders, rejected = [], []
    seen = set()
    for row in rows:
        order: Order = {}
        reasons = []
        for name, mapped in dataset["columns"].items():
            text = (row[mapped if isinstance(mapped, str) else mapped["column"]] or "").strip(oracle.BLANKS)
            order[name] = None
            if text:
                try:
                    order[name] = oracle.READERS[column_type(name, mapped, STANDARD_COLUMNS)](text)
                except ValueError:
                    reasons.append(f"unreadable {name}")
            elif name == "amount" and dataset.get("missing") == "zero":
                order[name] = rounded(0)
            elif name in ("customer_id", "order_id", "ordered_at", "amount"):
                reasons.append(f"missing {name}")
        raw = json.dumps(row, sort_keys=True)
        if not reasons and raw in seen:
            reasons = ["duplicate"]
        seen.add(raw)
        if reasons:
            rejected.append({"reasons": reasons, "row": row})
        else:
            # Without order ids every row is an order of its own.
            order["counted_as"] = order["order_id"] if "order_id" in order else len(orders)
            order["is_refund"] = order["amount"] < 0
            order["region"] = (order["region"] or "unknown") if "region" in order else "all"
            orders.append(order)
    if dataset.get("refunds") == "drop":
        orders = [order for order in orders if not order["is_refund"]]
    return orders, rejected


def orders_by_customer(orders: list[Order]) -> dict[str, list[Order]]:
    """Part the orders by customer."""
    parted = defaultdict(list)
    for order in orders:
        parted[order["customer_id"]].append(order)
    return parted


def last_order(bought: list[Order], columns: Row) -> Order:
    """Pick the row that says where a customer is and what the extra columns are."""
    standard = [name for name in ("ordered_at", "order_id", "amount", "region") if name in columns]
    extras = [name for name in columns if name not in STANDARD_COLUMNS]
    return ordered(bought, [f"{name} desc" for name in [*standard, *extras]])[0]


def measure_customer(orders: list[Order], as_of_date: Date, dataset: Row) -> Customer | None:
    """Measure one customer at one as-of date by all of his orders; None if he is not in the group."""
    columns = dataset["columns"]
    bought = [order for order in orders if not order["is_refund"] and order["ordered_at"] <= as_of_date]
    if not bought:
        return None
    start = window_start(as_of_date, dataset.get("window"))
    within = [order for order in orders if start <= order["ordered_at"] <= as_of_date]
    bought_within = [order for order in within if not order["is_refund"]]
    if dataset.get("inactive") == "drop" and not bought_within:
        return None

    count = len({order["counted_as"] for order in bought_within})
    days = len({order["ordered_at"] for order in bought_within})
    refunds = len({order["counted_as"] for order in within if order["is_refund"]})
    monetary = sum((exact(order["amount"]) for order in within), Fraction(0))
    last = last_order(bought, columns)
    last_order_date = max(order["ordered_at"] for order in bought)
    return {
        "as_of_date": as_of_date,
        "region": last["region"],
        "customer_id": last["customer_id"],
        "first_order_date": min(order["ordered_at"] for order in bought),
        "last_order_date": last_order_date,
        "recency_days": (as_of_date - last_order_date).days,
        "frequency": {"orders": count, "days": days, "net_orders": count - refunds}[dataset.get("frequency", "orders")],
        "monetary": rounded(monetary),
        "purchase_days": days,
        "refund_count": refunds,
        "average_order_value": rounded(monetary / count if count else 0),
        **{name: last[name] for name in columns if name not in STANDARD_COLUMNS},
    }


def measure(rows: list[Row], dataset: Row) -> tuple[list[Customer], list[Row]]:
    """Turn the rows of an orders dataset into customers, one per as-of date and customer, and rejected rows."""
    orders, rejected = read_orders(rows, dataset)
    customers = []
    for as_of_date in as_of_dates(dataset["as_of"]):
        for customers_orders in orders_by_customer(orders).values():
            customer = measure_customer(customers_orders, as_of_date, dataset)
            if customer is not None:
                customers.append(customer)
    return customers, rejected


# --- History: each date beside the one before -------------------------------------------------------------------------

Group = str | None


@dataclass(frozen=True)
class Change:
    """One customer of a group at an as-of date and at the group's date before; one of the two may be missing."""

    group: Group
    as_of_date: Date
    previous_as_of_date: Date | None
    before: Customer | None
    now: Customer | None
    is_returning: bool
    other_region: str | None

    @property
    def known(self) -> Customer:
        """The customer now, or before if he left."""
        customer = self.now or self.before
        assert customer is not None
        return customer

    @property
    def is_in_both(self) -> bool:
        """Tell whether the customer is graded at both dates."""
        return self.now is not None and self.before is not None


def history(graded: list[Customer], dataset: Row) -> dict[Group, dict[Date, dict[str, Customer]]]:
    """Part graded customers by group, as-of date and customer; the group is the region where regions are ranked."""
    parted: dict[Group, dict[Date, dict[str, Customer]]] = defaultdict(lambda: defaultdict(dict))
    for customer in graded:
        group = customer["region"] if "within" in dataset else None
        parted[group][customer["as_of_date"]][customer["customer_id"]] = customer
    return {group: dict(sorted(dates.items())) for group, dates in parted.items()}


def changes(graded: list[Customer], dataset: Row) -> list[Change]:
    """Put every date of a group beside the date before."""
    found = []
    regions = {(customer["as_of_date"], customer["customer_id"]): customer["region"] for customer in graded}
    for group, dates in history(graded, dataset).items():
        earlier: set[str] = set()
        previous_date, previous = None, {}
        for date, present in dates.items():
            for customer_id in sorted({*previous, *present}):
                before, now = previous.get(customer_id), present.get(customer_id)
                is_returning = before is None and customer_id in earlier
                # Where a customer was before who is new here, or is now who left.
                elsewhere = previous_date if before is None else date if now is None else None
                other_region = regions.get((elsewhere, customer_id))
                found.append(Change(group, date, previous_date, before, now, is_returning, other_region))
            earlier |= set(present)
            previous_date, previous = date, present
    return found


def direction(change: Change) -> str:
    """Tell where a customer went."""
    if change.before is None:
        return "new"
    if change.now is None:
        return "left"
    was, now = change.before["grade_order"], change.now["grade_order"]
    if was is None and now is None:
        # A higher total is better, a smaller place is.
        was, now = change.now["total_score"], change.before["total_score"]
    if was is None or now is None or was == now:
        return "same"
    return "up" if now < was else "down"


def movement(name: str, metric: Row, before: Customer, now: Customer) -> tuple[str | None, str | None]:
    """Tell where a metric's score went (up, down, or text where it is one) and by what: own or rank_only."""
    old_score, score = before[f"{name}_score"], now[f"{name}_score"]
    old_value, value = before[f"{name}_value"], now[f"{name}_value"]
    if old_score == score:
        return None, None
    is_text = isinstance(score, str) or isinstance(old_score, str)
    moved = "text" if is_text else "up" if score > old_score else "down"
    kinds = metric.get("score", {})
    if "group" in kinds:
        return moved, "rank_only"
    if not {"tiles", "split", "share", "scale"} & set(kinds):
        return moved, "own"
    if is_text:
        return moved, "rank_only" if old_value == value else "own"
    if old_value is None or value is None or old_value == value:
        return moved, "rank_only"
    is_better = value < old_value if metric.get("better") == "low" else value > old_value
    return moved, "own" if is_better == (moved == "up") else "rank_only"


def number(score: Any) -> Any:
    """Take a score where it is a number."""
    return None if isinstance(score, str) else score


def grade_change(name: str, change: Change, rulebooks: Row) -> Row:
    """One row of rfm__grade_changes."""
    before, now = change.before or {}, change.now or {}
    went = direction(change)
    movements = {}
    if change.is_in_both and before["rulebook"] == now["rulebook"]:
        metrics = rulebooks[now["rulebook"]]["metrics"]
        movements = {metric: movement(metric, metrics[metric], before, now) for metric in sorted(metrics)}
    along = {metric: cause for metric, (moved, cause) in movements.items() if moved in (went, "text")}
    if went not in ("up", "down"):
        along = {}
    own = [metric for metric, cause in along.items() if cause == "own"]
    rank_only = [metric for metric, cause in along.items() if cause == "rank_only"]

    row = {
        "dataset": name,
        "as_of_date": change.as_of_date,
        "region": change.known["region"],
        "customer_id": change.known["customer_id"],
        "rulebook": change.known["rulebook"],
        "previous_as_of_date": change.previous_as_of_date,
        "direction": went,
        "is_returning": change.is_returning,
        "other_region": change.other_region,
        "own_metrics": ", ".join(own) or None,
        "rank_only_metrics": ", ".join(rank_only) or None,
        "cause": "own" if own else "rank_only" if rank_only else None,
    }
    measures = ("grade", "grade_order", "total_score", "recency_days", "frequency", "monetary")
    for column in ("region", "rulebook", *measures):
        row[f"previous_{column}"] = before.get(column)
    for column in measures:
        row[column] = now.get(column)
    for metric in ("recency", "frequency", "monetary"):
        row[f"previous_{metric}_score"] = number(before.get(f"{metric}_score"))
        row[f"{metric}_score"] = number(now.get(f"{metric}_score"))
        row[f"{metric}_cause"] = movements.get(metric, (None, None))[1]
    return row


def grade_changes(name: str, dataset: Row, rulebooks: Row, graded: list[Customer]) -> list[Row]:
    """Make rfm__grade_changes."""
    return [grade_change(name, change, rulebooks) for change in changes(graded, dataset)]


def tier_migration(name: str, dataset: Row, rulebooks: Row, graded: list[Customer]) -> list[Row]:
    """Make rfm__tier_migration."""
    moves: dict[tuple[Any, ...], list[Change]] = defaultdict(list)
    everybody: dict[tuple[Date, str], int] = defaultdict(int)
    for change in changes(graded, dataset):
        if rulebooks[change.known["rulebook"]].get("grades"):
            row = grade_change(name, change, rulebooks)
            keys = ("as_of_date", "region", "rulebook", "previous_as_of_date")
            grades = ("previous_grade", "grade", "previous_grade_order", "grade_order")
            moves[tuple(row[key] for key in (*keys, *grades))].append(change)
            everybody[row["as_of_date"], row["region"]] += 1
    return [
        {
            "dataset": name,
            "as_of_date": as_of_date,
            "region": region,
            "rulebook": rulebook,
            "previous_as_of_date": previous_as_of_date,
            "previous_grade": previous_grade or "(new)",
            "grade": grade or "(left)",
            "previous_grade_order": previous_grade_order,
            "grade_order": grade_order,
            "customers": len(moved),
            "customer_share": rounded(Fraction(len(moved), everybody[as_of_date, region])),
            "monetary": rounded(sum(exact(change.now["monetary"]) for change in moved if change.now)),
            "previous_monetary": rounded(sum(exact(change.before["monetary"]) for change in moved if change.before)),
        }
        for (
            as_of_date,
            region,
            rulebook,
            previous_as_of_date,
            previous_grade,
            grade,
            previous_grade_order,
            grade_order,
        ), moved in moves.items()
    ]


# --- Warnings ---------------------------------------------------------------------------------------------------------

DEFAULT_WARNINGS: Row = {
    "frequency_fell": {"kind": "fell", "value": "frequency", "by": 0.5, "best_grades": 2, "severity": "high"},
    "order_value_fell": {"kind": "fell", "value": "order_value", "by": 0.5, "best_grades": 2, "severity": "medium"},
    "complexity_fell": {
        "kind": "fell",
        "value": "project_complexity",
        "by": 0.5,
        "best_grades": 2,
        "severity": "medium",
    },
    "grade_fell": {"kind": "grade_fell", "grades": 1, "cause": "own", "severity": "medium"},
    "silent": {"kind": "silent", "times": 2, "orders": 3, "severity": "high"},
    "disputes": {"kind": "reaches", "value": "disputes", "at_least": 3, "worst_grades": 2, "severity": "medium"},
}


def warning_rules(dataset: Row, warnings: Row | None = None) -> dict[str, Row]:
    """Merge the rules: a dataset's `warnings:` over the var `rfm__warnings` over the defaults; false switches one off.

    A rule that is switched on again starts from the default, and one of another kind from nothing.
    """
    rules: dict[str, Row] = {}
    for name in {**DEFAULT_WARNINGS, **(warnings or {}), **dataset.get("warnings", {})}:
        default = DEFAULT_WARNINGS.get(name, {})
        rule = default
        for written in ((warnings or {}).get(name), dataset.get("warnings", {}).get(name)):
            if written is False:
                rule = False
            elif written is not None:
                base = rule or default
                rule = {**base, **written} if written.get("kind", base.get("kind")) == base.get("kind") else written
        if rule:
            rules[name] = rule
    return rules


def applies(rule: Row, dataset: Row, rulebook: Row) -> bool:
    """Tell whether a dataset has what a rule is about."""
    compares_grades = {"best_grades", "worst_grades"} & set(rule) or rule["kind"] == "grade_fell"
    if compares_grades and len(rulebook.get("grades", [])) < 2:
        return False
    if rule["kind"] == "silent":
        return "orders" in dataset
    if "value" in rule and rule["value"] not in ("frequency", "monetary", "order_value"):
        mapped = dataset["columns"].get(rule["value"])
        return mapped is not None and column_type(rule["value"], mapped, {}) in ("decimal", "integer")
    return True


def compared_value(customer: Customer, name: str) -> Fraction | None:
    """Take the value that a rule is about."""
    if name == "order_value":
        if not customer["frequency"] or customer["monetary"] is None:
            return None
        return exact(customer["monetary"]) / customer["frequency"]
    return None if customer[name] is None else exact(customer[name])


def is_in_grades(change: Change, rule: Row, grades: int) -> bool:
    """Tell whether a customer has one of the grades that a rule is about."""
    assert change.now is not None
    if "best_grades" in rule:
        best = min(rule["best_grades"], grades - 1)
        return any(customer["grade_order"] <= best for customer in (change.now, change.before) if customer)
    if "worst_grades" in rule:
        return change.now["grade_order"] > grades - min(rule["worst_grades"], grades - 1)
    return True


def warned(change: Change, rule: Row, row: Row, orders: list[Order]) -> tuple[str, Any, Any] | None:
    """Apply a rule to a customer. Returns the name of the value and the two values that were compared."""
    before, now = change.before, change.now
    assert now is not None
    if rule["kind"] == "fell":
        name = rule["value"]
        was, value = (None if who is None else compared_value(who, name) for who in (before, now))
        if was is not None and value is not None and was > 0 and value <= was * (1 - exact(rule["by"])):
            return name, was, value
    elif rule["kind"] == "grade_fell":
        if row["direction"] == "down" and (rule["cause"] == "any" or row["cause"] == "own"):
            was, value = row["previous_grade_order"], row["grade_order"]
            if value - was >= rule["grades"]:
                return "grade_order", was, value
    elif rule["kind"] == "silent":
        days = {o["ordered_at"] for o in orders if not o["is_refund"] and o["ordered_at"] <= change.as_of_date}
        if len(days) >= rule["orders"]:
            interval = Fraction((max(days) - min(days)).days, len(days) - 1)
            if now["recency_days"] > exact(rule["times"]) * interval:
                return "recency_days", interval, now["recency_days"]
    elif rule["kind"] == "reaches":
        value = compared_value(now, rule["value"])
        if value is not None and value >= exact(rule["at_least"]):
            return rule["value"], exact(rule["at_least"]), value
    return None


def churn_warnings(
    name: str,
    dataset: Row,
    rulebooks: Row,
    graded: list[Customer],
    orders: list[Order],
    warnings: Row | None = None,
) -> list[Row]:
    """Make rfm__churn_warnings. `orders` are the usable orders, of an orders dataset."""
    rows = []
    raised = set()
    parted = orders_by_customer(orders)
    for change in changes(graded, dataset):
        if change.now is None:
            continue
        rulebook = rulebooks[change.now["rulebook"]]
        for warning, rule in warning_rules(dataset, warnings).items():
            if not applies(rule, dataset, rulebook) or not is_in_grades(change, rule, len(rulebook.get("grades", []))):
                continue
            row = grade_change(name, change, rulebooks)
            found = warned(change, rule, row, parted[row["customer_id"]])
            if found is None:
                continue
            raised.add((change.group, change.as_of_date, row["customer_id"], warning))
            columns = ("dataset", "as_of_date", "region", "customer_id", "rulebook", "grade")
            rows.append(
                {
                    **{column: row[column] for column in (*columns, "previous_as_of_date", "previous_grade")},
                    "warning": warning,
                    "severity": rule["severity"],
                    "compared": found[0],
                    "previous_value": rounded(found[1]),
                    "value": rounded(found[2]),
                    "money_at_risk": max(who["monetary"] for who in (change.now, change.before) if who),
                    "is_repeated": (change.group, change.previous_as_of_date, row["customer_id"], warning) in raised,
                }
            )
    return rows


# --- Service plan -----------------------------------------------------------------------------------------------------


def shared_out(limit: int, weights: dict[str, Fraction]) -> dict[str, int]:
    """Share whole units by weight: whole parts first, then the largest remainders, the first names where equal."""
    quotas = {name: limit * weight / sum(weights.values()) for name, weight in weights.items()}
    units = {name: math.floor(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: units[name] - quotas[name])  # Stable: better grades stay first.
    for name in by_remainder[: limit - sum(units.values())]:
        units[name] += 1
    return units


def service_plan(name: str, dataset: Row, rulebooks: Row, graded: list[Customer]) -> list[Row]:
    """Make rfm__service_plan. `resources` is a mapping here, the mart has it as JSON text."""
    if not graded:
        return []
    latest = max(customer["as_of_date"] for customer in graded)
    present = [customer for customer in graded if customer["as_of_date"] == latest]
    rulebook = rulebooks[present[0]["rulebook"]]
    actions = rulebook.get("actions", {})

    def worth(customer: Customer) -> tuple[Any, ...]:
        """The order of value_rank, over all regions."""
        key: list[Any] = []
        for column, sign in [("total_score", -1), ("monetary", -1), ("frequency", -1), ("recency_days", 1)]:
            value = customer.get(column)
            key += [value is None, 0 if value is None else sign * value]
        return (*key, customer["customer_id"])

    tiers: dict[str, list[Customer]] = {}
    for entry in rulebook.get("grades", []):
        tier = [customer for customer in present if customer["grade"] == entry["grade"]]
        tiers[entry["grade"]] = sorted(tier, key=worth)

    resources: dict[str, dict[str, int]] = defaultdict(dict)
    for resource, limit in sorted(dataset.get("resources", {}).items()):
        weights = {
            grade: exact(actions[grade]["resources"][resource])
            for grade, tier in tiers.items()
            if tier and actions.get(grade, {}).get("resources", {}).get(resource, 0) > 0
        }
        if not weights:
            continue
        for grade, units in shared_out(limit, weights).items():
            each, more = divmod(units, len(tiers[grade]))
            for place, customer in enumerate(tiers[grade], start=1):
                resources[customer["customer_id"]][resource] = each + (place <= more)

    rows = []
    for grade, tier in tiers.items():
        if grade not in actions:
            continue
        action = actions[grade]
        every = action.get("contact_every_days")
        for customer in tier:
            last_contact = customer.get("last_contact_date")
            next_contact = None
            if every is not None and last_contact is not None:
                next_contact = last_contact + datetime.timedelta(days=every)
            elif every is not None:
                waiting = [
                    other["customer_id"]
                    for other in ordered(tier, ["value_rank", "customer_id"])
                    if other.get("last_contact_date") is None
                    and ("within" not in dataset or other["region"] == customer["region"])
                ]
                place = waiting.index(customer["customer_id"]) + 1
                next_contact = latest + datetime.timedelta(days=(place - 1) * every // len(waiting) + 1)
            rows.append(
                {
                    "dataset": name,
                    "as_of_date": latest,
                    "region": customer["region"],
                    "customer_id": customer["customer_id"],
                    "rulebook": customer["rulebook"],
                    "grade": grade,
                    "value_rank": customer["value_rank"],
                    "services": "; ".join(action.get("services", [])) or None,
                    "contact_every_days": every,
                    "last_contact_date": last_contact,
                    "next_contact_date": next_contact,
                    "is_overdue": None if next_contact is None else next_contact <= latest,
                    "resources": resources.get(customer["customer_id"]),
                }
            )
    return rows


# --- Backtest ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Purchases:
    """What a customer bought in a period."""

    came_back: bool
    orders: int
    money: Fraction


NOTHING = Purchases(False, 0, Fraction(0))


def bought_by_orders(orders: list[Order], after: Date, until: Date) -> Purchases:
    """Add up what a customer bought in a period. An order whose first line is older is no new one."""
    bought = [order for order in orders if not order["is_refund"] and order["ordered_at"] <= until]
    old = {order["counted_as"] for order in bought if order["ordered_at"] <= after}
    new = {order["counted_as"] for order in bought} - old
    came_back = any(order["ordered_at"] > after for order in bought)
    money = sum((exact(order["amount"]) for order in orders if after < order["ordered_at"] <= until), Fraction(0))
    return Purchases(came_back, len(new), money)


def bought_by_record(record: Customer | None, after: Date, until: Date) -> Purchases:
    """Take what a customer's graded record at the end of the period says."""
    if record is None:
        return NOTHING
    if record["recency_days"] is not None:
        came_back = record["recency_days"] < (until - after).days
    elif record["last_order_date"] is not None:
        came_back = record["last_order_date"] > after
    else:
        came_back = record["frequency"] is None or record["frequency"] > 0
    if not came_back:
        return NOTHING
    return Purchases(True, record["frequency"] or 0, exact(record["monetary"] or 0))


def divided(dividend: Any, divisor: Any) -> Fraction | None:
    """Divide; null if one of the two is null or the divisor is 0."""
    return None if dividend is None or not divisor else Fraction(dividend) / divisor


def gini(money: list[Fraction]) -> Fraction | None:
    """Tell how unevenly the money is spread over customers, best first."""
    n, total = len(money), sum(money)
    if total == 0:
        return None
    weighted = sum(place * amount for place, amount in enumerate(money, start=1))
    return Fraction(n + 1, n) - 2 * weighted / (n * total)


def backtest_part(customers: list[str], everybody: list[str], bought: dict[str, Purchases]) -> Row:
    """Make the columns that all parts have. `everybody` is the whole group."""

    def figures(names: list[str]) -> tuple[int, int, Fraction]:
        came_back = sum(bought[name].came_back for name in names)
        orders = sum(bought[name].orders for name in names)
        return came_back, orders, sum((bought[name].money for name in names), Fraction(0))

    returning, orders, money = figures(customers)
    all_returning, _, all_money = figures(everybody)
    return_share = divided(returning, len(customers))
    per_customer = divided(money, len(customers))
    return {
        "customers": len(customers),
        "customer_share": divided(len(customers), len(everybody)),
        "returning_customers": returning,
        "return_share": return_share,
        "silent_customers": len(customers) - returning,
        "orders": orders,
        "monetary": money,
        "monetary_share": divided(money, all_money),
        "orders_per_customer": divided(orders, len(customers)),
        "monetary_per_customer": per_customer,
        "return_lift": divided(return_share, divided(all_returning, len(everybody))),
        "monetary_lift": divided(per_customer, divided(all_money, len(everybody))),
        "gini": None,
        "top_fifth_share": None,
        "base_silent_share": None,
        "precision": None,
        "recall": None,
        "lift": None,
        "expected_silent_share": None,
        "lift_within_grades": None,
    }


def silent_in_grades(names: list[str], group: dict[str, Customer], bought: dict[str, Purchases]) -> Fraction | None:
    """Tell how many of these customers would be silent if each were as the group's customers of the same grade."""
    expected = Fraction(0)
    for name in names:
        grade = group[name]["grade_order"]
        if grade is None:
            return None
        tier = [other for other in group if group[other]["grade_order"] == grade]
        expected += Fraction(sum(not bought[other].came_back for other in tier), len(tier))
    return expected


def backtest(
    name: str,
    dataset: Row,
    rulebooks: Row,
    graded: list[Customer],
    warning_rows: list[Row],
    orders: list[Order],
    warnings: Row | None = None,
) -> list[Row]:
    """Make rfm__backtest. `orders` are the usable orders, of an orders dataset."""
    rows = []
    rules = warning_rules(dataset, warnings)
    rule_names = sorted(name for name in rules if applies(rules[name], dataset, rulebooks[dataset["rulebook"]]))
    parted = orders_by_customer(orders)
    record_of = {(customer["customer_id"], customer["as_of_date"]): customer for customer in graded}
    for group, dates in history(graded, dataset).items():
        for date, next_date in pairwise(dates):
            by_rank = ordered(dates[date].values(), ["value_rank"])
            everybody = [customer["customer_id"] for customer in by_rank]
            bought = {
                customer_id: bought_by_orders(parted[customer_id], date, next_date)
                if "orders" in dataset
                else bought_by_record(record_of.get((customer_id, next_date)), date, next_date)
                for customer_id in everybody
            }

            # The group as a whole.
            whole = backtest_part(everybody, everybody, bought)
            money = [bought[customer_id].money for customer_id in everybody]
            best = money[: math.ceil(Fraction(len(money), 5))]
            whole |= {"gini": gini(money), "top_fifth_share": divided(sum(best, Fraction(0)), sum(money))}
            parts = [{"part": "all", "name": "all", **whole}]

            # Its grades, also those that nobody has.
            rulebook = by_rank[0]["rulebook"]
            for position, entry in enumerate(rulebooks[rulebook].get("grades", []), start=1):
                tier = [customer["customer_id"] for customer in by_rank if customer["grade_order"] == position]
                part = {"part": "grade", "name": entry["grade"], "position": position}
                parts.append(part | backtest_part(tier, everybody, bought))

            # The warnings of the dataset, also those that nobody has.
            for warning in rule_names:
                warned_customers = [
                    row["customer_id"]
                    for row in warning_rows
                    if row["warning"] == warning
                    and row["as_of_date"] == date
                    and (group is None or row["region"] == group)
                ]
                part = backtest_part(warned_customers, everybody, bought)
                base = divided(whole["silent_customers"], len(everybody))
                precision = divided(part["silent_customers"], len(warned_customers))
                expected = silent_in_grades(warned_customers, dates[date], bought)
                part |= {
                    "base_silent_share": base,
                    "precision": precision,
                    "recall": divided(part["silent_customers"], whole["silent_customers"]),
                    "lift": divided(precision, base),
                    # Against as many customers of the same grades.
                    "expected_silent_share": divided(expected, len(warned_customers)),
                    "lift_within_grades": divided(part["silent_customers"], expected),
                }
                parts.append({"part": "warning", "name": warning, **part})

            rows += [
                {
                    "dataset": name,
                    "as_of_date": date,
                    "region": group or "all",
                    "rulebook": rulebook,
                    "next_as_of_date": next_date,
                    **{key: rounded(value) if isinstance(value, Fraction) else value for key, value in part.items()},
                }
                for part in parts
            ]
    return rows


# --- All of it --------------------------------------------------------------------------------------------------------


def marts(name: str, dataset: Row, rulebooks: Row, rows: list[Row], warnings: Row | None = None) -> dict[str, Any]:
    """Make all marts of one dataset from its input rows, and the customers as they were measured and graded."""
    orders: list[Order] = []
    if "orders" in dataset:
        measured, rejected = measure(rows, dataset)
        orders, _ = read_orders(rows, dataset)
    else:
        measured, rejected = oracle.clean(rows, dataset)
    rulebook = dataset["rulebook"]
    graded, ungraded = oracle.grade(
        measured, rulebooks[rulebook], "within" in dataset, columns=dataset["columns"], name=rulebook
    )
    graded = [{**customer, "rulebook": rulebook} for customer in graded]
    warning_rows = churn_warnings(name, dataset, rulebooks, graded, orders, warnings)
    return {
        "measured": measured,
        "rejected": rejected,
        "graded": graded,
        "ungraded": ungraded,
        "grade_changes": grade_changes(name, dataset, rulebooks, graded),
        "tier_migration": tier_migration(name, dataset, rulebooks, graded),
        "churn_warnings": warning_rows,
        "service_plan": service_plan(name, dataset, rulebooks, graded),
        "backtest": backtest(name, dataset, rulebooks, graded, warning_rows, orders, warnings),
    }
