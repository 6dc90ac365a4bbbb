"""The grading rules in plain Python: what the SQL is tested against, and readable as their specification.

`clean` turns the rows of a records dataset into customers, `grade` turns customers into graded customers. Both sort
and slice; nothing is optimised. All arithmetic is exact: `Fraction` inside, `Decimal` with six places outside.

Covered: the value itself and `tiles` as scores, `clamp`, a map of weights with `round` as the total, and grades by
bounds. Anything else in a rulebook raises `ValueError` rather than being passed over.
"""

import datetime
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import Any

Row = dict[str, str | None]
Customer = dict[str, Any]

# --- Numbers and order ------------------------------------------------------------------------------------------------


def exact(number: Any) -> Fraction:
    """Take an int, Decimal, Fraction, text or float as it is; a float counts as the decimal number it prints as."""
    return Fraction(str(number) if isinstance(number, float) else number)


def rounded(number: Any, places: int = 6) -> Decimal:
    """Round half away from zero; there is no negative zero."""
    value = exact(number)
    units = math.floor(abs(value) * Fraction(10) ** places + Fraction(1, 2))
    return Decimal(f"{'-' if value < 0 and units else ''}{units}E{-places}")


def ordered(customers: Iterable[Customer], columns: list[str]) -> list[Customer]:
    """Sort by columns such as `'monetary desc'` or `'customer_id'`.

    The first column counts most; a missing value comes last in either direction. Text is in code-point order, which
    is also the byte order of UTF-8.
    """
    result = list(customers)
    for column in reversed(columns):  # Sorts are stable, so the most important column is sorted last.
        name, *direction = column.split()
        if direction not in ([], ["asc"], ["desc"]):
            raise ValueError(f"expected a column with asc, desc or nothing, got {column!r}")
        present = [customer for customer in result if customer[name] is not None]
        missing = [customer for customer in result if customer[name] is None]
        result = sorted(present, key=itemgetter(name), reverse=direction == ["desc"]) + missing
    return result


# --- Cleaning: text to values -----------------------------------------------------------------------------------------

BLANKS = " \t\n\r\v\f\u00a0\u3000"
FULL_WIDTH = str.maketrans("０１２３４５６７８９＋－．，", "0123456789+-.,")

NUMBER = re.compile(
    r"(?P<prefix>[+-]?[￥¥]?|[￥¥][+-])"  # -5, -￥5 and ￥-5, but one sign only
    r"(?P<digits>(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?P<exponent>(?:[eE][+-]?[0-9]{1,3})?)"
    r"元?"
)
DATE = re.compile(
    r"(?:(?P<y1>[0-9]{4})(?P<mark>[-/.])(?P<m1>[0-9]{1,2})(?P=mark)(?P<d1>[0-9]{1,2})"
    r"|(?P<y2>[0-9]{4})年(?P<m2>[0-9]{1,2})月(?P<d2>[0-9]{1,2})日"
    r"|(?P<y3>[0-9]{4})(?P<m3>[0-9]{2})(?P<d3>[0-9]{2}))"
    rf"(?:(?:[{BLANKS}]+|T)(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?)?"
)
EXCEL_DATE = re.compile(r"(?P<days>[0-9]{5})(?:\.[0-9]+)?")


def read_decimal(text: str) -> Decimal:
    """Read a number, rounded to six places."""
    match = NUMBER.fullmatch(text.translate(FULL_WIDTH))
    if not match:
        raise ValueError(f"not a number: {text!r}")
    sign = "-" if "-" in match["prefix"] else ""
    return rounded(Fraction(sign + match["digits"].replace(",", "") + match["exponent"]))


def read_integer(text: str) -> int:
    """Read a whole number; 2.0 is 2."""
    number = read_decimal(text)
    if number != int(number):
        raise ValueError(f"not a whole number: {text!r}")
    return int(number)


def read_date(text: str) -> datetime.date:
    """Read a date, or an Excel serial number of exactly five digits; a time of day is dropped."""
    text = text.translate(FULL_WIDTH)
    if match := DATE.fullmatch(text):
        year, month, day = (match[f"{part}1"] or match[f"{part}2"] or match[f"{part}3"] for part in "ymd")
        return datetime.date(int(year), int(month), int(day))
    if match := EXCEL_DATE.fullmatch(text):
        return datetime.date(1899, 12, 30) + datetime.timedelta(days=int(match["days"]))
    raise ValueError(f"not a date: {text!r}")


READERS: dict[str, Callable[[str], Any]] = {
    "decimal": read_decimal,
    "integer": read_integer,
    "text": str,
    "date": read_date,
}
STANDARD_TYPES = {
    "as_of_date": "date",
    "region": "text",
    "customer_id": "text",
    "last_order_date": "date",
    "recency_days": "integer",
    "frequency": "integer",
    "monetary": "decimal",
}


# --- Cleaning: rows to customers --------------------------------------------------------------------------------------


