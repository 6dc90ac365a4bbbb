"""The grading rules in plain Python: what the SQL is tested against, and readable as their specification.

`clean` turns the rows of a records dataset into customers, `grade` turns customers into graded customers. Both sort
and slice; nothing is optimised. All arithmetic is exact: `Fraction` inside, `Decimal` with six places outside.

`grade` covers the whole rulebook language, except `actions`. A key that the language does not have, or one that has no
meaning where it stands, raises `ValueError` rather than being passed over.
"""

import datetime
import math
import operator
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import Any

import oracle_sql

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
    number = rounded(Fraction(sign + match["digits"].replace(",", "") + match["exponent"]))
    if abs(number) >= 10**15:
        raise ValueError(f"too large: {text!r}")
    return number


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


SPREADSHEET_ERRORS = (
    "#NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A #GETTING_DATA #SPILL! #CONNECT! #BLOCKED! #UNKNOWN! #FIELD! #CALC!"
)


def read_text(text: str) -> str:
    """Read a text, which may be anything but what a spreadsheet shows in place of a value."""
    if text in SPREADSHEET_ERRORS.split():
        raise ValueError(f"no value: {text!r}")
    return text


READERS: dict[str, Callable[[str], Any]] = {
    "decimal": read_decimal,
    "integer": read_integer,
    "text": read_text,
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


# --- Rulebooks: read and checked --------------------------------------------------------------------------------------

RULEBOOK_KEYS = {"description", "metrics", "total", "round", "grades", "actions"}
METRIC_KEYS = {"description", "value", "better", "score", "clamp"}
# The kinds of scores, and the keys that may stand beside each of them.
SCORE_KINDS: dict[str, set[str]] = {
    "tiles": {"ties", "tie_break"},
    "steps": set(),
    "lookup": {"otherwise"},
    "split": {"scores"},
    "share": set(),
    "scale": set(),
    "group": set(),
}
STATISTICS: dict[str, Callable[[list[Fraction]], Any]] = {
    "mean": lambda values: sum(values) / Fraction(len(values)),
    "median": statistics.median,  # of an even group: the mean of the middle two
    "sum": sum,
    "min": min,
    "max": max,
    "count": len,
}
BOUNDS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "min": operator.ge,
    "above": operator.gt,
    "max": operator.le,
    "below": operator.lt,
}
# What grading adds to a customer for each metric, as <metric>_value and so on.
METRIC_RESULTS = ["value", "score", "next_score", "value_for_next_score", "is_tie_broken"]
WHOLE_COLUMNS = {name for name, kind in STANDARD_TYPES.items() if kind == "integer"} | {"purchase_days", "refund_count"}


@dataclass(frozen=True)
class Metric:
    """One metric of a rulebook. `kind` is one of SCORE_KINDS or `itself`, `rule` what stands there."""

    name: str
    measure: Callable[[Customer], Any]
    is_whole: bool
    low_is_better: bool
    kind: str
    rule: Any
    options: dict[str, Any]
    clamp: tuple[Fraction, Fraction] | None

    @property
    def value(self) -> str:
        """The key of a customer's value."""
        return f"{self.name}_value"

    @property
    def score(self) -> str:
        """The key of a customer's score."""
        return f"{self.name}_score"


@dataclass(frozen=True)
class Grade:
    """One entry of the grades; it looks at a customer with scores and total."""

    label: Any
    matches: Callable[[Customer], bool] | None  # None: any customer


@dataclass(frozen=True)
class Rulebook:
    """A rulebook that was checked. `total_kind` is weights, expression, code or none."""

    name: str
    metrics: list[Metric]
    total_kind: str
    total: Callable[[Customer], Any]
    places: int | None
    grades: list[Grade]


def expect(condition: Any, where: str, message: str) -> None:
    """Refuse a rulebook that breaks a rule of the language."""
    if not condition:
        raise ValueError(f"{where}: {message}")


