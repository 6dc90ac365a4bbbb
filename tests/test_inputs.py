"""Files that users drop: what is read from them, and the one line that a bad one gets."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

import oracle
from conftest import REPOSITORY, Project, demo_vars
from dbt_rfm.xlsx import InputError, read_files

MAOMING = demo_vars()["rfm__datasets"]["maoming_appraisal"]
APPRAISAL_SUM = demo_vars()["rfm__rulebooks"]["appraisal_sum"]
HEADER = ["客户编号", "地区", "分析时间", "统计期间", "上次服务时间", "R", "F", "M", "项目复杂度", "纠纷次数"]

# The errors that a cell of a workbook can hold.
CELL_ERRORS = ["#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"]


def write_xlsx(path: Path, rows: list[list[Any]], header: list[str] | None = None, sheet: str = "明细") -> Path:
    """A workbook as a person keeps it: ids as text, dates as dates, numbers as numbers, errors as formulas that failed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path)) as workbook:
        worksheet = workbook.add_worksheet(sheet)
        dates = workbook.add_format({"num_format": "yyyy/m/d"})
        worksheet.write_row(0, 0, HEADER if header is None else header)
        for line, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, datetime.date):
                    worksheet.write_datetime(line, column, datetime.datetime.combine(value, datetime.time()), dates)
                elif value in CELL_ERRORS:
                    worksheet.write_formula(line, column, "=1/0", None, value)
                elif value is not None:
                    worksheet.write(line, column, value)
    return path


def customers(as_of_date: datetime.date, count: int) -> list[list[Any]]:
    return [
        [
            f"{number:06d}",
            "茂南区" if number % 2 else "电白区",
            as_of_date,
            "近30天",
            as_of_date - datetime.timedelta(days=number % 30),
            number % 30,
            1 + number % 3,
            number * 12.5,
            2.5,
            0,
        ]
        for number in range(1, count + 1)
    ]


@pytest.fixture
def landing(tmp_path: Path, make_project: Callable[..., Project]) -> tuple[Project, Path]:
    """A project that grades monthly workbooks in the Maoming layout."""
    return landing_project(make_project, tmp_path, {"maoming": {}})


def landing_project(
    make_project: Callable[..., Project], tmp_path: Path, datasets: dict[str, dict[str, str]]
) -> tuple[Project, Path]:
    """A project whose datasets read the same workbooks, and the folder for these; given is what is special in a dataset."""
    folder = tmp_path / "landing"
    folder.mkdir()
    datasets = {name: {**MAOMING, "records": "landing.maoming", **special} for name, special in datasets.items()}
    meta = {"plugin": "xlsx", "external_location": f"{folder}/{{name}}_*.xlsx"}
    sources = [{"name": "landing", "config": {"meta": meta}, "tables": [{"name": "maoming"}]}]
    return make_project({"appraisal_sum": APPRAISAL_SUM}, datasets, sources=sources), folder


def as_text(rows: list[list[Any]]) -> list[dict[str, str | None]]:
    return [{name: str(value) for name, value in zip(HEADER, row, strict=True)} for row in rows]


def test_monthly_workbooks_are_graded(landing: tuple[Project, Path]) -> None:
    project, folder = landing
    june, july = datetime.date(2025, 6, 30), datetime.date(2025, 7, 31)
    write_xlsx(folder / "maoming_2025-06.xlsx", customers(june, 33))
    write_xlsx(folder / "maoming_2025-07.xlsx", customers(july, 36))
    (folder / "~$maoming_2025-07.xlsx").write_bytes(b"Excel's own lock file")
    project.build()

    rows = as_text(customers(june, 33)) + as_text(customers(july, 36))
    expected, _ = oracle.grade(oracle.clean(rows, MAOMING)[0], APPRAISAL_SUM)
    names = ["as_of_date", "customer_id", "region", "last_order_date", "recency_days", "frequency", "monetary"]
    names += ["total_score", "grade", "value_rank"]
    found = project.query(f"select {', '.join(names)} from rfm__graded_customers order by as_of_date, customer_id")
    assert found == sorted(
        ({name: customer[name] for name in names} for customer in expected),
        key=lambda customer: (customer["as_of_date"], customer["customer_id"]),
    )
    assert found[0]["customer_id"] == "000001"

    # A rejected row says which file it came from.
    broken = customers(july, 37)
    broken[-1][6] = "一次"
    write_xlsx(folder / "maoming_2025-07.xlsx", broken)
    project.build()
    (rejected,) = project.query("select reasons, record from rfm__rejected_records")
    assert rejected["reasons"] == "frequency ('F') is '一次', expected a whole number"
    assert "maoming_2025-07.xlsx" in rejected["record"]


