"""The report in a real browser: its numbers equal the marts, nothing is loaded or run that is not its own, it fits and works."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from conftest import REPOSITORY, Project, Row, missing_engine, rows_of
from dbt_rfm.marts import Marts
from dbt_rfm.report import report
from dbt_rfm.report.reasons import in_chinese
from dbt_rfm.words import Language

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LAPTOP, PHONE = 1280, 390


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the machine; none is downloaded."""
    path = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if path is None:
        missing_engine("Chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a report. At the end nothing may have been said on the console, and nothing asked of a network."""
    complaints: list[str] = []
    contexts = []

    def opened(path: Path, width: int = LAPTOP, scheme: str = "light", place: str = "") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.split("#")[0] == path.as_uri() or request.url.startswith(("data:", "blob:"))
                else complaints.append(f"request: {request.url}")
            ),
        )
        page.goto(path.as_uri() + place)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def written(database: Path, path: Path, language: Language = Language.ENGLISH, *datasets: str) -> Path:
    """Write a report."""
    with Marts(database) as marts:
        report(marts, path, language, datasets)
    return path


@pytest.fixture(scope="module")
def demo_report(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(demo.database, tmp_path_factory.mktemp("report") / "demo.html")


def panel(page: Page, dataset: str) -> Any:
    """The page of a dataset, opened as people do."""
    page.get_by_role("tab").filter(has_text=dataset).click()
    return page.locator(f'.panel[data-name="{dataset}"]')


def table(part: Any) -> list[list[str]]:
    """The cells of a table that are to be seen."""
    return part.evaluate(
        "table => [...table.tBodies[0].rows].filter(row => !row.hidden).map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def figure(part: Any, name: str) -> Row:
    """What plotly was given for a chart."""
    return part.locator(f'[data-chart^="{name}"]').first.evaluate("plot => ({data: plot.data, layout: plot.layout})")


def fits(page: Page) -> bool:
    return page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def walk(page: Page) -> int:
    """Open every tab, see that its charts are drawn within the page, and count them."""
    drawn = 0
    tabs = page.get_by_role("tab").all()
    for tab in tabs or [None]:
        if tab is not None:
            tab.click()
            assert tab.get_attribute("aria-selected") == "true"
        (shown,) = page.locator(".panel:visible").all()
        for plot in shown.locator(".plot").all():
            box = plot.locator(".main-svg").first.bounding_box()
            around = plot.bounding_box()
            assert box is not None
            assert around is not None
            assert box["width"] > 100
            assert box["width"] <= around["width"] + 1
            assert box["height"] > 80
            drawn += 1
        assert fits(page), shown.get_attribute("data-name")
        assert re.search(r"\d[eE][+-]?\d|NaN|undefined|None\b|null", shown.inner_text()) is None
    return drawn


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [
        (Language.ENGLISH, "light", LAPTOP),
        (Language.ENGLISH, "dark", PHONE),
        (Language.CHINESE, "dark", LAPTOP),
        (Language.CHINESE, "light", PHONE),
    ],
)
def test_every_tab_opens_and_fits(
    demo: Project, tmp_path: Path, show: Callable[..., Page], language: Language, scheme: str, width: int
) -> None:
    page = show(written(demo.database, tmp_path / "report.html", language), width, scheme)
    assert walk(page) == 23
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    # The skip link, headings and headers are in one language.
    assert (re.search("[\u4e00-\u9fff]", page.locator("h3").first.inner_text()) is not None) == (language == "zh")


@pytest.mark.parametrize(("language", "width"), [(Language.ENGLISH, LAPTOP), (Language.CHINESE, PHONE)])
def test_every_rulebook_of_the_gallery_is_shown(
    gallery: Project, tmp_path: Path, show: Callable[..., Page], language: Language, width: int
) -> None:
    page = show(written(gallery.database, tmp_path / "report.html", language), width)
    assert page.get_by_role("tab").count() == 20
    assert walk(page) > 60
    # Scores without grades: their spread instead of tiers, and no money.
    spread = panel(page, "tech_firm")
    shown = {row[0]: int(row[1]) for row in table(spread.locator("table").first)}
    assert shown == {
        f"{row['total_score'].normalize():f}": row["n"]
        for row in gallery.query(
            "select total_score, count(*) as n from rfm__graded_customers where dataset = 'tech_firm' group by all"
        )
    }
    assert spread.locator('[data-section="money"]').count() == 0
    assert "recency" in spread.locator('[data-section="grid"] .note').inner_text()
    assert spread.locator('[data-section="warnings"] .note').is_visible()


def test_the_numbers_are_those_of_the_marts(demo: Project, demo_report: Path, show: Callable[..., Page]) -> None:
    page = show(demo_report)
    for dataset, last, before in [
        ("cdnow", "1998-06-30", "1998-05-31"),
        ("maoming_appraisal", "2025-06-30", "2025-05-31"),
        ("kunming_platform", "2024-11-02", None),
    ]:
        shown = panel(page, dataset)
        of_last = f"where dataset = '{dataset}' and as_of_date = '{last}'"
        (total,) = demo.query(f"select count(*) as n, sum(monetary) as money from rfm__graded_customers {of_last}")
        headlines = dict(
            zip(
                shown.locator(".headlines dt").all_inner_texts(),
                shown.locator(".headlines strong").all_inner_texts(),
                strict=True,
            )
        )
        warned = demo.query(f"select count(distinct customer_id) as n from rfm__churn_warnings {of_last}")[0]["n"]
        rejected = demo.query(f"select count(*) as n from rfm__rejected_records {of_last}")[0]["n"]
        assert headlines["Customers"] == f"{total['n']:,}"
        assert headlines["Money"] == f"{total['money']:,.2f}"
        assert headlines["Customers with a warning"] == f"{warned:,}"
        assert headlines["Rows not used"] == f"{rejected:,}"

        tiers = {row[0]: row for row in table(shown.locator('[data-section="tiers"] table'))}
        assert list(tiers) == ["A", "B", "C", "D"]
        assert headlines["In the best tier, A"] == tiers["A"][3 if before else 2]
        for grade, row in tiers.items():
            (expected,) = demo.query(
                f"select count(*) as n, coalesce(sum(monetary), 0) as money, avg(recency_days) as recency from rfm__graded_customers {of_last} and grade = '{grade}'"
            )
            assert row[1] == f"{expected['n']:,}"
            cells = row[2:]
            if before:
                (earlier,) = demo.query(
                    f"select count(*) as n from rfm__graded_customers where dataset = '{dataset}' and as_of_date = '{before}' and grade = '{grade}'"
                )
                assert int(cells.pop(0)) == expected["n"] - earlier["n"]
            assert cells[:3] == [
                f"{100 * expected['n'] / total['n']:.1f}%",
                f"{expected['money']:,.2f}",
                f"{100 * float(expected['money']) / float(total['money']):.1f}%",
            ]
            assert cells[3] == ("–" if expected["recency"] is None else f"{expected['recency']:,.2f}")

        heat, counts = figure(shown, "grid")["data"]
        fields = demo.query(
            f"select recency_score as r, frequency_score as f, count(*) as n, avg(monetary) as money from rfm__graded_customers {of_last} group by all order by all"
        )
        rows = sorted({row["r"] for row in fields})
        columns = sorted({row["f"] for row in fields})
        assert dict(zip(zip(counts["x"], counts["y"], strict=True), counts["text"], strict=True)) == {
            (columns.index(row["f"]), rows.index(row["r"])): f"{row['n']:,}" for row in fields
        }
        for row in fields:
            assert (
                f"Average money {row['money']:,.2f}" in heat["hovertext"][rows.index(row["r"])][columns.index(row["f"])]
            )
        assert shown.locator('[data-section="grid"] .cbtitle').text_content() == "Average money"
        # The darkest field is that with most money.
        richest = max(fields, key=lambda row: row["money"])
        assert heat["z"][rows.index(richest["r"])][columns.index(richest["f"])] == 1
        assert sum(z == 1 for line in heat["z"] for z in line) == 1

        if before is None:
            assert shown.locator('[data-section="migration"], [data-section="history"]').count() == 0
            continue

        (flow,) = figure(shown, "migration")["data"]
        names = [text.split()[0] for text in flow["node"]["label"]]
        moved = {
            (names[source], names[target]): value
            for source, target, value in zip(
                flow["link"]["source"], flow["link"]["target"], flow["link"]["value"], strict=True
            )
        }
        assert moved == {
            (row["before"], row["after"]): row["n"]
            for row in demo.query(
                f"""
                select coalesce(old.grade, 'new') as before, coalesce(new.grade, 'gone') as after, count(*) as n
                from (from rfm__graded_customers where dataset = '{dataset}' and as_of_date = '{before}') as old
                full outer join (from rfm__graded_customers {of_last}) as new using (customer_id)
                group by all
                """
            )
        }

        history = figure(shown, "history-0")["data"]
        for place, day in enumerate(
            demo.query(f"select distinct as_of_date from rfm__graded_customers where dataset = '{dataset}' order by 1")
        ):
            of_day = {
                row["grade"]: row["n"]
                for row in demo.query(
                    f"select grade, count(*) as n from rfm__graded_customers where dataset = '{dataset}' and as_of_date = '{day['as_of_date']}' group by all"
                )
            }
            for grade, bars in zip("ABCD", history, strict=True):
                assert bars["y"][place] == pytest.approx(100 * of_day.get(grade, 0) / sum(of_day.values()), abs=1e-4)

        kinds = {row[0]: row[1:] for row in table(shown.locator('[data-section="warnings"] table').first)}
        assert kinds == {
            row["warning"]: [row["severity"], f"{row['fresh']:,}", f"{row['old']:,}", f"{row['money']:,.2f}"]
            for row in demo.query(
                f"select warning, severity, count(*) filter (where not is_repeated) as fresh, count(*) filter (where is_repeated) as old, sum(money_at_risk) as money from rfm__churn_warnings {of_last} group by all"
            )
        }

        lifts = {row[0]: row[4] for row in table(shown.locator('[data-section="backtest"] table').first)}
        for row in demo.query(
            f"""
            select name, sum(monetary) / sum(customers) /
                (select sum(monetary) / sum(customers) from rfm__backtest where dataset = '{dataset}' and part = 'all') as lift
            from rfm__backtest where dataset = '{dataset}' and part = 'grade' group by name having sum(customers) > 0
            """
        ):
            assert lifts[row["name"]] == f"{row['lift']:.2f}"

        cuts = table(shown.locator('[data-section="cuts"] table'))
        assert ["recency", "5"] in [row[:2] for row in cuts]
        for metric, score, best, worst, customers, tied in cuts:
            (row,) = demo.query(f"from rfm__score_cutpoints {of_last} and metric = '{metric}' and score = {score}")
            numbers = [float(text.replace(",", "")) for text in [best, worst, customers, tied]]
            assert numbers == [
                float(row[name]) for name in ["best_value", "worst_value", "customers", "tied_customers"]
            ]

    quality = panel(page, "maoming_appraisal").locator('[data-section="quality"]')
    reasons = {row[1]: int(row[2]) for row in table(quality.locator("table").first)}
    assert (reasons["duplicate"], reasons["superseded"]) == tuple(
        demo.query(
            f"select count(*) as n from rfm__rejected_records where dataset = 'maoming_appraisal' and reasons = '{reason}'"
        )[0]["n"]
        for reason in ["duplicate", "superseded"]
    )
    rules = panel(page, "cdnow").locator('[data-section="rules"]').inner_text()
    for row in demo.query("from rfm__rulebooks where rulebook = 'platform_quintile'"):
        assert row["definition"] in rules
    for row in demo.query(
        "from rfm__rulebook_audit where dataset = 'cdnow' and as_of_date = '1998-06-30' and severity = 'high'"
    ):
        assert row["sentence"] in rules


def test_every_reason_is_said_in_chinese(
    demo: Project, gallery: Project, tmp_path: Path, show: Callable[..., Page]
) -> None:
    """Of a reason in Chinese only names of columns and what stood in quotes is in English."""
    english = re.compile(r"'[^']*'|\w+(?= \()|as_of_date|last_order_date|(?<=指标 )\w+|\w+(?= 的值)|(?<=编码 )\S+")

    def is_chinese(text: str) -> bool:
        return (
            re.search("[\u4e00-\u9fff]", text) is not None and re.search("[a-zA-Z]{2}", english.sub("", text)) is None
        )

    documented = (REPOSITORY / "docs" / "rulebooks.md").read_text(encoding="utf-8")
    lines = documented.split("<!-- reasons -->\n\n")[1].split("\n\n")[0].splitlines()[2:]
    reasons = [line.split("`")[1] for line in lines]
    for project in [demo, gallery]:
        reasons += [row["reasons"] for row in project.query("select distinct reasons from rfm__rejected_records")]
    assert len(set(reasons)) > 30
    assert [reason for reason in reasons if not is_chinese(in_chinese(reason))] == []
    assert (
        in_chinese("example 'XL' matches no label of rulebook 'example'")
        == "example 的值 'XL' 不是规则册 'example' 的标签"
    )
    assert in_chinese("metric orders has no value; or so") == "metric orders has no value; or so"
    assert in_chinese("customer_id ('客户编号') is '#N/A', expected a text, not a spreadsheet error") == (
        "customer_id ('客户编号') 为 '#N/A'，应为文本，而非电子表格的错误值"
    )
    assert in_chinese("frequency ('a; b') is missing; as_of_date ('c') is '1; 2', expected a date") == (
        "frequency ('a; b') 缺失；as_of_date ('c') 为 '1; 2'，应为日期"
    )

    page = show(written(demo.database, tmp_path / "report.html", Language.CHINESE))
    for dataset in ["kunming_platform", "maoming_appraisal"]:
        quality = panel(page, dataset).locator('[data-section="quality"]')
        quality.locator("button.later").first.click()
        shown = [row[1] for row in table(quality.locator("table").first)]
        assert len(shown) > 10
        assert [text for text in shown if not is_chinese(text)] == []


def test_warnings_are_searched_and_sorted(demo: Project, demo_report: Path, show: Callable[..., Page]) -> None:
    page = show(demo_report, place="#maoming_appraisal/warnings")
    listing = page.locator('.panel[data-name="maoming_appraisal"] .listing')
    warnings = demo.query("from rfm__churn_warnings where dataset = 'maoming_appraisal' and as_of_date = '2025-06-30'")
    search, output = listing.get_by_role("searchbox"), listing.locator("output")
    everything = len(warnings)
    assert output.inner_text() == f"{everything} of {everything} found, 25 shown"
    listing.get_by_role("button", name="Show more").click()
    assert output.inner_text() == f"{everything} of {everything} found, 125 shown"

    search.fill("grade_fell")
    fell = [row for row in warnings if row["warning"] == "grade_fell"]
    assert 1 < len(fell) < 25
    assert output.inner_text() == f"{len(fell)} of {everything} found, {len(fell)} shown"
    headers = [text.strip() for text in listing.locator("th").all_inner_texts()]
    assert {row[0]: row[headers.index("Reason")] for row in table(listing.locator("table"))} == {
        row["customer_id"]: row["reason"] for row in fell
    }

    money = headers.index("Money at risk")
    by_money = listing.get_by_role("button", name="Money at risk")
    expected = sorted((row["money_at_risk"] for row in fell), reverse=True)
    for ordered, said in [(expected, "descending"), (expected[::-1], "ascending")]:
        by_money.click()
        assert [row[money] for row in table(listing.locator("table"))] == [f"{value:,.2f}" for value in ordered]
        assert listing.locator("th[aria-sort]").all_inner_texts() == ["Money at risk"]
        assert listing.locator(f'th[aria-sort="{said}"]').count() == 1
    listing.get_by_role("button", name="Customer id").press("Enter")
    assert [row[0] for row in table(listing.locator("table"))] == sorted(row["customer_id"] for row in fell)

    search.fill("")
    listing.get_by_role("button", name="Severity").click()
    severities = [row[headers.index("Severity")] for row in table(listing.locator("table"))]
    assert severities == ["high"] * 25
    search.fill("nobody is called this")
    assert output.inner_text() == "Nothing found."
    assert table(listing.locator("table")) == []


# The narrow ones are a laptop's, with and without a scroll bar at the page and at the list, and a window beside another.
@pytest.mark.parametrize("width", [LAPTOP, LAPTOP - 30, 1100])
@pytest.mark.parametrize("language", Language)
def test_the_list_of_warnings_fits(
    demo: Project, tmp_path: Path, show: Callable[..., Page], language: Language, width: int
) -> None:
    page = show(written(demo.database, tmp_path / "report.html", language), width)
    for dataset in ["cdnow", "maoming_appraisal"]:
        listing = panel(page, dataset).locator(".listing")
        while listing.locator("button.more").is_visible():
            listing.locator("button.more").click()
        assert len(table(listing.locator("table"))) > 100
        assert listing.locator(".scroll").evaluate("box => box.scrollWidth <= box.clientWidth"), dataset


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_shadow_shows_where_a_table_goes_on(demo_report: Path, show: Callable[..., Page], scheme: str) -> None:
    page = show(demo_report, PHONE, scheme)
    box = panel(page, "cdnow").locator('[data-section="tiers"] .scroll')

    def shadows() -> list[bool]:
        """Whether the last row's lower edge has another colour at the left and at the right than in the middle."""
        return page.evaluate(
            """async picture => {
                const image = new Image();
                image.src = `data:image/png;base64,${picture}`;
                await image.decode();
                const canvas = new OffscreenCanvas(image.width, image.height)
                    .getContext("2d", { willReadFrequently: true });
                canvas.drawImage(image, 0, 0);
                const colour = x => canvas.getImageData(x, image.height - 4, 1, 1).data.join();
                return [1, image.width - 2].map(x => colour(x) !== colour(image.width / 2));
            }""",
            base64.b64encode(box.screenshot()).decode(),
        )

    assert shadows() == [False, True]
    box.evaluate("box => box.scrollTo(100, 0)")
    assert shadows() == [True, True]
    box.evaluate("box => box.scrollTo(box.scrollWidth, 0)")
    assert shadows() == [True, False]
    page.set_viewport_size({"width": LAPTOP, "height": 900})
    assert shadows() == [False, False]


def test_the_keyboard_and_the_address_lead_to_a_dataset(demo_report: Path, show: Callable[..., Page]) -> None:
    page = show(demo_report)
    tabs = page.get_by_role("tab")

    def selected() -> tuple[str | None, str | None]:
        (one,) = page.locator('[role="tab"][aria-selected="true"]').all()
        (shown,) = page.locator('[role="tabpanel"]:visible').all()
        assert one.get_attribute("tabindex") == "0"
        return one.get_attribute("data-name"), shown.get_attribute("data-name")

    assert selected() == ("cdnow", "cdnow")
    tabs.first.focus()
    for key, name in [
        ("ArrowDown", "kunming_platform"),
        ("ArrowRight", "maoming_appraisal"),
        ("ArrowDown", "cdnow"),
        ("End", "maoming_appraisal"),
        ("ArrowUp", "kunming_platform"),
        ("Home", "cdnow"),
    ]:
        page.keyboard.press(key)
        assert selected() == (name, name)
        assert page.url.endswith(f"#{name}")
        assert page.evaluate("document.activeElement.dataset.name") == name
    page.evaluate("location.hash = '#maoming_appraisal/rules'")
    rules = page.locator('.panel[data-name="maoming_appraisal"] [data-section="rules"]')
    rules.wait_for()
    expect(rules).to_be_in_viewport()
    assert selected() == ("maoming_appraisal", "maoming_appraisal")


def test_a_chart_has_the_views_that_it_offers(demo: Project, demo_report: Path, show: Callable[..., Page]) -> None:
    shown = panel(show(demo_report), "cdnow")
    shown.get_by_label("Show").select_option("Money")
    expected = demo.query(
        "select as_of_date, sum(monetary) as money from rfm__graded_customers where dataset = 'cdnow' and grade = 'A' group by all order by all"
    )
    assert figure(shown, "history-0")["data"][0]["y"] == [float(row["money"]) for row in expected]


def test_light_and_dark_are_chosen_and_read_well(demo_report: Path, show: Callable[..., Page]) -> None:
    page = show(demo_report, scheme="dark")

    def bar() -> str:
        return figure(page.locator(".panel").first, "history-0")["data"][0]["marker"]["color"]

    def least_contrast(pairs: list[tuple[str, str]]) -> float:
        return page.evaluate(
            """pairs => {
                const probe = document.body.appendChild(document.createElement("i"));
                const light = name => {
                    probe.style.color = `var(${name})`;
                    const [red, green, blue] = getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number)
                        .map(value => value / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
                };
                return Math.min(...pairs.map(([a, b]) => [light(a), light(b)])
                    .map(([a, b]) => Math.max(a, b) / Math.min(a, b)));
            }""",
            pairs,
        )

    texts = [(text, behind) for text in ["--text", "--muted", "--accent"] for behind in ["--card", "--page"]]
    texts += [(f"--{name}", f"--{name}-soft") for name in ["high", "medium", "low", "accent"]]
    texts += [
        ("--heat-light", "--heat-1"),
        ("--heat-light", "--heat-2"),
        ("--heat-dark", "--heat-3"),
        ("--text", "--bar"),
    ]
    tiers = [(f"--tier-{number}", "--card") for number in range(1, 13)]
    dark = bar()
    assert least_contrast(texts) >= 4.5
    assert least_contrast(tiers) >= 3
    page.get_by_role("button", name="Light or dark").click()
    assert bar() != dark
    assert least_contrast(texts) >= 4.5
    assert least_contrast(tiers) >= 3
    page.get_by_role("button", name="Light or dark").click()
    assert bar() == dark


def test_paper_is_light_and_nothing_is_cut_off(demo_report: Path, show: Callable[..., Page]) -> None:
    page = show(demo_report, scheme="dark", width=703, place="#maoming_appraisal")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".panel:not([hidden]) :is(.scroll, .plot)")]
            .filter(box => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1)
            .map(box => box.ariaLabel)"""
    )
    assert cut == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    (paper,) = page.locator(".panel:visible").all()
    assert figure(paper, "tiers")["layout"]["template"]["layout"]["paper_bgcolor"] == "rgba(255, 255, 255, 1)"
    assert not page.get_by_role("tab").first.is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert figure(paper, "tiers")["layout"]["template"]["layout"]["paper_bgcolor"] != "rgba(255, 255, 255, 1)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


HOSTILE = [
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=2">',
    "{{7*7}}",
    "</script><script>window.hacked=3</script>",
    "<b>bold</b>",
    '<a href="javascript:window.hacked=4">link</a>',
    "<!--",
    "%{customdata}",
    "var(--text)",
    "\u2028'\\",
    "1",
    "2024-01-31",
]


@pytest.fixture
def empty_marts(demo: Project, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """The marts' tables without a row, in a file of their own."""
    connection = duckdb.connect(str(tmp_path / "marts.duckdb"))
    connection.execute(f"attach '{demo.database}' as demo (read_only)")
    for row in rows_of(
        connection,
        "select table_name from information_schema.tables where table_catalog = 'demo' and starts_with(table_name, 'rfm__')",
    ):
        connection.execute(f"create table {row['table_name']} as from demo.{row['table_name']} limit 0")
    connection.execute("detach demo")
    return connection


