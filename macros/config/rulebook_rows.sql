{# The rulebooks as rows for rfm__rulebooks: [{rulebook, part, position, name, definition, definition_zh, weight,
   lowest_score, highest_score}]. The parts: rulebook, metric, total, grade, action. #}
{% macro rulebook_rows() %}
    {%- set rows = [] -%}
    {%- for rulebook in rfm.rulebooks().values() -%}
        {%- set parts = [("rulebook", 1, rulebook.name, {"en": rulebook.description, "zh": rulebook.description}, none, none)] -%}
        {%- for metric in rulebook.metrics -%}
            {%- do parts.append((
                "metric", loop.index, metric.name, rfm.in_both_languages(rfm.metric_in_words, metric), metric.weight,
                rfm.score_bounds(metric)
            )) -%}
        {%- endfor -%}
        {%- if rulebook.total.kind != "none" -%}
            {%- do parts.append(("total", 1, "total", rfm.in_both_languages(rfm.total_in_words, rulebook), none, none)) -%}
        {%- endif -%}
        {%- for grade in rulebook.grades -%}
            {%- do parts.append((
                "grade", grade.order, grade.grade, rfm.in_both_languages(rfm.grade_in_words, grade), none, none
            )) -%}
        {%- endfor -%}
        {%- for grade in rulebook.grades if grade.grade in rulebook.actions -%}
            {%- do parts.append((
                "action", grade.order, grade.grade,
                rfm.in_both_languages(rfm.action_in_words, rulebook.actions[grade.grade]), none, none
            )) -%}
        {%- endfor -%}
        {%- for part, position, name, words, weight, bounds in parts -%}
            {%- do rows.append({
                "rulebook": rulebook.name, "part": part, "position": position, "name": name, "definition": words.en,
                "definition_zh": words.zh, "weight": weight,
                "lowest_score": bounds[0] if bounds else none, "highest_score": bounds[1] if bounds else none,
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(rows) -}}
{% endmacro %}

{# The lowest and the highest score of a metric; none where the values decide, or the scores are texts. #}
{% macro score_bounds(metric) %}
    {%- set scores = rfm.possible_scores(metric) -%}
    {%- if metric.score_is_text -%}
        {{- return(none) -}}
    {%- endif -%}
    {{- return([scores | min, scores | max] if scores is not none else metric.clamp) -}}
{% endmacro %}

{# What a macro says of a part of a rulebook, in English and in Chinese: {en, zh}. #}
{% macro in_both_languages(in_words, part) %}
    {{- return({"en": in_words(part, "en"), "zh": in_words(part, "zh")}) -}}
{% endmacro %}

{% macro metric_in_words(metric, language) %}
    {%- set is_zh = language == "zh" -%}
    {%- set comma = "，" if is_zh else ", " -%}
    {%- set semicolon = "；" if is_zh else "; " -%}
    {%- set otherwise = "其他" if is_zh else "otherwise" -%}
    {%- set statistics = {"mean": "平均值", "median": "中位数", "sum": "合计", "min": "最小值", "max": "最大值", "count": "客户数"} -%}
    {%- set score = metric.score -%}
    {%- set words = [metric.value] -%}
    {%- if score.kind in ["tiles", "split"] or metric.better == "low" -%}
        {%- do words.append(
            ("越小越好" if metric.better == "low" else "越大越好") if is_zh else metric.better ~ " is better"
        ) -%}
    {%- endif -%}
    {%- if score.kind == "tiles" -%}
        {%- do words.append("分 " ~ score.tiles ~ " 等份" if is_zh else score.tiles ~ " tiles") -%}
        {%- if score.ties == "together" -%}
            {%- do words.append("并列同分" if is_zh else "ties together") -%}
        {%- else -%}
            {%- set keys = [] -%}
            {%- for key in score.tie_break -%}
                {%- do keys.append(key.column ~ " " ~ key.direction) -%}
            {%- endfor -%}
            {%- do keys.append("customer_id asc") -%}
            {%- do words.append("并列按 " ~ keys | join("、") ~ " 排序" if is_zh else "ties by " ~ keys | join(" then ")) -%}
        {%- endif -%}
    {%- elif score.kind == "steps" -%}
        {%- set steps = [] -%}
        {%- for step in score.steps -%}
            {%- set condition = rfm.rung_condition("值" if is_zh else "value", step) -%}
            {%- if is_zh -%}
                {%- do steps.append((condition | replace(" and ", " 且 ") or otherwise) ~ " 得 " ~ step.score) -%}
            {%- else -%}
                {%- do steps.append(step.score ~ " where " ~ (condition or otherwise)) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do words.append(("分段：" if is_zh else "steps: ") ~ steps | join(semicolon)) -%}
    {%- elif score.kind == "lookup" -%}
        {%- set colon = "：" if is_zh else ": " -%}
        {%- set labels = [] -%}
        {%- for label, points in score.lookup.items() -%}
            {%- do labels.append(label ~ colon ~ points) -%}
        {%- endfor -%}
        {%- if score.has_otherwise -%}
            {%- do labels.append(otherwise ~ colon ~ score.otherwise) -%}
        {%- endif -%}
        {%- do words.append(("按标签" if is_zh else "by label") ~ colon ~ labels | join(semicolon)) -%}
    {%- elif score.kind == "split" -%}
        {%- do words.append(
            "不差于本组" ~ statistics[score.statistic] ~ "得 " ~ score.scores[0] ~ "，否则得 " ~ score.scores[1] if is_zh
            else score.scores[0] ~ " on the better side of the " ~ score.statistic ~ " of the group, else " ~ score.scores[1]
        ) -%}
    {%- elif score.kind == "share" -%}
        {%- do words.append("占本组合计的百分比" if is_zh else "percent of the group's sum") -%}
    {%- elif score.kind == "scale" -%}
        {%- set scaled = {
            "minmax": "在本组最小值与最大值之间的位置", "max": "与本组最大值之比", "mean": "与本组平均值之比"
        } -%}
        {%- do words.append(scaled[score.statistic] if is_zh else "scaled by " ~ score.statistic ~ " of the group") -%}
    {%- elif score.kind == "group" -%}
        {%- do words.append("本组的" ~ statistics[score.statistic] if is_zh else score.statistic ~ " of the group") -%}
    {%- else -%}
        {%- do words.append("取值本身" if is_zh else "the value itself") -%}
    {%- endif -%}
    {%- if metric.clamp is not none -%}
        {%- do words.append(
            "限于 " ~ metric.clamp[0] ~ " 至 " ~ metric.clamp[1] if is_zh
            else "between " ~ metric.clamp[0] ~ " and " ~ metric.clamp[1]
        ) -%}
    {%- endif -%}
    {{- return(words | join(comma)) -}}
{% endmacro %}

{% macro total_in_words(rulebook, language) %}
    {%- set is_zh = language == "zh" -%}
    {%- set terms = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do terms.append(metric.weight ~ (" × " if is_zh else " x ") ~ metric.name) -%}
    {%- endfor -%}
    {%- set words = {
        "weights": terms | join(" + "),
        "expression": rulebook.total.expression,
        "code": ("编码：" if is_zh else "code of ") ~ rulebook.total.code | join("、" if is_zh else ", "),
    } -%}
    {%- set rounding = "" -%}
    {%- if rulebook["round"] is not none -%}
        {%- set rounding = "，保留 " ~ rulebook["round"] ~ " 位小数" if is_zh else ", rounded to " ~ rulebook["round"] ~ " decimals" -%}
    {%- endif -%}
    {{- return(words[rulebook.total.kind] ~ rounding) -}}
{% endmacro %}

{% macro grade_in_words(grade, language) %}
    {%- set is_zh = language == "zh" -%}
    {%- set words = {
        "bounds": rfm.rung_condition("总分", grade) | replace(" and ", " 且 ") if is_zh else rfm.rung_condition("total_score", grade),
        "when": grade.get("when"),
        "codes": ("编码 " if is_zh else "codes ") ~ grade.get("patterns", []) | join("、" if is_zh else ", "),
        "otherwise": "其他" if is_zh else "otherwise",
    } -%}
    {{- return(words[grade.kind]) -}}
{% endmacro %}

{% macro action_in_words(action, language) %}
    {%- set service = rfm.service_in_words(action, language) -%}
    {%- set words = [service] if service else [] -%}
    {%- for resource, share in action.get("resources", {}).items() -%}
        {%- do words.append(share ~ (" × " if language == "zh" else " x ") ~ resource) -%}
    {%- endfor -%}
    {{- return(words | join("，" if language == "zh" else ", ")) -}}
{% endmacro %}
