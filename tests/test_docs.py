"""The reference of the rulebook language is true: every example is built, every error and sentence is a real one.

How an example becomes a project is said on the page itself (its section on the examples): a block with `rfm__rulebooks:`
is complete, any other is put into a default rulebook or dataset. All are built in one project over the table of customers
that the page shows, and the oracle grades them too.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import re
import shutil
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import yaml
from dbt.cli.main import dbtRunner

import oracle
from conftest import GALLERY, REPOSITORY, Project, Row, dump, invoke, rows_of, write_project

DOCS = REPOSITORY / "docs"
ENGLISH = DOCS / "rulebooks.md"
CHINESE = DOCS / "rulebooks.zh-CN.md"
HISTORY = DOCS / "history.md"
HISTORY_CHINESE = DOCS / "history.zh-CN.md"

METRICS: Row = {
    "recency": {"value": "recency_days", "better": "low", "score": {"tiles": 5}},
    "frequency": {"value": "frequency", "score": {"tiles": 5}},
    "monetary": {"value": "monetary", "score": {"tiles": 5}},
}
GRADES: list[Row] = [{"grade": "A", "min": 4}, {"grade": "B", "min": 3}, {"grade": "C", "min": 2}, {"grade": "D"}]
TOTAL: Row = {"recency": 0.3, "frequency": 0.3, "monetary": 0.4}
RULEBOOK_KEYS = {"description", "metrics", "total", "round", "grades", "actions"}
METRIC_KEYS = {"value", "better", "score", "clamp"}
DATASET_KEYS = {"rulebook", "records", "columns", "as_of_date", "within", "missing"}


# --- Reading the page -------------------------------------------------------------------------------------------------


def fences(page: str) -> list[tuple[str, str]]:
    """The code blocks of a page: what stands behind the three marks, and the block."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def page() -> str:
    return ENGLISH.read_text(encoding="utf-8")