def insert(connection: duckdb.DuckDBPyConnection, mart: str, rows: list[Row]) -> None:
    """Put what a mart has columns for into it; columns that are not named are null."""
    columns = {row["column_name"] for row in rows_of(connection, f"describe {mart}")}
    for row in rows:
        known = {name: value for name, value in row.items() if name in columns}
        connection.execute(
            f"insert into {mart} ({', '.join(known)}) values ({', '.join('?' for _ in known)})", list(known.values())
        )


def test_texts_of_the_data_are_shown_as_they_are(
    empty_marts: duckdb.DuckDBPyConnection, tmp_path: Path, show: Callable[..., Page]
) -> None:
    for number, text in enumerate(HOSTILE):
        for day in ["2025-01-31", "2025-02-28"]:
            place = {"dataset": text, "as_of_date": day, "region": text}
            customer = place | {"customer_id": text, "rulebook": text}
            grades = [(name, order) for order, name in enumerate(HOSTILE, start=1)]
            insert(
                empty_marts,
                "rfm__graded_customers",
                [
                    customer
                    | {"customer_id": f"{text}{order}", "frequency": order, "monetary": order}
                    | {"recency_score": order, "frequency_score": order, "grade": name, "grade_order": order}
                    for name, order in grades
                ],
            )
            insert(
                empty_marts,
                "rfm__tier_summary",
                [
                    place
                    | {"rulebook": text, "grade": name, "grade_order": order, "customers": order, "monetary": order}
                    for name, order in grades
                ],
            )
            cut = place | {"metric": text, "best_value": 9, "customers": 1, "tied_customers": 0}
            insert(
                empty_marts,
                "rfm__score_cutpoints",
                [cut | {"score": 1, "worst_value": 1}, cut | {"score": 2, "worst_value": 5}],
            )
        warned = customer | {"warning": text, "severity": "high", "grade": text, "previous_grade": text}
        warned |= dict.fromkeys(["reason", "reason_zh", "suggested_action", "suggested_action_zh"], text)
        insert(empty_marts, "rfm__churn_warnings", [warned | {"money_at_risk": number, "is_repeated": False}])
        move = place | {"rulebook": text, "previous_as_of_date": "2025-01-31", "customers": 3}
        insert(
            empty_marts,
            "rfm__tier_migration",
            [
                move | {"previous_grade": text, "previous_grade_order": 1, "grade": "<b>bold</b>", "grade_order": 5},
                move | {"previous_grade": "(new)", "grade": text, "grade_order": 1},
            ],
        )
        insert(
            empty_marts,
            "rfm__service_plan",
            [
                customer
                | {"grade": text, "services": text, "next_contact_date": "2025-03-01", "contact_every_days": 30}
                | {"resources": json.dumps({text: 2}), "is_overdue": False}
            ],
        )
        followed = place | {"rulebook": text, "name": text, "position": 1, "customers": 5, "monetary": 3}
        insert(
            empty_marts,
            "rfm__backtest",
            [
                followed | {"part": "all", "name": "all", "gini": 0.5},
                followed | {"part": "grade"},
                followed | {"part": "warning"},
            ],
        )
        insert(empty_marts, "rfm__rejected_records", [customer | {"stage": "input", "reasons": text, "copy_number": 1}])
        rule = {"rulebook": text, "position": 1, "name": text, "definition": text}
        insert(
            empty_marts, "rfm__rulebooks", [rule | {"part": part} for part in ["rulebook", "metric", "grade", "action"]]
        )
        insert(
            empty_marts,
            "rfm__rulebook_audit",
            [
                place
                | {
                    "rulebook": text,
                    "finding": "empty_grade",
                    "severity": "high",
                    "sentence": text,
                    "sentence_zh": text,
                }
            ],
        )
    empty_marts.close()
    for language in Language:
        page = show(written(tmp_path / "marts.duckdb", tmp_path / f"{language}.html", language))
        for number, text in enumerate(sorted(HOSTILE)):
            tab = page.get_by_role("tab").nth(number)
            assert tab.locator("b").text_content() == text
            tab.click()
            shown = page.locator(".panel:visible")
            assert shown.get_attribute("data-name") == text
            assert shown.locator("h2").text_content() == text
            cells = set(shown.locator("td").all_text_contents())
            assert text in cells
            assert f"{text} → {text}" in cells
            # Grades as plotly shows them on its axes, in its Sankey diagram and in its hover texts.
            flow = shown.locator('[data-chart="migration-0"]')
            said = re.sub(r"\s+", " ", text).strip()
            if len(said) <= 18:
                axis = shown.locator('[data-chart="tiers-1"] .ytick text').all_text_contents()
                assert said in axis
                assert any(f"{said} 3" == node for node in flow.locator(".node-label").all_text_contents())
            assert figure(shown, "tiers")["layout"]["yaxis"]["tickvals"] == list(range(len(HOSTILE)))
        page.locator('[data-chart="tiers-1"]:visible .bars .point path').nth(4).hover(force=True)
        page.wait_for_selector(".hovertext")
        assert "<b>bold</b>" in page.locator(".hovertext").first.text_content()
        assert page.evaluate("window.hacked") is None
        assert (
            page.locator(
                ".panel img, .panel a[href^=javascript], .panel b:text-is('bold'), .panel section script"
            ).count()
            == 0
        )