def only_keys(where: str, found: Iterable[Any], allowed: Iterable[str]) -> None:
    """Refuse keys that the language does not have there."""
    unknown = sorted(str(key) for key in set(found) - set(allowed))
    expect(not unknown, where, f"the oracle does not know {unknown}")


def read_number(where: str, given: Any) -> Fraction:
    """Take a number of a rulebook; text is not a number, even if it looks like one."""
    is_number = isinstance(given, int | float | Decimal | Fraction) and not isinstance(given, bool)
    expect(is_number, where, f"expected a number, got {given!r}")
    return exact(given)


def read_score(where: str, given: Any, texts: bool) -> Fraction | str:
    """Take a score of a rulebook: a number, or a text where there is no total that adds it up."""
    return given if texts and isinstance(given, str) else read_number(where, given)


def read_scores(where: str, given: list[Any], texts: bool) -> list[Any]:
    """Take the scores of a metric: if one of them is a text, all are, and a number counts as it stands in a code."""
    scores = [read_score(where, score, texts) for score in given]
    return [score_in_words(score) for score in scores] if any(isinstance(score, str) for score in scores) else scores


def read_bounds(where: str, entry: dict[str, Any]) -> dict[str, Fraction]:
    """Take the bounds of a rung or of a grade."""
    return {key: read_number(where, entry[key]) for key in BOUNDS if key in entry}


def is_within(value: Fraction, bounds: dict[str, Fraction]) -> bool:
    """Tell whether a value keeps all bounds; without bounds it always does."""
    return all(BOUNDS[key](value, bound) for key, bound in bounds.items())


def read_expression(where: str, text: Any, names: set[str] | None) -> oracle_sql.Expression:
    """Parse SQL; names are the columns and scores that it may use, None if they are not known."""
    expect(isinstance(text, str), where, f"expected SQL, got {text!r}")
    expression = oracle_sql.parse(text)
    if names is not None:
        only_keys(where, expression.names, names)
    return expression


def read_rule(where: str, kind: str, rule: Any, options: dict[str, Any], texts: bool) -> tuple[Any, dict[str, Any]]:
    """Check what a score says, and make its numbers exact."""
    if kind == "tiles":
        expect(type(rule) is int and rule >= 1, where, f"expected a number of tiles, got {rule!r}")
        expect(options.get("ties", "split") in ("split", "together"), where, f"ties is {options.get('ties')!r}")
    elif kind == "steps":
        expect(rule, where, "expected rungs")
        for rung in rule:
            only_keys(where, rung, {"score", *BOUNDS})
        scores = read_scores(where, [rung.get("score") for rung in rule], texts)
        rule = list(zip(scores, (read_bounds(where, rung) for rung in rule), strict=True))
        expect(all(bounds for _, bounds in rule[:-1]), where, "a rung without bounds is not the last")
    elif kind == "lookup":
        expect(rule, where, "expected labels")
        numbers = {label: read_number(where, label) for label in rule if not isinstance(label, str)}
        keys = [numbers[label] if len(numbers) == len(rule) else str(label) for label in rule]
        scores = read_scores(where, [*rule.values(), *options.values()], texts)
        rule = dict(zip(keys, scores[: len(keys)], strict=True))
        options = dict(zip(options, scores[len(keys) :], strict=True))
    elif kind == "split":
        expect(rule in ("mean", "median"), where, f"split is {rule!r}")
        scores = read_scores(where, options.get("scores", [1, 0]), texts)
        expect(len(scores) == 2, where, f"expected two scores, got {scores}")
        options = {"scores": scores}
    elif kind == "share":
        expect(rule == "percent", where, f"share is {rule!r}")
    elif kind == "scale":
        expect(rule in ("minmax", "max", "mean"), where, f"scale is {rule!r}")
    elif kind == "group":
        expect(rule in STATISTICS, where, f"group is {rule!r}")
    return rule, options


