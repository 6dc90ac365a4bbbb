"""Why rows were not used and customers not scored, in Chinese; the marts have these reasons in English only."""

from __future__ import annotations

import re

COLUMN = r"(?P<column>\w+ \('.*'\))"
# The report leaves out what stood in the row.
FOUND = r"(?P<found>…|'.*')"
RULEBOOK = r"rulebook (?P<rulebook>'.*')"

# Every reason that the macros give, with what it is in Chinese. Names of columns and quoted texts stay.
REASONS = {
    re.compile(english, re.DOTALL): chinese
    for english, chinese in {
        "duplicate": "与另一条记录重复",
        "superseded": "已采用同一客户同一日期的另一条记录",
        f"{COLUMN} is missing": "{column} 缺失",
        f"{COLUMN} is missing and no last_order_date gives it": "{column} 缺失，且无法由 last_order_date 推算",
        f"{COLUMN} is {FOUND}, expected a whole number": "{column} 为 {found}，应为整数",
        f"{COLUMN} is {FOUND}, expected a number": "{column} 为 {found}，应为数字",
        f"{COLUMN} is {FOUND}, expected a date": "{column} 为 {found}，应为日期",
        f"{COLUMN} is {FOUND}, expected a text, not a spreadsheet error": (
            "{column} 为 {found}，应为文本，而非电子表格的错误值"
        ),
        f"{COLUMN} is {FOUND}, expected 0 or more": "{column} 为 {found}，应不小于 0",
        rf"{COLUMN} is {FOUND}, expected less than (?P<bound>\d+)": "{column} 为 {found}，应小于 {bound}",
        r"as_of_date (?P<day>\S+) is before last_order_date (?P<order>\S+)": (
            "as_of_date {day} 早于 last_order_date {order}"
        ),
        r"metric (?P<metric>\w+) has no value": "指标 {metric} 没有值",
        rf"(?P<metric>\w+) (?P<value>\S+) matches no step of {RULEBOOK}": (
            "{metric} 的值 {value} 不在规则册 {rulebook} 的任何分段内"
        ),
        rf"(?P<metric>\w+) (?P<value>'.*') matches no label of {RULEBOOK}": (
            "{metric} 的值 {value} 不是规则册 {rulebook} 的标签"
        ),
        f"the total of {RULEBOOK} has no value": "规则册 {rulebook} 的总分没有值",
        rf"total (?P<total>\S+) matches no grade of {RULEBOOK}": "总分 {total} 不符合规则册 {rulebook} 的任何等级",
        f"code (?P<code>.+) matches no grade of {RULEBOOK}": "编码 {code} 不符合规则册 {rulebook} 的任何等级",
        f"the scores match no grade of {RULEBOOK}": "各项得分不符合规则册 {rulebook} 的任何等级",
    }.items()
}
# Only a row of the input has several reasons, each of a column; a semicolon may stand in the name of one too.
BETWEEN = re.compile(r"; (?=\w+ \('|as_of_date )")


def in_chinese(reasons: str) -> str:
    """Return the reasons of a row, as ``rfm__rejected_records`` has them, in Chinese; what is not known stays."""
    return "；".join(_in_chinese(reason) for reason in BETWEEN.split(reasons))


def _in_chinese(reason: str) -> str:
    for english, chinese in REASONS.items():
        if told := english.fullmatch(reason):
            return chinese.format(**told.groupdict())
    return reason
