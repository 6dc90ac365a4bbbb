"""Hypothesis strategies: rulebooks of every kind, and groups of customers that they are hard to grade for."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from conftest import STANDARD_COLUMNS, Row

COLUMNS: Row = {
    **STANDARD_COLUMNS,
    "city": {"column": "city", "type": "text"},
    "opened_on": {"column": "opened_on", "type": "date"},
    "visits": {"column": "visits", "type": "integer"},
    "points": "points",
}
INPUT_COLUMNS = list(COLUMNS)
NUMBER_COLUMNS = ["recency_days", "frequency", "monetary", "visits", "points"]

# Values with few decimals, so that sums, means and shares of them are as exact in SQL as in fractions.
EXACT_VALUES = [
    *NUMBER_COLUMNS,
    "-monetary",
    "monetary / 8",
    "monetary / 2 * 3 / 5 - -recency_days / 4",
    "coalesce(points, 0)",
    "coalesce(visits, frequency) - 2",
    "points + visits * 2",
    "greatest(30 - recency_days, 0)",
    "least(points, visits)",
    "abs(points - 1)",
    "mod(recency_days, 7)",
    "case when frequency = 0 then 0 else monetary end",
    "case city when '北' then 1 when 'a' then -1.5 end",
    "case when points > 0 and city is not null then points when visits in (0, 1) then 9 else 3 end",
    "days_between(opened_on, as_of_date)",
    "extract(year from as_of_date) - extract(year from opened_on)",
    "nullif(frequency, 1)",
    "round(monetary / 10)",
    "floor(points) * 10 + ceil(points)",
]
# Quotients that no decimal number is.
QUOTIENTS = [
    "monetary / frequency",
    "monetary / 3",
    "frequency * 2 / 3 / (visits + 1)",
    "frequency / (recency_days + 1)",
    "case when frequency = 0 then 0 else visits / frequency end",
    "greatest(30 - recency_days, 0) / 30 * 10",
    "(monetary - points) / (visits + 1) - 1",
    "visits / 3 - frequency / 7",
    "days_between(opened_on, as_of_date) / 365",
    "coalesce(points / nullif(visits, 0), 0)",
]
TEXTS = ["city", "region", "coalesce(city, 'none')", "case when points > 1 then 'many' else city end"]
LABELS = ["a", "A", "北", "many", "none", "it's", "unknown", "1"]
WHOLE_NUMBERS = ["frequency", "visits", "recency_days", "points", "points / 2", "frequency + 1"]
NAMES = ["recency", "frequency", "monetary", "visits", "size", "m2"]

NUMBERS = st.one_of(
    st.sampled_from([1, 0, 2, 3, 4, 5, 6, 8, 0.5, 1.5, 2.5, -1, 10]),
    st.sampled_from([7, 30, 0.01, 12.5, 33.33, 100, 50, 20]),  # values that customers often have
    st.integers(-5, 400),
    st.integers(-500, 2000).map(lambda hundredths: hundredths / 100 if hundredths % 100 else hundredths // 100),
)
NUMBER_SCORES = st.sampled_from([0, 1, 2, 3, 4, 5, -1, 2.5, 0.1, 10, 2.0])
TEXT_SCORES = st.sampled_from(["A", "B", "+", "-", "中", "it's", "2"])
WEIGHTS = st.sampled_from([1, 0.3, 0.4, 0.6, 2, -0.5, 0.1, 10, 0, 0.25])
GRADES = ["A", "B", "C", "D'or", "一级", "F", "G", "H"]


@dataclass(frozen=True)
class Made:
    """A metric that was made, and what may be done with its score."""

    written: Row
    is_text: bool
    is_exact: bool
    is_small: bool


# --- Ladders ----------------------------------------------------------------------------------------------------------

End = tuple[float, int]


def ends(rung: Row) -> tuple[End, End]:
    """The ends of a rung; the second number says whether it is just before, at, or just after the first."""
    low = (rung["min"], 0) if "min" in rung else (rung["above"], 1) if "above" in rung else (-1e15, 0)
    high = (rung["max"], 0) if "max" in rung else (rung["below"], -1) if "below" in rung else (1e15, 0)
    return low, high


def fits(rung: Row, earlier: list[Row]) -> bool:
    """Whether a rung may stand behind these: some value reaches it, and it overlaps none without holding all of it."""
    low, high = ends(rung)
    if low > high:
        return False
    taken = sorted(ends(other) for other in earlier)
    for other_low, other_high in taken:
        if other_low <= high and low <= other_high and not (low <= other_low and other_high <= high):
            return False
    reached = low
    for other_low, other_high in taken:
        if other_low <= reached <= other_high:
            reached = (other_high[0], other_high[1] + 1)
    return reached <= high


@st.composite
def ladders(draw: st.DrawFn) -> list[Row]:
    """Rungs by the rules, with inner ones before wider ones, with gaps, or with an otherwise at the end."""
    points = sorted(draw(st.lists(NUMBERS, min_size=1, max_size=5, unique=True)))
    lows: list[Row] = [{}, *({key: point} for point in points for key in ("min", "above"))]
    highs: list[Row] = [{}, *({key: point} for point in points for key in ("max", "below"))]
    rungs: list[Row] = []
    if draw(st.booleans()):
        # The usual ladder: from one bound to the next, the best first.
        descending = points[::-1]
        rungs = [{"min": points[-1]}, *({"min": low, "below": high} for high, low in itertools.pairwise(descending))]
    else:
        for low, high in draw(st.lists(st.tuples(st.sampled_from(lows), st.sampled_from(highs)), max_size=6)):
            rung = {**low, **high}
            if rung and fits(rung, rungs):
                rungs.append(rung)
    if (draw(st.booleans()) or not rungs) and fits({}, rungs):
        rungs.append({})
    return rungs


# --- Metrics ----------------------------------------------------------------------------------------------------------


@st.composite
def metrics(draw: st.DrawFn, texts: bool) -> Made:
    """One metric of any kind; `texts` says whether its scores may be texts."""
    kind = draw(
        st.sampled_from(["tiles", "steps", "split", "lookup", "value", "steps", "scale", "group", "share", "tiles"])
    )
    scores = (
        draw(st.sampled_from([NUMBER_SCORES, TEXT_SCORES, st.one_of(NUMBER_SCORES, TEXT_SCORES)]))
        if texts
        else (NUMBER_SCORES)
    )
    any_value = st.one_of(st.sampled_from(EXACT_VALUES), st.sampled_from(QUOTIENTS))
    value = draw(any_value if kind in ("value", "steps", "tiles") else st.sampled_from(EXACT_VALUES))
    if draw(st.booleans()):
        value = draw(st.sampled_from(["recency_days", "frequency", "monetary", "monetary / 8"]))  # never null
    score: Row = {}
    better = draw(st.sampled_from([None, None, "high", "low", "low"]))
    is_exact = True
    if kind == "value":
        is_exact = value not in QUOTIENTS
    elif kind == "steps":
        score["steps"] = [{**rung, "score": draw(scores)} for rung in draw(ladders())]
    elif kind == "lookup":
        by_number = draw(st.booleans())
        value = draw(st.sampled_from(WHOLE_NUMBERS if by_number else TEXTS))
        labels = draw(
            st.lists(
                st.sampled_from([0, 1, 2, 0.5, 7, -1] if by_number else LABELS), min_size=1, max_size=5, unique=True
            )
        )
        score["lookup"] = {label: draw(scores) for label in labels}
        if draw(st.sampled_from([True, True, False])):
            score["otherwise"] = draw(scores)
    elif kind == "split":
        score["split"] = draw(st.sampled_from(["mean", "median"]))
        if draw(st.booleans()):
            score["scores"] = [draw(scores), draw(scores)]
    elif kind == "tiles":
        score["tiles"] = draw(st.sampled_from([2, 3, 4, 5, 7]))
        ties = draw(st.sampled_from([None, "split", "together"]))
        if ties is not None:
            score["ties"] = ties
        if ties != "together" and draw(st.booleans()):
            columns = st.sampled_from([*NUMBER_COLUMNS, "city", "opened_on", "region", "last_order_date"])
            directions = st.sampled_from(["", " asc", " desc"])
            score["tie_break"] = [
                column + draw(directions) for column in draw(st.lists(columns, min_size=1, max_size=2, unique=True))
            ]
    else:
        rules = {"share": ["percent"], "scale": ["minmax", "max", "mean"]}
        rule = draw(st.sampled_from(rules.get(kind, ["mean", "median", "sum", "min", "max", "count"])))
        score[kind] = rule
        is_exact = kind == "group" and rule != "mean"
        if kind == "share" or (kind == "scale" and rule != "minmax"):
            better = None
    is_text = any(isinstance(given, str) for given in scores_of(score))
    metric: Row = {"value": value}
    if better:
        metric["better"] = better
    if score:
        metric["score"] = score
    clamp = None
    if not is_text and draw(st.sampled_from([False, False, True])):
        clamp = sorted([draw(NUMBERS), draw(NUMBERS)])
        if draw(st.booleans()):
            metric["score"] = {**score, "clamp": clamp}
        else:
            metric["clamp"] = clamp
    is_small = clamp is not None or kind in ("tiles", "steps", "lookup", "split") or score.get("scale") == "minmax"
    return Made(metric, is_text, is_exact, is_small)


def scores_of(score: Row) -> list[Any] | None:
    """The scores that stand in a metric's `score`, without those that the values decide."""
    if "lookup" in score:
        return [*score["lookup"].values(), *([score["otherwise"]] if "otherwise" in score else [])]
    if "split" in score:
        return score.get("scores", [1, 0])
    return [rung["score"] for rung in score.get("steps", [])]


