"""The charts as plotly's JSON.

Colours are named as CSS properties, ``var(--tier-1)`` or ``var(--tier-1) 40%`` with an opacity, and found when
the chart is drawn, so that it follows the page from light to dark. Places on an axis are numbers with texts at the
ticks, as plotly would take grades such as '1' or '2024-01' for numbers and dates. Every text of the data goes through
``label`` or ``plain``: plotly reads some HTML in labels.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from dbt_rfm.marts import Row
from dbt_rfm.numbers import amount, count, money, ratio, share
from dbt_rfm.report.facts import Dataset
from dbt_rfm.report.texts import Say

Figure = dict[str, Any]

TIER_COLOURS = 12
NEW, LEFT = "(new)", "(left)"

AXIS: Row = {
    "automargin": True,
    "fixedrange": True,
    "gridcolor": "var(--grid)",
    "linecolor": "var(--line)",
    "zerolinecolor": "var(--line)",
    "tickcolor": "var(--line)",
    "exponentformat": "none",
    "separatethousands": True,
    "title": {"standoff": 10},
}
# What all charts share; a chart's own layout wins.
TEMPLATE: Row = {
    "layout": {
        "paper_bgcolor": "var(--card)",
        "plot_bgcolor": "var(--card)",
        "font": {"color": "var(--text)", "size": 13},
        "margin": {"l": 12, "r": 12, "t": 12, "b": 12, "pad": 4},
        "hoverlabel": {
            "align": "left",
            "bgcolor": "var(--text)",
            "bordercolor": "var(--text)",
            "font": {"color": "var(--card)", "size": 13},
        },
        "hovermode": "closest",
        "dragmode": False,
        "separators": ".,",
        "bargap": 0.3,
        "bargroupgap": 0.08,
        # The page has legends of its own, which fold on a telephone.
        "showlegend": False,
        "xaxis": AXIS,
        "yaxis": AXIS,
    }
}


def tier(place: int, of: int) -> str:
    """Return the CSS property of a tier's colour, from the best one to the worst, whatever their number.

    place: from 0; of: how many tiers there are
    """
    return f"--tier-{1 + (round(place * (TIER_COLOURS - 1) / (of - 1)) if of > 1 else 0)}"


def tiers_of(dataset: Dataset) -> dict[str, str]:
    """Return the colour of each grade of the last as-of date; those that only earlier dates know have none."""
    now = [row["grade"] for row in dataset.tiers]
    return {grade: tier(place, len(now)) for place, grade in enumerate(now)}


def colour(grade: str, tiers: dict[str, str], opacity: str = "") -> str:
    """Return how a chart names the colour of a grade."""
    return f"var({tiers.get(grade, '--outside')}){opacity}"


def plain(text: object) -> str:
    """Return a text that plotly shows as it is."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(escaped.split())