def test_a_hundred_thousand_customers_are_a_small_file(
    empty_marts: duckdb.DuckDBPyConnection, tmp_path: Path, show: Callable[..., Page]
) -> None:
    customers = """
        select
            'large' as dataset, cast('2024-01-31' as date) + interval (day) month as as_of_date,
            'region ' || (i % 30) as region, 'customer ' || i as customer_id, i, day
        from range(100000) as customers (i), range(3) as days (day)
    """
    empty_marts.execute(
        f"""
        insert into rfm__graded_customers by name
        select dataset, as_of_date, region, customer_id, 'rules' as rulebook, i % 997 as frequency, i % 1000 as monetary,
            i % 5 + 1 as recency_score, i % 997 as frequency_score, 'grade ' || (i % 14) as grade, i % 14 + 1 as grade_order
        from ({customers});
        insert into rfm__tier_summary by name
        select dataset, as_of_date, region, rulebook, grade, grade_order, count(*) as customers, sum(monetary) as monetary
        from rfm__graded_customers group by all;
        insert into rfm__churn_warnings by name
        select dataset, as_of_date, region, customer_id, 'silent' as warning, if(i % 2 = 0, 'high', 'medium') as severity,
            'A' as grade, i as money_at_risk, i % 3 = 0 as is_repeated, repeat('reason ', 20) as reason
        from ({customers});
        insert into rfm__rejected_records by name
        select dataset, as_of_date, region, customer_id, 'input' as stage, 1 as copy_number,
            'recency_days (''R'') is ''' || i || ''', expected 0 or more' as reasons
        from ({customers});
        insert into rfm__score_cutpoints by name
        select dataset, as_of_date, 'region ' || part as region, metric, score, 9 as best_value,
            10 * part + score as worst_value, 5 + part as customers, 0 as tied_customers
        from (select distinct dataset, as_of_date from ({customers})), (values ('recency'), ('monetary')) as metrics (metric),
            range(3) as parts (part), range(1, 4) as scores (score);
        """
    )
    (expected,) = rows_of(
        empty_marts,
        """
        select list(customer_id) as ids from (
            from rfm__churn_warnings where as_of_date = '2024-03-31' and not is_repeated and severity = 'high'
            order by money_at_risk desc limit 10
        )
        """,
    )
    empty_marts.close()
    path = written(tmp_path / "marts.duckdb", tmp_path / "report.html")
    assert path.stat().st_size < 8_000_000
    page = show(path, PHONE)
    assert page.get_by_role("tab").count() == 0
    assert walk(page) == 6
    assert "500 of 100,000 warnings are listed" in page.locator('[data-section="warnings"] .lead').inner_text()
    assert [row[0].split("\n")[-1] for row in table(page.locator(".listing table"))] == expected["ids"]
    assert page.locator(".listing tbody .severity.high").count() == 500
    # The cut points are those of the largest region, then of the one that is chosen at any metric.
    cuts = page.locator('[data-section="cuts"] .chart')
    assert cuts.first.locator("option").all_inner_texts() == ["region 2", "region 1", "region 0"]
    assert [lines["y"] for lines in figure(cuts.nth(1), "cuts")["data"]] == [[23] * 3, [22] * 3]
    cuts.first.get_by_label("Region").select_option("region 0")
    assert cuts.nth(1).locator("select option:checked").inner_text() == "region 0"
    assert [lines["y"] for lines in figure(cuts.nth(1), "cuts")["data"]] == [[3] * 3, [2] * 3]
    heat, counts = figure(page, "grid")["data"]
    assert len(heat["z"][0]) == 8
    assert sum(int(text.replace(",", "")) for text in counts["text"]) == 100_000