def possible_codes(written: Row, code: list[str]) -> list[str] | None:
    """Every code that the metrics can give, None where the values decide."""
    parts = []
    for name in code:
        metric = written[name]
        score = metric.get("score", {})
        clamp = score.get("clamp", metric.get("clamp"))
        scores = list(range(1, score["tiles"] + 1)) if "tiles" in score else scores_of(score)
        if not scores and clamp and clamp[0] == clamp[1]:
            scores = clamp[:1]
        if not scores:
            return None
        if clamp:
            scores = [min(max(number, clamp[0]), clamp[1]) for number in scores]
        parts.append(sorted({given if isinstance(given, str) else f"{given:g}" for given in scores}))
    codes = ["".join(combined) for combined in itertools.product(*parts)]
    return sorted(set(codes)) if len(codes) <= 2000 else None


# --- Totals and grades ------------------------------------------------------------------------------------------------


@st.composite
def expressions(draw: st.DrawFn, made: dict[str, Made]) -> str:
    """The expression of a total. Only small scores are multiplied, only exact ones divided."""

    def one(names: Iterable[str]) -> str:
        return draw(st.sampled_from(sorted(names))) + "_score"

    a, b, c = one(made), one(made), one(made)
    small = [name for name, metric in made.items() if metric.is_small]
    exact = [name for name, metric in made.items() if metric.is_exact]
    number, weight = draw(NUMBERS), draw(WEIGHTS)
    shapes = [
        a,
        f"{a} + {b}",
        f"({a} - {b}) * {weight} - {c}",
        f"case when {a} > {number} then {b} else {c} end",
        f"greatest({a}, {b}) - {number}",
        f"{a} * 2 + monetary / 100",
        f"{a} + coalesce(points, 0)",
        f"-{a} + frequency",
        f"abs({a} - {b})",
        f"({a} + {b}) / 2",
        f"{a} + visits",
        f"case when city = 'a' and {b} >= {number} then {a} end",
    ]
    if small:
        shapes += [f"{one(small)} * {one(small)}", f"{a} * {one(small)}", f"({one(small)} + 0.5) * ({one(small)} - 1)"]
    if exact:
        shapes += [f"{one(exact)} / {one(exact)}", f"coalesce({one(exact)} / nullif({one(exact)}, 0), 0) * 2"]
    return draw(st.sampled_from(shapes))


