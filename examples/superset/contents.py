"""What the dashboard shows: datasets with their metrics, and charts with the plain SQL that gives the same numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

# A filter on dates asks for milliseconds, of which Superset 6.1 makes no date of DuckDB: hence the date as text.
AS_OF = {"column_name": "as_of", "expression": "cast(as_of_date as varchar)", "verbose_name": "As-of date"}

# By place in the rulebook, the best first.
GRADE_COLORS = ["#1a7f64", "#6cbf84", "#e5b550", "#c8553d", "#7b3f61", "#4a4e69", "#9a8c98", "#22223b"]


@dataclass(frozen=True)
class Metric:
    """A saved metric of a dataset."""

    name: str
    label: str
    sql: str
    format: str = ",.0f"


@dataclass(frozen=True)
class Chart:
    """A chart, of which mart it is, what it asks, and where it stands.

    kind: Superset's name for how it is drawn, with params; columns and metrics: of the dataset
    expected: plain SQL over the marts with the same rows; $dataset and $as_of are what the dashboard's filters choose
    row: of the dashboard; width: of its twelve columns; height: in units of eight pixels
    by_date: whether the filter on the as-of date holds; a chart over time shows all dates
    order_by: columns, and whether they go upwards; limit: of rows
    """

    name: str
    mart: str
    kind: str
    columns: tuple[str, ...]
    metrics: tuple[str, ...]
    expected: str
    row: int
    width: int
    height: int
    params: Json = field(default_factory=dict)
    by_date: bool = True
    order_by: tuple[tuple[str, bool], ...] = ()
    limit: int = 1000


METRICS: dict[str, list[Metric]] = {
    "rfm__tier_summary": [
        Metric("customers", "Customers", "sum(customers)"),
        Metric("money", "Money", "sum(monetary)"),
        Metric(
            "best_grade_share",
            "Customers of the best grade",
            "sum(case when grade_order = 1 then customers end) / nullif(sum(customers), 0)",
            ".1%",
        ),
        Metric(
            "best_grade_money_share",
            "Money from the best grade",
            "sum(case when grade_order = 1 then monetary end) / nullif(sum(monetary), 0)",
            ".1%",
        ),
        Metric(
            "share_of_customers", "Share of customers", "sum(customers) / nullif(sum(sum(customers)) over (), 0)", ".1%"
        ),
        Metric("share_of_money", "Share of money", "sum(monetary) / nullif(sum(sum(monetary)) over (), 0)", ".1%"),
    ],
    "rfm__tier_migration": [Metric("customers", "Customers", "sum(customers)")],
    "rfm__graded_customers": [
        Metric("customers", "Customers", "count(*)"),
        Metric("money", "Money", "sum(monetary)"),
    ],
    "rfm__churn_warnings": [
        Metric("warnings", "Warnings", "count(*)"),
        Metric("warned_customers", "Customers warned of", "count(distinct customer_id)"),
    ],
}

_BIG_NUMBER = {"header_font_size": 0.6, "subheader_font_size": 0.15}
_HEATMAP = {
    "normalize_across": "heatmap",
    "show_values": True,
    "show_legend": False,
    "legend_type": "continuous",
    "linear_color_scheme": "greens",
    "left_margin": "auto",
    "bottom_margin": "auto",
    "value_bounds": [None, None],
    "y_axis_format": ",.0f",
    "xscale_interval": -1,
    "yscale_interval": -1,
}
_TIERS = "from rfm__tier_summary where dataset = $dataset and as_of_date = $as_of"

CHARTS = [
    Chart(
        name="Customers",
        mart="rfm__tier_summary",
        kind="big_number_total",
        columns=(),
        metrics=("customers",),
        expected=f"select sum(customers) {_TIERS}",
        row=0,
        width=3,
        height=16,
        params=_BIG_NUMBER | {"y_axis_format": ",.0f"},
    ),
    Chart(
        name="Money",
        mart="rfm__tier_summary",
        kind="big_number_total",
        columns=(),
        metrics=("money",),
        expected=f"select sum(monetary) {_TIERS}",
        row=0,
        width=3,
        height=16,
        params=_BIG_NUMBER | {"y_axis_format": ",.0f"},
    ),
    Chart(
        name="Best customers",
        mart="rfm__tier_summary",
        kind="big_number_total",
        columns=(),
        metrics=("best_grade_share",),
        expected=f"select sum(customers) filter (where grade_order = 1) / sum(customers) {_TIERS}",
        row=0,
        width=3,
        height=16,
        params=_BIG_NUMBER | {"y_axis_format": ".1%"},
    ),
    Chart(
        name="Their money",
        mart="rfm__tier_summary",
        kind="big_number_total",
        columns=(),
        metrics=("best_grade_money_share",),
        expected=f"select sum(monetary) filter (where grade_order = 1) / sum(monetary) {_TIERS}",
        row=0,
        width=3,
        height=16,
        params=_BIG_NUMBER | {"y_axis_format": ".1%"},
    ),
    Chart(
        name="Tiers over time",
        mart="rfm__tier_summary",
        kind="echarts_timeseries_bar",
        columns=("as_of", "grade"),
        metrics=("customers",),
        expected=(
            "select cast(as_of_date as varchar), grade, sum(customers) "
            "from rfm__tier_summary where dataset = $dataset group by as_of_date, grade"
        ),
        row=1,
        width=7,
        height=46,
        by_date=False,
        params={
            "stack": "Stack",
            "sort_series_type": "name",
            "sort_series_ascending": True,
            "y_axis_format": ",.0f",
            "show_legend": True,
            "x_axis_title_margin": 15,
        },
    ),
    Chart(
        name="Share of customers and of money",
        mart="rfm__tier_summary",
        kind="echarts_timeseries_bar",
        columns=("grade",),
        metrics=("share_of_customers", "share_of_money"),
        expected=(
            f"select grade, sum(customers) / (select sum(customers) {_TIERS}), "
            f"sum(monetary) / (select sum(monetary) {_TIERS}) {_TIERS} group by grade"
        ),
        row=1,
        width=5,
        height=46,
        params={
            "y_axis_format": ".0%",
            "truncateYAxis": True,
            "y_axis_bounds": [0, 1],
            "show_value": True,
            "show_legend": True,
        },
    ),
    Chart(
        name="Grade before (rows) and now (columns)",
        mart="rfm__tier_migration",
        kind="heatmap_v2",
        columns=("grade", "previous_grade"),
        metrics=("customers",),
        expected=(
            "select grade, previous_grade, sum(customers) from rfm__tier_migration "
            "where dataset = $dataset and as_of_date = $as_of group by grade, previous_grade"
        ),
        row=2,
        width=6,
        height=46,
        params=_HEATMAP | {"sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_desc"},
    ),
    Chart(
        name="Recency score (columns), frequency score (rows)",
        mart="rfm__graded_customers",
        kind="heatmap_v2",
        columns=("recency_score", "frequency_score"),
        metrics=("customers",),
        expected=(
            "select recency_score, frequency_score, count(*) from rfm__graded_customers "
            "where dataset = $dataset and as_of_date = $as_of group by recency_score, frequency_score"
        ),
        row=2,
        width=6,
        height=46,
        params=_HEATMAP | {"sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_asc"},
    ),
    Chart(
        name="Warnings by money at risk",
        mart="rfm__churn_warnings",
        kind="table",
        columns=(
            "customer_id",
            "region",
            "grade",
            "severity",
            "warning",
            "reason",
            "suggested_action",
            "money_at_risk",
        ),
        metrics=(),
        expected=(
            "select customer_id, region, grade, severity, warning, reason, suggested_action, money_at_risk "
            "from rfm__churn_warnings where dataset = $dataset and as_of_date = $as_of "
            "order by money_at_risk desc, customer_id, region, warning"
        ),
        row=3,
        width=12,
        height=62,
        order_by=(("money_at_risk", False), ("customer_id", True), ("region", True), ("warning", True)),
        params={
            "query_mode": "raw",
            "server_page_length": 10,
            "page_length": 10,
            "include_search": True,
            "column_config": {"money_at_risk": {"d3NumberFormat": ",.2f", "columnWidth": 110}},
        },
    ),
]
