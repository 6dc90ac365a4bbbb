"""Customers as csv and parquet, and what all files share."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dbt_rfm.export.product import Column, Kind
from dbt_rfm.words import Language

# A cell of a csv file that begins with one of these is a formula to a spreadsheet program; the wide ones are typed in
# Chinese and Japanese, and taken for the narrow ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
ROW_GROUP = 100_000

Texts = list[list[str | None]]


def texts_of(batch: pa.RecordBatch) -> Texts:
    """Return the values of each column as texts with every digit: no zeros behind a decimal, dates as yyyy-mm-dd."""
    texts = []
    for column in batch.columns:
        text = column if pa.types.is_string(column.type) else column.cast(pa.string())
        if pa.types.is_decimal(column.type):
            text = pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".")
        texts.append(text.to_pylist())
    return texts


class CsvFile:
    """A csv file as Excel reads it: UTF-8 with a byte order mark, every cell in quotes, headers for people."""

    def __init__(self, path: Path, columns: Sequence[Column], language: Language) -> None:
        """Open the file."""
        self._texts = [column.kind is Kind.TEXT for column in columns]
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writerow(column.header.in_language(language) for column in columns)

    def write(self, batch: pa.RecordBatch, texts: Texts) -> None:
        """Write customers."""
        cells = [
            [value if value is None else defused(value) for value in column] if is_text else column
            for column, is_text in zip(texts, self._texts, strict=True)
        ]
        self._writer.writerows(zip(*cells, strict=True))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def defused(text: str) -> str:
    """Return a text with an apostrophe before what a spreadsheet program would take for a formula.

    A text that begins with an apostrophe gets another one: without its first apostrophe each is what it was.
    """
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) or text.startswith("'") else text


class ParquetFile:
    """A parquet file with the marts' own names and types."""

    def __init__(self, path: Path) -> None:
        """Begin the file."""
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch, texts: Texts) -> None:
        """Write customers, in groups whose size does not depend on how they were read."""
        self._rows.append(batch)
        if sum(rows.num_rows for rows in self._rows) >= ROW_GROUP:
            table = pa.Table.from_batches(self._rows)
            self._write(table.slice(0, ROW_GROUP))
            self._rows = table.slice(ROW_GROUP).to_batches()

    def close(self) -> None:
        """Finish the file."""
        if self._rows:
            self._write(pa.Table.from_batches(self._rows))
        if self._writer is not None:
            self._writer.close()

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table.combine_chunks())