def read_metric(
    name: str, metric: dict[str, Any], texts: bool, names: set[str] | None, whole_columns: set[str]
) -> Metric:
    """Check one metric; `texts` says whether scores may be texts."""
    where = f"metric {name}"
    only_keys(where, metric, METRIC_KEYS)
    expect("value" in metric, where, "expected a value")
    score = dict(metric.get("score") or {})
    expect(not ("clamp" in score and "clamp" in metric), where, "clamp stands inside score and beside it")
    clamp = score.pop("clamp", metric.get("clamp"))
    kind, *others = [key for key in score if key in SCORE_KINDS] or ["itself"]
    expect(not others, where, f"expected one kind of score, got {sorted(score)}")
    rule = score.pop(kind, None) if kind in SCORE_KINDS else None
    only_keys(where, score, SCORE_KINDS.get(kind, set()))
    rule, options = read_rule(where, kind, rule, score, texts and clamp is None)

    if names is not None:
        only_keys(where, (column.split()[0] for column in options.get("tie_break", [])), names)
    if clamp is not None:
        low, high = (read_number(where, bound) for bound in clamp)
        expect(low <= high, where, f"clamp is {clamp}")
        clamp = (low, high)
    better = metric.get("better", "high")
    expect(better in ("high", "low"), where, f"better is {better!r}")
    has_direction = kind != "share" and not (kind == "scale" and rule in ("max", "mean"))
    expect(better == "high" or has_direction, where, f"{kind}: {rule} has no better: low")

    value = metric["value"]
    column = value.strip().lower() if isinstance(value, str) else None
    if callable(value):
        measure = value
    elif names is not None and column in names:
        measure = itemgetter(column)
    else:
        measure = read_expression(where, value, names)
    return Metric(name, measure, column in whole_columns, better == "low", kind, rule, options, clamp)


def read_total(rulebook: dict[str, Any], names: set[str] | None) -> tuple[str, Callable[[Customer], Any]]:
    """Check the total. Returns its kind, and what makes the total or the code out of the scores."""
    total, metrics = rulebook.get("total"), list(rulebook["metrics"])
    if total is None:
        return "none", lambda customer: None
    if set(total) == {"expression"} and isinstance(total["expression"], str):
        return "expression", read_expression("total", total["expression"], names)
    if set(total) == {"code"} and isinstance(total["code"], list):
        expect(total["code"], "total", "expected the metrics of the code")
        only_keys("total", total["code"], metrics)
        return "code", lambda customer: "".join(score_in_words(customer[f"{name}_score"]) for name in total["code"])
    only_keys("total", total, metrics)
    expect(set(metrics) == set(total), "total", f"no weight for {sorted(set(metrics) - set(total))}")
    weights = {f"{name}_score": read_number("total", weight) for name, weight in total.items()}
    return "weights", lambda customer: sum(customer[score] * weight for score, weight in weights.items())


CODE_PART = re.compile(r"\[(?P<members>[^]]+)]|(?P<character>[^[])", re.DOTALL)
MEMBER = re.compile(r"(?P<first>.)-(?P<last>.)|(?P<only>.)", re.DOTALL)


def code_pattern(pattern: Any) -> list[set[str]]:
    """Read a pattern of codes as the characters of each place: a class such as `[4-5]` or `[145]` has several."""
    expect(isinstance(pattern, str) and pattern, "codes", f"expected text, got {pattern!r}")
    parts = list(CODE_PART.finditer(pattern))
    expect("".join(part[0] for part in parts) == pattern, "codes", f"expected classes as [4-5] in {pattern!r}")
    places = []
    for part in parts:
        members = list(MEMBER.finditer(part["members"] or ""))
        ranges = [(m["only"] or m["first"], m["only"] or m["last"]) for m in members] or [(part["character"],) * 2]
        expect(all(first <= last for first, last in ranges), "codes", f"expected ascending classes in {pattern!r}")
        places.append({chr(code) for first, last in ranges for code in range(ord(first), ord(last) + 1)})
    return places


