"""Whether two contenders say the same of every customer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import duckdb

MANY = 30_000_000
"""From this many rows on, equal answers are recognised by sums of hashes and not by a join."""

KEY = ["as_of_date", "customer_id"]
NUMBERS = ["recency_days", "frequency", "monetary", "recency_score", "frequency_score", "monetary_score", "total_score"]


class Answer(TypedDict):
    """Where a contender put its answer. table: its name in a DuckDB file, none for parquet in a file or folder."""

    file: str
    table: str | None


def differing(one: Answer, other: Answer, many: int = MANY) -> int:
    """Return for how many customers the answers differ, those included that only one of them has.

    Compared are the values, the scores, the total and the grade, and the rank where both answers have one.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set temp_directory = '{one['file']}.compared'")
        relations = [attached(connection, answer, f"answer_{place}") for place, answer in enumerate([one, other])]
        columns = [
            {row[0] for row in connection.execute(f"describe from {relation}").fetchall()} for relation in relations
        ]
        rank = ["value_rank"] if all("value_rank" in names for names in columns) else []
        selects = [f"select {', '.join(typed(rank))} from {relation}" for relation in relations]
        counts = [connection.execute(f"select count(*) from {relation}").fetchall()[0][0] for relation in relations]
        if min(counts) >= many:
            sums = [
                connection.execute(f"select count(*), sum(hash(answer)) from ({select}) as answer").fetchall()
                for select in selects
            ]
            if sums[0] == sums[1]:
                return 0
        values = [*NUMBERS, "grade", *rank]
        found = connection.execute(
            f"""
            select count(*)
            from (select *, true as is_there from ({selects[0]})) as one
            full join (select *, true as is_there from ({selects[1]})) as other using ({", ".join(KEY)})
            where
                one.is_there is null
                or other.is_there is null
                or {" or ".join(f"one.{name} is distinct from other.{name}" for name in values)}
            """
        ).fetchall()
        # A row that is there twice is joined twice.
        return max(found[0][0], abs(counts[0] - counts[1]))


def attached(connection: duckdb.DuckDBPyConnection, answer: Answer, name: str) -> str:
    """SQL of an answer's rows."""
    if answer["table"] is None:
        return f"read_parquet('{answer['file']}{'/*.parquet' if Path(answer['file']).is_dir() else ''}')"
    connection.execute(f"attach '{answer['file']}' as {name} (read_only)")
    return f"{name}.{answer['table']}"


def typed(rank: list[str]) -> list[str]:
    """SQL of the compared columns, each with the type of the mart."""
    return [
        "cast(as_of_date as date) as as_of_date",
        "cast(customer_id as varchar) as customer_id",
        *(f"cast({name} as decimal(28, 6)) as {name}" for name in NUMBERS),
        "cast(grade as varchar) as grade",
        *(f"cast({name} as bigint) as {name}" for name in rank),
    ]


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(differing(json.loads(sys.argv[1]), json.loads(sys.argv[2]))))