def width(text: str) -> int:
    """Return how many columns a text takes; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def label(text: object, columns: int = 18, lines: int = 2) -> str:
    """Return a text for an axis or a node, broken into lines, cut with … where it is longer, and shown as it is."""
    broken: list[str] = [""]
    for word in str(text).split():
        candidate = f"{broken[-1]} {word}".strip()
        if width(candidate) <= columns:
            broken[-1] = candidate
            continue
        if broken[-1]:
            broken.append("")
        for character in word:
            if width(broken[-1] + character) > columns:
                broken.append("")
            broken[-1] += character
    if len(broken) > lines:
        broken = broken[:lines]
        while width(broken[-1]) >= columns:
            broken[-1] = broken[-1][:-1]
        broken[-1] += "…"
    return "<br>".join(plain(line) for line in broken)


def number(value: Decimal | float | int | None) -> float | int | None:
    """Return a number as JSON has it."""
    if value is None:
        return None
    return value if isinstance(value, int) else round(float(value), 6)


def ticks(texts: Sequence[object], columns: int = 18) -> Row:
    """Return an axis on which texts stand at the places 0, 1, 2 ..."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(texts))),
        "ticktext": [label(text, columns) for text in texts],
        "range": [-0.5, len(texts) - 0.5],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def date_axis(dates: Sequence[object], places: int = 8) -> Row:
    """Return an axis of as-of dates at equal distances; where they are many, only some are written, with the last."""
    step = -(-len(dates) // places)
    shown = [place for place in range(len(dates)) if (len(dates) - 1 - place) % step == 0]
    # The year stands below, as a telephone is narrow.
    texts = [f"{day[5:]}<br>{day[:4]}" for day in (str(dates[place]) for place in shown)]
    return ticks(dates) | {"tickvals": shown, "ticktext": texts, "tickangle": 0}


def whole_numbers(most: int) -> Row:
    """Return an axis that counts up to a number."""
    return {"tickformat": ",d", **({"dtick": 1} if most < 5 else {"nticks": 6})}


def lying_bars(values: Sequence[Any], shade: str | list[str], hover: list[str], texts: Sequence[str] = ()) -> Row:
    """Return bars from left to right, one below the other, with texts at their ends."""
    return {
        "type": "bar",
        "orientation": "h",
        "x": [number(value) for value in values],
        "y": list(range(len(values))),
        "text": list(texts),
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": shade},
        "hoverinfo": "text",
        "hovertext": hover,
    }


def below_each_other(data: list[Row], names: Sequence[str], least: float = 0) -> Figure:
    """Return a chart of lying bars: names to the left, the first on top, and no axis, as the bars have their numbers.

    least: how far the axis goes at least
    """
    longest = max((len(text) for bars in data for text in bars["text"]), default=0)
    most = max([least, *(value for bars in data for value in bars["x"])], default=least)
    return {
        "data": data,
        "layout": {
            "height": 40 + len(names) * (40 if len(data) == 1 else 54),
            "margin": {"r": 12 + 8 * longest},
            "xaxis": {"range": [0, most or 1], "visible": False},
            "yaxis": ticks(names) | {"range": [len(names) - 0.5, -0.5]},
        },
    }


def tiers_now(dataset: Dataset, say: Say) -> Figure:
    """Customers of each tier, now and at the as-of date before."""
    tiers = tiers_of(dataset)
    grades = [row["grade"] for row in dataset.tiers]
    now = [row["customers"] for row in dataset.tiers]

    def hover(values: list[int], day: object) -> list[str]:
        return [
            f"{plain(grade)}, {day}<br>{count(value)} {say('customers_unit')}"
            for grade, value in zip(grades, values, strict=True)
        ]

    data = [
        lying_bars(
            now,
            [colour(grade, tiers) for grade in grades],
            hover(now, dataset.as_of_date),
            [count(value) for value in now],
        )
    ]
    if dataset.compared_date is not None:
        before = [row["customers"] - row["change"] for row in dataset.tiers]
        data.insert(0, lying_bars(before, "var(--before)", hover(before, dataset.compared_date)))
    return below_each_other(data, grades)


def money_against_customers(dataset: Dataset, say: Say) -> Figure:
    """The share of money of each tier beside its share of customers."""
    grades = [row["grade"] for row in dataset.tiers]

    def bars(column: str, name: str, shade: str) -> Row:
        values = [row[column] or 0 for row in dataset.tiers]
        hover = [f"{plain(grade)}<br>{name} {share(value)}" for grade, value in zip(grades, values, strict=True)]
        return lying_bars([100 * value for value in values], shade, hover, [share(value) for value in values])

    data = [
        bars("customer_share", say("customer_share"), "var(--before)"),
        bars("monetary_share", say("monetary_share"), "var(--accent)"),
    ]
    return below_each_other(data, grades)


def tiers_over_time(dataset: Dataset, say: Say, column: str, is_share: bool) -> Figure:
    """Each tier's customers or money at every as-of date, one upon the other, the best at the bottom.

    is_share: as percent of all tiers of the date
    """
    dates = [row["as_of_date"] for row in dataset.dates]
    tiers = tiers_of(dataset)
    cells = {(row["grade"], row["as_of_date"]): row for row in dataset.tier_history}
    sums = {day: sum(row[column] or 0 for (_, date), row in cells.items() if date == day) for day in dates}
    write = money if column == "monetary" else count
    data = []
    for grade in dataset.grades:
        values = [(cells.get((grade, day)) or {}).get(column) or 0 for day in dates]
        shares = [value / sums[day] if sums[day] else 0 for value, day in zip(values, dates, strict=True)]
        data.append(
            {
                "type": "bar",
                "x": list(range(len(dates))),
                "y": [number(100 * value) for value in shares] if is_share else [number(value) for value in values],
                "marker": {"color": colour(grade, tiers), "line": {"color": "var(--card)", "width": 1}},
                "hoverinfo": "text",
                "textposition": "none",
                "hovertext": [
                    f"{plain(grade)}, {day}<br>{write(value)} ({share(part)})"
                    for value, part, day in zip(values, shares, dates, strict=True)
                ],
            }
        )
    return {
        "data": data,
        "layout": {
            "barmode": "stack",
            "bargap": 0.18,
            "height": 380,
            "xaxis": date_axis(dates),
            "yaxis": {"range": [0, 100], "ticksuffix": "%"} if is_share else {"rangemode": "tozero", "nticks": 6},
        },
    }


def heatmap(dataset: Dataset, say: Say) -> Figure:
    """Customers by scores of recency and frequency, coloured by their average money; without money by their number."""
    grid = dataset.grid
    assert grid is not None
    cells: dict[tuple[int, int], list[Row]] = {}
    highest: dict[tuple[str, Decimal], Decimal] = {}
    for row in grid.rows:
        place = (grid.frequency.index(row["frequency"]), grid.recency.index(row["recency"]))
        cells.setdefault(place, []).append(row)
        for axis in ["recency", "frequency"]:
            key = (axis, row[axis])
            highest[key] = max(highest.get(key, row[axis]), row[f"highest_{axis}"])

    def texts(axis: str, ends: list[Decimal]) -> list[str]:
        names = [(amount(end), amount(highest.get((axis, end), end))) for end in ends]
        return [low if low == high else f"{low}–{high}" for low, high in names]

    recency, frequency = texts("recency", grid.recency), texts("frequency", grid.frequency)
    customers = {place: sum(row["customers"] for row in rows) for place, rows in cells.items()}
    average = {place: sum(row["monetary"] or 0 for row in rows) / customers[place] for place, rows in cells.items()}
    shown = {place: max(average[place], 0) if dataset.has_money else customers[place] for place in cells}
    largest = max(shown.values())

    def hover(place: tuple[int, int]) -> str:
        lines = [
            f"R {recency[place[1]]}, F {frequency[place[0]]}",
            f"{count(customers[place])} {say('customers_unit')}",
        ]
        if dataset.has_money:
            lines.append(f"{say('average_money')} {money(average[place])}")
        if cells[place][0]["grade"] is not None:
            lines.append(f"{say('mostly')} {plain(cells[place][0]['grade'])}")
        return "<br>".join(lines)

    # The root keeps fields apart that a few rich ones would else make all alike.
    def shade(value: Decimal | int) -> float:
        return round(math.sqrt(value / largest), 4) if largest else 0

    def field(write: Callable[[tuple[int, int]], Any]) -> list[list[Any]]:
        return [
            [write((x, y)) if (x, y) in cells else None for x in range(len(frequency))] for y in range(len(recency))
        ]

    marks = [Decimal(0), Decimal("0.25"), Decimal(1)]
    write = money if dataset.has_money else (lambda value: count(round(value)))
    heat = {
        "type": "heatmap",
        "x": list(range(len(frequency))),
        "y": list(range(len(recency))),
        "z": field(lambda place: shade(shown[place])),
        "hovertext": field(hover),
        "hoverinfo": "text",
        "hoverongaps": False,
        "xgap": 3,
        "ygap": 3,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "var(--heat-1)"], [0.5, "var(--heat-2)"], [1, "var(--heat-3)"]],
        "colorbar": {
            "orientation": "h",
            "len": 0.9,
            "x": 0.5,
            "y": 1,
            "yanchor": "bottom",
            "ypad": 6,
            "thickness": 10,
            "outlinewidth": 0,
            "title": {"text": say("average_money") if dataset.has_money else say("customers"), "side": "top"},
            "tickmode": "array",
            "tickvals": [shade(largest * mark) for mark in marks],
            "ticktext": [write(largest * mark) for mark in marks],
            "ticks": "",
        },
    }
    # The counts are points of their own, as their colour has to stand out from that of the field.
    places = sorted(cells)
    counts = {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "text": [count(customers[place]) for place in places],
        "textfont": {
            "color": [f"var({'--heat-dark' if shade(shown[place]) > 0.65 else '--heat-light'})" for place in places]
        },
        "hoverinfo": "skip",
    }
    left = 34 + 8 * max(width(text) for text in recency)
    return {
        "data": [heat, counts],
        "layout": {
            "height": 108 + 46 * len(recency),
            # Margins of their own, as plotly's automatic ones forget the bar of colours.
            "margin": {"l": min(left, 140), "r": 20, "t": 54, "b": 44},
            "xaxis": ticks([f"F {text}" for text in frequency], 9) | {"automargin": False, "tickangle": 0},
            "yaxis": ticks([f"R {text}" for text in recency], 16) | {"automargin": False},
        },
    }


