"""What the report says, in both languages; the field's words stand in ``dbt_rfm.words``."""

from __future__ import annotations

from collections.abc import Callable

from dbt_rfm.words import COLUMNS, SEVERITIES, Language, Words

# Returns a text of the report in the language that was asked for, with its names filled in.
Say = Callable[..., str]

TEXTS: dict[str, Words] = {
    # The page.
    "title": Words("Customer grades", "客户评级报告"),
    "subtitle": Words("by recency, frequency and money", "按最近一次、频次与金额评级"),
    "datasets": Words("Datasets", "数据产品"),
    "contents": Words("On this page", "本页内容"),
    "theme": Words("Light or dark", "浅色或深色"),
    "skip": Words("To the figures", "跳到正文"),
    "no_script": Words(
        "The charts and the list of warnings need JavaScript, which this browser has switched off.",
        "图表和预警列表需要 JavaScript，本浏览器已将其关闭。",
    ),
    "footer": Words(
        "Made by dbt-rfm from the marts of the last build. The file holds everything it shows and asks no network.",
        "由 dbt-rfm 根据最近一次构建的结果表生成。文件自带全部内容，不访问网络。",
    ),
    "graded_on": Words("As of {date}", "分析日期 {date}"),
    "compared_with": Words("compared with {date}", "对比 {date}"),
    "graded_by": Words("rulebook {rulebook}", "规则册 {rulebook}"),
    "dates_count": Words("{dates} as-of dates", "{dates} 个分析日期"),
    "one_date": Words("one as-of date, so nothing to compare with", "仅一个分析日期，无可对比"),
    "regions_count": Words("{regions} regions", "{regions} 个地区"),
    # Headline figures.
    "customers_unit": Words("customers", "位客户"),
    "money": Words("Money", "金额"),
    "best_share": Words("In the best tier, {grade}", "最高等级“{grade}”占比"),
    "best_money_share": Words("{share} of the money", "占金额 {share}"),
    "warned": Words("Customers with a warning", "有预警的客户"),
    "new_warnings": Words("{count} new warnings", "新增预警 {count} 条"),
    "rejected_rows": Words("Rows not used", "未采用的行"),
    "rejected_customers": Words("{count} customers not scored", "{count} 位客户未评分"),
    "points": Words("{change} points", "{change} 个百分点"),
    "unchanged": Words("unchanged", "持平"),
    "all_dates": Words("of all dates", "全部时间合计"),
    # Sections.
    "tiers": Words("Tiers now", "当前等级"),
    "tiers_caption": Words(
        "Customers of each tier, best on top; the pale bar is {date}.",
        "各等级的客户数，最高等级在上；浅色条为 {date}。",
    ),
    "tiers_caption_single": Words("Customers of each tier, best on top.", "各等级的客户数，最高等级在上。"),
    "change_hint": Words("The change is since {date}.", "变化为与 {date} 相比。"),
    "averages_only": Words("Averages are per customer.", "均值按客户平均。"),
    "money_share": Words("Who brings the money", "金额来自谁"),
    "money_share_caption": Words(
        "Where the money bar is longer than the customer bar, the tier is worth more than its number of heads.",
        "金额条长于客户条的等级，其价值高于人数占比。",
    ),
    "money_share_lead": Words(
        "{grade}, the best tier, has {customers} of the customers and brings {money} of the money.",
        "最高等级“{grade}”占客户的 {customers}，带来金额的 {money}。",
    ),
    "over_time": Words("Tiers over time", "等级的历史变化"),
    "over_time_caption": Words(
        "Every bar is an as-of date, the best tier at the bottom. A growing blue end is good news.",
        "每根柱子是一个分析日期，最高等级在最下；蓝色一端变大是好消息。",
    ),
    "shown": Words("Show", "显示"),
    "view_customers": Words("Number of customers", "客户数"),
    "view_monetary": Words("Money", "金额"),
    "totals": Words("Scores now", "当前得分"),
    "totals_caption": Words(
        "The rulebook gives scores and no grades. Customers by their total, low to high.",
        "该规则册只给得分，不分等级。按总分从低到高的客户数。",
    ),
    "codes_caption": Words(
        "The rulebook gives codes and no grades. The {shown} most frequent codes.",
        "该规则册只给编码，不分等级。显示最常见的 {shown} 个编码。",
    ),
    "regions": Words("Regions", "地区"),
    "best_customers": Words("In the best tier", "最高等级客户"),
    "best_customer_share": Words("Their share", "其占比"),
    "heatmap": Words("Recency and frequency", "最近一次与频次"),
    "heatmap_caption": Words(
        "Each field is a pair of scores, the best in the top right corner. The number counts customers, the colour "
        "goes by the root of their average money.",
        "每格是一对得分，最好的在右上角。数字为客户数，颜色深浅按平均金额的平方根。",
    ),
    "heatmap_caption_no_money": Words(
        "Each field is a pair of scores, the best in the top right corner. The number counts customers, the colour "
        "goes by its root.",
        "每格是一对得分，最好的在右上角。数字为客户数，颜色深浅按其平方根。",
    ),
    "heatmap_ranges": Words(
        "Scores of many values are put into ranges of about as many customers each.",
        "取值很多的得分按人数大致均分为若干区间。",
    ),
    "no_heatmap": Words("Not drawn: {rulebook} has no {metrics}.", "未绘制：规则册 {rulebook} 没有{metrics}。"),
    "no_metric": Words("metric {metric}", "指标 {metric}"),
    "and": Words(" and no ", " 和"),
    "text_scores": Words(
        "Not drawn: {rulebook} gives texts as scores of recency or frequency.",
        "未绘制：规则册 {rulebook} 的最近一次或频次得分为文字。",
    ),
    "average_money": Words("Average money", "平均金额"),
    "mostly": Words("mostly", "多为"),
    "migration": Words("Who moved", "等级迁移"),
    "migration_caption": Words(
        "Left the tiers of {before}, right those of {after}. A band is as thick as the customers who went that way.",
        "左为 {before} 的等级，右为 {after} 的等级；带宽为迁移的客户数。",
    ),
    "migration_lead": Words(
        "{up} rose, {down} fell, {same} stayed, {new} are new, {left} are gone.",
        "上升 {up}，下降 {down}，不变 {same}，新增 {new}，离开 {left}。",
    ),
    "new_customers": Words("new", "新增"),
    "left_customers": Words("gone", "离开"),
    "cut_points": Words("Cut points", "分界点"),
    "cut_points_lead": Words(
        "The lines are the worst value that still earns each score. A line that moves means that the same customer is "
        "judged otherwise than before.",
        "各得分所需的最差值。线的移动意味着同样的客户得到不同的评判。",
    ),
    "cut_points_table": Words("The values between which each score lies on {date}.", "{date} 各得分的取值范围。"),
    "region_of_group": Words("Region", "地区"),
    "only_largest": Words("The {shown} largest of {all} regions.", "{all} 个地区中最大的 {shown} 个。"),
    "best_value": Words("Best value", "最好值"),
    "worst_value": Words("Worst value", "最差值"),
    "tied": Words("Tied", "同值决断"),
    "warnings": Words("Who needs attention", "需要关注的客户"),
    "warnings_none": Words("No customer has a warning on {date}.", "{date} 没有客户触发预警。"),
    "warnings_listed": Words(
        "{shown} of {all} warnings are listed: new ones first, then by severity and money at risk.",
        "共 {all} 条预警，列出 {shown} 条：新增在前，再按严重程度和风险金额。",
    ),
    "warnings_all": Words(
        "All {all} warnings are listed: new ones first, then by severity and money at risk.",
        "共 {all} 条预警，全部列出：新增在前，再按严重程度和风险金额。",
    ),
    "search": Words("Search the list", "搜索列表"),
    "search_hint": Words("Customer, region, reason …", "客户、地区、原因……"),
    "found": Words("{found} of {all} found, {shown} shown", "找到 {found} / {all} 条，显示 {shown} 条"),
    "more": Words("Show more", "显示更多"),
    "nothing_found": Words("Nothing found.", "没有找到。"),
    "new": Words("new", "新增"),
    "repeated": Words("repeated", "重复"),
    "status": Words("Status", "状态"),
    "grade_move": Words("Grade change", "等级变化"),
    "warned_new": Words("New", "新增"),
    "warned_repeated": Words("Repeated", "重复"),
    "rules": Words("The rules in words", "规则说明"),
    "rules_gone": Words(
        "The rulebook {rulebook} is no longer in the vars; its grades stay as they were given.",
        "规则册 {rulebook} 已不在配置中；其已评等级保持不变。",
    ),
    "rule_part": Words("Part", "部分"),
    "rule_name": Words("Name", "名称"),
    "rule_words": Words("Rule", "规则"),
    "rule_weight": Words("Weight", "权重"),
    "rule_scores": Words("Scores", "得分范围"),
    "part_metric": Words("Metrics", "指标"),
    "part_total": Words("Total", "总分"),
    "part_grade": Words("Grades", "等级"),
    "part_action": Words("Actions", "服务"),
    "audit": Words("What the audit finds", "规则册审核"),
    "reasons_more": Words("{count} more reasons", "另有 {count} 种原因"),
    "dates_more": Words("{count} more dates", "另有 {count} 个分析日期"),
    "cuts_more": Words("{count} more cut points", "另有 {count} 个分界点"),
    "audit_none": Words("The audit finds nothing to tell.", "审核没有发现。"),
    "audit_more": Words("{count} more findings and figures", "另有 {count} 条发现与数据"),
    "finding": Words("Finding", "发现"),
    "backtest": Words("What happened next", "后续表现"),
    "backtest_none": Words(
        "A backtest needs an as-of date that another one follows.", "需要有后续的分析日期才能回测。"
    ),
    "backtest_caption": Words(
        "Money a head in the following period against the average of all (1.00). Good grades decline from top to "
        "bottom.",
        "后续期间的人均金额与全体均值之比（均值为 1.00）。好的等级应自上而下递减。",
    ),
    "backtest_lead": Words(
        "Over {periods} periods. Gini {gini}: 0 would be a ranking by chance, near 1 if the first one brought all. "
        "The best fifth by rank brought {fifth} of the following money.",
        "共 {periods} 期。基尼系数 {gini}：0 与随机无异，接近 1 则金额都来自排在最前的客户。"
        "排名前五分之一的客户带来后续金额的 {fifth}。",
    ),
    "periods": Words("Periods", "期数"),
    "came_back": Words("Came back", "再次购买占比"),
    "following_money": Words("Share of following money", "后续金额占比"),
    "lift_of_money": Words("Lift of money", "金额提升"),
    "everybody": Words("all", "全部"),
    "warnings_judged": Words("Were the warnings right?", "预警准不准"),
    "warnings_judged_caption": Words(
        "Right: warned and without an order in the following period. A lift of 1.00 is no better than chance; lift "
        "within grades compares with customers of the same grades.",
        "命中：被预警且后续期间没有订单。提升为 1.00 即与随机无异；同等级提升为与同等级客户相比。",
    ),
    "warned_count": Words("Warned", "预警次数"),
    "precision": Words("Right", "命中率"),
    "recall": Words("Of all silent found", "覆盖率"),
    "base_rate": Words("Silent of all", "整体沉默率"),
    "lift": Words("Lift", "提升"),
    "lift_within": Words("Lift within grades", "同等级提升"),
    "service": Words("Service plan", "服务计划"),
    "service_caption": Words(
        "Customers by the month of their next contact, by grade.", "按下次联系月份与等级的客户数。"
    ),
    "every_days": Words("Contact every (days)", "联系间隔(天)"),
    "overdue": Words("Overdue", "已逾期"),
    "next_contact": Words("First contact", "最早联系"),
    "services": Words("Services", "服务"),
    "resources": Words("Resources", "资源"),
    "quality": Words("Data quality", "数据质量"),
    "quality_none": Words("Every row was used, every customer scored.", "所有行均已采用，所有客户均已评分。"),
    "quality_lead": Words(
        "Over all as-of dates {rows} input rows were not used and {customers} customers were not scored. "
        "rfm__rejected_records has each of them.",
        "全部分析日期合计，未采用的输入行 {rows} 行，未评分的客户 {customers} 位；明细见 rfm__rejected_records。",
    ),
    "stage": Words("Stage", "环节"),
    "stage_input": Words("input row", "输入行"),
    "stage_grading": Words("customer", "客户"),
    "rows": Words("Rows", "行数"),
    "reasons": Words("Reasons; what stood in the row is left out (…)", "原因（行内具体值以 … 代替）"),
    "used": Words("Graded", "已评级"),
    "quality_dates": Words("By as-of date", "按分析日期"),
    "not_scored": Words("Not scored", "未评分"),
    "undated": Words("no date", "无日期"),
    "change": Words("Change", "变化"),
}

# The warnings that every project has; others go by the name that the vars give them.
WARNINGS: dict[str, Words] = {
    "frequency_fell": Words("frequency_fell", "频次下降"),
    "order_value_fell": Words("order_value_fell", "单次金额下降"),
    "complexity_fell": Words("complexity_fell", "项目复杂度下降"),
    "grade_fell": Words("grade_fell", "等级下降"),
    "silent": Words("silent", "沉默"),
    "disputes": Words("disputes", "纠纷"),
}

SEVERITY_ORDER = list(SEVERITIES)


def sayer(language: Language) -> Say:
    """Return what says the report's texts in a language, by their key."""

    def say(key: str, **names: object) -> str:
        words = TEXTS.get(key) or COLUMNS[key]
        text = words.in_language(language)
        return text.format(**names) if names else text

    return say
