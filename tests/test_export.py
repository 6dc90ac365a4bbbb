"""The release: what other readers find in its files is what the marts hold, whatever stands in ids and regions."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from conftest import GALLERY, Project, Row
from dbt_rfm.export import mask as mask_module
from dbt_rfm.export import product as product_module
from dbt_rfm.export import release as release_module
from dbt_rfm.export import rows as rows_module
from dbt_rfm.export import workbook as workbook_module
from dbt_rfm.export.release import Options, release
from dbt_rfm.marts import Marts
from dbt_rfm.mistake import Mistake
from dbt_rfm.words import Language

KEY = "0123456789abcdef0123456789abcdef"
DEMO = {
    "cdnow": ("1998-06-30", ["all"]),
    "kunming_platform": ("2024-11-02", ["五华区", "呈贡区", "官渡区", "盘龙区", "西山区"]),
    "maoming_appraisal": ("2025-06-30", ["信宜市", "化州市", "电白区", "茂南区", "高州市"]),
}


def released(database: Path, folder: Path, **options: Any) -> Row:
    """Write a release in this process, and return the manifest that lies in its folder."""
    with Marts(database) as marts:
        release(marts, folder, Options(**options))
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def files_of(manifest: Row, ending: str = ".xlsx") -> Iterator[tuple[Row, Row]]:
    """Yield what the manifest says of each file with this ending, after what it says of its dataset."""
    for dataset in manifest["datasets"]:
        for file in dataset["files"]:
            if file["name"].endswith(ending):
                yield dataset, file


def sheet_rows(book: Path | openpyxl.Workbook, sheet: str) -> list[list[Any]]:
    """Return the values of a sheet; control characters as they were."""
    opened = openpyxl.load_workbook(book) if isinstance(book, Path) else book
    rows = opened[sheet].iter_rows(values_only=True)
    return [[unescape(value) if isinstance(value, str) else value for value in row] for row in rows]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def english(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Row]:
    """The demo's release with all formats, and its manifest."""
    folder = tmp_path_factory.mktemp("english")
    return folder, released(demo.database, folder, csv=True, parquet=True)


def expected_customers(demo: Project, dataset: str, as_of: str, region: str) -> list[Row]:
    """The customers of a region by plain SQL."""
    return demo.query(
        f"select * from rfm__graded_customers where dataset = '{dataset}' and as_of_date = '{as_of}' "
        f"and region = '{region}' order by value_rank"
    )


HEADERS = {
    "customer_id": "Customer id",
    "region": "Region",
    "as_of_date": "As-of date",
    "last_order_date": "Last order",
    "recency_days": "R (days)",
    "frequency": "F (times)",
    "monetary": "M (amount)",
    "recency_score": "R score",
    "frequency_score": "F score",
    "monetary_score": "M score",
    "total_score": "Total",
    "grade": "Grade",
    "value_rank": "Rank",
}


def test_a_workbook_holds_the_marts_in_typed_cells(demo: Project, english: tuple[Path, Row]) -> None:
    folder, manifest = english
    seen = {}
    for dataset, file in files_of(manifest):
        as_of, region = dataset["as_of_date"], file["region"]
        seen.setdefault(dataset["dataset"], (as_of, []))[1].append(region)
        suffix = "" if region == "all" else f"_{region}"
        assert file["name"] == f"{dataset['dataset']}_{as_of}{suffix}.xlsx"
        expected = expected_customers(demo, dataset["dataset"], as_of, region)
        names = [name for name in HEADERS if name != "region" or region != "all"]
        book = openpyxl.load_workbook(folder / file["name"])
        assert book.sheetnames == file["sheets"] == ["Customers", "Tiers", "Rulebook", "Data dictionary"]
        sheet = book["Customers"]
        assert [cell.value for cell in sheet[1]] == [HEADERS[name] for name in names]
        assert sheet.max_row - 1 == len(expected) == file["rows"]
        for cells, row in zip(sheet.iter_rows(min_row=2), expected, strict=True):
            for name, cell in zip(names, cells, strict=True):
                value = row[name]
                if value is None:
                    assert cell.value is None
                elif isinstance(value, str):
                    assert (cell.value, cell.data_type, cell.number_format) == (value, "s", "@")
                elif isinstance(value, date):
                    assert (cell.value, cell.number_format) == (
                        datetime.combine(value, datetime.min.time()),
                        "yyyy-mm-dd",
                    )
                else:
                    assert cell.data_type == "n"
                    assert Decimal(str(cell.value)) == value
                    places = {"monetary": "#,##0.00"}.get(name, "#,##0")
                    is_mean = name == "total_score" and dataset["rulebook"]["name"] == "platform_quintile"
                    assert cell.number_format == ("0.00####" if is_mean else places)
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == f"A1:{sheet.cell(sheet.max_row, len(names)).coordinate}"
        assert all(cell.font.b and cell.fill.fgColor.rgb == "FF1F3864" for cell in sheet[1])
        # A filter's arrow takes the place of some three characters.
        for cell in sheet[1]:
            width = sheet.column_dimensions[cell.column_letter].width
            assert len(cell.value) + 3 <= width
            assert width >= 10 or cell.value not in {"As-of date", "Last order", "M (amount)"}
    assert seen == DEMO