def test_shapes_that_are_not_of_today(
    empty_marts: duckdb.DuckDBPyConnection, tmp_path: Path, show: Callable[..., Page]
) -> None:
    """One customer, codes without grades, a rulebook that has left the vars, orders that belong to no date."""
    one = {"region": "all", "as_of_date": "2025-01-31", "customer_id": "1", "rulebook": "gone"}
    insert(
        empty_marts,
        "rfm__graded_customers",
        [
            one | {"dataset": "codes", "customer_id": code + place, "score_code": code}
            for code, places in {"A+": "123", "2024": "1", "<i>": "12"}.items()
            for place in places
        ]
        + [one | {"dataset": "one", "grade": "1", "grade_order": 1, "monetary": "1234567890123456.789"}],
    )
    tier = {
        "dataset": "one",
        "region": "all",
        "as_of_date": "2025-01-31",
        "rulebook": "gone",
        "monetary": "1234567890123456.789",
    }
    insert(
        empty_marts,
        "rfm__tier_summary",
        [
            tier | {"grade": "1", "grade_order": 1, "customers": 1},
            tier | {"grade": "2", "grade_order": 2, "customers": 0, "monetary": 0},
        ],
    )
    order = {"dataset": "one", "region": "all", "stage": "input", "reasons": "ordered_at is missing"}
    insert(empty_marts, "rfm__rejected_records", [order | {"copy_number": number} for number in (1, 2)])
    record = {"dataset": "codes", "region": "all", "stage": "input", "reasons": "duplicate"}
    insert(
        empty_marts,
        "rfm__rejected_records",
        [
            record | {"as_of_date": day, "copy_number": number}
            for day, rows in {"2025-01-31": 1, "2024-12-31": 2, "2025-02-28": 4, None: 3}.items()
            for number in range(rows)
        ],
    )
    insert(
        empty_marts,
        "rfm__rulebooks",
        [
            {
                "rulebook": "other",
                "part": "metric",
                "position": 1,
                "name": "recency",
                "definition": "in English",
                "definition_zh": "中文",
            }
        ],
    )
    empty_marts.execute("update rfm__graded_customers set rulebook = 'other' where dataset = 'codes'")
    empty_marts.close()
    for language, words in [(Language.ENGLISH, "in English"), (Language.CHINESE, "中文")]:
        page = show(written(tmp_path / "marts.duckdb", tmp_path / f"{language}.html", language), PHONE)
        walk(page)
        codes = panel(page, "codes")
        assert [row[:2] for row in table(codes.locator("table").first)] == [["A+", "3"], ["<i>", "2"], ["2024", "1"]]
        assert figure(codes, "tiers")["layout"]["xaxis"]["ticktext"] == ["A+", "&lt;i&gt;", "2024"]
        assert words in codes.locator('[data-section="rules"]').inner_text()
        # The rows by date add up to all of them, those of dates without a customer and of no date too.
        quality = codes.locator('[data-section="quality"] table')
        assert [int(row[2]) for row in table(quality.first)] == [10]
        undated = {Language.ENGLISH: "no date", Language.CHINESE: "无日期"}[language]
        assert table(quality.last) == [
            ["2025-02-28", "0", "0", "4"],
            ["2025-01-31", "6", "0", "1"],
            ["2024-12-31", "0", "0", "2"],
            [undated, "0", "0", "3"],
        ]
        single = panel(page, "one")
        assert "gone" in single.locator('[data-section="rules"] .note').first.inner_text()
        assert single.locator(".headlines strong").all_inner_texts() == [
            "1",
            "1,234,567,890,123,456.79",
            "100.0%",
            "0",
            "2",
        ]


