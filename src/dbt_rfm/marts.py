"""The marts in a DuckDB file that a build made, opened to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from dbt_rfm.mistake import Mistake

Row = dict[str, Any]

# Where this repository's profile builds, and where the commands look unless they are told otherwise.
DATABASE = Path("rfm.duckdb")


class Marts:
    """A connection in which ``rfm__graded_customers`` and the other marts go by their plain names.

    schema: where the marts are; needed only where several schemas of the file have some.
    Raises Mistake where there is no such file, it is being written, or it has no marts.
    """

    def __init__(self, path: Path, schema: str | None = None) -> None:
        """Open the file."""
        self.path = path
        self.connection = open_read_only(path)
        try:
            self.schema = self._schema(schema)
            self.connection.execute(f"set search_path = {literal(quoted(self.schema))}")
        except BaseException:
            self.connection.close()
            raise

    def _schema(self, wanted: str | None) -> str:
        found = [
            row[0]
            for row in self.connection.execute(
                "select table_schema from information_schema.tables "
                "where table_name = 'rfm__graded_customers' and table_catalog = current_database() "
                "order by table_schema"
            ).fetchall()
        ]
        if wanted is not None and wanted not in found:
            raise Mistake(
                f"{self.path} has no marts in schema '{wanted}', expected one of: {', '.join(found) or 'none has any'}"
            )
        if not found:
            raise Mistake(f"{self.path} has no marts of dbt-rfm: rfm build makes them")
        if wanted is None and len(found) > 1:
            raise Mistake(f"{self.path} has marts in the schemas {', '.join(found)}: name one with --schema")
        return wanted or found[0]

    def __enter__(self) -> Self:
        """Return the marts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.connection.close()

    def rows(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Return the rows of a query as mappings."""
        cursor = self.connection.execute(query, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def datasets(self, wanted: Sequence[str] = ()) -> list[str]:
        """Return the names of the datasets with graded customers; only the wanted ones where there are any."""
        found = [
            row["dataset"] for row in self.rows("select distinct dataset from rfm__graded_customers order by dataset")
        ]
        for name in wanted:
            if name not in found:
                raise Mistake(f"{self.path} has no dataset '{name}', expected one of: {', '.join(found)}")
        return [name for name in found if not wanted or name in wanted]


def open_read_only(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the DuckDB file of a build, which no program can write until the process closes a connection to it.

    Raises Mistake where there is no such file, or it is being written.
    """
    if not path.is_file():
        raise Mistake(
            f"there is no file {path}, expected the DuckDB file that a build made, which the profile names: "
            "--database or RFM_DUCKDB_PATH"
        )
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        if is_locked(error):
            raise Mistake(f"{path} is being written, wait until the build is done") from error
        raise Mistake(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def is_locked(error: duckdb.Error) -> bool:
    """Return whether a file could not be opened because another program writes it."""
    return "Could not set lock" in str(error)


def quoted(identifier: str) -> str:
    """Return a name as SQL writes it."""
    escaped = identifier.replace('"', '""')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