def test_grades_are_coloured_from_best_to_worst(demo: Project, english: tuple[Path, Row]) -> None:
    folder, manifest = english
    sheet = openpyxl.load_workbook(folder / "cdnow_1998-06-30.xlsx")["Customers"]
    column = [cell.value for cell in sheet[1]].index("Grade")
    fills: dict[str, set[str]] = {}
    for row in sheet.iter_rows(min_row=2):
        fills.setdefault(row[column].value, set()).add(row[column].fill.fgColor.rgb)
    assert sorted(fills) == ["A", "B", "C", "D"]
    assert all(len(found) == 1 for found in fills.values())
    colours = [tuple(bytes.fromhex(fills[grade].copy().pop()[2:])) for grade in "ABCD"]
    # From blue to orange: what red has more than blue only grows, which colour-blind people see too.
    warmth = [red - blue for red, _, blue in colours]
    assert warmth == sorted(warmth)
    assert len(set(warmth)) == 4
    for colour in colours:
        assert contrast_with_black(colour) > 7
    tiers = openpyxl.load_workbook(folder / "cdnow_1998-06-30.xlsx")["Tiers"]
    for row in tiers.iter_rows(min_row=2, max_row=5):
        assert {row[1].fill.fgColor.rgb} == fills[row[1].value]


def contrast_with_black(colour: tuple[int, ...]) -> float:
    """The contrast of black text on a colour, as the guidelines for accessible pages define it; 7 is their strictest."""
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) / 0.05