def section(text: str, anchor: str) -> str:
    """What stands between the comment with this name and the next heading of any level."""
    found = re.search(rf"<!-- {anchor} -->\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, anchor
    return found[1]


def first_table(text: str, anchor: str) -> list[str]:
    """The lines of the first table of a section."""
    found = re.search(r"(?:^\|.*\n?)+", section(text, anchor), re.MULTILINE)
    assert found, anchor
    return found[0].splitlines()


def table(text: str, anchor: str) -> list[list[str]]:
    """The rows of the first table of a section, without its header."""
    lines = first_table(text, anchor)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def customers(text: str, anchor: str = "customers") -> list[Row]:
    """The table of customers, or another input, as the texts of an export."""
    lines = first_table(text, anchor)
    names = [cell.strip() for cell in lines[0].strip("|").split("|")]
    rows = [[cell.strip() or None for cell in line.strip("|").split("|")] for line in lines[2:]]
    return [dict(zip(names, row, strict=True)) for row in rows]


def default_dataset(text: str) -> Row:
    """The dataset into which fragments are put: the first block of the section that shows the customers."""
    [(_, block)] = fences(section(text, "customers"))
    return yaml.safe_load(block)


# --- Examples to vars -------------------------------------------------------------------------------------------------


def as_vars(written: Row, name: str, dataset: Row) -> Row:
    """Put an example into a rulebook and a dataset of this name, unless it has its own."""
    if "rfm__rulebooks" in written:
        datasets = written.get("rfm__datasets") or {
            rulebook: copy.deepcopy(dataset) | {"rulebook": rulebook} for rulebook in written["rfm__rulebooks"]
        }
        return {"rfm__rulebooks": written["rfm__rulebooks"], "rfm__datasets": datasets}
    written = copy.deepcopy(written)
    rulebook: Row = {"metrics": METRICS, "total": TOTAL, "grades": GRADES}
    own = copy.deepcopy(dataset) | {"rulebook": name}
    if DATASET_KEYS & written.keys():
        if "as_of_date" in written:
            del own["columns"]["as_of_date"]
        columns = written.get("columns", {})
        own |= written | {"columns": own["columns"] | columns if isinstance(columns, dict) else columns}
        own["rulebook"] = name if own["rulebook"] == "example" else own["rulebook"]
    elif RULEBOOK_KEYS & written.keys() and not METRIC_KEYS & written.keys():
        if "metrics" in written:
            rulebook = written
        else:
            has_other_total = "code" in written.get("total", {})
            rulebook = {
                key: value for key, value in rulebook.items() if key != "grades" or not has_other_total
            } | written
    else:
        total = written.pop("total", {"example": 1})
        rulebook = {"metrics": {"example": {"value": "monetary"} | written}, "total": total}
    return {"rfm__rulebooks": {name: copy.deepcopy(rulebook)}, "rfm__datasets": {name: own}}


def is_wrong(mark: str) -> bool:
    return mark == "yaml wrong"


def examples(text: str) -> list[Row]:
    """Every right example, those of the table of rules included."""
    found = [yaml.safe_load(block) for mark, block in fences(text) if mark.startswith("yaml") and not is_wrong(mark)]
    for cells in table(text, "rules"):
        example: Row = {}
        for code in re.findall(r"`([^`]+)`", cells[1]):
            example |= yaml.safe_load(code)
        if example:
            found.append(example)
    return found


def mistakes(text: str) -> list[tuple[Row, str]]:
    """Every wrong example, with the error line that the page shows for it."""
    blocks = fences(text)
    found: list[tuple[Row, str]] = []
    for (mark, block), (next_mark, lines) in zip(blocks, blocks[1:] + [("", "")], strict=True):
        if is_wrong(mark):
            assert next_mark == "text", block
            written, shown = list(yaml.safe_load_all(block)), lines.splitlines()
            assert len(written) == len(shown), block
            found += zip(written, shown, strict=True)
    return found


def page_vars(text: str) -> Row:
    """The vars of one project with all right examples."""
    dataset = default_dataset(text)
    together: Row = {"rfm__rulebooks": {}, "rfm__datasets": {}}
    for place, example in enumerate(examples(text), start=1):
        for key, entries in as_vars(example, f"example_{place}", dataset).items():
            assert not together[key].keys() & entries.keys(), (key, list(entries))
            together[key] |= entries
    return together


# --- The project ------------------------------------------------------------------------------------------------------

# What a dataset of the page is read from; and a macro that does all that a build does before it builds.
FILES = {
    "models/raw_customers.sql": "select * from input.raw_customers",
    "macros/check_vars.sql": (
        "{% macro check_vars() %}{% do rfm.check_expressions_in_database(rfm.checked_datasets()) %}{% endmacro %}"
    ),
}


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with every right example of the page."""
    text = page()
    written = page_vars(text)
    folder = tmp_path_factory.mktemp("docs")
    project = write_project(folder, written["rfm__rulebooks"], written["rfm__datasets"], files=FILES)
    project.load("raw_customers", customers(text))
    project.build()
    return project


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Check vars as a build does before it builds."""
    text = page()
    written = as_vars({"value": "monetary"}, "example", default_dataset(text))
    folder = tmp_path_factory.mktemp("wrong")
    project = write_project(folder, written["rfm__rulebooks"], written["rfm__datasets"], files=FILES)
    arguments = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--log-path", str(folder / "logs")]
    manifest = dbtRunner().invoke(["parse", *arguments]).result

    def checked(vars_written: Row) -> Any:
        dumped = yaml.safe_dump(
            vars_written, allow_unicode=True, default_flow_style=True, width=10_000, sort_keys=False
        )
        return invoke("run-operation", "check_vars", "--vars", dumped, *arguments, manifest=manifest)

    assert project.database
    return checked


# --- Tests ------------------------------------------------------------------------------------------------------------


def plain(score: Any) -> Any:
    return oracle.rounded(score) if isinstance(score, int | Fraction | Decimal) else score


def test_the_oracle_gives_every_example_the_same_grades(shop: Project) -> None:
    text = page()
    written = page_vars(text)
    graded = shop.query("from rfm__graded_customers")
    scored = shop.query("from rfm__customer_scores")
    rejected = shop.query("from rfm__rejected_records where stage = 'grading'")
    for name, dataset in written["rfm__datasets"].items():
        usable, _ = oracle.clean(customers(text), dataset)
        expected, ungraded = oracle.grade(
            usable,
            written["rfm__rulebooks"][dataset["rulebook"]],
            within_region="within" in dataset,
            columns=dataset["columns"],
            name=dataset["rulebook"],
        )
        keys = ["grade", "grade_order", "total_score", "score_code", "value_rank"]
        found = {row["customer_id"]: [row[key] for key in keys] for row in graded if row["dataset"] == name}
        assert found == {row["customer_id"]: [row[key] for key in keys] for row in expected}, name
        scores: Row = {}
        for row in scored:
            if row["dataset"] == name:
                score = row["score_text"] if row["score"] is None else row["score"]
                scores[row["customer_id"], row["metric"]] = score
        metrics = written["rfm__rulebooks"][dataset["rulebook"]]["metrics"]
        assert scores == {
            (row["customer_id"], metric): plain(row[f"{metric}_score"]) for row in expected for metric in metrics
        }, name
        reasons = {row["customer_id"]: row["reasons"] for row in rejected if row["dataset"] == name}
        assert reasons == {row["customer_id"]: row["reason"] for row in ungraded}, name


def unnamed(text: str) -> str:
    """A sentence as the page shows it: every fragment's rulebook is called 'example' there."""
    return re.sub(r"\bexample_\d+\b", "example", text)


def test_every_error_is_what_its_wrong_example_gives(check: Any) -> None:
    text = page()
    dataset = default_dataset(text)
    found = mistakes(text)
    assert len(found) > 20
    wrong = {}
    for written, shown in found:
        result = check(as_vars(written, "example", dataset))
        if set(result.errors) != {shown}:
            wrong[shown] = result.errors or result.text[-300:]
    assert wrong == {}


def test_every_error_line_stands_beside_its_wrong_example() -> None:
    text = page()
    shown = [line for mark, block in fences(text) if mark == "text" for line in block.splitlines()]
    errors = [line for line in shown if line.startswith("rfm: ")]
    assert errors == [line for _, line in mistakes(text)]


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_reason_is_found_in_a_build(shop: Project, path: Any) -> None:
    found = {unnamed(row["reasons"]) for row in shop.query("select distinct reasons from rfm__rejected_records")}
    rows = table(path.read_text(encoding="utf-8"), "reasons")
    shown = [cells[0].strip("`") for cells in rows]
    assert len(shown) > 12
    assert [reason for reason in shown if reason not in found] == []


@pytest.mark.parametrize(("path", "column"), [(ENGLISH, "sentence"), (CHINESE, "sentence_zh")], ids=["en", "zh"])
def test_every_finding_is_shown_as_the_audit_says_it(
    shop: Project, history: dict[str, Project], path: Any, column: str
) -> None:
    findings = f"select distinct finding, severity, {column} as sentence from rfm__rulebook_audit"
    found = shop.query(findings) + history["late"].query(f"{findings} where finding = 'late_orders'")
    said = {(row["finding"], row["severity"], unnamed(row["sentence"])) for row in found}
    rows = table(path.read_text(encoding="utf-8"), "findings")
    shown = {(cells[0].strip("`"), cells[1], cells[-1]) for cells in rows}
    assert shown - said == set()
    contract = yaml.safe_load((REPOSITORY / "models" / "marts" / "rfm__marts.yml").read_text(encoding="utf-8"))
    [audit] = [model for model in contract["models"] if model["name"] == "rfm__rulebook_audit"]
    [tests] = [column["data_tests"] for column in audit["columns"] if column["name"] == "finding"]
    assert {finding for finding, _, _ in shown} == set(tests[0]["accepted_values"]["arguments"]["values"])


def test_every_excerpt_of_sql_is_compiled_so(shop: Project) -> None:
    folder = shop.folder / "target" / "compiled" / "rfm" / "models"
    compiled = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in sorted(folder.rglob("*.sql")))
    wrong = []
    for mark, block in fences(page()):
        if mark == "sql" and "from rfm__" in block:
            assert shop.query(block), block
        elif mark == "sql":
            for part in re.split(r"^\s*-- …\s*$", block, flags=re.MULTILINE):
                if " ".join(part.split()) not in compiled:
                    wrong.append(part)
    assert wrong == []