def clean_row(row: Row, dataset: dict[str, Any]) -> tuple[Customer, list[str]]:
    """Read one input row. It is usable if the list of reasons against it is empty."""
    columns = dataset["columns"]
    customer: Customer = dict.fromkeys([*STANDARD_TYPES, *columns])
    unreadable = set()

    for name, mapped in columns.items():
        column = mapped if isinstance(mapped, str) else mapped["column"]
        extra_type = "decimal" if isinstance(mapped, str) else mapped.get("type", "decimal")
        text = (row[column] or "").strip(BLANKS)
        if text:
            try:
                customer[name] = READERS[STANDARD_TYPES.get(name, extra_type)](text)
            except ValueError:
                unreadable.add(name)
    reasons = [f"unreadable {name}" for name in customer if name in unreadable]

    if "as_of_date" not in columns and dataset.get("as_of_date") is not None:
        customer["as_of_date"] = read_date(str(dataset["as_of_date"]))
    if customer["region"] is None:
        customer["region"] = "unknown" if "region" in columns else "all"

    as_of, last_order = customer["as_of_date"], customer["last_order_date"]
    if as_of and last_order and as_of < last_order:
        reasons.append("before last order")
    for name in ("recency_days", "frequency"):
        if customer[name] is not None and customer[name] < 0:
            reasons.append(f"negative {name}")

    # What is missing is derived, is 0, or is a reason.
    if customer["recency_days"] is None and "recency_days" not in unreadable and as_of and last_order:
        customer["recency_days"] = (as_of - last_order).days
    if dataset.get("missing", "reject") == "zero":
        for name, zero in (("frequency", 0), ("monetary", rounded(0))):
            if customer[name] is None and name in columns:
                customer[name] = zero
    needed = ["customer_id", "as_of_date", *(n for n in ("recency_days", "frequency", "monetary") if n in columns)]
    reasons += [f"missing {name}" for name in needed if customer[name] is None and name not in unreadable]
    return customer, reasons


def clean(rows: list[Row], dataset: dict[str, Any]) -> tuple[list[Customer], list[dict[str, Any]]]:
    """Turn the input rows of a records dataset into customers, one per customer_id and as_of_date.

    `dataset` is one entry of the var `rfm__datasets`. Returns the customers and the rejected rows; every input row is
    in exactly one of them. A customer has as_of_date, region, customer_id, last_order_date, recency_days, frequency,
    monetary and the extra columns; a rejected row has `reasons` and `row`.
    """
    rejected: list[dict[str, Any]] = []

    # 1. Rows with faults of their own are out. Of rows that are equal once they are clean, the first stays.
    source: dict[tuple[Any, ...], Row] = {}
    rivals: dict[tuple[str, datetime.date], list[Customer]] = defaultdict(list)
    for row in rows:
        customer, reasons = clean_row(row, dataset)
        values = tuple(customer.values())
        if not reasons and values in source:
            reasons = ["duplicate"]
        if reasons:
            rejected.append({"reasons": reasons, "row": row})
        else:
            source[values] = row
            rivals[customer["customer_id"], customer["as_of_date"]].append(customer)

    # 2. Of rows that disagree about the same customer and as-of date, the preferred one stays.
    extras = [name for name in dataset["columns"] if name not in STANDARD_TYPES]
    preference = ["last_order_date desc", "monetary desc", "recency_days", "frequency", "region", *extras]
    used = []
    for candidates in rivals.values():
        kept, *others = ordered(candidates, preference)
        used.append(kept)
        rejected += [{"reasons": ["superseded"], "row": source[tuple(other.values())]} for other in others]
    return used, rejected


# --- Grading ----------------------------------------------------------------------------------------------------------

METRIC_KEYS = {"description", "value", "better", "score", "clamp"}
SCORE_KEYS = {"tiles", "ties", "tie_break", "clamp"}
GRADE_KEYS = {"grade", "min", "above", "max", "below"}


def metric_value(customer: Customer, metric: dict[str, Any]) -> Decimal | None:
    """Measure one metric of a customer: a column by name, or whatever a function of the customer returns."""
    source = metric["value"]
    value = source(customer) if callable(source) else customer[source]
    return None if value is None else rounded(value)