def garbage(folder: Path) -> str:
    (folder / "maoming_2025-07.xlsx").write_text("客户编号,R\n1,2\n", encoding="utf-8")
    return "maoming_2025-07.xlsx is no xlsx workbook"


def empty(folder: Path) -> str:
    (folder / "maoming_2025-07.xlsx").write_bytes(b"")
    return "maoming_2025-07.xlsx is empty, expected an xlsx workbook"


def blank_sheet(folder: Path) -> str:
    write_xlsx(folder / "maoming_2025-07.xlsx", [], header=[])
    return "maoming_2025-07.xlsx is empty, expected a header and rows"


def only_a_header(folder: Path) -> str:
    write_xlsx(folder / "maoming_2025-07.xlsx", [])
    return "maoming_2025-07.xlsx has no rows, expected at least one under the header"


def another_header(folder: Path) -> str:
    header = ["次数" if name == "F" else name for name in HEADER]
    write_xlsx(folder / "maoming_2025-07.xlsx", customers(datetime.date(2025, 7, 31), 3), header=header)
    return "maoming_2025-07.xlsx has the columns 客户编号, 地区, 分析时间, 统计期间, 上次服务时间, R, 次数, M"


def header_twice(folder: Path) -> str:
    header = ["R" if name == "F" else name for name in HEADER]
    write_xlsx(folder / "maoming_2025-07.xlsx", customers(datetime.date(2025, 7, 31), 3), header=header)
    return "maoming_2025-07.xlsx has"


def no_file(folder: Path) -> str:
    for path in folder.glob("*.xlsx"):
        path.unlink()
    return "no file matches"


def missing_column(folder: Path) -> str:
    for path in folder.glob("*.xlsx"):
        path.unlink()
    rows = [row[:7] + row[8:] for row in customers(datetime.date(2025, 7, 31), 3)]
    write_xlsx(folder / "maoming_2025-07.xlsx", rows, header=[name for name in HEADER if name != "M"])
    return "column 'M' (columns.monetary) is not in"


@pytest.mark.parametrize(
    "spoil", [garbage, empty, blank_sheet, only_a_header, another_header, header_twice, no_file, missing_column]
)
def test_a_bad_workbook_is_one_line_and_the_marts_stay(
    landing: tuple[Project, Path], spoil: Callable[[Path], str]
) -> None:
    project, folder = landing
    write_xlsx(folder / "maoming_2025-06.xlsx", customers(datetime.date(2025, 6, 30), 12))
    project.build()
    before = project.mart("rfm__graded_customers")
    message = spoil(folder)
    result = project.dbt("build")
    assert not result.success
    assert result.errors, result.text
    for line in result.errors:
        assert line.startswith("rfm: dataset 'maoming': ")
        assert message in line
        assert str(folder) in line
    assert project.mart("rfm__graded_customers") == before
    assert len(before) == 12


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "two.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.add_worksheet("说明").write_row(0, 0, ["read", "me"])
        sheet = workbook.add_worksheet("明细")
        sheet.write_row(0, 0, ["客户编号 ", "M"])
        sheet.write_row(1, 0, ["007", 1.5])
    table = read_files(str(path), "明细")
    assert table.column_names == ["客户编号", "M", "filename"]
    assert table.to_pylist()[0] | {"filename": ""} == {"客户编号": "007", "M": "1.5", "filename": ""}
    with pytest.raises(InputError, match="has no sheet '汇总', expected one of: 说明, 明细"):
        read_files(str(path), "汇总")


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", [["1", 2]], header=["id", "M"])
    write_xlsx(tmp_path / "b.xlsx", [[4, "3"]], header=["M", "id"])
    rows = read_files(str(tmp_path / "*.xlsx")).to_pylist()
    assert [(row["id"], row["M"]) for row in rows] == [("1", "2"), ("3", "4")]