def test_the_chinese_page_has_the_same_examples() -> None:
    english, chinese = page(), CHINESE.read_text(encoding="utf-8")
    assert [fence for fence in fences(chinese) if fence[0] != "markdown"] == fences(english)
    assert customers(chinese) == customers(english)
    assert default_dataset(chinese) == default_dataset(english)
    rules = [re.findall(r"`([^`]+)`", cells[1]) for cells in table(english, "rules")]
    assert [re.findall(r"`([^`]+)`", cells[1]) for cells in table(chinese, "rules")] == rules
    headings = [len(marks) for marks in re.findall(r"^(#+) ", english, re.MULTILINE)]
    assert [len(marks) for marks in re.findall(r"^(#+) ", chinese, re.MULTILINE)] == headings


@pytest.mark.parametrize(
    "path",
    [
        *[ENGLISH, CHINESE, HISTORY, HISTORY_CHINESE],
        *[DOCS / f"{page}.md" for page in ["gallery", "command", "engines", "bi", "semantic_layer"]],
        REPOSITORY / "examples" / "superset" / "README.md",
    ],
    ids=["en", "zh", "history", "history-zh", "gallery", "command", "engines", "bi", "semantic-layer", "superset"],
)
def test_links_lead_somewhere(path: Any) -> None:
    text = path.read_text(encoding="utf-8")

    def anchors(target: Any) -> set[str]:
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        return slugs | set(re.findall(r'<a id="([^"]+)">', target.read_text(encoding="utf-8")))

    for link in re.findall(r"\]\((?!https:)([^)#\s]*(?:#[^)\s]*)?)\)", text):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# --- The page on history ----------------------------------------------------------------------------------------------