def score_metric(group: list[Customer], name: str, metric: dict[str, Any]) -> None:
    """Score one metric of all customers of a group; their `<name>_value` is there already."""
    score = dict(metric.get("score") or {})
    if "clamp" in metric:  # It may stand inside the score or beside it.
        score["clamp"] = metric["clamp"]
    unknown = (set(metric) - METRIC_KEYS) | (set(score) - SCORE_KEYS)
    if unknown:
        raise ValueError(f"metric {name}: the oracle does not know {sorted(unknown)}")
    direction = {"high": "desc", "low": "asc"}[metric.get("better", "high")]
    best_first = ordered(group, [f"{name}_value {direction}", *score.get("tie_break", []), "customer_id"])

    if "tiles" in score:
        # Tile 1 is the best and earns k points, tile k earns 1. The better tiles are the larger ones.
        tiles = score["tiles"]
        size, larger_tiles = divmod(len(best_first), tiles)
        start = 0
        for tile in range(1, tiles + 1):
            end = tile * size + min(tile, larger_tiles)
            for customer in best_first[start:end]:
                customer[f"{name}_score"] = rounded(tiles - tile + 1)
            start = end
        if score.get("ties", "split") == "together":
            best_score: dict[Decimal, Decimal] = {}
            for customer in best_first:
                points = best_score.setdefault(customer[f"{name}_value"], customer[f"{name}_score"])
                customer[f"{name}_score"] = points
    else:
        for customer in best_first:
            customer[f"{name}_score"] = customer[f"{name}_value"]

    if "clamp" in score:
        low, high = (rounded(bound) for bound in score["clamp"])
        for customer in best_first:
            customer[f"{name}_score"] = min(max(customer[f"{name}_score"], low), high)

    # What would lift the score: the next better score, and the worst value that holds it.
    held = sorted({customer[f"{name}_score"] for customer in best_first})
    next_better = dict(pairwise(held)) if "tiles" in score else {}
    worst_value = {customer[f"{name}_score"]: customer[f"{name}_value"] for customer in best_first}
    scores_of_value = defaultdict(set)
    for customer in best_first:
        scores_of_value[customer[f"{name}_value"]].add(customer[f"{name}_score"])
    for customer in best_first:
        next_score = next_better.get(customer[f"{name}_score"])
        customer[f"{name}_next_score"] = next_score
        customer[f"{name}_value_for_next_score"] = None if next_score is None else worst_value[next_score]
        customer[f"{name}_is_tie_broken"] = len(scores_of_value[customer[f"{name}_value"]]) > 1


def total_score(customer: Customer, rulebook: dict[str, Any]) -> Decimal:
    """Add the weighted scores up, and round only the sum."""
    weights = rulebook["total"]
    if unknown := set(weights) - set(rulebook["metrics"]):
        raise ValueError(f"total: the oracle does not know {sorted(unknown)}")
    total = sum(exact(customer[f"{name}_score"]) * exact(weight) for name, weight in weights.items())
    return rounded(total if rulebook.get("round") is None else rounded(total, rulebook["round"]))


def matches(total: Decimal, entry: dict[str, Any]) -> bool:
    """Tell whether a total is within all bounds of a grade; without bounds it always is."""
    if unknown := set(entry) - GRADE_KEYS:
        raise ValueError(f"grade {entry['grade']}: the oracle does not know {sorted(unknown)}")
    bounds = {key: exact(bound) for key, bound in entry.items() if key != "grade"}
    value = exact(total)
    return (
        ("min" not in bounds or value >= bounds["min"])
        and ("above" not in bounds or value > bounds["above"])
        and ("max" not in bounds or value <= bounds["max"])
        and ("below" not in bounds or value < bounds["below"])
    )


def grade_group(group: list[Customer], rulebook: dict[str, Any]) -> tuple[list[Customer], list[Customer]]:
    """Grade the customers that are ranked against each other; all their metrics have values."""
    for name, metric in rulebook["metrics"].items():
        score_metric(group, name, metric)

    graded, ungraded = [], []
    for customer in group:
        total = customer["total_score"] = total_score(customer, rulebook)
        customer["grade"] = customer["grade_order"] = None
        for position, entry in enumerate(rulebook.get("grades") or [], start=1):
            if matches(total, entry):
                customer["grade"], customer["grade_order"] = entry["grade"], position
                break
        if customer["grade"] is None and rulebook.get("grades"):
            ungraded.append(customer | {"reason": f"total {total} matches no grade"})
        else:
            graded.append(customer)

    by_worth = ["total_score desc", "monetary desc", "frequency desc", "recency_days", "customer_id"]
    ranked = ordered(graded, by_worth)
    for rank, customer in enumerate(ranked, start=1):
        customer["value_rank"] = rank
    return ranked, ungraded


def grade(
    customers: list[Customer], rulebook: dict[str, Any], within_region: bool = False
) -> tuple[list[Customer], list[Customer]]:
    """Grade customers as `clean` returns them, by one entry of the var `rfm__rulebooks`.

    A metric's `value` is a column name or a function of the customer. The customers of one as-of date, and with
    `within_region` of one region, are ranked against each other. Returns the graded customers, with value, score and
    the way to the next score of every metric, total_score, grade, grade_order and value_rank; and the others, with a
    `reason`. A customer without a value for some metric takes no part in the ranking; one whose total matches no
    grade does, but has no value_rank.
    """
    graded, ungraded = [], []
    groups: dict[tuple[Any, ...], list[Customer]] = defaultdict(list)
    for customer in customers:
        values = {f"{name}_value": metric_value(customer, metric) for name, metric in rulebook["metrics"].items()}
        missing = [name for name in rulebook["metrics"] if values[f"{name}_value"] is None]
        if missing:
            ungraded.append(customer | {"reason": "; ".join(f"{name} has no value" for name in missing)})
        else:
            key = (customer["as_of_date"], customer["region"]) if within_region else (customer["as_of_date"],)
            groups[key].append(customer | values)

    for _, group in sorted(groups.items()):
        group_graded, group_ungraded = grade_group(group, rulebook)
        graded += group_graded
        ungraded += group_ungraded
    return graded, ungraded
