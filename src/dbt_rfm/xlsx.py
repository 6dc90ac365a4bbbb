"""A dbt-duckdb plugin that reads xlsx files as text, so that no id loses a leading zero and no date its meaning.

In a profile: ``plugins: [{module: dbt_rfm.xlsx}]``. In a source: ``config: {meta: {plugin: xlsx, external_location:
"data/landing/{name}_*.xlsx", sheet_name: 明细}}``; without ``sheet_name`` the first sheet of every file is read.

All files that the location matches become one table: the columns of the sheet as text, dates as yyyy-mm-dd, errors such
as ``#DIV/0!`` as Excel shows them, and ``filename``. They must have the same columns, in any order.
"""

from __future__ import annotations

import functools
import glob
from pathlib import Path
from typing import Any

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import SourceConfig

ERROR_COLUMN = "rfm__input_error"

# What Excel shows in a cell with an error, by what fastexcel tells of it.
SHOWN_ERRORS = {
    f"Expected string but got 'Error({name})'": shown
    for name, shown in {
        "Div0": "#DIV/0!",
        "NA": "#N/A",
        "Name": "#NAME?",
        "Null": "#NULL!",
        "Num": "#NUM!",
        "Ref": "#REF!",
        "Value": "#VALUE!",
    }.items()
}


class InputError(Exception):
    """A file that cannot be used; the text says which, what was found and what is expected."""


class Plugin(BasePlugin):
    """Reads the xlsx files of a source."""

    def load(self, source_config: SourceConfig) -> pa.Table:
        """Return the rows of all files of the source.

        Only the model that reads the table knows the dataset. A mistake in a file is therefore handed over as a table
        with the one column ``rfm__input_error``, which the model turns into a build error with the dataset's name.
        """
        try:
            return read_files(location(source_config), source_config.get("sheet_name"))
        except InputError as error:
            return pa.table({ERROR_COLUMN: [str(error)]})


def location(source_config: SourceConfig) -> str:
    """Return the external_location with the source's own names filled in."""
    written = source_config.get("external_location")
    if not written:
        raise InputError(f"source {source_config.table_name()} has no external_location, expected a path or a glob")
    try:
        return str(written).format_map(source_config.as_dict()).strip("'")
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"external_location of source {source_config.table_name()} is '{written}', "
            "expected a path in which only {name}, {identifier} and {schema} stand in braces"
        ) from error


def read_files(pattern: str, sheet_name: str | None = None) -> pa.Table:
    """Read every file that a path or glob matches into one table of text columns and ``filename``."""
    # A pattern may be absolute, which Path.glob refuses. Excel keeps a lock file "~$name.xlsx" beside an open workbook.
    paths = sorted(
        path
        for path in glob.glob(pattern, recursive=True)  # noqa: PTH207
        if not Path(path).name.startswith("~$")
    )
    if not paths:
        raise InputError(f"no file matches {pattern}, expected at least one xlsx file")
    tables: list[pa.Table] = []
    for path in paths:
        table = read_file(path, sheet_name)
        if tables and set(table.column_names) != set(tables[0].column_names):
            raise InputError(
                f"file {path} has the columns {', '.join(table.column_names)}, "
                f"expected those of {paths[0]}: {', '.join(tables[0].column_names)}"
            )
        tables.append(table.select(tables[0].column_names) if tables else table)
    filenames = [path for path, table in zip(paths, tables, strict=True) for _ in range(table.num_rows)]
    combined = pa.concat_tables(tables)
    return combined if "filename" in combined.column_names else combined.append_column("filename", pa.array(filenames))


def read_file(path: str, sheet_name: str | None) -> pa.Table:
    """Read one sheet of one file into a table of text columns; rows without any value are left out."""
    if Path(path).stat().st_size == 0:
        raise InputError(f"file {path} is empty, expected an xlsx workbook")
    try:
        workbook = fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise InputError(f"file {path} is no xlsx workbook that can be read ({first_line(error)})") from error
    if sheet_name is not None and sheet_name not in workbook.sheet_names:
        raise InputError(f"file {path} has no sheet '{sheet_name}', expected one of: {', '.join(workbook.sheet_names)}")
    try:
        sheet = workbook.load_sheet(sheet_name if sheet_name is not None else 0, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise InputError(f"file {path} has a sheet that cannot be read ({first_line(error)})") from error
    batch, unread = sheet.to_arrow_with_errors()
    names = [name.strip() for name in batch.schema.names]
    if not any(not name.startswith("__UNNAMED__") for name in names):
        raise InputError(f"file {path} is empty, expected a header and rows")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"file {path} has more than one column '{twice[0]}', expected each header once")
    table = pa.table([column.cast(pa.string()) for column in batch.columns], names=names)
    if unread is not None:
        table = fill_unread(table, unread.errors)
    filled = functools.reduce(pc.or_, (pc.is_valid(column) for column in table.columns))
    table = table.filter(filled)
    if table.num_rows == 0:
        raise InputError(f"file {path} has no rows, expected at least one under the header")
    return table


def fill_unread(table: pa.Table, unread: list[fastexcel.CellError]) -> pa.Table:
    """Return the table with a text in every cell that fastexcel could not read, where a blank would hide its content.

    An error becomes what Excel shows. Anything else, as a date that no calendar has, becomes what fastexcel says of it.
    """
    columns: dict[int, list[str | None]] = {}
    for cell in unread:
        row, column = cell.offset_position
        if column not in columns:
            columns[column] = table.column(column).to_pylist()
        columns[column][row] = SHOWN_ERRORS.get(cell.detail, cell.detail)
    for column, texts in columns.items():
        table = table.set_column(column, table.column_names[column], pa.array(texts, pa.string()))
    return table


def first_line(error: Any) -> str:
    """Return the first line of an error's text."""
    return str(error).strip().splitlines()[0]