# The Chinese page asks for the Chinese sentences.
TOLD_IN_TWO_LANGUAGES = r"\b(sentence|reason|suggested_action)_zh\b"


def history_examples(text: str) -> list[Row]:
    """Every right example of the page, those in its tables included."""
    found = [yaml.safe_load(block) for mark, block in fences(text) if mark == "yaml"]
    for anchor in ["dates", "windows", "measures"]:
        found += [in_code(cells[0]) for cells in table(text, anchor)]
    return found


def in_code(cell: str) -> Row:
    """The example that a cell of a table has between backticks; none where it has none."""
    written: Row = {}
    for code in re.findall(r"`([^`]+)`", cell):
        written |= yaml.safe_load(code)
    return written


def history_dataset(text: str) -> Row:
    """The dataset into which a short example is put: that of the complete example, without what is said of history."""
    shop = yaml.safe_load(fences(text)[0][1])["rfm__datasets"]["shop"]
    return {key: shop[key] for key in ["rulebook", "orders", "columns"]} | {"as_of": "2025-04-30"}


def history_vars(text: str) -> Row:
    """The vars of one project with all right examples."""
    together: Row = {"rfm__rulebooks": {}, "rfm__datasets": {}, "rfm__warnings": {}}
    for place, example in enumerate(history_examples(text), start=1):
        if any(key.startswith("rfm__") for key in example):
            for key, entries in example.items():
                together[key] |= entries
        else:
            together["rfm__datasets"][f"example_{place}"] = history_dataset(text) | example
    return together


def example_of(text: str, written: Row) -> str:
    """The dataset that an example of the page's tables became."""
    return f"example_{history_examples(text).index(written) + 1}"


def in_words(value: Any) -> str:
    """A value as the page shows it: a number without zeros at its end, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return str(value)


def as_table(rows: list[Row]) -> str:
    """The result of a query as a table of the page."""
    lines = [list(rows[0]), ["---"] * len(rows[0])] + [[in_words(value) for value in row.values()] for row in rows]
    return "".join(re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(cells)} |\n") for cells in lines)


def queries(text: str) -> list[tuple[str, str, str]]:
    """Every block of SQL: the state of the project that it asks, the SQL, and the table behind it, if any."""
    found = re.findall(r"^```sql *([^\n]*)\n(.*?)^```$\n(?:\n((?:^\|[^\n]*\n)+))?", text, re.DOTALL | re.MULTILINE)
    return [(state or "graded", sql, shown) for state, sql, shown in found]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """The page's project in the states that it speaks of; each state is a copy of the database."""
    text = HISTORY.read_text(encoding="utf-8")
    written = history_vars(text)
    folder = tmp_path_factory.mktemp("history")
    files = {f"models/{name}.sql": f"select * from input.{name}" for name in ["raw_orders", "raw_customers"]}
    project = write_project(folder, written["rfm__rulebooks"], written["rfm__datasets"], files=files)
    states: dict[str, Project] = {}

    def build(command: str, state: str, orders: list[Row], changed: Row) -> None:
        path = folder / "dbt_project.yml"
        dump(path, yaml.safe_load(path.read_text(encoding="utf-8")) | {"vars": written | changed})
        project.load("raw_orders", orders)
        result = project.dbt(command)
        assert result.success, result.text
        states[state] = Project(folder, folder / f"{state}.duckdb", folder)
        shutil.copy(project.database, states[state].database)

    orders = customers(text, "orders")
    late = customers(text, "late")
    project.load("raw_customers", customers(text, "branch"))
    # March first, April in the following month: as the routine on the page does it.
    shop = written["rfm__datasets"]["shop"]
    march = shop | {"as_of": shop["as_of"] | {"to": "2025-03-31"}}
    in_march = [order for order in orders if order["ordered"] <= "2025-03-31"]
    build("run", "march", in_march, {"rfm__datasets": {"shop": march}})
    build("build", "graded", orders, {})
    build("run", "late", orders + late, {})
    with project.connect() as connection:
        for state, sql, _ in queries(text):
            if state == "regrade":
                connection.execute(sql)
    build("run", "regraded", orders + late, {})
    stricter = copy.deepcopy(written["rfm__rulebooks"])
    stricter["shop_quintile"]["grades"][0]["min"] = 4.5
    build("run", "stricter", orders + late, {"rfm__rulebooks": stricter})
    return states


