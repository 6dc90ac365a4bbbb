"""The tables beside the customers: tiers, the rulebook as text, and what each column means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dbt_rfm.export.product import Column, Kind, Product, plain
from dbt_rfm.marts import Row
from dbt_rfm.words import COLUMNS, MEANINGS, Language, Words

CUSTOMERS = Words("Customers", "客户")
TIERS = Words("Tiers", "等级汇总")
RULEBOOK = Words("Rulebook", "评级规则")
DICTIONARY = Words("Data dictionary", "数据字典")

MASKED_ID = Words(
    "Keyed hash in place of the customer's id. A customer has the same one in every release of this data product.",
    "以密钥散列值代替的客户编号；同一客户在本数据产品的各期发布中相同。",
)
EVERYBODY = Words("whole dataset", "全部")
SUM = Words("Sum", "合计")
GONE = Words(
    "The project no longer has this rulebook; the grades are those that it gave.",
    "项目中已无此规则；等级为当时按该规则评定的结果。",
)

KINDS = {
    Kind.TEXT: Words("text", "文本"),
    Kind.DATE: Words("date", "日期"),
    Kind.WHOLE: Words("whole number", "整数"),
    Kind.NUMBER: Words("number", "数值"),
    Kind.AMOUNT: Words("number", "数值"),
    Kind.SHARE: Words("number", "数值"),
}
POINTS = Words("points", "分")
CURRENCY = Words("currency of the input", "元")
UNITS = {
    "recency_days": Words("days", "天"),
    "frequency": Words("times", "次"),
    "monetary": CURRENCY,
    "customer_share": Words("percent", "百分比"),
    "monetary_share": Words("percent", "百分比"),
    "average_recency_days": Words("days", "天"),
    "average_frequency": Words("times", "次"),
    "average_monetary": CURRENCY,
    "average_total_score": POINTS,
}
PARTS = {
    "rulebook": Words("rulebook", "规则"),
    "metric": Words("metric", "指标"),
    "total": Words("total", "总分"),
    "grade": Words("grade", "等级"),
    "action": Words("action", "服务"),
}


@dataclass(frozen=True)
class TableColumn:
    """What stands above a column of a table, and what its values are."""

    header: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class Table:
    """A table for a sheet of its own; values are texts, or none.

    grades: rows whose second cell is a grade, which is coloured; sums: rows of sums
    """

    name: str
    columns: list[TableColumn]
    rows: list[list[str | None]]
    grades: frozenset[int] = frozenset()
    sums: frozenset[int] = frozenset()


def tier_columns(product: Product) -> list[Column]:
    """Return the columns of tiers that the dataset and the rulebook fill."""
    kinds = {
        "customers": Kind.WHOLE,
        "customer_share": Kind.SHARE,
        "monetary": Kind.AMOUNT,
        "monetary_share": Kind.SHARE,
        "average_recency_days": Kind.AMOUNT,
        "average_frequency": Kind.AMOUNT,
        "average_monetary": Kind.AMOUNT,
        "average_total_score": Kind.AMOUNT,
    }
    headers = COLUMNS | {"monetary": Words("Money", "消费金额(元)")}
    meanings = MEANINGS | {"monetary": Words("Their money.", "该等级客户的消费金额。")}
    return [
        Column(name, "", headers[name], meanings[name], kind)
        for name, kind in kinds.items()
        if any(tier[name] is not None for tier in product.tiers)
    ]


def tiers_table(product: Product, region: str, language: Language) -> Table:
    """Return the tiers of a region, and those of all regions together, each with their sum."""
    columns = tier_columns(product)
    rows: list[list[str | None]] = []
    grades, sums = set(), set()
    for shown in dict.fromkeys([region, None] if product.has_regions else [None]):
        tiers = [tier for tier in product.tiers if tier["region"] == shown]
        label = EVERYBODY.in_language(language) if shown is None else shown
        grades.update(range(len(rows), len(rows) + len(tiers)))
        rows += [[label, tier["grade"], *(written(tier[column.name]) for column in columns)] for tier in tiers]
        sums.add(len(rows))
        total = summed(tiers)
        rows.append([label, SUM.in_language(language), *(written(total[column.name]) for column in columns)])
    headers = [TableColumn(COLUMNS[name].in_language(language)) for name in ["region", "grade"]]
    headers += [TableColumn(column.header.in_language(language), column.kind) for column in columns]
    return Table(TIERS.in_language(language), headers, rows, frozenset(grades), frozenset(sums))


def summed(tiers: Sequence[Row]) -> Row:
    """Return the sum of tiers: customers, money and shares added up, averages by customers."""
    customers = sum(tier["customers"] for tier in tiers)
    total: Row = {"customers": customers}
    for name in ["customer_share", "monetary", "monetary_share"]:
        known = [tier[name] for tier in tiers if tier[name] is not None]
        total[name] = sum(known) if known else None
    # Shares of six decimals may add up to 0.999999.
    for name in ["customer_share", "monetary_share"]:
        total[name] = total[name] and round(total[name], 4)
    for name in ["average_recency_days", "average_frequency", "average_monetary", "average_total_score"]:
        known = [tier for tier in tiers if tier[name] is not None]
        total[name] = round(sum(tier[name] * tier["customers"] for tier in known) / customers, 6) if known else None
    return total


def rulebook_table(product: Product, language: Language) -> Table:
    """Return the rulebook as text."""
    texts = [Words("Part", "部分"), Words("Name", "名称"), Words("Rule", "规则")]
    numbers = {
        "weight": Words("Weight", "权重"),
        "lowest_score": Words("Lowest score", "最低得分"),
        "highest_score": Words("Highest score", "最高得分"),
    }
    definition = "definition_zh" if language is Language.CHINESE else "definition"
    rows = [
        [
            PARTS[rule["part"]].in_language(language),
            rule["name"],
            rule[definition],
            *(written(rule[name]) for name in numbers),
        ]
        for rule in product.rules
    ] or [[PARTS["rulebook"].in_language(language), product.rulebook, GONE.in_language(language), None, None, None]]
    return Table(
        RULEBOOK.in_language(language),
        [
            *(TableColumn(header.in_language(language)) for header in texts),
            *(
                TableColumn(header.in_language(language), number_kind(rule[name] for rule in product.rules))
                for name, header in numbers.items()
            ),
        ],
        rows,
        frozenset(number for number, rule in enumerate(product.rules) if rule["part"] in {"grade", "action"}),
    )


def dictionary_table(product: Product, language: Language, masked: bool) -> Table:
    """Return what each column of the other sheets means."""
    listed = [(CUSTOMERS, column) for column in product.columns]
    if product.tiers:
        listed += [(TIERS, column) for column in tier_columns(product)]
    rows = [
        [
            sheet.in_language(language),
            column.header.in_language(language),
            column.name,
            KINDS[column.kind].in_language(language),
            unit(column).in_language(language),
            (MASKED_ID if masked and column.name == "customer_id" else column.meaning).in_language(language),
        ]
        for sheet, column in listed
    ]
    headers = [
        Words("Sheet", "工作表"),
        Words("Header", "表头"),
        Words("Name", "字段名"),
        Words("Type", "类型"),
        Words("Unit", "单位"),
        Words("Meaning", "含义"),
    ]
    return Table(
        DICTIONARY.in_language(language),
        [TableColumn(header.in_language(language)) for header in headers],
        rows,
    )


def unit(column: Column) -> Words:
    """Return the unit of a column's numbers."""
    if column.name.endswith("_score") and column.kind is Kind.NUMBER:
        return POINTS
    return UNITS.get(column.name, Words("", ""))


def number_kind(numbers: Iterable[Decimal | None]) -> Kind:
    """Return whether numbers are shown with decimals."""
    return Kind.WHOLE if all(number == int(number) for number in numbers if number is not None) else Kind.NUMBER


def written(value: Any) -> str | None:
    """Return a number as text."""
    return None if value is None else str(plain(value))
