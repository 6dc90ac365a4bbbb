"""Make the two demo seeds: synthetic customers in the layout of two registered data products, with real exports' dirt.

Run it from the project's folder: ``python scripts/make_demo_seeds.py``. The same seed gives the same files.
"""

from __future__ import annotations

import csv
import datetime
import random
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
EXCEL_EPOCH = datetime.date(1899, 12, 30)
FULL_WIDTH = str.maketrans("0123456789.,", "０１２３４５６７８９．，")

MAOMING_DATES = [datetime.date(2025, month, day) for month, day in enumerate([31, 28, 31, 30, 31, 30], start=1)]
MAOMING_CUSTOMERS = [612, 628, 640, 655, 667, 681]
MAOMING_REGIONS = ["茂南区", "电白区", "高州市", "化州市", "信宜市"]
KUNMING_DATE = datetime.date(2024, 11, 2)
KUNMING_CUSTOMERS = 549
KUNMING_REGIONS = ["五华区", "盘龙区", "官渡区", "西山区", "呈贡区"]

Row = dict[str, str]


def slashes(day: datetime.date) -> str:
    """Write a date as 2025/7/1."""
    return f"{day.year}/{day.month}/{day.day}"


def serial(day: datetime.date) -> str:
    """Write a date as a spreadsheet's serial number."""
    return str((day - EXCEL_EPOCH).days)


def dressed_date(rng: random.Random, day: datetime.date) -> str:
    """Write a date in one of the ways that exports do."""
    return rng.choices([day.isoformat(), slashes(day), serial(day), f"{day:%Y年%m月%d日}"], [70, 18, 8, 4])[0]


def dressed_amount(rng: random.Random, cents: int) -> str:
    """Write an amount in one of the ways that exports do."""
    plain = f"{cents / 100:.2f}"
    grouped = f"{cents / 100:,.2f}"
    return rng.choices(
        [plain, f"￥{grouped}", grouped, plain.translate(FULL_WIDTH), f"{plain}元", f"{plain}  "], [80, 6, 6, 3, 3, 2]
    )[0]


def dressed_count(rng: random.Random, count: int) -> str:
    """Write a count in one of the ways that exports do."""
    return rng.choices([str(count), str(count).translate(FULL_WIDTH), f"{count} "], [94, 4, 2])[0]


def amount(rng: random.Random, frequency: int, typical: float) -> int:
    """Draw an amount in cents with a long tail, that grows with the number of services."""
    return max(100, int(rng.lognormvariate(0, 0.9) * typical * frequency * 100) // 10 * 10)


def add_dirt(
    rng: random.Random, clean: list[Row], new_id: str, date_column: str, as_of_date: datetime.date
) -> list[Row]:
    """Add rows that cleaning rejects or merges; every clean customer stays gradable."""
    rows = list(clean)
    rows += [dict(row) for row in rng.sample(clean, 6)]  # exact duplicates
    rows += [{**row, "客户编号": f"{row['客户编号']}  "} for row in rng.sample(clean, 2)]  # the same, trailing blanks
    for row in rng.sample([row for row in clean if row["R"]], 5):  # contradicting: an earlier export
        earlier = as_of_date - datetime.timedelta(days=int(row["R"].translate(HALF_WIDTH)) + 2)
        rows.append({**row, date_column: earlier.isoformat(), "R": str((as_of_date - earlier).days)})
    broken = [
        {"客户编号": ""},
        {"客户编号": "  "},
        {"F": ""},
        {"M": ""},
        {"R": "", date_column: ""},
        {"R": "-3"},
        {"F": "-1"},
        {"F": "一次"},
        {"M": "面议"},
        {date_column: slashes(as_of_date + datetime.timedelta(days=2))},
        {date_column: "2025-02-30"},
        {"客户编号": "", "F": "-2", "M": "待定"},
    ]
    for number, change in enumerate(broken):
        rows.append({**rng.choice(clean), "客户编号": f"{new_id}{number:03d}", **change})
    rng.shuffle(rows)
    return rows


HALF_WIDTH = str.maketrans("０１２３４５６７８９．，", "0123456789.,", " ")


def maoming(rng: random.Random) -> list[Row]:
    """Six month ends of appraisal customers: services of the last 30 days, F small with many ties, M skewed."""
    rows = []
    for as_of_date, customers in zip(MAOMING_DATES, MAOMING_CUSTOMERS, strict=True):
        start = as_of_date - datetime.timedelta(days=29)
        # Newcomers come last in the list and some of the older customers pause for a month.
        numbers = rng.sample(range(1, customers + 60), customers)
        clean = []
        for number in sorted(numbers):
            steady = random.Random(f"maoming {number}")
            region = steady.choice(MAOMING_REGIONS)
            typical = steady.lognormvariate(6.3, 0.6)
            recency = min(29, int(rng.expovariate(1 / 11)))
            last_service = as_of_date - datetime.timedelta(days=recency)
            frequency = rng.choices([1, 2, 3, 4, 5, 8], [62, 21, 9, 4, 3, 1])[0]
            clean.append(
                {
                    "客户编号": f"{number:06d}",
                    "地区": region,
                    "分析时间": dressed_date(rng, as_of_date),
                    "统计期间": f"{start.isoformat()}至{as_of_date.isoformat()}",
                    "上次服务时间": dressed_date(rng, last_service),
                    "R": "" if rng.random() < 0.02 else dressed_count(rng, recency),
                    "F": dressed_count(rng, frequency),
                    "M": dressed_amount(rng, amount(rng, frequency, typical)),
                    "项目复杂度": f"{steady.uniform(1, 5) * rng.uniform(0.7, 1.2):.1f}",
                    "纠纷次数": rng.choices(["0", "1", "2", "3", ""], [85, 9, 3, 1, 2])[0],
                }
            )
        rows += add_dirt(rng, clean, "9", "上次服务时间", as_of_date)
    return rows


def kunming(rng: random.Random) -> list[Row]:
    """Platform customers on one analysis date, all history."""
    clean = []
    for number in range(1, KUNMING_CUSTOMERS + 1):
        recency = min(900, int(rng.expovariate(1 / 140)))
        frequency = min(60, 1 + int(rng.expovariate(1 / 4)))
        clean.append(
            {
                "客户编号": f"KM{number:05d}",
                "地区": rng.choice(KUNMING_REGIONS),
                "分析时间": dressed_date(rng, KUNMING_DATE),
                "最后消费时间": dressed_date(rng, KUNMING_DATE - datetime.timedelta(days=recency)),
                "R": "" if rng.random() < 0.02 else dressed_count(rng, recency),
                "F": dressed_count(rng, frequency),
                "M": dressed_amount(rng, amount(rng, frequency, 180)),
            }
        )
    return add_dirt(rng, clean, "KM99", "最后消费时间", KUNMING_DATE)


def write(name: str, rows: list[Row]) -> None:
    """Write a seed."""
    with (SEEDS / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    write("raw_maoming_appraisal", maoming(random.Random(20250630)))
    write("raw_kunming_platform", kunming(random.Random(20241102)))