def test_the_command_writes_the_same_bytes_and_says_what(
    demo: Project, tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    called = rfm("report", "--database", demo.database, "--json")
    assert called.returncode == 0, called.stderr
    said = json.loads(called.stdout)
    first = (tmp_path / "rfm_report.html").read_bytes()
    assert (said["path"], said["bytes"], said["language"]) == ("rfm_report.html", len(first), "en")
    assert [(row["dataset"], row["as_of_date"], row["customers"]) for row in said["datasets"]] == [
        ("cdnow", "1998-06-30", 2357),
        ("kunming_platform", "2024-11-02", 549),
        ("maoming_appraisal", "2025-06-30", 681),
    ]
    assert rfm("report", "-d", demo.database, "-o", "again.html").returncode == 0
    assert (tmp_path / "again.html").read_bytes() == first
    # Folders are made, and a link leads to the file that is written.
    (tmp_path / "link.html").symlink_to("reports/july.html")
    assert rfm("report", "-d", demo.database, "-o", "reports/2025/again.html").returncode == 0
    assert (tmp_path / "reports" / "2025" / "again.html").read_bytes() == first
    for _ in range(2):
        assert rfm("report", "-d", demo.database, "-o", "link.html").returncode == 0
        assert (tmp_path / "link.html").readlink() == Path("reports/july.html")
        assert (tmp_path / "reports" / "july.html").read_bytes() == first
        (tmp_path / "reports" / "july.html").write_text("older")
    one = rfm("report", "-d", demo.database, "-o", "one.html", "--dataset", "cdnow", "--lang", "zh", "--json")
    assert [row["dataset"] for row in json.loads(one.stdout)["datasets"]] == ["cdnow"]
    assert "maoming_appraisal" not in (tmp_path / "one.html").read_text(encoding="utf-8")


def test_what_cannot_be_reported_is_a_line_and_what_was_good_stays(
    demo: Project,
    empty_marts: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    rfm: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    empty_marts.close()
    good = tmp_path / "rfm_report.html"
    good.write_text("good")

    def mistake(*arguments: str | Path) -> str:
        called = rfm("report", *arguments)
        assert (called.returncode, called.stdout) == (1, "")
        (line,) = called.stderr.splitlines()
        return line

    marts = tmp_path / "marts.duckdb"
    assert mistake("-d", marts) == (
        f"rfm: {marts} has no graded customers: the marts are empty, see rfm__rejected_records"
    )
    assert mistake("-d", demo.database, "--dataset", "cdnov").startswith(
        f"rfm: {demo.database} has no dataset 'cdnov', expected one of: cdnow, "
    )
    assert mistake("-d", demo.database, "-o", good / "report.html") == (
        f"rfm: {good}/report.html cannot be written: Not a directory"
    )
    folder, pipe, link, loop = (tmp_path / name for name in ["folder", "pipe", "link", "loop"])
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    loop.symlink_to(loop)
    for place in [folder, pipe, link]:
        assert mistake("-d", demo.database, "-o", place) == f"rfm: {place} is no file that could be replaced"
    assert mistake("-d", demo.database, "-o", loop) == (
        f"rfm: {loop} cannot be written: Too many levels of symbolic links"
    )
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert loop.is_symlink()
    assert good.read_text() == "good"
    assert sorted(path.name for path in tmp_path.iterdir()) == (
        ["folder", "link", "loop", "marts.duckdb", "pipe", "rfm_report.html"]
    )