@st.composite
def conditions(draw: st.DrawFn, made: dict[str, Made], has_total: bool, depth: int = 2) -> str:
    """A `when:` over scores, columns and the total."""
    if depth and draw(st.booleans()):
        a, b = draw(conditions(made, has_total, depth - 1)), draw(conditions(made, has_total, depth - 1))
        return draw(st.sampled_from([f"{a} and {b}", f"({a}) or ({b})", f"not ({a})", f"({a} or {b}) and {a}"]))
    scores = [f"{name}_score" for name, metric in made.items() if not metric.is_text]
    numbers = scores + ["total_score"] * has_total + NUMBER_COLUMNS
    texts = [f"{name}_score" for name, metric in made.items() if metric.is_text] + ["city", "region"]
    a, b, text = draw(st.sampled_from(numbers)), draw(st.sampled_from(numbers)), draw(st.sampled_from(texts))
    low, high = sorted([draw(NUMBERS), draw(NUMBERS)])
    sign = draw(st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]))
    column, times = draw(st.sampled_from(NUMBER_COLUMNS)), draw(st.sampled_from([2, 0.5, 4]))
    label, other = (draw(st.sampled_from(["A", "+", "中", "2", "a", "北", "it''s"])) for _ in range(2))
    return draw(
        st.sampled_from(
            [
                f"{a} {sign} {low}",
                f"{a} {sign} {b}",
                f"{column} {sign} {times} * {a}",
                f"{a} between {low} and {high}",
                f"{a} not in ({low}, {high}, 1)",
                f"{text} = '{label}'",
                f"{text} in ('{label}', '{other}')",
                f"{column} is null",
                f"{text} is not null",
                "opened_on < date '2020-02-29'",
                f"coalesce({column}, {low}) {sign} {high}",
            ]
        )
    )


