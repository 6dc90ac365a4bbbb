"""Write dashboard.png from a Superset that set_up.py serves: ``python examples/superset/screenshot.py [address]``.

Runs in the project's own environment, which has Playwright; Chromium is the machine's.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Log in, wait for the charts, and take the picture."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8088"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1500, "height": 1580}, locale="en-US")
        page.goto(f"{address}/login/")
        page.fill("input[name=username], input#username", "admin")
        page.fill("input[name=password], input#password", os.environ["RFM_SUPERSET_PASSWORD"])
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{address}/superset/dashboard/rfm/")
        page.wait_for_selector("[data-test-viz-type=table] td", timeout=120_000)
        page.wait_for_load_state("networkidle")
        # The charts grow into place.
        page.wait_for_timeout(3000)
        failed = page.locator(".ant-alert-error").all_inner_texts()
        page.screenshot(path=HERE / "dashboard.png")
        chromium.close()
    if failed:
        sys.exit(f"screenshot: charts that failed: {failed}")


if __name__ == "__main__":
    main()