def is_code(code: str, pattern: list[set[str]]) -> bool:
    """Tell whether a code matches a pattern."""
    return len(code) == len(pattern) and all(
        character in allowed for character, allowed in zip(code, pattern, strict=True)
    )


def read_grade(entry: dict[str, Any], total_kind: str, names: set[str] | None) -> Grade:
    """Check one entry of the grades."""
    label = entry.get("grade")
    where = f"grade {label}"
    only_keys(where, entry, {"grade", "when", "codes", *BOUNDS})
    expect(label is not None, where, "expected a grade")
    bounds = read_bounds(where, entry)
    expect(bool(bounds) + ("when" in entry) + ("codes" in entry) <= 1, where, "expected one of bounds, when, codes")
    if "when" in entry:
        condition = read_expression(where, entry["when"], names)
        return Grade(label, lambda customer: oracle_sql.is_true(condition(customer)))
    if "codes" in entry:
        expect(total_kind == "code", where, "there are codes only where the total is a code")
        patterns = [code_pattern(pattern) for pattern in entry["codes"]]
        return Grade(label, lambda customer: any(is_code(customer["score_code"], pattern) for pattern in patterns))
    if bounds:
        expect(total_kind in ("weights", "expression"), where, "there is no total for bounds")
        return Grade(label, lambda customer: is_within(exact(customer["total_score"]), bounds))
    return Grade(label, None)


def read_rulebook(rulebook: dict[str, Any], name: str, columns: set[str] | None, whole_columns: set[str]) -> Rulebook:
    """Check a rulebook; `columns` are the dataset's, None if they are not known."""
    only_keys("rulebook", rulebook, RULEBOOK_KEYS)
    expect(rulebook.get("metrics"), "rulebook", "expected metrics")
    scores = {f"{metric}_score" for metric in rulebook["metrics"]}
    with_scores = with_total = None
    if columns is not None:
        made = [f"{metric}_{key}" for metric in rulebook["metrics"] for key in METRIC_RESULTS]
        twice = {key for key in made if made.count(key) > 1 or key in columns | {"total_score"}}
        expect(not twice, "rulebook", f"{sorted(twice)} would mean two things")
        with_scores = columns | scores
        with_total = with_scores | {"total_score"}

    total_kind, total = read_total(rulebook, with_scores)
    metrics = [
        read_metric(key, metric, total_kind in ("code", "none"), columns, whole_columns)
        for key, metric in rulebook["metrics"].items()
    ]
    places = rulebook.get("round")
    if places is not None:
        expect(type(places) is int, "round", f"expected a number of places, got {places!r}")
        expect(total_kind in ("weights", "expression"), "round", "there is no total to round")
    grades = [read_grade(entry, total_kind, with_total) for entry in rulebook.get("grades") or []]
    expect(all(entry.matches for entry in grades[:-1]), "grades", "an entry that matches everything is not the last")
    return Rulebook(name, metrics, total_kind, total, places, grades)


# --- Grading ----------------------------------------------------------------------------------------------------------


class NotGradedError(Exception):
    """The reason why a customer has no grade."""


def in_words(number: Fraction | Decimal, places: int) -> str:
    """Write a number without trailing zeros, but with this many decimals at least."""
    whole, decimals = f"{rounded(number):f}".split(".")
    decimals = decimals.rstrip("0").ljust(places, "0")
    return f"{whole}.{decimals}" if decimals else whole


def score_in_words(score: Fraction | str) -> str:
    """Write a score as it stands in a code."""
    return score if isinstance(score, str) else in_words(score, 0)