CODE_PART = re.compile(r"\[(.)(-?)(.)\]|(.)", re.DOTALL)


def codes_of(pattern: str) -> list[str]:
    """The codes of a pattern whose classes are like [45] or [4-5]."""
    places = []
    for first, dash, last, character in CODE_PART.findall(pattern):
        between = range(ord(first), ord(last) + 1) if dash else ()
        places.append([chr(code) for code in between] or [character or first, *([last] if last else [])])
    return ["".join(code) for code in itertools.product(*places)]


@st.composite
def patterns(draw: st.DrawFn, possible: list[str] | None, taken: set[str]) -> list[str]:
    """Patterns of codes that are possible and that no earlier grade has; they are added to the taken ones."""
    found = []
    if possible is None:
        candidates = draw(st.lists(st.sampled_from(["1", "11", "2.5", "0", "[12]", "[1-5]", "1[0-9]", "A1", "100"])))
    else:
        candidates = []
        for code in draw(st.lists(st.sampled_from(possible), min_size=1, max_size=4)):
            place = draw(st.integers(0, len(code) - 1))
            others = sorted({other[place] for other in possible if len(other) == len(code)} - {code[place]})
            pattern = code
            if others and draw(st.booleans()):
                other = draw(st.sampled_from(others))
                first, last = sorted([code[place], other])
                is_range = (first.isdecimal() or first.isalpha()) and first.isascii() and last.isascii()
                is_range = is_range and first.isdecimal() == last.isdecimal() and last.isalnum()
                dash = "-" if is_range and draw(st.booleans()) else ""
                if "-" not in (first, last):
                    pattern = f"{code[:place]}[{first}{dash}{last}]{code[place + 1 :]}"
            candidates.append(pattern)
    for pattern in candidates:
        codes = codes_of(pattern)
        if not taken & set(codes) and (possible is None or set(codes) <= set(possible)):
            found.append(pattern)
            taken |= set(codes)
    return found


