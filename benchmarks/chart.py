"""The chart of the results: time against customers. The same results give the same bytes."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
# Shapes instead of text, so that it looks the same everywhere; a fixed salt for the names of what is defined once.
matplotlib.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "dbt-rfm", "font.family": "DejaVu Sans"})

from matplotlib import pyplot  # noqa: E402

STYLES = {
    "pandas": ("#b45f06", "-", "v"),
    "polars": ("#6a3d9a", "-", "^"),
    "ntile": ("#c0392b", "-", "s"),
    "ntile_ranks": ("#c0392b", "--", "s"),
    "grading": ("#0b62a4", "-", "o"),
    "grading_ranks": ("#0b62a4", "--", "o"),
    "copy": ("#666666", "-", "D"),
}


def write_chart(path: Path, lines: dict[str, dict[int, float]], labels: dict[str, str]) -> None:
    """Draw the lines, both axes logarithmic. lines: row → {customers: seconds}; labels: row → what the legend says."""
    figure, axes = pyplot.subplots(figsize=(8, 5), facecolor="white")
    axes.set_facecolor("white")
    for row, (colour, style, marker) in STYLES.items():
        points = sorted(lines.get(row, {}).items())
        if points:
            customers, seconds = zip(*points, strict=True)
            width = 2.2 if row.startswith("grading") else 1.3
            axes.plot(
                customers, seconds, style, color=colour, marker=marker, markersize=5, linewidth=width, label=labels[row]
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    shown = sorted({customers for points in lines.values() for customers in points})
    axes.set_xticks(shown, [short(customers) for customers in shown])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda seconds, _: f"{seconds:g}")
    axes.set_xlabel("customers")
    axes.set_ylabel("seconds, median of the rounds")
    axes.set_title("Grading customers whose R, F and M are known", loc="left", fontsize=11)
    axes.grid(True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ["top", "right"]:
        axes.spines[side].set_visible(False)
    if shown:
        axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def short(number: int) -> str:
    """A round number in few letters: 10k, 100m."""
    for unit, letter in [(10**6, "m"), (10**3, "k")]:
        if number >= unit:
            return f"{number / unit:g}{letter}"
    return str(number)