def test_csv_and_parquet_hold_the_marts(demo: Project, english: tuple[Path, Row]) -> None:
    folder, manifest = english
    for dataset, file in files_of(manifest, ".parquet"):
        names = [column["name"] for column in dataset["columns"]]
        path = folder / file["name"]
        found = duckdb.sql(f"select * from read_parquet('{path}')")
        assert found.columns == names
        types = dict(zip(found.columns, map(str, found.types), strict=True))
        assert (types["customer_id"], types["as_of_date"]) == ("VARCHAR", "DATE")
        assert (types["frequency"], types["monetary"], types["total_score"]) == (
            "BIGINT",
            "DECIMAL(28,6)",
            "DECIMAL(28,6)",
        )
        expected = expected_customers(demo, dataset["dataset"], dataset["as_of_date"], file["region"])
        assert found.fetchall() == [tuple(row[name] for name in names) for row in expected]
        assert file["rows"] == len(expected)

        content = path.with_suffix(".csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in content
        read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        assert read[0] == [HEADERS[name] for name in names]
        texts = [["" if row[name] is None else plain(row[name]) for name in names] for row in expected]
        assert read[1:] == texts


def plain(value: Any) -> str:
    text = str(value)
    return text.rstrip("0").rstrip(".") if isinstance(value, Decimal) else text


def test_the_tiers_are_those_of_the_region_and_of_the_dataset(demo: Project, english: tuple[Path, Row]) -> None:
    folder, _ = english
    rows = sheet_rows(folder / "kunming_platform_2024-11-02_五华区.xlsx", "Tiers")
    assert rows[0] == [
        "Region", "Grade", "Customers", "Share of customers", "Money", "Share of money",
        "Average R (days)", "Average F (times)", "Average M (amount)", "Average total",
    ]  # fmt: skip
    measured = (
        "count(*) as customers, sum(monetary) as monetary, avg(recency_days) as recency_days, "
        "avg(frequency) as frequency, avg(monetary) as average, avg(total_score) as total"
    )
    chosen = "from rfm__graded_customers where dataset = 'kunming_platform'"
    expected = []
    for label, where in [("五华区", "and region = '五华区'"), ("whole dataset", "")]:
        (everybody,) = demo.query(f"select 'Sum' as grade, {measured} {chosen} {where}")
        tiers = demo.query(f"select grade, {measured} {chosen} {where} group by grade order by grade")
        for row in [*tiers, everybody]:
            shares = [row[name] / everybody[name] for name in ["customers", "monetary"]]
            expected.append(
                [
                    label,
                    row["grade"],
                    row["customers"],
                    shares[0],
                    row["monetary"],
                    shares[1],
                    row["recency_days"],
                    row["frequency"],
                    row["average"],
                    row["total"],
                ]  # fmt: skip
            )
    assert len(rows) == len(expected) + 1 == 11
    for row, wanted in zip(rows[1:], expected, strict=True):
        assert row[:3] == wanted[:3]
        assert row[3:] == pytest.approx([float(value) for value in wanted[3:]], abs=2e-6)

    whole = sheet_rows(folder / "cdnow_1998-06-30.xlsx", "Tiers")
    assert [row[:3] for row in whole[1:]] == [
        ["whole dataset", *row.values()]
        for row in demo.query(
            "select grade, customers from rfm__tier_summary where dataset = 'cdnow' and as_of_date = '1998-06-30' "
            "union all select 'Sum', 2357 order by grade"
        )
    ]
    # A tier that nobody is in has no averages.
    empty = sheet_rows(folder / "maoming_appraisal_2025-06-30_化州市.xlsx", "Tiers")[3]
    assert empty == ["化州市", "C", 0, 0, 0, 0, None, None, None, None]


def test_the_rulebook_is_there_as_text(demo: Project, english: tuple[Path, Row]) -> None:
    folder, _ = english
    rows = sheet_rows(folder / "cdnow_1998-06-30.xlsx", "Rulebook")
    assert rows[0] == ["Part", "Name", "Rule", "Weight", "Lowest score", "Highest score"]
    stored = demo.query("select * from rfm__rulebooks where rulebook = 'platform_quintile' order by part, position")
    expected = [
        [row["part"], row["name"], row["definition"], row["weight"], row["lowest_score"], row["highest_score"]]
        for part in ["rulebook", "metric", "total", "grade", "action"]
        for row in stored
        if row["part"] == part
    ]
    assert len(stored) == len(expected)
    numbers = [[value if value is None else Decimal(str(value)) for value in row[3:]] for row in rows[1:]]
    assert [row[:3] + found for row, found in zip(rows[1:], numbers, strict=True)] == expected


def test_the_dictionary_explains_every_column_of_the_sheets(demo: Project, english: tuple[Path, Row]) -> None:
    folder, manifest = english
    for dataset, file in files_of(manifest):
        book = openpyxl.load_workbook(folder / file["name"])
        rows = sheet_rows(book, "Data dictionary")
        assert rows[0] == ["Sheet", "Header", "Name", "Type", "Unit", "Meaning"]
        assert all(row[5] for row in rows)
        explained = {sheet: [row[1] for row in rows if row[0] == sheet] for sheet in ["Customers", "Tiers"]}
        assert explained["Customers"] == sheet_rows(book, "Customers")[0]
        assert explained["Tiers"] == sheet_rows(book, "Tiers")[0][2:]
        names = {row[1]: row[2:5] for row in rows if row[0] == "Customers"}
        assert [(column["header"], column["name"]) for column in dataset["columns"]] == [
            (header, name) for header, (name, _, _) in names.items()
        ]
        assert names["R (days)"] == ["recency_days", "whole number", "days"]
        assert names["M (amount)"] == ["monetary", "number", "currency of the input"]
        assert names["Customer id"][1] == "text"


def test_chinese_has_the_layout_of_the_registry(demo: Project, tmp_path: Path) -> None:
    manifest = released(
        demo.database, tmp_path, datasets=["maoming_appraisal"], language=Language.CHINESE, period="2025年6月", csv=True
    )
    path = tmp_path / "maoming_appraisal_2025-06-30_高州市.xlsx"
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["客户", "等级汇总", "评级规则", "数据字典"]
    header, first, *_ = sheet_rows(path, "客户")
    assert header == [
        "客户编号", "地区", "分析时间", "统计期间", "上次服务时间", "R(天)", "F(次)", "M(元)",
        "R得分", "F得分", "M得分", "总分", "等级", "排名",
    ]  # fmt: skip
    assert first[1:4] == ["高州市", datetime(2025, 6, 30), "2025年6月"]
    assert path.with_suffix(".csv").read_text(encoding="utf-8-sig").splitlines()[0] == ",".join(
        f'"{name}"' for name in header
    )
    assert (manifest["language"], manifest["period"]) == ("zh", "2025年6月")
    dictionary = sheet_rows(path, "数据字典")
    assert [row[1] for row in dictionary if row[0] == "客户"] == header
    assert {row[3] for row in dictionary[1:]} == {"文本", "日期", "整数", "数值"}
    # Chinese characters are twice as wide.
    assert book["客户"].column_dimensions["E"].width >= 2 * len("上次服务时间") + 3
    with duckdb.connect(str(tmp_path / "with_chinese.duckdb")) as connection:
        copy_marts(connection, demo.database)
        connection.execute("update rfm__rulebooks set definition_zh = '规则 ' || position")
    again = tmp_path / "again"
    changed = released(tmp_path / "with_chinese.duckdb", again, datasets=["cdnow"], language=Language.CHINESE)
    rules = sheet_rows(again / "cdnow_1998-06-30.xlsx", "评级规则")
    assert {row[2] for row in rules[1:]} == {f"规则 {number}" for number in range(1, 5)}
    # The words in Chinese are not what the rulebook is known by.
    assert changed["datasets"][0]["rulebook"]["sha256"] == rulebook_hash(demo, "platform_quintile")


def copy_marts(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Make tables of the marts that a release reads, so that a test can write into them."""
    connection.execute(f"attach '{database}' as built (read_only)")
    for mart in ["graded_customers", "customer_scores", "tier_summary", "rulebooks"]:
        connection.execute(f"create table rfm__{mart} as select * from built.rfm__{mart}")
    connection.execute("detach built")


def rulebook_hash(project: Project, rulebook: str) -> str:
    """The hash of a rulebook, by its documented form."""
    order = {"rulebook": 0, "metric": 1, "total": 2, "grade": 3, "action": 4}
    rows = project.query(f"select * from rfm__rulebooks where rulebook = '{rulebook}'")
    rows.sort(key=lambda row: (order[row["part"]], row["position"]))
    names = ["part", "position", "name", "definition", "weight", "lowest_score", "highest_score"]
    form = [[plain(row[name]) if isinstance(row[name], Decimal) else row[name] for name in names] for row in rows]
    return hashlib.sha256(json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def test_the_manifest_is_right_about_every_file(demo: Project, english: tuple[Path, Row]) -> None:
    folder, manifest = english
    listed = [file["name"] for dataset in manifest["datasets"] for file in dataset["files"]]
    assert sorted([*listed, "manifest.json"]) == sorted(path.name for path in folder.iterdir())
    assert (manifest["package"], manifest["version"]) == ("dbt-rfm", "0.1.0")
    assert (manifest["masked"], manifest["language"], manifest["period"]) == (False, "en", None)
    for dataset in manifest["datasets"]:
        for file in dataset["files"]:
            content = (folder / file["name"]).read_bytes()
            assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        (counted,) = demo.query(
            "select count(*) as customers, any_value(rulebook) as rulebook from rfm__graded_customers "
            f"where dataset = '{dataset['dataset']}' and as_of_date = '{dataset['as_of_date']}'"
        )
        for ending in [".xlsx", ".csv", ".parquet"]:
            rows = sum(file["rows"] for file in dataset["files"] if file["name"].endswith(ending))
            assert rows == dataset["customers"] == counted["customers"]
        assert dataset["rulebook"] == {
            "name": counted["rulebook"],
            "sha256": rulebook_hash(demo, counted["rulebook"]),
        }


def test_the_same_inputs_give_the_same_bytes(
    demo: Project,
    tmp_path: Path,
    rfm: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["export", "--database", demo.database, "--csv", "--parquet", "--mask", "--output"]
    for name, variables in {
        "one": {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
        "two": {"PYTHONHASHSEED": "2", "TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8"},
    }.items():
        called = rfm(*arguments, tmp_path / name, RFM_MASK_KEY=KEY, **variables)
        assert called.returncode == 0, called.stderr
    one = contents(tmp_path / "one")
    assert len(one) == 3 * 11 + 1
    assert contents(tmp_path / "two") == one
    # Threads, and the order in which they read, change nothing.
    monkeypatch.setattr(release_module, "THREADS", 1)
    monkeypatch.setattr(product_module, "BATCH", 70)
    monkeypatch.setenv("RFM_MASK_KEY", KEY)
    released(demo.database, tmp_path / "three", csv=True, parquet=True, masked=True)
    assert contents(tmp_path / "three") == one


HOSTILE_IDS = [
    "=1+1", "@SUM(A1)", "+1", "-1", "-12", "+8613800000000", "\t=1", "\r=2", "=cmd|' /C calc'!A0", " =1", "'=1", "'quoted",
    "<b>", "a & b", "&lt;", "<r><t>x</t></r>", "<r>", "]]>", "客户😀", "bell\x07", "nul\x01x", "_x0041_", "two\nlines",
    "carriage\rreturn", "000082", "12345678901234567890", "0x1F", "1e5", "TRUE", "2024-01-02", "http://example.com",
    "internal:Sheet1!A1", 'quote " comma , semicolon ;', "＝1", "＋1", "\ufffe", "{=1}", "#N/A", "é\u0301", "x" * 300,
]  # fmt: skip
HOSTILE_REGIONS = [
    "=1+1",
    "../up",
    "a/b",
    "a\\b",
    "CON",
    "north",
    "NORTH",
    "é",
    "e\u0301",
    "…" * 200,
    "...",
    "\x01",
    "a:b",
]


@pytest.fixture
def hostile(demo: Project, tmp_path: Path) -> Path:
    """Marts with ids and regions that nobody wishes for."""
    path = tmp_path / "hostile.duckdb"
    with duckdb.connect(str(path)) as connection:
        copy_marts(connection, demo.database)
        for mart in ["graded_customers", "customer_scores", "tier_summary"]:
            connection.execute(f"delete from rfm__{mart} where dataset <> 'kunming_platform'")
        regions = [row[0] for row in connection.execute("select distinct region from rfm__tier_summary").fetchall()]
        assert len(regions) == 5
        ids = [
            row[0] for row in connection.execute("select customer_id from rfm__graded_customers order by 1").fetchall()
        ]
        for number, customer_id in enumerate(ids):
            renamed = HOSTILE_IDS[number] if number < len(HOSTILE_IDS) else customer_id
            region = HOSTILE_REGIONS[number % len(HOSTILE_REGIONS)]
            for mart in ["graded_customers", "customer_scores"]:
                connection.execute(
                    f"update rfm__{mart} set customer_id = ?, region = ? where customer_id = ?",
                    [renamed, region, customer_id],
                )
        connection.execute("update rfm__graded_customers set grade = '=A' where grade = 'A'")
        connection.execute("update rfm__tier_summary set grade = '=A' where grade = 'A'")
    return path


def test_hostile_texts_stay_texts(hostile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    manifest = released(hostile, folder, csv=True, parquet=True, period="=1+1")
    with duckdb.connect(str(hostile), read_only=True) as connection:
        expected = connection.execute(
            "select region, customer_id, grade from rfm__graded_customers order by region, value_rank"
        ).fetchall()
    found, in_csv, in_parquet = [], [], []
    for _, file in files_of(manifest):
        path = folder / file["name"]
        with zipfile.ZipFile(path) as parts:
            for part in parts.namelist():
                root = ElementTree.fromstring(parts.read(part))
                assert not any(element.tag.endswith(("}f", "}hyperlink")) for element in root.iter()), part
        sheet = openpyxl.load_workbook(path)["Customers"]
        assert all(
            row[0].data_type == row[1].data_type == row[3].data_type == "s" for row in sheet.iter_rows(min_row=2)
        )
        rows = sheet_rows(path, "Customers")
        grade = rows[0].index("Grade")
        assert {row[1] for row in rows[1:]} == {file["region"]}
        assert {row[3] for row in rows[1:]} == {"=1+1"}
        found += [(row[1], row[0], row[grade]) for row in rows[1:]]
        with path.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as opened:
            read = list(csv.reader(opened))
        for row in read[1:]:
            for place in [0, 1, 3, grade]:
                assert not row[place].lstrip().startswith(tuple("=+-@＝＋－＠"))
                assert row[place][0] not in "\t\r\n"
        in_csv += [tuple(row[place].removeprefix("'") for place in [1, 0, grade]) for row in read[1:]]
        in_parquet += duckdb.sql(
            f"select region, customer_id, grade from read_parquet('{path.with_suffix('.parquet')}')"
        ).fetchall()
    assert found == expected
    assert in_csv == expected
    assert in_parquet == expected
    assert {row[1] for row in found} >= set(HOSTILE_IDS)
    assert manifest["datasets"][0]["customers"] == len(expected)


def test_a_spreadsheet_does_not_flag_ids_of_digits(english: tuple[Path, Row]) -> None:
    folder, _ = english
    with zipfile.ZipFile(folder / "cdnow_1998-06-30.xlsx") as parts:
        root = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    (ignored,) = [element for element in root.iter() if element.tag.endswith("ignoredError")]
    assert ignored.get("numberStoredAsText") == "1"
    assert ignored.get("sqref").split()[0] == "A2:A2358"


def test_every_region_has_a_file_of_its_own_on_every_system(hostile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    manifest = released(hostile, folder)
    names = {file["region"]: file["name"] for _, file in files_of(manifest)}
    assert set(names) == set(HOSTILE_REGIONS)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names.values(), "manifest.json"])
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert not set(name) & set('<>:"/\\|?*\x01 ')
        assert len(name.encode()) <= 200
        assert name.startswith("kunming_platform_2024-11-02_")
    assert names["CON"] == "kunming_platform_2024-11-02_CON.xlsx"
    by_hash = {region: hashlib.sha256(region.encode()).hexdigest()[:8] for region in names}
    assert names["a/b"] == f"kunming_platform_2024-11-02_a_b_{by_hash['a/b']}.xlsx"
    assert names["NORTH"] == f"kunming_platform_2024-11-02_NORTH_{by_hash['NORTH']}.xlsx"
    assert names["../up"] == "kunming_platform_2024-11-02_up.xlsx"


def test_texts_beyond_a_cell_are_shortened_in_the_workbook_only(hostile: Path, tmp_path: Path) -> None:
    long = "😀" * 20_000
    with duckdb.connect(str(hostile)) as connection:
        for mart in ["graded_customers", "customer_scores"]:
            connection.execute(f"update rfm__{mart} set customer_id = ? where customer_id = '=1+1'", [long])
    folder = tmp_path / "release"
    manifest = released(hostile, folder, parquet=True)
    ids = {row[0] for _, file in files_of(manifest) for row in sheet_rows(folder / file["name"], "Customers")}
    # 32,767 units of UTF-16, of which a smiley takes two.
    assert "😀" * 16_383 + "…" in ids
    found = duckdb.sql(f"select count(*) from read_parquet('{folder}/*.parquet') where customer_id = $1", params=[long])
    assert found.fetchall() == [(1,)]


def test_numbers_and_dates_that_a_cell_cannot_hold(hostile: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(hostile)) as connection:
        connection.execute("delete from rfm__graded_customers where value_rank > 4")
        for rank, (money, day) in enumerate(
            [
                ("9999999999999999999999.999999", "0001-01-01"),
                ("0.000001", "1900-02-28"),
                ("123456789012345.1", "1900-03-01"),
                ("-0.1", "9999-12-31"),
            ],
            start=1,
        ):
            connection.execute(
                "update rfm__graded_customers set monetary = ?, last_order_date = ?, region = 'x' where value_rank = ?",
                [money, day, rank],
            )
        connection.execute(
            "update rfm__customer_scores as scores set region = 'x' "
            "where customer_id in (select customer_id from rfm__graded_customers)"
        )
    folder = tmp_path / "release"
    released(hostile, folder, csv=True)
    (path,) = folder.glob("*.xlsx")
    header, *rows = sheet_rows(path, "Customers")
    money, day = header.index("M (amount)"), header.index("Last order")
    # A cell holds fifteen digits; the csv file has all of them.
    assert [row[money] for row in rows] == [1e22, 0.000001, 123456789012345.1, -0.1]
    assert [row[day] for row in rows] == ["0001-01-01", "1900-02-28", datetime(1900, 3, 1), datetime(9999, 12, 31)]
    with path.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as opened:
        read = list(csv.reader(opened))[1:]
    assert [row[money] for row in read] == ["9999999999999999999999.999999", "0.000001", "123456789012345.1", "-0.1"]


def test_more_customers_than_a_sheet_holds_go_on_in_the_next(
    demo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_module, "SHEET_ROWS", 1000)
    monkeypatch.setattr(rows_module, "ROW_GROUP", 700)
    manifest = released(demo.database, tmp_path, datasets=["cdnow"], parquet=True)
    path = tmp_path / "cdnow_1998-06-30.xlsx"
    sheets = ["Customers", "Customers 2", "Customers 3", "Tiers", "Rulebook", "Data dictionary"]
    assert manifest["datasets"][0]["files"][0]["sheets"] == openpyxl.load_workbook(path).sheetnames == sheets
    parts = [sheet_rows(path, name) for name in sheets[:3]]
    assert [len(part) for part in parts] == [1001, 1001, 358]
    assert parts[0][0] == parts[1][0] == parts[2][0]
    expected = [row["customer_id"] for row in expected_customers(demo, "cdnow", "1998-06-30", "all")]
    assert [row[0] for part in parts for row in part[1:]] == expected
    for name, last in zip(sheets[:3], [1001, 1001, 358], strict=True):
        sheet = openpyxl.load_workbook(path)[name]
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", f"A1:L{last}")
    parquet = duckdb.sql(f"select customer_id from read_parquet('{path.with_suffix('.parquet')}')").fetchall()
    assert [row[0] for row in parquet] == expected


def test_two_customers_of_one_hash_stop_the_release(
    demo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RFM_MASK_KEY", KEY)
    # Of one byte there are 256, and the region has more customers.
    monkeypatch.setattr(mask_module, "HASH_BYTES", 1)
    with pytest.raises(Mistake, match="two customers of a region have one hash"):
        released(demo.database, tmp_path, datasets=["cdnow"], masked=True)
    assert [*tmp_path.iterdir()] == []


def test_masked_releases_hold_no_id(
    demo: Project, tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = tmp_path / "release"
    arguments = ["export", "--database", demo.database, "--csv", "--parquet", "--mask", "-o", folder, "--json"]
    called = rfm(*arguments, RFM_MASK_KEY=f"{KEY}\n")
    assert called.returncode == 0, called.stderr
    manifest = json.loads(called.stdout)
    assert manifest["masked"] is True
    everything = []
    for path in folder.iterdir():
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as parts:
                everything += [parts.read(name) for name in parts.namelist()]
        elif path.suffix == ".parquet":
            everything += [repr(duckdb.sql(f"select * from read_parquet('{path}')").fetchall()).encode()]
        everything.append(path.read_bytes())
    bytes_of_release = b"\n".join([*everything, called.stdout.encode(), called.stderr.encode()])
    assert KEY.encode() not in bytes_of_release
    for dataset in manifest["datasets"]:
        rows = demo.query(
            f"select region, customer_id from rfm__graded_customers where dataset = '{dataset['dataset']}' "
            f"and as_of_date = '{dataset['as_of_date']}' order by region, value_rank"
        )
        hashes = [
            hmac.new(KEY.encode(), f"{dataset['dataset']}\0{row['customer_id']}".encode(), hashlib.sha256).hexdigest()
            for row in rows
        ]
        found = [
            row[0]
            for file in dataset["files"]
            if file["name"].endswith(".xlsx")
            for row in sheet_rows(folder / file["name"], "Customers")[1:]
        ]
        assert found == [text[:32] for text in hashes]
        assert b"Keyed hash in place of the customer's id" in bytes_of_release
        if dataset["dataset"] == "kunming_platform":
            # Their ids are like KM00123, which nothing else looks like; those of the others are numbers.
            assert all(row["customer_id"].encode() not in bytes_of_release for row in rows)
    again = tmp_path / "again"
    rfm(*arguments[:-3], "-o", again, "--as-of", "2025-05-31", "--dataset", "maoming_appraisal", RFM_MASK_KEY=KEY)
    may, june = (
        {row[0] for path in place.glob("maoming*.xlsx") for row in sheet_rows(path, "Customers")[1:]}
        for place in [again, folder]
    )
    (both,) = demo.query(
        "select count(*) as n from (select customer_id from rfm__graded_customers where as_of_date = '2025-05-31' and "
        "dataset = 'maoming_appraisal' intersect select customer_id from rfm__graded_customers where as_of_date = '2025-06-30')"
    )
    assert len(may & june) == both["n"] > 500


@pytest.mark.parametrize(
    ("key", "found"), [(None, "is not set"), ("  ", "is not set"), ("x" * 31, "has 31 characters")]
)
def test_a_mask_needs_a_key(
    demo: Project, tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]], key: str | None, found: str
) -> None:
    variables = {} if key is None else {"RFM_MASK_KEY": key}
    called = rfm("export", "--database", demo.database, "--mask", "-o", tmp_path / "release", **variables)
    assert called.returncode == 1
    (line,) = called.stderr.splitlines()
    assert line.startswith(
        f"rfm: --mask needs a key, but the environment variable RFM_MASK_KEY {found}, expected at least 32"
    )
    assert 'python -c "import secrets; print(secrets.token_hex(32))"' in line
    assert "xxx" not in line
    assert not (tmp_path / "release").exists()


def test_what_does_not_exist_is_a_line(
    demo: Project, tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def mistake(*arguments: str | Path) -> str:
        called = rfm("export", "--database", demo.database, *arguments)
        assert (called.returncode, called.stdout) == (1, "")
        (line,) = called.stderr.splitlines()
        return line.removeprefix("rfm: ")

    assert mistake("--dataset", "cdnow", "--dataset", "shop") == (
        f"{demo.database} has no dataset 'shop', expected one of: cdnow, kunming_platform, maoming_appraisal"
    )
    assert mistake("--as-of", "2025-06-30") == (
        "dataset 'cdnow' has no as-of date 2025-06-30, expected one of: 1997-07-31, 1997-08-31, 1997-09-30, 1997-10-31, "
        "1997-11-30, 1997-12-31, 1998-01-31, 1998-02-28, 1998-03-31, 1998-04-30, 1998-05-31, 1998-06-30, or one of 4 "
        "earlier ones; --dataset names the datasets to release"
    )
    assert mistake("--as-of", "2025-06-01", "--dataset", "maoming_appraisal") == (
        "dataset 'maoming_appraisal' has no as-of date 2025-06-01, expected one of: 2025-01-31, 2025-02-28, 2025-03-31, "
        "2025-04-30, 2025-05-31, 2025-06-30; --dataset names the datasets to release"
    )
    (tmp_path / "file").write_text("no folder")
    assert mistake("-o", tmp_path / "file") == f"{tmp_path / 'file'} cannot be written: File exists"
    assert rfm("export", "--as-of", "June").returncode == 2
    assert rfm("export", "--lang", "fr").returncode == 2
    assert not (tmp_path / "release").exists()


def test_a_release_replaces_the_one_before_and_nothing_else(demo: Project, tmp_path: Path) -> None:
    (tmp_path / "notes.xlsx").write_text("somebody's own")
    (tmp_path / "kunming_platform_2023-01-01.csv").write_text("of nobody's manifest")
    released(demo.database, tmp_path, datasets=["cdnow"], csv=True)
    assert (tmp_path / "cdnow_1998-06-30.csv").exists()
    manifest = released(demo.database, tmp_path, datasets=["cdnow"], as_of=date(1998, 5, 31))
    listed = [file["name"] for _, file in files_of(manifest, "")]
    assert listed == ["cdnow_1998-05-31.xlsx"]
    expected = sorted([*listed, "manifest.json", "notes.xlsx", "kunming_platform_2023-01-01.csv"])
    assert sorted(path.name for path in tmp_path.iterdir()) == expected

    # What a manifest says may be somebody's prank.
    outside = tmp_path.parent / f"{tmp_path.name}_outside.xlsx"
    outside.write_text("stays")
    pranks = [f"../{outside.name}", str(outside), "..", "", "notes.txt", 7]
    (tmp_path / "notes.txt").write_text("stays")
    (tmp_path / "manifest.json").write_text(
        json.dumps({"package": "dbt-rfm", "datasets": [{"files": [{"name": name} for name in pranks]}]})
    )
    released(demo.database, tmp_path, datasets=["cdnow"])
    assert outside.exists()
    assert (tmp_path / "notes.txt").exists()


def test_somebody_elses_manifest_is_left_alone(demo: Project, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    for content in ["{", "[]", '{"package": "dbt-rfm", "datasets": 1}', '{"package": "shop", "datasets": []}', "\x00"]:
        manifest.write_text(content)
        with pytest.raises(Mistake, match=r"manifest\.json is not the manifest of a release: name another folder"):
            released(demo.database, tmp_path, datasets=["cdnow"])
        assert contents(tmp_path) == {"manifest.json": content.encode()}


def test_a_run_that_breaks_leaves_the_release_before(
    demo: Project, tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = tmp_path / "release"
    released(demo.database, folder, datasets=["maoming_appraisal"])
    before = contents(folder)
    # The disk is full at different places: among a workbook's rows, while it is packed, in a csv and in a parquet file.
    for limit in [1_000, 60_000, 120_000, 200_000]:
        failed = rfm("export", "--database", demo.database, "-o", folder, "--csv", "--parquet", file_size=limit)
        assert failed.returncode == 1, limit
        (line,) = failed.stderr.splitlines()
        assert line == f"rfm: {folder} cannot be written: File too large"
        assert contents(folder) == before
        assert not [path for path in folder.iterdir() if path.is_dir()]


def test_rulebooks_of_all_kinds_show_their_own_metrics(gallery: Project, tmp_path: Path) -> None:
    manifest = released(gallery.database, tmp_path, parquet=True)
    assert {dataset["dataset"] for dataset in manifest["datasets"]} == set(GALLERY)
    for dataset, file in files_of(manifest, ".parquet"):
        book = openpyxl.load_workbook(tmp_path / file["name"].replace(".parquet", ".xlsx"))
        header, *rows = sheet_rows(book, "Customers")
        columns = {column["name"]: column["header"] for column in dataset["columns"]}
        assert header == list(columns.values())
        assert len(set(header)) == len(header)
        # No column is empty, and none that anybody has a value in is missing.
        chosen = f"dataset = '{dataset['dataset']}' and as_of_date = '{dataset['as_of_date']}'"
        for name in ["last_order_date", "recency_days", "frequency", "monetary", "total_score", "score_code", "grade"]:
            (counted,) = gallery.query(f"select count({name}) as n from rfm__graded_customers where {chosen}")
            assert (name in columns) == (counted["n"] > 0), (dataset["dataset"], name)
        stored = gallery.query(
            f"select * from rfm__customer_scores where {chosen} and region = '{file['region']}' order by customer_id, metric"
        )
        assert stored
        found = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
        measures = {"recency": "recency_days", "frequency": "frequency", "monetary": "monetary"}
        for row in stored:
            shown = found[row["customer_id"]]
            value = shown.get(f"{row['metric']}_value", shown.get(measures.get(row["metric"], "")))
            for cell, wanted in [
                (value, row["value_text"] if row["value"] is None else row["value"]),
                (shown[f"{row['metric']}_score"], row["score_text"] if row["score"] is None else row["score"]),
            ]:
                assert cell == (float(wanted) if isinstance(wanted, Decimal) else wanted), row
        assert ("Tiers" in book.sheetnames) == ("grade" in columns)
    without_grades = {dataset["dataset"] for dataset in manifest["datasets"] if "grade" not in str(dataset["columns"])}
    assert "tech_firm" in without_grades


@pytest.mark.parametrize(
    ("metric", "header"), [("recency", "R value"), ("frequency", "F value"), ("monetary", "M value")]
)
def test_a_metric_that_is_not_its_measure_has_a_column_of_its_own(
    demo: Project, tmp_path: Path, metric: str, header: str
) -> None:
    database = tmp_path / "other.duckdb"
    with duckdb.connect(str(database)) as connection:
        copy_marts(connection, demo.database)
        # Of one customer only; the rulebook has changed since, and knows the metric no more.
        connection.execute(
            f"update rfm__customer_scores set value = -7.5 where metric = '{metric}' and customer_id = 'KM00268'"
        )
        connection.execute(f"delete from rfm__rulebooks where name = '{metric}'")
    folder = tmp_path / "release"
    released(database, folder, datasets=["kunming_platform"])
    (path,) = folder.glob("*呈贡区.xlsx")
    headers, *_ = sheet_rows(path, "Customers")
    assert headers[4:8] == ["R (days)", "F (times)", "M (amount)", header]
    values = {row[0]: row[7] for place in folder.glob("*.xlsx") for row in sheet_rows(place, "Customers")[1:]}
    assert values["KM00268"] == -7.5
    assert len(values) == 549
    meanings = {row[1]: row[5] for row in sheet_rows(path, "Data dictionary")}
    assert meanings[header] == f"What the metric {metric} measures"
    assert meanings[header.replace("value", "score")] == f"Score of {header[0]}"


def test_a_rulebook_that_is_gone_is_told_of(demo: Project, tmp_path: Path) -> None:
    database = tmp_path / "other.duckdb"
    with duckdb.connect(str(database)) as connection:
        copy_marts(connection, demo.database)
        connection.execute("delete from rfm__rulebooks where rulebook = 'platform_quintile'")
    folder = tmp_path / "release"
    manifest = released(database, folder, datasets=["cdnow"])
    _, *rows = sheet_rows(folder / "cdnow_1998-06-30.xlsx", "Rulebook")
    gone = "The project no longer has this rulebook; the grades are those that it gave."
    assert rows == [["rulebook", "platform_quintile", gone, None, None, None]]
    assert manifest["datasets"][0]["rulebook"] == {"name": "platform_quintile", "sha256": None}


def test_what_was_released_is_printed(
    demo: Project, tmp_path: Path, rfm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    printed = rfm("export", "--database", demo.database)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.splitlines()[0].split() == ["dataset", "as_of_date", "rulebook", "customers", "files"]
    assert printed.stdout.splitlines()[1].split() == ["cdnow", "1998-06-30", "platform_quintile", "2,357", "1"]
    as_json = rfm("export", "--database", demo.database, "--json")
    assert as_json.stdout == (tmp_path / "release" / "manifest.json").read_text(encoding="utf-8")