@st.composite
def rulebooks(draw: st.DrawFn) -> Row:
    """A rulebook that the rules of the language allow."""
    total_kind = draw(st.sampled_from(["weights", "weights", "expression", "expression", "code", "code", "none"]))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    made = {name: draw(metrics(total_kind in ("code", "none"))) for name in names}
    rulebook: Row = {"metrics": {name: metric.written for name, metric in made.items()}}
    code: list[str] = []
    if total_kind == "weights":
        rulebook["total"] = {name: draw(WEIGHTS) for name in names}
    elif total_kind == "expression":
        rulebook["total"] = {"expression": draw(expressions(made))}
    elif total_kind == "code":
        code = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        rulebook["total"] = {"code": code}
    has_total = total_kind in ("weights", "expression")
    if has_total and draw(st.sampled_from([False, False, True])):
        rulebook["round"] = draw(st.integers(0, 6))
    if draw(st.integers(0, 7)) == 7:
        return rulebook

    entries: list[Row] = []
    last: list[Row] = []
    if has_total:
        ladder = draw(ladders())
        entries, last = [rung for rung in ladder if rung], [rung for rung in ladder if not rung]
    elif code:
        possible, taken = possible_codes(rulebook["metrics"], code), set()
        for _ in range(draw(st.integers(1, 3))):
            if found := draw(patterns(possible, taken)):
                entries.append({"codes": found})
    for _ in range(draw(st.integers(0 if entries or last else 1, 2))):
        entries.insert(draw(st.integers(0, len(entries))), {"when": draw(conditions(made, has_total))})
    if not has_total and draw(st.booleans()):
        last = [{}]
    rulebook["grades"] = [{"grade": label, **entry} for label, entry in zip(GRADES, [*entries, *last], strict=False)]
    return rulebook


# --- Customers --------------------------------------------------------------------------------------------------------

AMOUNTS = st.one_of(
    st.sampled_from(["0", "0.01", "100", "33.33", "12.5", "-20", "-0.01", "1000000000", "999999999.99"]),
    st.integers(0, 100_000).map(lambda cents: f"{Decimal(cents) / 100:f}"),
)
DATES = ["2024-12-31", "2025-06-30"]


def pools(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """The few values that all customers share."""
    return st.one_of(*(st.lists(values, min_size=size, max_size=size) for size in (3, 1, 2, 4, 5)))


@st.composite
def customers(draw: st.DrawFn) -> list[Row]:
    """Rows of text: few distinct values, so many ties, sometimes all alike, and groups of one."""
    shared = {
        "as_of_date": draw(st.sampled_from([DATES, DATES[1:]])),
        "region": draw(pools(st.sampled_from(["北", "南", "a", None]))),
        "recency_days": draw(pools(st.one_of(st.sampled_from([0, 1, 7, 30]), st.integers(0, 2000)))),
        "frequency": draw(pools(st.one_of(st.integers(0, 3), st.integers(0, 100)))),
        "monetary": draw(pools(AMOUNTS)),
        "city": draw(pools(st.sampled_from(["a", "A", "北", "it's", "many", None]))),
        "opened_on": draw(pools(st.sampled_from(["2020-02-29", "2024-12-31", "1999-01-01", None]))),
        "visits": draw(pools(st.one_of(st.integers(0, 3), st.integers(-5, 50), st.sampled_from([1, None])))),
        "points": draw(pools(st.sampled_from(["1", "0", "2", "-1.5", "0.25", "7.77", "100", None]))),
        "dated": [True, True, False],
    }
    count = draw(st.sampled_from([12, 1, 2, 3, 5, 8, 16, 20, 21, 25, 30, 30]))
    rows = []
    for number in range(count):
        row = {name: draw(st.sampled_from(values)) for name, values in shared.items()}
        rows.append(as_input({"customer_id": f"{'bA北aé'[number % 5]}{number:02d}", **row}))
    return rows


def as_input(customer: Row) -> Row:
    """A customer as a row of text, as an export has it; what is not given has a value that means nothing."""
    row = {"as_of_date": DATES[1], "recency_days": 1, "frequency": 1, "monetary": 1, "dated": True, **customer}
    if row.pop("dated") and "last_order_date" not in row:
        as_of_date = datetime.date.fromisoformat(row["as_of_date"])
        row["last_order_date"] = as_of_date - datetime.timedelta(days=int(row["recency_days"]))
    return {name: None if row.get(name) is None else str(row[name]) for name in INPUT_COLUMNS}