def test_an_error_in_a_cell_is_read_as_excel_shows_it(tmp_path: Path) -> None:
    rows = [[f"{number}", error, None] for number, error in enumerate(CELL_ERRORS)]
    rows += [[None, None, None], [None, None, "#N/A"], ["#REF!", 2, "text"]]
    path = write_xlsx(tmp_path / "errors.xlsx", rows, header=["id", "M", "note"])
    # Another reader finds true errors there, not texts that look like them.
    cells = [cell for row in openpyxl.load_workbook(path, data_only=True).active.rows for cell in row]
    assert [cell.value for cell in cells if cell.data_type == "e"] == [*CELL_ERRORS, "#N/A", "#REF!"]
    read = [[row["id"], row["M"], row["note"]] for row in read_files(str(path)).to_pylist()]
    # The row without any value is left out, the one with nothing but an error is not.
    assert read == [*rows[:-3], [None, None, "#N/A"], ["#REF!", "2", "text"]]


def test_an_error_is_found_wherever_the_table_stands_in_the_sheet(tmp_path: Path) -> None:
    path = tmp_path / "lower.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row("C5", ["id", "M"])
        sheet.write_row("C6", ["1", 2])
        sheet.write_row("C8", ["2"])
        sheet.write_formula("D8", "=1/0", None, "#DIV/0!")
    read = [(row["id"], row["M"]) for row in read_files(str(path)).to_pylist()]
    assert read == [("1", "2"), ("2", "#DIV/0!")]


def test_a_date_that_no_calendar_has_is_no_blank(tmp_path: Path) -> None:
    path = tmp_path / "dates.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["id", "ordered"])
        sheet.write_row(1, 0, ["1", 45838], workbook.add_format({"num_format": "yyyy/m/d"}))
        sheet.write_row(2, 0, ["2", 10**10], workbook.add_format({"num_format": "yyyy/m/d"}))
    first, second = (row["ordered"] for row in read_files(str(path)).to_pylist())
    assert first.startswith("2025-06-30")
    assert "10000000000" in second


def test_a_row_with_an_error_is_rejected_with_it(make_project: Callable[..., Project], tmp_path: Path) -> None:
    """Also where a missing value counts as 0, and no customer has an error as its id."""
    project, folder = landing_project(make_project, tmp_path, {"maoming": {}, "lenient": {"missing": "zero"}})
    rows = customers(datetime.date(2025, 7, 31), 12)
    rows[8][HEADER.index("M")] = "#DIV/0!"
    rows[9][HEADER.index("客户编号")] = "#N/A"
    rows[10][HEADER.index("地区")] = "#REF!"
    rows[11][HEADER.index("上次服务时间")] = "#VALUE!"
    write_xlsx(folder / "maoming_2025-07.xlsx", rows)
    project.build()
    text = "expected a text, not a spreadsheet error"
    assert project.query("select dataset, customer_id, reasons from rfm__rejected_records order by all") == [
        {"dataset": dataset, "customer_id": customer, "reasons": reasons}
        for dataset in ["lenient", "maoming"]
        for customer, reasons in [
            ("000009", "monetary ('M') is '#DIV/0!', expected a number"),
            ("000011", f"region ('地区') is '#REF!', {text}"),
            ("000012", "last_order_date ('上次服务时间') is '#VALUE!', expected a date"),
            (None, f"customer_id ('客户编号') is '#N/A', {text}"),
        ]
    ]
    graded = project.query("select dataset, count(*) as n from rfm__graded_customers group by dataset order by dataset")
    assert graded == [{"dataset": "lenient", "n": 8}, {"dataset": "maoming", "n": 8}]
    (record,) = project.query(
        "select record from rfm__rejected_records where customer_id is null and dataset = 'maoming'"
    )
    assert '"客户编号":"#N/A"' in record["record"]


def test_an_error_in_the_header_names_no_column(landing: tuple[Project, Path]) -> None:
    project, folder = landing
    write_xlsx(folder / "maoming_2025-07.xlsx", customers(datetime.date(2025, 7, 31), 3))
    path = folder / "maoming_2025-07.xlsx"
    book = openpyxl.load_workbook(path)
    book.active.cell(1, HEADER.index("M") + 1).value = "#REF!"
    assert book.active.cell(1, HEADER.index("M") + 1).data_type == "e"
    book.save(path)
    result = project.dbt("build")
    assert not result.success
    assert result.errors
    for line in result.errors:
        assert line.startswith("rfm: dataset 'maoming': column 'M' (columns.monetary) is not in ")


