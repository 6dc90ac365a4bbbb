"""SQL expressions in plain Python: exact numbers and three-valued logic, for the oracle.

`parse` reads an expression once, and the result evaluates it for one row after the other. Numbers are `Fraction`,
texts `str`, dates `datetime.date`, conditions `bool`, and null is `None`. Whatever it does not know, and operands of
the wrong type, raise `ValueError`.
"""

import datetime
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

Row = Mapping[str, Any]
Node = Callable[[Row], Any]

# --- Values -----------------------------------------------------------------------------------------------------------


def sql_value(value: Any) -> Any:
    """Turn a Python value into one that expressions work with."""
    if isinstance(value, float):
        return Fraction(str(value))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Fraction(value)
    if value is None or type(value) in (bool, str, Fraction, datetime.date):
        return value
    raise ValueError(f"expected a number, text, date or condition, got {value!r}")


def of_type(wanted: type, *values: Any) -> None:
    """Refuse values of any other type; null is of every type."""
    for value in values:
        if value is not None and type(value) is not wanted:
            raise ValueError(f"expected a {wanted.__name__}, got {value!r}")


def same_type(*values: Any) -> None:
    """Refuse values that can't be compared with each other."""
    of_type(next((type(value) for value in values if value is not None), object), *values)


def round_half_away(value: Fraction, places: int = 0) -> Fraction:
    """Round half away from zero."""
    unit = Fraction(10) ** -places
    size = math.floor(abs(value) / unit + Fraction(1, 2)) * unit
    return -size if value < 0 else size


# --- Operators: null in, null out -------------------------------------------------------------------------------------


def arithmetic(calculate: Callable[..., Fraction | None]) -> Callable[..., Fraction | None]:
    """Make a function of numbers one that gives null when any of them is null."""

    def calculate_or_null(*numbers: Fraction | None) -> Fraction | None:
        of_type(Fraction, *numbers)
        return None if None in numbers else calculate(*numbers)

    return calculate_or_null


def divide(a: Fraction, b: Fraction) -> Fraction | None:
    """Divide exactly; a divisor of 0 gives null."""
    return None if b == 0 else a / b


def compare(compared: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    """Make a comparison one that gives null when either side is null."""

    def compare_or_null(a: Any, b: Any) -> bool | None:
        same_type(a, b)
        return None if a is None or b is None else compared(a, b)

    return compare_or_null


ARITHMETIC = {
    "+": arithmetic(operator.add),
    "-": arithmetic(operator.sub),
    "*": arithmetic(operator.mul),
    "/": arithmetic(divide),
}
COMPARISONS = {
    "=": compare(operator.eq),
    "!=": compare(operator.ne),
    "<>": compare(operator.ne),
    "<": compare(operator.lt),
    "<=": compare(operator.le),
    ">": compare(operator.gt),
    ">=": compare(operator.ge),
}


def all_of(*conditions: bool | None) -> bool | None:
    """`and`: one false decides; otherwise one null makes it null."""
    of_type(bool, *conditions)
    return False if False in conditions else None if None in conditions else True


def is_true(condition: bool | None) -> bool:
    """Tell whether a condition holds; null does not."""
    of_type(bool, condition)
    return condition is True


def negated(condition: bool | None) -> bool | None:
    """`not`."""
    of_type(bool, condition)
    return None if condition is None else not condition


def any_of(*conditions: bool | None) -> bool | None:
    """`or`: one true decides; otherwise one null makes it null."""
    of_type(bool, *conditions)
    return True if True in conditions else None if None in conditions else False


# --- Functions --------------------------------------------------------------------------------------------------------


def extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    """`greatest` and `least` skip nulls."""

    def chosen(*values: Any) -> Any:
        same_type(*values)
        return choose((value for value in values if value is not None), default=None)

    return chosen


def round_to(value: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    """`round(x)` and `round(x, n)`."""
    if places.denominator != 1:
        raise ValueError(f"round: expected a whole number of places, got {places}")
    return round_half_away(value, int(places))


def remainder(a: Fraction, b: Fraction) -> Fraction | None:
    """`mod(a, b)` has the sign of a."""
    return None if b == 0 else a - b * math.trunc(a / b)


def coalesce(*values: Any) -> Any:
    """Take the first value that is not null."""
    same_type(*values)
    return next((value for value in values if value is not None), None)


def nullif(a: Any, b: Any) -> Any:
    """Null if both are equal."""
    return None if COMPARISONS["="](a, b) else a


def days_between(start: datetime.date | None, end: datetime.date | None) -> Fraction | None:
    """Count the days from the first date to the second."""
    of_type(datetime.date, start, end)
    return None if start is None or end is None else Fraction((end - start).days)


# Name: the function, and the least and the greatest number of its arguments.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, float]] = {
    "greatest": (extreme(max), 1, math.inf),
    "least": (extreme(min), 1, math.inf),
    "abs": (arithmetic(abs), 1, 1),
    "round": (arithmetic(round_to), 1, 2),
    "floor": (arithmetic(lambda x: Fraction(math.floor(x))), 1, 1),
    "ceil": (arithmetic(lambda x: Fraction(math.ceil(x))), 1, 1),
    "mod": (arithmetic(remainder), 2, 2),
    "coalesce": (coalesce, 1, math.inf),
    "nullif": (nullif, 2, 2),
    "days_between": (days_between, 2, 2),
}

# --- Parsing ----------------------------------------------------------------------------------------------------------

TOKEN = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<comment>--|/\*)"
    r"|(?P<mark><>|!=|<=|>=|[-+*/=<>(),])"
)
RESERVED = {"and", "or", "not", "is", "null", "in", "between", "case", "when", "then", "else", "end", "true", "false"}