HISTORY_PAGES = pytest.mark.parametrize("path", [HISTORY, HISTORY_CHINESE], ids=["en", "zh"])


@HISTORY_PAGES
def test_every_query_on_history_gives_the_table_behind_it(history: dict[str, Project], path: Any) -> None:
    wrong = {}
    found = queries(path.read_text(encoding="utf-8"))
    for state, sql, shown in found:
        if state in history:
            rows = history[state].query(sql)
            if as_table(rows) != shown:
                wrong[sql] = as_table(rows)
    assert wrong == {}
    assert sum(state in history and bool(shown) for state, _, shown in found) > 8


def test_every_error_on_history_is_what_its_wrong_example_gives(check: Any) -> None:
    text = HISTORY.read_text(encoding="utf-8")
    rulebooks = yaml.safe_load(fences(text)[0][1])["rfm__rulebooks"]
    found = mistakes(text)
    assert len(found) > 20
    wrong = {}
    for written, shown in found:
        own = written if "rfm__warnings" in written else {}
        dataset = history_dataset(text) | ({} if own else written)
        result = check({"rfm__rulebooks": rulebooks, "rfm__datasets": {"example": dataset}} | own)
        if set(result.errors) != {shown}:
            wrong[shown] = result.errors or result.text[-300:]
    assert wrong == {}


def test_every_as_of_date_is_graded(history: dict[str, Project]) -> None:
    text = HISTORY.read_text(encoding="utf-8")
    for cells in table(text, "dates"):
        name = example_of(text, in_code(cells[0]))
        found = history["graded"].query(
            f"select distinct as_of_date from rfm__graded_customers where dataset = '{name}' order by 1"
        )
        assert ", ".join(str(row["as_of_date"]) for row in found) == cells[1], cells


def test_every_window_begins_as_the_page_says(history: dict[str, Project]) -> None:
    text = HISTORY.read_text(encoding="utf-8")
    path = history["graded"].folder / "target" / "compiled" / "rfm" / "models" / "intermediate"
    compiled = (path / "int_rfm__customers_from_orders.sql").read_text(encoding="utf-8")
    for cells in table(text, "windows"):
        name = example_of(text, in_code(cells[0]))
        found = re.findall(rf"'{name}' as dataset, cast\('(\S+)' as date\) as as_of_date, cast\('(\S+)' as", compiled)
        days = [(str(date.fromisoformat(eve) + timedelta(days=1)), last) for last, eve in found]
        assert days == [(cells[1], cells[2])], cells


def test_every_measure_is_what_the_orders_give(history: dict[str, Project]) -> None:
    text = HISTORY.read_text(encoding="utf-8")
    for cells in table(text, "measures"):
        name = example_of(text, in_code(cells[0]))
        [found] = history["graded"].query(
            f"select recency_days, frequency, monetary from rfm__graded_customers "
            f"where dataset = '{name}' and customer_id = 'k02'"
        )
        assert [in_words(value) for value in found.values()] == cells[1:4], cells


@HISTORY_PAGES
def test_every_order_that_is_not_used_has_its_reason(history: dict[str, Project], path: Any) -> None:
    found = history["graded"].query(
        "select reasons from rfm__rejected_records where dataset = 'shop' and stage = 'input' and as_of_date is null"
    )
    shown = [cells[0].strip("`") for cells in table(path.read_text(encoding="utf-8"), "reasons")]
    assert sorted(shown) == sorted(row["reasons"] for row in found)


@HISTORY_PAGES
def test_every_default_warning_is_shown(path: Any) -> None:
    source = (REPOSITORY / "macros" / "config" / "warnings.sql").read_text(encoding="utf-8")
    found = re.search(r"macro default_warnings\(\) %\}\s*\{\{- return\((.*?)\) -\}\}", source, re.DOTALL)
    assert found
    shown = {
        cells[0].strip("`"): in_code(cells[1]) for cells in table(path.read_text(encoding="utf-8"), "default-warnings")
    }
    assert shown == ast.literal_eval(found[1])