def measured(customer: Customer, metric: Metric, rulebook: Rulebook) -> Customer:
    """Measure one metric of a customer, and score it if that takes no other customer."""
    value = oracle_sql.sql_value(metric.measure(customer))
    if value is None and not (metric.kind == "lookup" and "otherwise" in metric.options):
        raise NotGradedError(f"metric {metric.name} has no value")
    takes_text = metric.kind == "lookup" and isinstance(next(iter(metric.rule)), str)
    wanted = str if takes_text else Fraction
    expect(value is None or type(value) is wanted, f"metric {metric.name}", f"{value!r} is no {wanted.__name__}")

    result = {metric.value: value}
    if metric.kind == "itself":
        result[metric.score] = value
    elif metric.kind == "steps":
        scores = [score for score, bounds in metric.rule if is_within(value, bounds)]
        if not scores:
            words = in_words(value, 0 if metric.is_whole else 2)
            raise NotGradedError(f"{metric.name} {words} matches no step of rulebook '{rulebook.name}'")
        result[metric.score] = scores[0]
    elif metric.kind == "lookup":
        if value not in metric.rule and "otherwise" not in metric.options:
            words = value if takes_text else in_words(value, 0)  # As the rulebook writes a label: 7, 2.5.
            raise NotGradedError(f"{metric.name} '{words}' matches no label of rulebook '{rulebook.name}'")
        result[metric.score] = metric.rule.get(value, metric.options.get("otherwise"))
    return result


def score_tiles(group: list[Customer], metric: Metric) -> None:
    """Rank the group best first, and slice it. Tile 1 is the best and earns k points, tile k earns 1."""
    tiles = metric.rule
    direction = "asc" if metric.low_is_better else "desc"
    best_first = ordered(group, [f"{metric.value} {direction}", *metric.options.get("tie_break", []), "customer_id"])
    size, larger_tiles = divmod(len(best_first), tiles)  # The better tiles are the larger ones.
    start = 0
    for tile in range(1, tiles + 1):
        end = tile * size + min(tile, larger_tiles)
        for customer in best_first[start:end]:
            customer[metric.score] = Fraction(tiles - tile + 1)
        start = end
    if metric.options.get("ties") == "together":
        best_score: dict[Fraction, Fraction] = {}
        for customer in best_first:
            customer[metric.score] = best_score.setdefault(customer[metric.value], customer[metric.score])


def is_better_side(value: Fraction, metric: Metric, middle: Fraction) -> bool:
    """Tell whether a value is on the better side of a split; equal counts as better."""
    return value <= middle if metric.low_is_better else value >= middle


def score_split(group: list[Customer], metric: Metric) -> None:
    """Compare with the mean or the median."""
    middle = STATISTICS[metric.rule]([customer[metric.value] for customer in group])
    better, worse = metric.options["scores"]
    for customer in group:
        customer[metric.score] = better if is_better_side(customer[metric.value], metric, middle) else worse


def score_relative(group: list[Customer], metric: Metric) -> None:
    """Score by `share`, `scale` or `group`: the value in relation to the group's, or the group's statistic itself."""
    values = [customer[metric.value] for customer in group]
    low, high, total, mean = (STATISTICS[name](values) for name in ("min", "max", "sum", "mean"))
    statistic = Fraction(STATISTICS[metric.rule](values)) if metric.kind == "group" else None
    for customer, value in zip(group, values, strict=True):
        if metric.kind == "group":
            dividend, divisor = statistic, 1
        elif metric.kind == "share":
            dividend, divisor = value * 100, total
        elif metric.rule == "minmax":
            dividend, divisor = high - value if metric.low_is_better else value - low, high - low
        else:
            dividend, divisor = value, {"max": high, "mean": mean}[metric.rule]
        customer[metric.score] = dividend / divisor if divisor else Fraction(0)


GROUP_SCORES: dict[str, Callable[[list[Customer], Metric], None]] = {
    "tiles": score_tiles,
    "split": score_split,
    "share": score_relative,
    "scale": score_relative,
    "group": score_relative,
}


def clamped(score: Any, metric: Metric) -> Any:
    """Bound a score."""
    return score if metric.clamp is None else min(max(score, metric.clamp[0]), metric.clamp[1])