def migration(dataset: Dataset, say: Say) -> Figure:
    """How customers went from their grades at the as-of date before to those of the last one."""
    tiers = tiers_of(dataset)
    moves = [row for row in dataset.moves if row["customers"]]
    order = {grade: place for place, grade in enumerate([*dataset.grades, NEW, LEFT])}

    def column(name: str) -> dict[str, int]:
        sums: dict[str, int] = {}
        for row in moves:
            sums[row[name]] = sums.get(row[name], 0) + row["customers"]
        return dict(sorted(sums.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))

    before, after = column("previous_grade"), column("grade")
    total = sum(before.values())
    height = max(360, 34 * max(len(before), len(after)) + 140)
    # A gap between nodes is 14 pixels; what is left of the height is shared by customers.
    gap = 14 / (height - 24)
    filled = 1 - gap * (max(len(before), len(after)) - 1)

    def middles(nodes: dict[str, int]) -> list[float]:
        top = (1 - filled - gap * (len(nodes) - 1)) / 2
        places = []
        for customers in nodes.values():
            part = filled * customers / total
            places.append(round(min(max(top + part / 2, 0.001), 0.999), 6))
            top += part + gap
        return places

    def named(grade: str) -> str:
        return {NEW: say("new_customers"), LEFT: say("left_customers")}.get(grade, grade)

    keys = [*(("before", grade) for grade in before), *(("after", grade) for grade in after)]
    place = {key: number for number, key in enumerate(keys)}
    days = {"before": moves[0]["previous_as_of_date"], "after": dataset.as_of_date}
    sums = [*before.values(), *after.values()]
    return {
        "data": [
            {
                "type": "sankey",
                "arrangement": "fixed",
                "hoverinfo": "none",
                "textfont": {"color": "var(--text)", "size": 13},
                "node": {
                    "label": [
                        f"{label(named(grade), 14, 1)} {count(sums[place[key]])}" for key in keys for grade in [key[1]]
                    ],
                    "x": [0.001] * len(before) + [0.999] * len(after),
                    "y": [*middles(before), *middles(after)],
                    "color": [colour(grade, tiers) for _, grade in keys],
                    "line": {"width": 0},
                    "pad": 14,
                    "thickness": 16,
                    "customdata": [
                        f"{plain(named(grade))}, {days[side]}<br>"
                        f"{count(sums[place[side, grade]])} {say('customers_unit')}"
                        for side, grade in keys
                    ],
                    "hovertemplate": "%{customdata}<extra></extra>",
                },
                "link": {
                    "source": [place["before", row["previous_grade"]] for row in moves],
                    "target": [place["after", row["grade"]] for row in moves],
                    "value": [row["customers"] for row in moves],
                    "color": [
                        colour(row["grade"] if row["previous_grade"] == NEW else row["previous_grade"], tiers, " 40%")
                        for row in moves
                    ],
                    "customdata": [
                        f"{plain(named(row['previous_grade']))} → {plain(named(row['grade']))}"
                        f"<br>{count(row['customers'])} {say('customers_unit')}"
                        for row in moves
                    ],
                    "hovertemplate": "%{customdata}<extra></extra>",
                },
            }
        ],
        "layout": {"height": height, "margin": {"l": 4, "r": 4, "t": 12, "b": 12}},
    }


