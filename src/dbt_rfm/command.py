"""The command ``rfm``, which stands beside dbt: it builds, and shows and hands out what the marts hold."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from typer.exceptions import TyperException

from dbt_rfm.marts import DATABASE, Marts
from dbt_rfm.mistake import Mistake
from dbt_rfm.progress import progress_bar
from dbt_rfm.words import Language

app = typer.Typer(
    name="rfm",
    pretty_exceptions_enable=False,
    # Which writes a paragraph of a docstring as one.
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Database = Annotated[
    Path,
    typer.Option("--database", "-d", envvar="RFM_DUCKDB_PATH", help="The DuckDB file of a build.", show_default=True),
]
Schema = Annotated[str | None, typer.Option(help="Where the marts are, if several schemas of the file have some.")]
Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", help="A dataset; may be given several times. All if there is none.")
]
Lang = Annotated[Language, typer.Option("--lang", help="English or Chinese headers and texts.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]


def day(text: str) -> date:
    """Return the day that somebody wrote."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is no day, expected one like 2025-07-31") from error


@app.callback(invoke_without_command=True)
def rfm(
    context: typer.Context,
    shows_version: Annotated[bool, typer.Option("--version", help="Print the version of dbt-rfm.")] = False,
) -> None:
    """Grade customers with dbt, and show and hand out the grades.

    All commands but build read the marts in the DuckDB file of a build, or of rfm publish.
    """
    if shows_version:
        print(version("dbt-rfm"))
    elif context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def build(context: typer.Context, as_json: Json = False) -> None:
    """Build the project: dbt build, with a bar for its nodes, and what came of it.

    What dbt build understands may follow: rfm build --full-refresh --target postgres. The exit code is dbt's: 1 where
    a node failed, 2 where dbt could not begin. In the end it prints what rfm summary prints.
    """
    from dbt_rfm import build as building
    from dbt_rfm import summary as summing

    errors = Console(stderr=True, highlight=False)
    building.check_project(context.args)
    outcome = building.build(context.args, errors)
    for line in outcome.warnings:
        errors.print(f"rfm: warning: {line}", markup=False, soft_wrap=True)
    for line in outcome.failures:
        errors.print(f"rfm: {line}", markup=False, soft_wrap=True)
    if outcome.exit_code == 0 and not outcome.nodes:
        errors.print("rfm: nothing was built: no node is what was selected", markup=False, soft_wrap=True)
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
        errors.print(
            f"rfm: {building.what_stands(outcome)}; logs/dbt.log has the details", markup=False, soft_wrap=True
        )
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
def report(
    database: Database = DATABASE,
    schema: Schema = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("rfm_report.html"),
    language: Lang = Language.ENGLISH,
    datasets: Datasets = None,
    as_json: Json = False,
) -> None:
    """Write one HTML file with charts and tables of every dataset's last as-of date, which needs no network.

    Tiers, their history and their money, recency and frequency, moves, cut points, warnings to search and sort, the
    service plan, the backtest, the rules in words with their audit, and data quality.
    """
    from dbt_rfm import report as reporting

    with Marts(database, schema) as marts:
        written = reporting.report(marts, output, language, datasets or [])
    if as_json:
        print_json(written)
    else:
        print(f"{written['path']}: {written['bytes'] / 1e6:.1f} MB")
        for told in written["datasets"]:
            print(f"{told['dataset']} {told['as_of_date']}: {told['customers']} customers, {told['warnings']} warnings")


@app.command()
def export(
    database: Database = DATABASE,
    schema: Schema = None,
    datasets: Datasets = None,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", parser=day, metavar="DAY", help="The as-of date, else the last one of each dataset."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the release, which replaces the one before.")
    ] = Path("release"),
    language: Lang = Language.ENGLISH,
    period: Annotated[
        str | None, typer.Option(help="Text for a column with the period that the figures cover, which no mart knows.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write csv files too.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write parquet files too.")] = False,
    mask: Annotated[
        bool, typer.Option("--mask", help="Replace customer ids by hashes, with the key in RFM_MASK_KEY.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Release the graded customers: a workbook for each dataset and region, and a manifest.

    A workbook has the customers, the tiers, the rulebook and the data dictionary. The same marts and options give the
    same bytes. Where anything fails, the former release in the folder stays.
    """
    from dbt_rfm.export.release import Options, as_text, release

    options = Options(
        datasets=datasets or [],
        as_of=as_of,
        language=language,
        period=period,
        csv=csv,
        parquet=parquet,
        masked=mask,
    )
    with Marts(database, schema) as marts, progress_bar(Console(stderr=True, highlight=False)) as progress:
        task = progress.add_task("writing customers", total=None, doing="")
        manifest = release(
            marts, output, options, lambda written, total: progress.update(task, completed=written, total=total)
        )
    if as_json:
        print_json(manifest)
    else:
        print(as_text(manifest, output))


@app.command()
def publish(
    target: Annotated[
        Path, typer.Argument(help="The file that readers open, such as marts.duckdb.", show_default=False)
    ],
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
        exit_code = app(standalone_mode=False, prog_name="rfm")
        sys.stdout.flush()
        sys.exit(exit_code)
    except TyperException as mistake:
        called = getattr(getattr(mistake, "ctx", None), "command_path", "rfm")
        print(f"rfm: {mistake.format_message().rstrip('.')}: {called} --help explains it", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever reads has seen enough, as head has. Python would say so at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Mistake as mistake:
        print(f"rfm: {mistake}", file=sys.stderr)
        sys.exit(1)
    except (duckdb.Error, OSError) as error:
        print(f"rfm: {str(error).splitlines()[0]}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