def score_metric(group: list[Customer], metric: Metric) -> None:
    """Score one metric of all customers of a group; what takes no other customer is scored already."""
    if metric.kind in GROUP_SCORES:
        GROUP_SCORES[metric.kind](group, metric)
    for customer in group:
        customer[metric.score] = clamped(customer[metric.score], metric)
    scores_of_value = defaultdict(set)
    for customer in group:
        scores_of_value[customer[metric.value]].add(customer[metric.score])
    next_scores = NEXT_SCORES.get(metric.kind, no_next_scores)(group, metric)
    for customer, (next_score, value) in zip(group, next_scores, strict=True):
        customer[f"{metric.name}_next_score"] = next_score
        customer[f"{metric.name}_value_for_next_score"] = value
        customer[f"{metric.name}_is_tie_broken"] = len(scores_of_value[customer[metric.value]]) > 1


# What would lift the score: the next better score, and the value for it. One pair for each customer.
NextScores = list[tuple[Fraction | None, Fraction | None]]


def no_next_scores(group: list[Customer], metric: Metric) -> NextScores:
    """Most kinds of scores have no next one."""
    return [(None, None) for _ in group]


def next_tiles(group: list[Customer], metric: Metric) -> NextScores:
    """Name the next score that somebody holds, and the worst value that holds it."""
    worst = max if metric.low_is_better else min
    values = defaultdict(list)
    for customer in group:
        values[customer[metric.score]].append(customer[metric.value])
    lifts: dict[Fraction, tuple[Fraction, Fraction]] = {
        score: (better, worst(values[better])) for score, better in pairwise(sorted(values))
    }
    return [lifts.get(customer[metric.score], (None, None)) for customer in group]


def next_split(group: list[Customer], metric: Metric) -> NextScores:
    """Name the better side's score for the worse side, and the worst value of the better side."""
    values = [customer[metric.value] for customer in group]
    middle = STATISTICS[metric.rule](values)
    better, worse = (clamped(score, metric) for score in metric.options["scores"])
    if isinstance(better, str) or isinstance(worse, str) or better <= worse:
        return no_next_scores(group, metric)
    worst = max if metric.low_is_better else min
    lift = (better, worst(value for value in values if is_better_side(value, metric, middle)))
    return [(None, None) if is_better_side(value, metric, middle) else lift for value in values]


def next_steps(group: list[Customer], metric: Metric) -> NextScores:
    """Name the smallest greater score that some value earns, and the bound that is nearest on the way to such a value.

    The rungs' bounds part the numbers into the bounds themselves and what lies between them; one number of each part
    tells the score of all of it. Of two bounds that are equally near the lower one counts.
    """
    if any(isinstance(score, str) for score, _ in metric.rule):
        return no_next_scores(group, metric)
    bounds = sorted({bound for _, rung in metric.rule for bound in rung.values()})
    parts = [(bound, [bound]) for bound in bounds]
    parts += [((low + high) / 2, [low, high]) for low, high in pairwise(bounds)]
    parts += [(bounds[0] - 1, bounds[:1]), (bounds[-1] + 1, bounds[-1:])] if bounds else []
    ways: dict[Fraction, list[Fraction]] = defaultdict(list)
    for number, nearest in parts:
        for score in [score for score, rung in metric.rule if is_within(number, rung)][:1]:
            ways[clamped(score, metric)] += nearest

    def lift(score: Fraction, value: Fraction) -> tuple[Fraction | None, Fraction | None]:
        better = min((other for other in ways if other > score), default=None)
        return better, None if better is None else min(ways[better], key=lambda bound: (abs(bound - value), bound))

    return [lift(customer[metric.score], customer[metric.value]) for customer in group]


NEXT_SCORES = {"tiles": next_tiles, "split": next_split, "steps": next_steps}


