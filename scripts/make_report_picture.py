"""Make docs/report.png, the beginning of the demo's report: run it with `make build` done."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from dbt_rfm.marts import Marts
from dbt_rfm.report import report
from dbt_rfm.words import Language

REPOSITORY = Path(__file__).resolve().parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        with Marts(REPOSITORY / "rfm.duckdb") as marts:
            report(marts, path, Language.ENGLISH)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1140}, color_scheme="light")
        page.goto(path.as_uri())
        page.screenshot(path=REPOSITORY / "docs" / "report.png")
        browser.close()


if __name__ == "__main__":
    main()
