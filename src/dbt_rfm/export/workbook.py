"""One region's customers as a workbook for people, written row by row."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from dbt_rfm.export.mask import HASH_BYTES
from dbt_rfm.export.product import Kind, Product
from dbt_rfm.export.rows import Texts
from dbt_rfm.export.sheets import CUSTOMERS, Table, dictionary_table, rulebook_table, tiers_table
from dbt_rfm.words import Language

# A column wraps or cuts what is longer, in characters.
WIDEST = 90
# What a sheet holds under its header, and a cell of text in UTF-16 units.
SHEET_ROWS = 1_048_575
CELL_LENGTH = 32_767

HEADER = {"bold": True, "font_color": "#FFFFFF", "bg_color": "#1F3864", "valign": "vcenter"}
HEADER_HEIGHT = 21
# Texts keep a distance from the numbers to their left.
LEFT = {"align": "left", "indent": 1}
NUMBERS = {Kind.WHOLE: "#,##0", Kind.NUMBER: "0.00####", Kind.AMOUNT: "#,##0.00", Kind.SHARE: "0.0%"}
# From the best grade to the worst: blue over grey to orange, which colour-blind people tell apart, all with black text.
COLOURS = [(0x7F, 0xB2, 0xE5), (0xF2, 0xF2, 0xF2), (0xF9, 0xB9, 0x6B)]
# Before this day Excel counts with a 29 February 1900.
FIRST_DAY = date(1900, 3, 1)

Writer = Callable[[int, int, str], None]


class Workbook:
    """Sheets of customers, tiers, rulebook and data dictionary.

    Nothing in it depends on the clock. Texts are always written as texts, whatever they begin with.
    """

    def __init__(self, path: Path, product: Product, region: str, language: Language, masked: bool) -> None:
        """Begin the file; rows wait in the path's own folder until it is closed."""
        self._product = product
        self._region = region
        self._language = language
        self._masked = masked
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "use_zip64": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        self._book.set_properties(
            {
                "title": f"{product.dataset} {product.as_of_date}",
                "created": datetime.combine(product.as_of_date, time()),
            }
        )
        self._formats: dict[tuple[tuple[str, object], ...], Format] = {}
        self._colours = dict(zip(product.grades, colours(len(product.grades)), strict=True))
        self._sheets = 0
        self._rows = 0
        self._sheet = self._customers_sheet()

    @property
    def sheets(self) -> list[str]:
        """Return the names of the sheets."""
        return [sheet.get_name() for sheet in self._book.worksheets()]

    def write(self, texts: Texts) -> None:
        """Write customers."""
        for values in zip(*texts, strict=True):
            if self._rows == SHEET_ROWS:
                self._finish_customers()
                self._sheet = self._customers_sheet()
            self._rows += 1
            for column, (text, write) in enumerate(zip(values, self._writers, strict=True)):
                if text is not None:
                    write(self._rows, column, text)

    def close(self) -> None:
        """Write the other sheets and finish the file."""
        self._finish_customers()
        if self._product.tiers:
            self._write_table(tiers_table(self._product, self._region, self._language))
        self._write_table(rulebook_table(self._product, self._language))
        self._write_table(dictionary_table(self._product, self._language, self._masked))
        self._book.close()

    def _customers_sheet(self) -> Worksheet:
        """Add a sheet for customers; beyond what one sheet holds there are more of them."""
        self._sheets += 1
        name = CUSTOMERS.in_language(self._language)
        sheet = self._new_sheet(name if self._sheets == 1 else f"{name} {self._sheets}")
        self._rows = 0
        self._writers: list[Writer] = []
        for number, column in enumerate(self._product.columns):
            longest = 2 * HASH_BYTES if self._masked and column.name == "customer_id" else column.longest
            self._write_header(sheet, number, column.header.in_language(self._language), column.kind, longest)
            if column.name == "grade":
                self._writers.append(functools.partial(self._write_grade, sheet))
            else:
                self._writers.append(self._writer(sheet, Kind.WHOLE if column.is_whole else column.kind))
        sheet.freeze_panes(1, 1)
        return sheet

    def _finish_customers(self) -> None:
        last = max(self._rows, 1)
        self._sheet.autofilter(0, 0, last, len(self._product.columns) - 1)
        texts = [number for number, column in enumerate(self._product.columns) if column.kind is Kind.TEXT]
        # Else every id of digits has a green corner that says so.
        self._sheet.ignore_errors(
            {"number_stored_as_text": " ".join(xl_range(1, number, last, number) for number in texts)}
        )

    def _write_table(self, table: Table) -> None:
        sheet = self._new_sheet(table.name)
        for number, column in enumerate(table.columns):
            longest = max((shown_width(row[number], column.kind) for row in table.rows), default=0)
            self._write_header(sheet, number, column.header, column.kind, longest)
        for row_number, row in enumerate(table.rows):
            look = {"valign": "vcenter", "text_wrap": True} | (
                {"bold": True, "top": 1} if row_number in table.sums else {}
            )
            for number, (text, column) in enumerate(zip(row, table.columns, strict=True)):
                if text is None:
                    continue
                if number == 1 and row_number in table.grades:
                    self._write_grade(sheet, row_number + 1, number, text)
                else:
                    self._writer(sheet, column.kind, **look)(row_number + 1, number, text)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(table.rows), 1), len(table.columns) - 1)
        texts = xl_range(1, 0, max(len(table.rows), 1), len(table.columns) - 1)
        sheet.ignore_errors({"number_stored_as_text": texts})

    def _write_header(self, sheet: Worksheet, number: int, header: str, kind: Kind, longest: int) -> None:
        """Write a header above its values, and make the column as wide as they and the arrow of a filter need."""
        # Away from the right edge, where the arrow of the filter is.
        side = LEFT if kind in {Kind.TEXT, Kind.DATE} else {"align": "right", "indent": 2}
        sheet.write_string(0, number, header, self._format(**HEADER, **side))
        sheet.set_column(number, number, max(display_width(header) + 4, min(longest + 3, WIDEST), 9))

    def _new_sheet(self, name: str) -> Worksheet:
        sheet = self._book.add_worksheet(name)
        sheet.set_row(0, HEADER_HEIGHT)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_header(f"&L{self._product.dataset} {self._product.as_of_date}&R&A")
        sheet.set_footer("&R&P / &N")
        return sheet

    def _writer(self, sheet: Worksheet, kind: Kind, **look: object) -> Writer:
        """Return what writes a cell of a kind."""
        text_format = self._format(num_format="@", **LEFT, **look)
        if kind is Kind.TEXT:
            return lambda row, column, text: write_text(sheet, row, column, text, text_format)
        if kind is Kind.DATE:
            date_format = self._format(num_format="yyyy-mm-dd", **LEFT, **look)

            def write_date(row: int, column: int, text: str) -> None:
                day = excel_day(text)
                if day is None:
                    write_text(sheet, row, column, text, text_format)
                else:
                    sheet.write_number(row, column, day, date_format)

            return write_date
        number_format = self._format(num_format=NUMBERS[kind], **look)
        return lambda row, column, text: sheet.write_number(row, column, float(text), number_format)

    def _write_grade(self, sheet: Worksheet, row: int, column: int, text: str) -> None:
        colour = {"bg_color": self._colours[text]} if text in self._colours else {}
        write_text(sheet, row, column, text, self._format(num_format="@", valign="vcenter", **LEFT, **colour))

    def _format(self, **look: object) -> Format:
        """Return the format that looks so, one for each look."""
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(look)
        return self._formats[key]


