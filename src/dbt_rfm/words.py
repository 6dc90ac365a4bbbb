"""The field's words in the two languages in which people read grades.

Whatever is said to people in more than one place stands here once; what only one page or sheet says stands beside it.
Texts that come from the marts are in both languages there (``sentence`` and ``sentence_zh``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """A language that people can ask for."""

    ENGLISH = "en"
    CHINESE = "zh"


@dataclass(frozen=True)
class Words:
    """One meaning in each language."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        """Return the words in this language."""
        return self.zh if language is Language.CHINESE else self.en


# Headers of the marts' columns, by the names they have there.
COLUMNS: dict[str, Words] = {
    "dataset": Words("Dataset", "数据产品"),
    "as_of_date": Words("As-of date", "分析时间"),
    "period": Words("Period", "统计期间"),
    "region": Words("Region", "地区"),
    "customer_id": Words("Customer id", "客户编号"),
    "rulebook": Words("Rulebook", "规则册"),
    "last_order_date": Words("Last order", "上次服务时间"),
    "recency_days": Words("R (days)", "R(天)"),
    "frequency": Words("F (times)", "F(次)"),
    "monetary": Words("M (amount)", "M(元)"),
    "recency_score": Words("R score", "R得分"),
    "frequency_score": Words("F score", "F得分"),
    "monetary_score": Words("M score", "M得分"),
    "total_score": Words("Total", "总分"),
    "score_code": Words("Score code", "得分编码"),
    "grade": Words("Grade", "等级"),
    "value_rank": Words("Rank", "排名"),
    "customers": Words("Customers", "客户数"),
    "customer_share": Words("Share of customers", "客户占比"),
    "monetary_share": Words("Share of money", "金额占比"),
    "average_recency_days": Words("Average R (days)", "平均R(天)"),
    "average_frequency": Words("Average F (times)", "平均F(次)"),
    "average_monetary": Words("Average M (amount)", "平均M(元)"),
    "average_total_score": Words("Average total", "平均总分"),
    "metric": Words("Metric", "指标"),
    "score": Words("Score", "得分"),
    "warning": Words("Warning", "预警"),
    "severity": Words("Severity", "严重程度"),
    "reason": Words("Reason", "原因"),
    "suggested_action": Words("Suggested action", "建议措施"),
    "money_at_risk": Words("Money at risk", "风险金额"),
    "previous_grade": Words("Grade before", "上期等级"),
}

SEVERITIES: dict[str, Words] = {
    "high": Words("high", "高"),
    "medium": Words("medium", "中"),
    "low": Words("low", "低"),
    "info": Words("info", "提示"),
}

# What the marts' columns mean, by the names they have there.
MEANINGS: dict[str, Words] = {
    "customer_id": Words("Id of the customer.", "客户的唯一编号。"),
    "region": Words(
        "Region of the customer; 'unknown' where the input has none.", "客户所在地区；输入中为空的记为 unknown。"
    ),
    "as_of_date": Words(
        "The day the customers are graded for; nothing after it counts.", "评级所依据的日期，此后的记录不计入。"
    ),
    "period": Words("The period that the figures cover.", "统计数据所覆盖的期间。"),
    "last_order_date": Words("Day of the last order or service.", "最近一次消费或服务的日期。"),
    "recency_days": Words(
        "Days from the last order or service to the as-of date.", "最近一次消费或服务距分析时间的天数。"
    ),
    "frequency": Words("Number of orders or services.", "消费或服务的次数。"),
    "monetary": Words("Money spent.", "消费金额。"),
    "total_score": Words(
        "The scores combined; the sheet with the rulebook says how.", "各项得分的合计，计算方法见评级规则。"
    ),
    "score_code": Words("The scores written side by side, as in 111.", "各项得分依次排列的编码，如 111。"),
    "grade": Words(
        "The label that the total or the scores earn; the sheet with the rulebook says how.",
        "由总分或各项得分确定的等级，划分标准见评级规则。",
    ),
    "value_rank": Words(
        "Place among the customers who are ranked together, 1 = best, no two alike: by total, then M, F, R and id.",
        "在同组客户中的名次，1 为最优，无并列：依次比较总分、M、F、R 和客户编号。",
    ),
    "customers": Words("Customers of the grade.", "该等级的客户数。"),
    "customer_share": Words("Their share of the customers.", "该等级客户数占比。"),
    "monetary_share": Words("Their share of the money.", "该等级客户消费金额占比。"),
    "average_recency_days": Words("Average of R.", "R 的平均值。"),
    "average_frequency": Words("Average of F.", "F 的平均值。"),
    "average_monetary": Words("Average of M.", "M 的平均值。"),
    "average_total_score": Words("Average of the total.", "总分的平均值。"),
}