@dataclass(frozen=True)
class Expression:
    """An expression that was read: the names it uses, and its value for a row."""

    text: str
    names: frozenset[str]
    node: Node

    def __call__(self, row: Row) -> Any:
        """Evaluate the expression for a row."""
        try:
            return self.node(row)
        except ValueError as error:
            raise ValueError(f"{error} in {self.text!r}") from None


class Parser:
    """Recursive descent: one method for each level of precedence, the weakest first."""

    def __init__(self, text: str) -> None:
        """Split the text into tokens of kind and word; names and keywords in lower case."""
        self.text = text
        self.names: set[str] = set()
        self.tokens: list[tuple[str, str]] = []
        self.position = 0
        start = 0
        while start < len(text):
            match = TOKEN.match(text, start)
            if match is None or match.lastgroup in (None, "comment"):
                raise self.error(f"can't read {text[start : start + 10]!r}")
            if match.lastgroup != "blank":
                word = match[0].lower() if match.lastgroup == "name" else match[0]
                kind = "keyword" if match.lastgroup == "name" and word in RESERVED else str(match.lastgroup)
                self.tokens.append((kind, word))
            start = match.end()
        self.tokens.append(("end", ""))

    def error(self, message: str) -> ValueError:
        """Say what is wrong with the expression."""
        return ValueError(f"{message} in {self.text!r}")

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        """Look at a token without taking it."""
        return self.tokens[min(self.position + ahead, len(self.tokens) - 1)]

    def accept(self, *words: str) -> str | None:
        """Take the next token if it is one of these keywords or marks."""
        kind, word = self.peek()
        if kind in ("keyword", "mark") and word in words:
            self.position += 1
            return word
        return None

    def expect(self, word: str) -> None:
        """Take the next token, which has to be this one."""
        if not self.accept(word):
            raise self.error(f"expected {word!r}, got {self.peek()[1]!r}")

    def take(self, kind: str) -> str:
        """Take the next token, which has to be of this kind."""
        found, word = self.peek()
        if found != kind:
            raise self.error(f"expected a {kind}, got {word!r}")
        self.position += 1
        return word

    def parse(self) -> Expression:
        """Read the whole text."""
        node = self.condition()
        if self.peek()[0] != "end":
            raise self.error(f"unexpected {self.peek()[1]!r}")
        return Expression(self.text, frozenset(self.names), node)

    def condition(self) -> Node:
        """`a or b`."""
        operands = [self.conjunction()]
        while self.accept("or"):
            operands.append(self.conjunction())
        return operands[0] if len(operands) == 1 else call(any_of, operands)

    def conjunction(self) -> Node:
        """`a and b`."""
        operands = [self.negation()]
        while self.accept("and"):
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else call(all_of, operands)

    def negation(self) -> Node:
        """`not a`."""
        return call(negated, [self.negation()]) if self.accept("not") else self.predicate()

    def predicate(self) -> Node:
        """`a = b`, `a is null`, `a in (b, c)`, `a between b and c`."""
        left = self.sum()
        if mark := self.accept(*COMPARISONS):
            return call(COMPARISONS[mark], [left, self.sum()])
        if self.accept("is"):
            wanted = not self.accept("not")
            self.expect("null")
            return call(lambda value: (value is None) == wanted, [left])
        is_not = bool(self.accept("not"))
        if self.accept("in"):
            self.expect("(")
            equals = COMPARISONS["="]
            found = call(
                lambda value, *others: any_of(*(equals(value, other) for other in others)),
                [left, *self.arguments()],
            )
        elif self.accept("between"):
            low = self.sum()
            self.expect("and")
            found = call(
                lambda value, low, high: all_of(COMPARISONS[">="](value, low), COMPARISONS["<="](value, high)),
                [left, low, self.sum()],
            )
        elif is_not:
            raise self.error("expected 'in' or 'between' after 'not'")
        else:
            return left
        return call(negated, [found]) if is_not else found

    def sum(self) -> Node:
        """`a + b - c`."""
        node = self.product()
        while mark := self.accept("+", "-"):
            node = call(ARITHMETIC[mark], [node, self.product()])
        return node

    def product(self) -> Node:
        """`a * b / c`."""
        node = self.signed()
        while mark := self.accept("*", "/"):
            node = call(ARITHMETIC[mark], [node, self.signed()])
        return node

    def signed(self) -> Node:
        """`-a`."""
        if self.accept("-"):
            return call(arithmetic(operator.neg), [self.signed()])
        if self.accept("+"):
            return call(arithmetic(operator.pos), [self.signed()])
        return self.primary()

    def primary(self) -> Node:
        """Read a literal, a column, a function, a case or something in parentheses."""
        if self.accept("("):
            node = self.condition()
            self.expect(")")
            return node
        if self.accept("case"):
            return self.case()
        if word := self.accept("null", "true", "false"):
            return constant({"null": None, "true": True, "false": False}[word])
        if self.peek()[0] == "number":
            return constant(Fraction(self.take("number")))
        if self.peek()[0] == "text":
            return constant(self.text_literal())
        name = self.take("name")
        if name == "date" and self.peek()[0] == "text":
            text = self.text_literal()
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                raise self.error(f"not a date: {text!r}")
            return constant(datetime.date.fromisoformat(text))
        if self.accept("("):
            return self.extract() if name == "extract" else self.function(name)
        self.names.add(name)
        return lambda row: sql_value(row[name])

    def text_literal(self) -> str:
        """`'it''s'`."""
        return self.take("text")[1:-1].replace("''", "'")

    def arguments(self) -> list[Node]:
        """Read the rest of `(a, b)`."""
        nodes = [self.condition()]
        while self.accept(","):
            nodes.append(self.condition())
        self.expect(")")
        return nodes

    def function(self, name: str) -> Node:
        """Read the rest of `greatest(a, b)`."""
        if name not in FUNCTIONS:
            raise self.error(f"unknown function {name!r}")
        function, least, most = FUNCTIONS[name]
        nodes = self.arguments()
        if not least <= len(nodes) <= most:
            raise self.error(f"wrong number of arguments of {name!r}")
        return call(function, nodes)

    def extract(self) -> Node:
        """Read the rest of `extract(year from a)`."""
        part = self.take("name")
        if part not in ("year", "month", "day"):
            raise self.error(f"expected year, month or day, got {part!r}")
        if self.take("name") != "from":
            raise self.error("expected 'from'")
        node = self.condition()
        self.expect(")")

        def extracted(date: datetime.date | None) -> Fraction | None:
            of_type(datetime.date, date)
            return None if date is None else Fraction(getattr(date, part))

        return call(extracted, [node])

    def case(self) -> Node:
        """Read the rest of `case when a then b else c end` or `case a when b then c end`."""
        subject = None if self.peek() == ("keyword", "when") else self.condition()
        branches = []
        self.expect("when")
        while True:
            condition = self.condition()
            if subject is not None:
                condition = call(COMPARISONS["="], [subject, condition])
            self.expect("then")
            branches.append((condition, self.condition()))
            if not self.accept("when"):
                break
        otherwise = self.condition() if self.accept("else") else constant(None)
        self.expect("end")

        def evaluate(row: Row) -> Any:
            for condition, result in branches:
                if is_true(condition(row)):
                    return result(row)
            return otherwise(row)

        return evaluate


def constant(value: Any) -> Node:
    """Make the node of a literal."""
    return lambda row: value


def call(function: Callable[..., Any], nodes: list[Node]) -> Node:
    """Make the node of a function of other nodes."""
    return lambda row: function(*(node(row) for node in nodes))


@cache
def parse(text: str) -> Expression:
    """Read an expression; `ValueError` if it is not one."""
    return Parser(text).parse()