def write_text(sheet: Worksheet, row: int, column: int, text: str, text_format: Format) -> None:
    """Write a text as it is; one that a cell cannot hold is shortened and ends with an ellipsis."""
    if len(text) > CELL_LENGTH // 2 and len(text.encode("utf-16-le")) // 2 > CELL_LENGTH:
        kept = text.encode("utf-16-le")[: 2 * (CELL_LENGTH - 1)].decode("utf-16-le", errors="ignore")
        sheet.write_string(row, column, f"{kept}…", text_format)
    elif text.startswith("<r>") and text.endswith("</r>"):
        # XlsxWriter takes such a text for XML of its own, and would not escape it.
        sheet.write_rich_string(row, column, text[0], text[1:3], text[3:], text_format)
    else:
        sheet.write_string(row, column, text, text_format)


@functools.lru_cache(maxsize=100_000)
def excel_day(text: str) -> int | None:
    """Return a date as Excel counts days, none for a date that Excel does not know."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return (day - date(1899, 12, 30)).days if day >= FIRST_DAY else None


def colours(count: int) -> list[str]:
    """Return so many colours, from the best grade's to the worst one's."""
    found = []
    for number in range(count):
        place = number / max(count - 1, 1) * (len(COLOURS) - 1)
        before = min(int(place), len(COLOURS) - 2)
        red, green, blue = (
            round(one + (other - one) * (place - before))
            for one, other in zip(COLOURS[before], COLOURS[before + 1], strict=True)
        )
        found.append(f"#{red:02X}{green:02X}{blue:02X}")
    return found


def display_width(text: str) -> int:
    """Return how many Latin characters' place a text takes: Chinese characters that of two."""
    return max(((len(line) + len(line.encode())) // 2 for line in text.splitlines()), default=0)


def shown_width(text: str | None, kind: Kind) -> int:
    """Return how many Latin characters' place a value takes."""
    if text is None or kind in {Kind.TEXT, Kind.DATE}:
        return display_width(text or "")
    return len(f"{float(text):,.2f}")