def cut_scores(rows: list[Row]) -> dict[Decimal, str]:
    """Return the scores of a metric that have a cut point, with their colours.

    The lowest one is left out: whatever is worse than the others earns it.
    """
    scores = sorted({row["score"] for row in rows}, reverse=True)[:-1]
    return {score: tier(place, max(len(scores), 2)) for place, score in enumerate(scores)}


def cut_points(rows: list[Row], scores: dict[Decimal, str], dates: list[Any], say: Say) -> Figure:
    """The worst value that earns each score of one metric and group, at every as-of date.

    scores: with the CSS properties of their colours
    """
    place = {day: number for number, day in enumerate(dates)}
    data = []
    for score, shade in scores.items():
        of_score = sorted((row for row in rows if row["score"] == score), key=lambda row: row["as_of_date"])
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [place[row["as_of_date"]] for row in of_score],
                "y": [number(row["worst_value"]) for row in of_score],
                "line": {"color": f"var({shade})", "width": 2},
                "marker": {"size": 6},
                "hoverinfo": "text",
                "hovertext": [
                    f"{row['as_of_date']}, {say('score')} {amount(score)}<br>"
                    f"{say('worst_value')} {amount(row['worst_value'])}"
                    for row in of_score
                ],
            }
        )
    return {
        "data": data,
        "layout": {
            "height": 320,
            "xaxis": date_axis(dates, 5),
            "yaxis": {"rangemode": "tozero", "nticks": 6},
        },
    }


