"""Numbers as people read them."""

from __future__ import annotations

from decimal import Decimal


def share(value: Decimal | float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.1f}%"


def ratio(value: Decimal | float) -> str:
    """Return a ratio."""
    return f"{value:.2f}"


def money(value: Decimal) -> str:
    """Return an amount."""
    return f"{value:,.2f}"


def change(value: int) -> str:
    """Return a change with its sign."""
    return f"{value:+,d}" if value else "0"


def count(value: int) -> str:
    """Return a number of customers or rows."""
    return f"{value:,d}"


def amount(value: Decimal | int) -> str:
    """Return a measured value or a score, with no more decimals than it has."""
    written = f"{value:,f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
