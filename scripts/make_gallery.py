"""Make docs/gallery.md, a page of tested rulebooks in English and Chinese, from the files in docs/gallery/.

Run it from the project's folder: ``python scripts/make_gallery.py``. The YAML on the page is the files' own text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).resolve().parent.parent / "docs"
GALLERY = DOCS / "gallery"
PAGE = DOCS / "gallery.md"

HEAD = """\
<!-- Made by scripts/make_gallery.py from docs/gallery/*.yml. -->

# Gallery · 规则册图集

Rulebooks as companies publish them and as marketing books print them, each with a few synthetic customers, or their
orders, and the answers, worked out by hand. The tests build every one. Copy the two vars into `vars:` of
`dbt_project.yml`, and let `records` or `orders` name your own model, seed or source. Every key is explained in
[the rulebook language](rulebooks.md).

这里收集企业公布的和营销书中常见的客户分级规则，每个规则册附少量合成客户或其订单，以及手工算出的答案，测试会逐一构建。
把两个变量复制到 `dbt_project.yml` 的 `vars:` 下，并把 `records` 或 `orders` 改成自己的模型、seed 或 source。
各个键的含义见[规则册语言](rulebooks.zh-CN.md)。
"""

RUNS = """\
`101..103` stands for three rows, with 101, 102 and 103; the days in the same row are counted on in the same way.

`101..103` 表示三行，依次为 101、102、103；同一行中的日期区间也逐日递增。
"""


def own_text(file: str, key: str) -> str:
    """Return what a file says under a top-level key, comments and flow style included, two columns to the left."""
    found = re.search(rf"^{key}:[^\n]*\n((?:[ ]+[^\n]*\n|\n)+)", file, re.MULTILINE)
    if found is None:
        raise ValueError(f"expected the key {key!r}")
    return re.sub(r"^  ", "", found[1], flags=re.MULTILINE)


def cell(value: Any) -> str:
    """Return a value as it stands in a table."""
    return "" if value is None else str(value).replace("|", "\\|")


def table(header: list[str], rows: list[list[Any]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines) + "\n"


def answers(entry: dict[str, Any]) -> str:
    """Return the customers with their scores, total or code, grade and why."""
    given = entry["answers"]
    metrics = list(given[0]["scores"])
    results = [key for key in ["total_score", "score_code", "grade"] if any(key in answer for answer in given)]
    names = {"total_score": "total · 总分", "score_code": "code · 编码", "grade": "grade · 等级"}
    rows = [
        [
            answer["customer_id"],
            *(answer["scores"][metric] for metric in metrics),
            *(shown(answer.get(key)) for key in results),
            answer["why"],
        ]
        for answer in given
    ]
    text = table(["customer · 客户", *metrics, *(names[key] for key in results), "why · 理由"], rows)
    if "rejected" in entry:
        rejected = [[row["customer_id"], row["reasons"]] for row in entry["rejected"]]
        text += "\n" + table(["not graded · 未评级", "reason · 原因"], rejected)
    return text


def shown(result: Any) -> Any:
    """Return a total without trailing zeros; a code or grade as it is."""
    is_number = isinstance(result, str) and re.fullmatch(r"-?\d+\.\d{6}", result)
    return result.rstrip("0").rstrip(".") if is_number else result


def inputs(entry: dict[str, Any]) -> str:
    """Return the input rows."""
    rows = entry.get("customers") or entry["orders"]
    header = list(rows[0])
    cells = [[row.get(name) for name in header] for row in rows]
    has_runs = "orders" in entry and any(".." in value for line in cells for value in line)
    return table(header, cells) + (f"\n{RUNS}" if has_runs else "")


def section(name: str, file: str) -> str:
    """Return the section of one rulebook."""
    entry = yaml.safe_load(file)
    title, rule, note = entry["title"], entry["rule"], entry.get("note", {})
    parts = [f'<a id="{name}"></a>\n\n## {title["en"]} · {title["zh"]}\n', f"{rule['en']}\n\n{rule['zh']}\n"]
    if note:
        parts.append(f"> {note['en']}\n>\n> {note['zh']}\n")
    parts.append(f"```yaml\n{own_text(file, 'vars').rstrip()}\n```\n")
    parts.append(f"The answers · 答案\n\n{answers(entry)}")
    parts.append(f"<details><summary>The input · 输入</summary>\n\n{inputs(entry)}\n</details>\n")
    return "\n".join(parts)


def gallery() -> str:
    """Return the whole page."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in sorted(GALLERY.glob("*.yml"))}
    rows = []
    for name, file in files.items():
        entry = yaml.safe_load(file)
        [rulebook] = entry["vars"]["rfm__rulebooks"].values()
        kinds = [kind for metric in rulebook["metrics"].values() for kind in metric.get("score", {"the value": None})]
        shown_kinds = [kind for kind in dict.fromkeys(kinds) if kind not in {"otherwise", "ties", "tie_break", "clamp"}]
        title = entry["title"]
        rows.append([f"[`{name}`](#{name})", title["en"], title["zh"], ", ".join(shown_kinds)])
    contents = table(["rulebook · 规则册", "what it grades", "评什么", "scores · 得分方式"], rows)
    return "\n".join([HEAD, contents, *(section(name, file) for name, file in files.items())])


if __name__ == "__main__":
    PAGE.write_text(gallery(), encoding="utf-8")