@HISTORY_PAGES
def test_resources_are_shared_as_the_worked_example_says(history: dict[str, Project], path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    written = history_vars(text)
    limit = written["rfm__datasets"]["shop"]["resources"]["visit_hours"]
    actions = written["rfm__rulebooks"]["shop_quintile"]["actions"]
    tiers = history["graded"].query(
        "select grade, count(*) as customers, sum(cast(resources ->> '$.visit_hours' as integer)) as units "
        "from rfm__service_plan where dataset = 'shop' and resources is not null group by grade order by grade"
    )
    weights = {tier["grade"]: Fraction(str(actions[tier["grade"]]["resources"]["visit_hours"])) for tier in tiers}
    expected = []
    for tier in tiers:
        quota = limit * weights[tier["grade"]] / sum(weights.values())
        numbers = [in_words(Decimal(float(weights[tier["grade"]]))), f"{float(quota):.3f}", str(int(quota))]
        expected.append(
            [tier["grade"], str(tier["customers"]), *numbers, f"{float(quota % 1):.3f}", str(tier["units"])]
        )
    assert table(text, "shares") == expected


def test_a_month_later_and_late_orders_change_no_frozen_date(history: dict[str, Project]) -> None:
    """What the page says of history: what is kept, what a deleted date gets, and that no rulebook reaches back."""

    def grades(state: str, until: str = "2025-12-31") -> list[Row]:
        return history[state].query(
            f"select * from rfm__graded_customers where dataset = 'shop' and as_of_date <= '{until}' order by all"
        )

    assert grades("march") == grades("graded", "2025-03-31") != grades("graded")
    assert grades("late") == grades("graded")
    assert grades("regraded", "2025-01-31") == grades("late", "2025-01-31")
    changed = {row["as_of_date"] for row in grades("regraded") if row not in grades("late")}
    assert changed == {date(2025, 2, 28)}
    assert grades("stricter") == grades("regraded")
    reported = "select count(*) as n from rfm__rulebook_audit where finding = 'late_orders' and dataset = 'shop'"
    assert [history[state].query(reported)[0]["n"] > 0 for state in ["graded", "late", "stricter"]] == [
        False,
        True,
        True,
    ]


def test_a_date_is_deleted_from_every_table_that_keeps_it(history: dict[str, Project]) -> None:
    text = HISTORY.read_text(encoding="utf-8")
    [deleting] = [sql for state, sql, _ in queries(text) if state == "delete"]
    with history["regraded"].connect() as connection:
        connection.execute(deleting)
        for model in sorted((REPOSITORY / "models").rglob("*.sql")):
            sql = model.read_text(encoding="utf-8")
            # What compares dates follows with the next build.
            if "rfm.stored_as('incremental')" in sql and "rfm__from" not in sql:
                [left] = rows_of(
                    connection,
                    f"select count(*) as n from {model.stem} where dataset = 'shop' and as_of_date = '2025-01-31'",
                )
                assert left["n"] == 0, model.stem


def test_the_chinese_page_on_history_has_the_same_examples() -> None:
    english, chinese = HISTORY.read_text(encoding="utf-8"), HISTORY_CHINESE.read_text(encoding="utf-8")
    told = [(mark, re.sub(TOLD_IN_TWO_LANGUAGES, r"\1", block)) for mark, block in fences(chinese)]
    assert told == fences(english)
    for anchor in ["orders", "late", "branch"]:
        assert customers(chinese, anchor) == customers(english, anchor)
    for anchor, columns in [("dates", 2), ("windows", 3), ("measures", 4), ("default-warnings", 2), ("shares", 7)]:
        shown = [[cells[:columns] for cells in table(text, anchor)] for text in [english, chinese]]
        assert shown[0] == shown[1], anchor
    headings = [[len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)] for text in [english, chinese]]
    assert headings[0] == headings[1]


# --- The gallery ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_gallery() -> Any:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("make_gallery", REPOSITORY / "scripts" / "make_gallery.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_page_is_what_its_script_makes(make_gallery: Any) -> None:
    assert make_gallery.gallery() == (DOCS / "gallery.md").read_text(encoding="utf-8")


def test_the_gallery_page_shows_every_rulebook_as_it_is_tested() -> None:
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert [yaml.safe_load(block) for _, block in fences(text)] == [entry["vars"] for entry in GALLERY.values()]
    for entry in GALLERY.values():
        for language in ["en", "zh"]:
            assert entry["title"][language] in text
            assert entry["rule"][language] in text