def csv_project(make_project: Callable[..., Project], location: str, name: str = "shop") -> Project:
    columns = {"customer_id": "id", "recency_days": "R", "frequency": "F", "monetary": "M"}
    dataset = {
        "rulebook": "appraisal_sum",
        "records": "files.customers",
        "columns": columns,
        "as_of_date": "2025-06-30",
    }
    sources = [
        {"name": "files", "config": {"meta": {"external_location": location}}, "tables": [{"name": "customers"}]}
    ]
    return make_project({"appraisal_sum": APPRAISAL_SUM}, {"shop": dataset}, sources=sources, name=name)


def write_csv(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


GOOD_CSV = [["id", "R", "F", "M"], ["0007", "1", "2", "￥1,000"], ["0008", "3", "1", "5"]]


@pytest.mark.parametrize("location", ["{folder}/a*.csv", "read_csv('{folder}/a*.csv', all_varchar = true)"])
def test_csv_files_are_graded(make_project: Callable[..., Project], tmp_path: Path, location: str) -> None:
    write_csv(tmp_path / "a1.csv", GOOD_CSV)
    write_csv(tmp_path / "a2.csv", [["id", "R", "F", "M"], ["0009", "0", "4", "30"]])
    project = csv_project(make_project, location.replace("{folder}", str(tmp_path)))
    project.build()
    found = project.query("select customer_id, monetary from rfm__graded_customers order by customer_id")
    assert [(row["customer_id"], int(row["monetary"])) for row in found] == [("0007", 1000), ("0008", 5), ("0009", 30)]


def test_json_files_are_graded(make_project: Callable[..., Project], tmp_path: Path) -> None:
    (tmp_path / "customers.json").write_text(
        '[{"id": "0007", "R": 1, "F": 2, "M": 10.5}, {"id": "0008", "R": 3, "F": 1, "M": null}]', encoding="utf-8"
    )
    project = csv_project(make_project, f"{tmp_path}/customers.json")
    project.build()
    assert [row["customer_id"] for row in project.query("select customer_id from rfm__graded_customers")] == ["0007"]
    assert project.query("select reasons from rfm__rejected_records") == [{"reasons": "monetary ('M') is missing"}]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no file matches {folder}/a*.csv, expected at least one"),
        ({"a1.csv": []}, "file {folder}/a1.csv is empty, expected a header and rows"),
        (
            {"a1.csv": GOOD_CSV, "a2.csv": [["id", "R", "F"], ["1", "2", "3"]]},
            "file {folder}/a2.csv has the columns id, R, F, expected those of {folder}/a1.csv: id, R, F, M",
        ),
        (
            {"a1.csv": [["id", "R", "F", "amount"], ["1", "2", "3", "4"]]},
            "column 'M' (columns.monetary) is not in {folder}/a*.csv, expected one of its columns: id, R, F, amount",
        ),
    ],
)
def test_a_bad_csv_file_is_one_line(
    make_project: Callable[..., Project], tmp_path: Path, files: dict[str, list[list[str]]], message: str
) -> None:
    for name, rows in files.items():
        write_csv(tmp_path / name, rows)
    result = csv_project(make_project, f"{tmp_path}/a*.csv").dbt("build")
    assert not result.success
    expected = f"rfm: dataset 'shop': {message.replace('{folder}', str(tmp_path))}"
    assert result.errors
    assert set(result.errors) == {expected}


def test_many_workbook_sources_load_without_a_race(make_project: Callable[..., Project], tmp_path: Path) -> None:
    names = [f"branch_{number}" for number in range(8)]
    for name in names:
        write_xlsx(tmp_path / f"{name}.xlsx", customers(datetime.date(2025, 6, 30), 6))
    sources = [
        {
            "name": "landing",
            "config": {"meta": {"plugin": "xlsx", "external_location": f"{tmp_path}/{{name}}.xlsx"}},
            "tables": [{"name": name} for name in names],
        }
    ]
    datasets = {name: {**MAOMING, "records": f"landing.{name}"} for name in names}
    project = make_project({"appraisal_sum": APPRAISAL_SUM}, datasets, sources=sources)
    project.threads = 8
    project.build()
    assert project.query("select count(*) as n from rfm__graded_customers") == [{"n": 48}]


def test_the_landing_folder_is_ours_to_describe_and_the_users_to_fill() -> None:
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "data/landing/*" in ignored
    assert (REPOSITORY / "data" / "landing" / "README.md").is_file()