def add_total(customer: Customer, rulebook: Rulebook) -> None:
    """Combine the scores; the total is rounded only as a whole."""
    total = rulebook.total(customer)
    customer["total_score"] = customer["score_code"] = None
    if rulebook.total_kind == "code":
        customer["score_code"] = total
    elif rulebook.total_kind != "none":
        if total is None:
            raise NotGradedError(f"the total of rulebook '{rulebook.name}' has no value")
        expect(type(total) is Fraction, "total", f"expected a number, got {total!r}")
        customer["total_score"] = rounded(total if rulebook.places is None else rounded(total, rulebook.places))


def add_grade(customer: Customer, rulebook: Rulebook) -> None:
    """Give the first grade that matches."""
    customer["grade"] = customer["grade_order"] = None
    for position, entry in enumerate(rulebook.grades, start=1):
        if entry.matches is None or entry.matches(customer):
            customer["grade"], customer["grade_order"] = entry.label, position
            return
    if rulebook.grades:
        subject = {
            "none": "the scores match",
            "code": f"code {customer['score_code']} matches",
        }.get(rulebook.total_kind) or f"total {in_words(customer['total_score'], 2)} matches"
        raise NotGradedError(f"{subject} no grade of rulebook '{rulebook.name}'")


def grade_group(group: list[Customer], rulebook: Rulebook) -> tuple[list[Customer], list[Customer]]:
    """Grade the customers that are ranked against each other; all their metrics have values."""
    for metric in rulebook.metrics:
        score_metric(group, metric)

    graded, ungraded = [], []
    for customer in group:
        try:
            add_total(customer, rulebook)
            add_grade(customer, rulebook)
        except NotGradedError as reason:
            ungraded.append(customer | {"reason": str(reason)})
        else:
            graded.append(customer)
    by_worth = ["total_score desc", "monetary desc", "frequency desc", "recency_days", "customer_id"]
    ranked = ordered(graded, by_worth)
    for rank, customer in enumerate(ranked, start=1):
        customer["value_rank"] = rank

    # Nothing was rounded so far but the total.
    for customer in [*ranked, *ungraded]:
        for key in (f"{metric.name}_{key}" for metric in rulebook.metrics for key in METRIC_RESULTS):
            if isinstance(customer[key], Fraction):
                customer[key] = rounded(customer[key])
    return ranked, ungraded


def grade(
    customers: list[Customer],
    rulebook: dict[str, Any],
    within_region: bool = False,
    columns: dict[str, Any] | None = None,
    name: str = "",
) -> tuple[list[Customer], list[Customer]]:
    """Grade customers as `clean` returns them, by one entry of the var `rfm__rulebooks`.

    A metric's `value` is SQL or a function of the customer. The customers of one as-of date, and with `within_region`
    of one region, are ranked against each other. `columns` is the dataset's `columns:` (a whole number has no decimals
    in a reason) and `name` the rulebook's name in reasons.

    Returns the graded customers, with value, score and the way to the next score of every metric, total_score,
    score_code, grade, grade_order and value_rank; and the others, with a `reason`. A customer without a value for some
    metric, or whose value matches no step or label, takes no part in the group; one whose total is null or matches no
    grade does, but has no value_rank.
    """
    whole_columns = WHOLE_COLUMNS | {
        key for key, mapped in (columns or {}).items() if isinstance(mapped, dict) and mapped.get("type") == "integer"
    }
    rules = read_rulebook(rulebook, name, set(customers[0]) if customers else None, whole_columns)

    graded, ungraded = [], []
    groups: dict[tuple[Any, ...], list[Customer]] = defaultdict(list)
    for customer in customers:
        try:
            values: Customer = {}
            for metric in rules.metrics:
                values |= measured(customer, metric, rules)
        except NotGradedError as reason:
            ungraded.append(customer | {"reason": str(reason)})
        else:
            key = (customer["as_of_date"], customer["region"]) if within_region else (customer["as_of_date"],)
            groups[key].append(customer | values)

    for _, group in sorted(groups.items()):
        group_graded, group_ungraded = grade_group(group, rules)
        graded += group_graded
        ungraded += group_ungraded
    return graded, ungraded
