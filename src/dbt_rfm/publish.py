"""The marts of a build that passed, copied into a file that readers open, and the files published before it.

Readers open TARGET. A publication is written under a hidden name beside it, compared with the marts, and put in its
place by one rename, so that TARGET is a whole publication at every moment. Before that, the one it holds gets a
second name with its number, ``marts.7.duckdb`` for the seventh of ``marts.duckdb``. Whatever step a killed publish came
to, the next one removes what it left.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from dbt_rfm.artifacts import Build, Mart, passed_build
from dbt_rfm.marts import is_locked, literal, open_read_only, quoted
from dbt_rfm.mistake import Mistake

STORAGE_VERSION = "v1.2.0"
# dbt writes its results first and closes the file then, for which DuckDB writes what it has not written yet.
CLOSING = timedelta(seconds=60)
# What lies hidden beside TARGET: the file that is being written, a copy that is being kept, and who may do so.
NEW, KEPT, LOCK = "publishing", "keeping", "locking"

DATABASE = "rfm__published"
TABLE = "rfm__publication"
DESCRIPTION = "What was published here. Grain: mart."
COLUMNS = {
    "mart": ("varchar", "Name of the mart."),
    "row_count": ("bigint", "Its rows."),
    "last_as_of_date": ("date", "The last as-of date that it has; null where it has none."),
    "publication": ("integer", "Number of the publication, the same in every row; a later one has a greater number."),
    "built_at": ("timestamp", "When the build of the marts had ended, in UTC."),
    "invocation_id": ("varchar", "The id that dbt gave the build."),
    "project": ("varchar", "Name of the dbt project."),
    "dbt_version": ("varchar", "Version of dbt that built."),
    "package_version": ("varchar", "Version of dbt-rfm that published."),
    "test_warnings": ("integer", "Tests that only warned; all others passed."),
}


@dataclass(frozen=True)
class Publication:
    """A published file, as it tells of itself.

    path: where it lies; number: of the publication; built_at: end of its build in UTC; bytes: size of the file
    marts: rows of each mart
    """

    path: Path
    number: int
    built_at: datetime
    invocation_id: str
    bytes: int
    marts: dict[str, int]

    def in_words(self) -> str:
        """Return what it is in one line: 'marts.duckdb: publication 7, built 2025-07-01 04:12:09 UTC, 12 marts, …'."""
        return (
            f"{self.path}: publication {self.number}, built {self.built_at:%Y-%m-%d %H:%M:%S} UTC, "
            f"{len(self.marts)} marts, {sum(self.marts.values()):,} rows, {self.bytes:,} bytes"
        )


@dataclass(frozen=True)
class Published:
    """What lies at TARGET.

    current: what readers open; kept: the publications before it, the last one first
    """

    current: Publication | None
    kept: list[Publication]

    def as_json(self) -> dict[str, Any]:
        """Return it for another program."""
        return asdict(self)

    def as_text(self) -> str:
        """Return a line for each publication."""
        first = self.current.in_words() if self.current else "nothing is published there"
        return "\n".join([first] + [f"kept {publication.in_words()}" for publication in self.kept])


def publish(database: Path, target: Path, artifacts: Path, keep: int) -> tuple[Published, list[str]]:
    """Publish the marts of the last build, keep this many publications before it, and name the tests that warned.

    database: the build's file; artifacts: the folder where dbt left its results
    A build that TARGET holds already is not published again.
    Raises Mistake where the last build did not pass, or wrote another file, or TARGET cannot be written, which
    then stays as it was.
    """
    target = _resolved(target)
    if target.exists() and database.exists() and target.samefile(database):
        raise Mistake(f"{target} is the file of the build, expected another one for its readers")
    with open_read_only(database) as source, _writing(target):
        try:
            build = passed_build(artifacts)
            _check_file(source, database, build)
        except Mistake as mistake:
            raise Mistake(f"{mistake}; nothing was published") from mistake
        with _opened(target) as current:
            earlier = _swept(target, current)
            if current is None or current.invocation_id != build.invocation_id:
                last = current or next(iter(earlier), None)
                new = _beside(target, NEW)
                _copy(source, build, new, number=last.number + 1 if last else 1)
                _compare(source, build, new)
                if current is not None and keep:
                    _keep(target, current)
                _put_in_place(new, target)
        published = at(target)
        for publication in published.kept[keep:]:
            publication.path.unlink()
        return Published(published.current, published.kept[:keep]), build.warnings


def roll_back(target: Path) -> Published:
    """Put the publication before the current one in its place again; the current one is gone then.

    Raises Mistake where none was kept.
    """
    target = _resolved(target)
    with _writing(target):
        with _opened(target) as current:
            earlier = _swept(target, current)
            if not earlier:
                raise Mistake(f"no publication before {target} was kept, so there is none to go back to")
            _put_in_place(earlier[0].path, target)
        return at(target)


def at(target: Path) -> Published:
    """Return what is published at TARGET, and what was kept of before."""
    target = _resolved(target)
    with _opened(target) as current:
        kept = [found for found in _numbered(target) if current is None or found.number < current.number]
        return Published(current, kept)


def _resolved(target: Path) -> Path:
    """Return the file that TARGET names, also where it is a link to it."""
    target = target.resolve()
    if target.is_dir():
        raise Mistake(f"{target} is a folder, expected a file: {target / 'marts.duckdb'}")
    if target.exists() and not target.is_file():
        raise Mistake(f"{target} is no file that could be replaced")
    if not target.parent.is_dir():
        raise Mistake(f"there is no folder {target.parent}, expected one for {target.name}")
    return target


def _check_file(source: duckdb.DuckDBPyConnection, database: Path, build: Build) -> None:
    """Raise Mistake unless the build wrote the file and nothing else has since."""
    (catalog,) = source.execute("select current_database()").fetchone() or ("",)
    there = set(
        source.execute("select table_catalog, table_schema, table_name from information_schema.tables").fetchall()
    )
    for mart in build.marts:
        if mart.database != catalog:
            raise Mistake(
                f"the last build wrote the database {mart.database}, and {database} is {catalog}: "
                "--database names its file"
            )
        if (mart.database, mart.schema, mart.identifier) not in there:
            raise Mistake(f"{database} has no {mart.schema}.{mart.identifier}, which the last build made")
    wal = database.with_name(f"{database.name}.wal")
    written_at = datetime.fromtimestamp(max(file.stat().st_mtime for file in (database, wal) if file.exists()), tz=UTC)
    if written_at > build.finished_at + CLOSING:
        raise Mistake(
            f"{database} was written at {written_at:%Y-%m-%d %H:%M:%S} UTC, after the last build, which ended at "
            f"{build.finished_at:%H:%M:%S}: run dbt build"
        )
    if written_at < build.started_at:
        raise Mistake(
            f"{database} was written at {written_at:%Y-%m-%d %H:%M:%S} UTC, before the last build, which began at "
            f"{build.started_at:%Y-%m-%d %H:%M:%S}: it wrote another file, --database names it"
        )


def _copy(source: duckdb.DuckDBPyConnection, build: Build, new: Path, number: int) -> None:
    """Write the marts as tables, with descriptions, and what they are."""
    source.execute(f"set temp_directory = {literal(f'{new}.tmp')}")
    with _attached(source, new, f"read_write, storage_version {literal(STORAGE_VERSION)}"):
        for mart in build.marts:
            source.execute(f"create table {_written(mart.name)} as from {_read(mart)}")
            _comment(source, mart.name, mart.description, mart.columns)
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
        source.execute(f"create table {_written(TABLE)} ({columns})")
        _comment(source, TABLE, DESCRIPTION, {name: told for name, (_, told) in COLUMNS.items()})
        for mart in build.marts:
            last_date = "max(as_of_date)" if "as_of_date" in mart.columns else "null"
            source.execute(
                f"insert into {_written(TABLE)} "
                f"select ?, count(*), {last_date}, ?, ?, ?, ?, ?, ?, ? from {_written(mart.name)}",
                [
                    mart.name,
                    number,
                    build.finished_at.replace(tzinfo=None),
                    build.invocation_id,
                    build.project,
                    build.dbt_version,
                    version("dbt-rfm"),
                    len(build.warnings),
                ],
            )


def _compare(source: duckdb.DuckDBPyConnection, build: Build, new: Path) -> None:
    """Raise Mistake unless the written file has every row of the marts: as many, and the same sum of their hashes."""
    with _attached(source, new, "read_only"):
        for mart in build.marts:
            read, written = (
                source.execute(f"select count(*), sum(cast(hash(mart) as hugeint)) from {relation} as mart").fetchone()
                for relation in (_read(mart), _written(mart.name))
            )
            if read != written:
                raise Mistake(f"{new.name} does not hold what {mart.name} does; nothing was published")
    if new.with_name(f"{new.name}.wal").exists():
        raise Mistake(f"{new.name} was not written to its end; nothing was published")


@contextmanager
def _attached(source: duckdb.DuckDBPyConnection, new: Path, options: str) -> Iterator[None]:
    """Have the new file beside the build's in the same connection.

    Another connection would not do: closing one of two ends the lock that keeps writers out of the build's file.
    """
    source.execute(f"attach {literal(str(new))} as {DATABASE} ({options})")
    try:
        yield
    finally:
        source.execute(f"detach {DATABASE}")


def _read(mart: Mart) -> str:
    return ".".join(map(quoted, (mart.database, mart.schema, mart.identifier)))


def _written(table: str) -> str:
    return f"{DATABASE}.main.{quoted(table)}"


def _comment(source: duckdb.DuckDBPyConnection, table: str, description: str, columns: dict[str, str]) -> None:
    source.execute(f"comment on table {_written(table)} is {literal(description)}")
    for column, told in columns.items():
        source.execute(f"comment on column {_written(table)}.{quoted(column)} is {literal(told)}")


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Be the only one that publishes at TARGET, leave nothing unfinished beside it, and tell of what fails in one line.

    The lock ends with its process, however that ends. Its file stays: else two could hold a lock on one file each.
    """
    try:
        with _beside(target, LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Mistake(f"another rfm publish of {target} is running, wait until it is done") from error
            try:
                yield
            finally:
                _remove_unfinished(target)
    except (OSError, duckdb.Error) as error:
        raise Mistake(f"{target} cannot be written, it stays as it was: {str(error).splitlines()[0]}") from error


@contextmanager
def _opened(target: Path) -> Iterator[Publication | None]:
    """Give what readers open now, None where nothing is there; until the end nobody can open it for writing.

    Raises Mistake where it is no publication, or somebody writes into it.
    """
    written = target.with_name(f"{target.name}.wal")
    if written.exists():
        raise Mistake(
            f"{written} is there: a program writes into {target.name}, expected readers that open it read only"
        )
    if not target.exists():
        yield None
        return
    try:
        connection = duckdb.connect(str(target), read_only=True)
    except duckdb.Error as error:
        if is_locked(error):
            raise Mistake(
                f"a program has {target} open for writing, expected readers that open it read only"
            ) from error
        raise Mistake(f"{target} is no publication of rfm publish: name another file, or move it away") from error
    with connection:
        publication = _told(connection, target)
        if publication is None:
            raise Mistake(f"{target} is no publication of rfm publish: name another file, or move it away")
        yield publication


def _told(connection: duckdb.DuckDBPyConnection, path: Path) -> Publication | None:
    try:
        rows = connection.execute(
            f"select publication, built_at, invocation_id, mart, row_count from {TABLE} order by mart"
        ).fetchall()
    except duckdb.Error:
        return None
    if not rows:
        return None
    number, built_at, invocation_id, *_ = rows[0]
    marts = {mart: count for *_, mart, count in rows}
    return Publication(path, number, built_at.replace(tzinfo=UTC), invocation_id, path.stat().st_size, marts)


def _numbered(target: Path) -> list[Publication]:
    """Return the publications beside TARGET that have their number in their name, the last one first."""
    name = re.compile(rf"{re.escape(target.stem)}\.([1-9][0-9]*){re.escape(target.suffix)}")
    found = []
    for path in target.parent.iterdir():
        if matched := name.fullmatch(path.name):
            try:
                with duckdb.connect(str(path), read_only=True) as connection:
                    publication = _told(connection, path)
            except (duckdb.Error, OSError):
                continue
            if publication is not None and publication.number == int(matched[1]):
                found.append(publication)
    return sorted(found, key=lambda publication: publication.number, reverse=True)


def _swept(target: Path, current: Publication | None) -> list[Publication]:
    """Remove what a killed publish left beside TARGET, and return the publications before the current one.

    A numbered one that is not before the current one was given its second name by a publish that did not get further.
    """
    _remove_unfinished(target)
    earlier = []
    for publication in _numbered(target):
        if current is None or publication.number < current.number:
            earlier.append(publication)
        else:
            publication.path.unlink()
    return earlier


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{kind}-{target.name}")


def _remove_unfinished(target: Path) -> None:
    new, kept = _beside(target, NEW), _beside(target, KEPT)
    for path in (new, new.with_name(f"{new.name}.wal"), kept):
        path.unlink(missing_ok=True)
    shutil.rmtree(new.with_name(f"{new.name}.tmp"), ignore_errors=True)


def _keep(target: Path, current: Publication) -> None:
    """Give the current publication a second name with its number; TARGET has it as before."""
    kept = target.with_name(f"{target.stem}.{current.number}{target.suffix}")
    if kept.exists():
        raise Mistake(f"{kept} is in the way: publication {current.number} is to be kept there; nothing was published")
    try:
        kept.hardlink_to(target)
    except OSError:
        # Some file systems have no second name for a file.
        copy = _beside(target, KEPT)
        shutil.copy2(target, copy)
        _sync(copy)
        copy.replace(kept)
    _sync(target.parent)


def _put_in_place(new: Path, target: Path) -> None:
    """Replace TARGET by a file beside it: who opens it finds either of them."""
    if target.exists():
        shutil.copymode(target, new)
    _sync(new)
    new.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder, before the next step."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
