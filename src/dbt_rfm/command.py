"""The command ``rfm``, which stands beside dbt: it builds, and shows and hands out what the marts hold."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console

from dbt_rfm.marts import Marts
from dbt_rfm.mistake import Mistake

app = typer.Typer(
    name="rfm",
    help=(
        "Grade customers with dbt, and show and hand out the grades.\n\n"
        "All commands but build read the marts in the DuckDB file of a build."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Database = Annotated[
    Path,
    typer.Option("--database", "-d", envvar="RFM_DUCKDB_PATH", help="The DuckDB file of a build.", show_default=True),
]
Schema = Annotated[str | None, typer.Option(help="Where the marts are, if several schemas of the file have some.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]
DATABASE = Path("rfm.duckdb")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def build(context: typer.Context, as_json: Json = False) -> None:
    """Build the project: dbt build, with a bar for its nodes, and what came of it.

    What dbt build understands may follow: rfm build --full-refresh --target postgres. The exit code is dbt's: 1 where
    a node failed, 2 where dbt could not begin. In the end it prints what rfm summary prints.
    """
    from dbt_rfm import build as building
    from dbt_rfm import summary as summing

    errors = Console(stderr=True, highlight=False)
    outcome = building.build(context.args, errors)
    for line in outcome.warnings:
        errors.print(f"rfm: warning: {line}", markup=False, soft_wrap=True)
    for line in outcome.failures:
        errors.print(f"rfm: {line}", markup=False, soft_wrap=True)
    if outcome.nodes:
        errors.print(f"dbt build: {building.in_words(outcome)}", markup=False, soft_wrap=True)
    summed = None
    if outcome.exit_code != 2 and outcome.database is not None and outcome.schema is not None:
        with Marts(outcome.database, outcome.schema) as marts:
            summed = summing.Summary.of(marts)
    if as_json:
        print_json({**asdict(outcome), "summary": summed and summed.as_json()})
    elif outcome.exit_code == 0:
        if summed is not None:
            print(summed.as_text())
        elif outcome.engine != "duckdb":
            errors.print(
                f"Built on {outcome.engine}. rfm summary, report, export and publish read DuckDB files.", soft_wrap=True
            )
    else:
        what = (
            "dbt could not begin"
            if outcome.exit_code == 2
            else "the marts of what failed are those of the build before"
        )
        errors.print(f"rfm: {what}; logs/dbt.log has the details", markup=False, soft_wrap=True)
    raise typer.Exit(outcome.exit_code)


@app.command()
def summary(database: Database = DATABASE, schema: Schema = None, as_json: Json = False) -> None:
    """Print the tiers, moves, warnings, rejected rows and audit findings of the last as-of date of every dataset."""
    from dbt_rfm import summary as summing

    with Marts(database, schema) as marts:
        summed = summing.Summary.of(marts)
    if as_json:
        print_json(summed.as_json())
    else:
        print(summed.as_text())


@app.command()
def publish(
    target: Annotated[Path, typer.Argument(help="The file that readers open.", show_default=False)],
    database: Database = DATABASE,
    target_path: Annotated[
        Path, typer.Option(envvar="DBT_TARGET_PATH", help="The folder where dbt leaves its results.", show_default=True)
    ] = Path("target"),
    keep: Annotated[int, typer.Option(min=0, help="How many publications before this one are kept.")] = 3,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put the publication before this one back.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Print what is published and kept.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the marts into a file for readers, in one step, once every test of the last build passed.

    Readers are never blocked and never see half a build. What was published before lies beside TARGET under its number.
    """
    from dbt_rfm import publish as publishing

    if rollback and listing:
        raise typer.BadParameter("name one of --rollback and --list")
    warnings: list[str] = []
    if listing:
        published = publishing.at(target)
    elif rollback:
        published = publishing.roll_back(target)
    else:
        published, warnings = publishing.publish(database, target, target_path, keep)
    for name in warnings:
        print(f"rfm: warning: the test {name} warned", file=sys.stderr)
    if as_json:
        print_json({**published.as_json(), "warnings": warnings})
    else:
        print(published.as_text())


def print_json(value: Any) -> None:
    """Print a value; dates, decimals and paths as texts."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def main() -> None:
    """Run the command; a mistake is one line, and not a traceback."""
    try:
        app()
    except Mistake as mistake:
        print(f"rfm: {mistake}", file=sys.stderr)
        sys.exit(1)
    except (duckdb.Error, OSError) as error:
        print(f"rfm: {str(error).splitlines()[0]}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