def spread(names: list[str], rows: list[Row], say: Say) -> Figure:
    """How many customers have each range of totals, or each code."""
    most = max(row["customers"] for row in rows)
    return {
        "data": [
            {
                "type": "bar",
                "x": list(range(len(rows))),
                "y": [row["customers"] for row in rows],
                "text": [count(row["customers"]) for row in rows],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": "var(--accent)"},
                "hoverinfo": "text",
                "hovertext": [
                    f"{plain(name)}<br>{count(row['customers'])} {say('customers_unit')}"
                    for name, row in zip(names, rows, strict=True)
                ],
            }
        ],
        "layout": {
            "height": 340,
            "xaxis": ticks(names, 12),
            "yaxis": whole_numbers(most) | {"range": [0, most * 1.15]},
        },
    }


def lift(dataset: Dataset, say: Say) -> Figure:
    """The following money a head of each grade against the average of all."""
    rows = [row for row in dataset.followed_grades if row["part"] == "grade" and row["monetary_lift"] is not None]
    grades, lifts = [row["grade"] for row in rows], [row["monetary_lift"] for row in rows]
    tiers = tiers_of(dataset)
    texts = [ratio(value) for value in lifts]
    hover = [f"{plain(grade)}<br>{say('lift_of_money')} {text}" for grade, text in zip(grades, texts, strict=True)]
    chart = below_each_other(
        [lying_bars(lifts, [colour(grade, tiers) for grade in grades], hover, texts)], grades, least=1
    )
    average = {"color": "var(--text)", "width": 1.5, "dash": "dot"}
    chart["layout"]["shapes"] = [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": average}]
    return chart


def contacts(dataset: Dataset, say: Say) -> Figure:
    """How many customers are to be contacted in each month, by grade."""
    months = sorted({row["month"] for row in dataset.contacts})
    tiers = tiers_of(dataset)
    cells = {(row["grade"], row["month"]): row["customers"] for row in dataset.contacts}
    grades = [grade for grade in dataset.grades if any(grade == row["grade"] for row in dataset.contacts)]
    return {
        "data": [
            {
                "type": "bar",
                "x": list(range(len(months))),
                "y": [cells.get((grade, month), 0) for month in months],
                "marker": {"color": colour(grade, tiers), "line": {"color": "var(--card)", "width": 1}},
                "hoverinfo": "text",
                "hovertext": [
                    f"{plain(grade)}, {month}<br>{count(cells.get((grade, month), 0))} {say('customers_unit')}"
                    for month in months
                ],
            }
            for grade in grades
        ],
        "layout": {
            "barmode": "stack",
            "height": 320,
            "xaxis": date_axis(months),
            "yaxis": whole_numbers(sum(row["customers"] for row in dataset.contacts)) | {"rangemode": "tozero"},
        },
    }
