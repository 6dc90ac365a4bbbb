"""One self-contained HTML file that shows what the marts say: tiers, moves, warnings, rules and data quality."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from dbt_rfm.marts import Marts, Row
from dbt_rfm.mistake import Mistake
from dbt_rfm.report import facts
from dbt_rfm.report.blocks import Chart, Listing, Page
from dbt_rfm.report.figures import TEMPLATE
from dbt_rfm.report.pages import PageOfDataset
from dbt_rfm.report.texts import sayer
from dbt_rfm.words import Language


def report(marts: Marts, output: Path, language: Language, wanted: Sequence[str] = ()) -> Row:
    """Write the report of the wanted datasets, of all where none is named, and return what was written.

    Raises Mistake where there is nothing to report, or the file cannot be written.
    """
    datasets = facts.read(marts, wanted)
    say = sayer(language)
    pages = [PageOfDataset(dataset, say, language).page() for dataset in datasets]
    content = rendered(pages, language).encode()
    replace(output, content)
    return {
        "path": output,
        "bytes": len(content),
        "language": language,
        "datasets": [
            {
                "dataset": dataset.name,
                "as_of_date": dataset.as_of_date,
                "previous_as_of_date": dataset.before and dataset.before["as_of_date"],
                "customers": dataset.last["customers"],
                "warnings": dataset.warning_count,
                "listed_warnings": len(dataset.listed),
            }
            for dataset in datasets
        ],
    }


def rendered(pages: list[Page], language: Language) -> str:
    """Return the file's text."""
    environment = Environment(
        loader=PackageLoader("dbt_rfm.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    script, plotly = part(environment, "script.js"), get_plotlyjs()
    return environment.get_template("page.html").render(
        lang={Language.ENGLISH: "en", Language.CHINESE: "zh-CN"}[language],
        say=sayer(language),
        pages=pages,
        data=[embedded(data_of(page)) for page in pages],
        template=embedded(TEMPLATE),
        style=Markup(part(environment, "style.css")),
        plotly=Markup(plotly),
        script=Markup(script),
        script_hashes=Markup(" ".join(f"'{digest(text)}'" for text in (plotly, script))),
    )


def part(environment: Environment, name: str) -> str:
    """Return a file that is written into the page as it is."""
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def digest(script: str) -> str:
    """Return the hash by which the page's policy lets its own scripts run, and no others."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def data_of(page: Page) -> dict[str, Any]:
    """Return what the browser makes a page's charts and lists of, by their names in the template."""
    blocks = {
        f"{section.name}-{place}": block for section in page.sections for place, block in enumerate(section.blocks)
    }
    return {
        "charts": {
            name: [figure for _, figure in block.views] for name, block in blocks.items() if isinstance(block, Chart)
        },
        "listings": {
            name: {"columns": block.columns, "rows": block.rows}
            for name, block in blocks.items()
            if isinstance(block, Listing)
        },
    }


def embedded(value: Any) -> Markup:
    """Return JSON that may stand within a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def replace(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all, and the folders that it lies in; of a link, the file that it leads to.

    Raises Mistake where it cannot be written, or what stands there is no file.
    """
    # A rename would put a file in the place of a device or pipe.
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Mistake(f"{path} is no file that could be replaced")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Mistake(f"{path} cannot be written: {error.strerror}") from error
    file = Path(os.path.realpath(path))
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(file)
    except OSError as error:
        raise Mistake(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
