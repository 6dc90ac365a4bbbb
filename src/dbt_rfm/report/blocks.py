"""What a section of the report is made of: headline figures, tables, charts, notes and the list of warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dbt_rfm.report.figures import Figure


@dataclass(frozen=True)
class Headline:
    """A figure of the whole dataset.

    change: since the as-of date before, in words; detail: a line below it
    """

    label: str
    value: str
    change: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    order: what it is sorted by, where its text does not say
    tier: CSS property of the colour of its grade; severity: how serious it is; part: length of a bar in it, 0 to 1
    """

    text: str
    order: int | None = None
    tier: str = ""
    severity: str = ""
    part: float | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    caption: what it shows, for those who hear the page; is_captioned: whether those who see it need it too
    headers: its columns, each with whether it holds numbers, which stand to the right
    hidden: rows that are shown when somebody asks for them, under this text
    """

    caption: str
    headers: list[tuple[str, bool]]
    rows: list[list[Cell]]
    is_captioned: bool = False
    is_sortable: bool = True
    hidden: list[list[Cell]] = field(default_factory=list)
    hidden_text: str = ""
    kind: str = "table"


@dataclass(frozen=True)
class Chart:
    """A chart, with several views of it where somebody may choose.

    title: what it shows; is_titled: whether it needs a title of its own; caption: how to read it, where no other text
    says so; choice: what the views differ in
    legend: texts with the CSS properties of their colours; is_wide: whether it takes the whole width
    """

    title: str
    caption: str
    views: list[tuple[str, Figure]]
    legend: list[tuple[str, str]] = field(default_factory=list)
    choice: str = ""
    is_titled: bool = False
    is_wide: bool = True
    kind: str = "chart"


@dataclass(frozen=True)
class Note:
    """A sentence."""

    text: str
    kind: str = "note"


@dataclass(frozen=True)
class Listing:
    """A long list that the browser lays out, searches and sorts: its columns and rows of texts.

    columns: name of each, its kind (text, number, severity or status), and the words for its values where they are few
    """

    caption: str
    columns: list[dict[str, Any]]
    rows: list[list[str]]
    kind: str = "listing"


Block = Table | Chart | Note | Listing


@dataclass(frozen=True)
class Section:
    """A part of a dataset's page."""

    name: str
    title: str
    blocks: Sequence[Block]
    lead: str = ""


@dataclass(frozen=True)
class Page:
    """A dataset's page: what its tab says, its headline figures, and its sections."""

    dataset: str
    tab_detail: str
    facts: list[str]
    headlines: list[Headline]
    sections: list[Section]
