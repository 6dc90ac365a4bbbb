{# What can be said of a rulebook before it has graded anybody, as rows for rfm__rulebook_audit:
   [{rulebook, finding, subject, position, severity, sentence, sentence_zh, amount, out_of, lowest, highest}]. #}
{% macro rulebook_findings(rulebooks) %}
    {%- set findings = [] -%}
    {%- for rulebook in rulebooks.values() -%}
        {%- set own = rfm.weight_findings(rulebook) + rfm.range_findings(rulebook) + rfm.gap_findings(rulebook) -%}
        {%- for finding in own -%}
            {%- set row = {
                "rulebook": rulebook.name, "subject": none, "position": 1, "amount": none, "out_of": none, "lowest": none, "highest": none
            } -%}
            {%- do row.update(finding) -%}
            {%- do findings.append(row) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}

{# Weights that do not add up to 1. Scores that are added up as they are (every weight 1) are meant so. #}
{% macro weight_findings(rulebook) %}
    {%- set sum = namespace(units=0, is_plain=true) -%}
    {%- for weight in rulebook.total.weights.values() -%}
        {%- set sum.units = sum.units + rfm.millionths(weight) -%}
        {%- set sum.is_plain = sum.is_plain and weight == 1 -%}
    {%- endfor -%}
    {%- if rulebook.total.kind != "weights" or sum.units == 1000000 -%}
        {{- return([]) -}}
    {%- endif -%}
    {%- set shown = rfm.decimal_text(sum.units, 6) -%}
    {%- if sum.is_plain -%}
        {{- return([{
            "finding": "weights_do_not_sum_to_1", "severity": "info", "amount": shown,
            "sentence": "The scores are added up without weights, so totals run higher than scores. Check that the bounds of the "
                ~ "grades are set for such totals.",
            "sentence_zh": "各项得分直接相加，没有权重，总分高于单项得分。请核对等级界限是否按总分设定。",
        }]) -}}
    {%- endif -%}
    {{- return([{
        "finding": "weights_do_not_sum_to_1", "severity": "medium", "amount": shown,
        "sentence": "The weights add up to " ~ shown ~ ", not to 1, so totals do not run on the scale of the scores. Check that the "
            ~ "bounds of the grades are set for such totals, or change the weights.",
        "sentence_zh": "权重之和为 " ~ shown ~ "，不等于 1，总分与单项得分不在同一尺度。请核对等级界限是否按此设定，或调整权重。",
    }]) -}}
{% endmacro %}

{# The range of totals, and the grades out of it, where the scores are no finite set but the total is a weighted sum. What
   a finite set can reach is counted by int_rfm__score_combinations. #}
{% macro range_findings(rulebook) %}
    {%- set range = rfm.total_range(rulebook) -%}
    {%- if range is none -%}
        {{- return([]) -}}
    {%- endif -%}
    {%- set lowest, highest = range -%}
    {%- set in_words = rfm.range_in_words(lowest, highest) -%}
    {%- set findings = [{
        "finding": "range_of_totals", "severity": "info", "lowest": lowest, "highest": highest,
        "sentence": "Totals run " ~ in_words.en ~ ".",
        "sentence_zh": "总分范围：" ~ in_words.zh ~ "。",
    }] -%}
    {%- if rulebook.grades | rejectattr("kind", "in", ["bounds", "otherwise"]) | list -%}
        {{- return(findings) -}}
    {%- endif -%}
    {%- set low = lowest | float if lowest is not none else none -%}
    {%- set high = highest | float if highest is not none else none -%}
    {%- set pieces = rfm.ladder_pieces(rulebook.grades, low, high) -%}
    {%- set reached = pieces | map(attribute="rung") | list -%}
    {%- for grade in rulebook.grades if grade.order - 1 not in reached -%}
        {%- do findings.append({
            "finding": "unreachable_grade", "subject": grade.grade, "severity": "high", "lowest": lowest, "highest": highest,
            "sentence": "Nobody can get grade " ~ grade.grade ~ ": totals run " ~ in_words.en ~ ", and no total in this range earns it. "
                ~ "Move the bounds of the grades, or drop this one.",
            "sentence_zh": "等级 " ~ grade.grade ~ " 不可能出现：总分范围为" ~ in_words.zh ~ "，其中没有任何总分对应该等级。请调整等级界限，或取消该等级。",
        }) -%}
    {%- endfor -%}
    {%- for piece in pieces if piece.rung is none and rulebook.grades -%}
        {%- set gap = rfm.piece_in_words(piece) -%}
        {%- do findings.append({
            "finding": "total_without_grade", "position": loop.index, "severity": "medium", "lowest": piece.low, "highest": piece.high,
            "sentence": "A total of " ~ gap.en ~ " earns no grade: such customers are set aside in rfm__rejected_records. Add a grade "
                ~ "for them, or an otherwise at the end.",
            "sentence_zh": "总分" ~ gap.zh ~ " 时没有对应的等级，此类客户会进入 rfm__rejected_records。请补充等级，或在末尾加上“其他”等级。",
        }) -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}

{# Values that no step or label scores. #}
{% macro gap_findings(rulebook) %}
    {%- set findings = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- if metric.score.kind == "steps" and not metric.score.has_otherwise -%}
            {%- set pieces = rfm.ladder_pieces(metric.score.steps, rfm.lowest_value(metric)) -%}
            {%- for piece in pieces | selectattr("rung", "none") -%}
                {%- set gap = rfm.piece_in_words(piece) -%}
                {%- do findings.append({
                    "finding": "value_without_score", "subject": metric.name, "position": loop.index, "severity": "medium",
                    "lowest": piece.low, "highest": piece.high,
                    "sentence": "No step of " ~ metric.name ~ " scores a value of " ~ gap.en ~ ": such customers are set aside in "
                        ~ "rfm__rejected_records. Add a step for them, or an otherwise at the end.",
                    "sentence_zh": "指标 " ~ metric.name ~ " 的取值" ~ gap.zh ~ " 时没有得分，此类客户会进入 rfm__rejected_records。请补充分段，或在末尾加上“其他”分段。",
                }) -%}
            {%- endfor -%}
        {%- elif metric.score.kind == "lookup" and not metric.score.has_otherwise -%}
            {%- set labels = metric.score.lookup | join(", ") -%}
            {%- do findings.append({
                "finding": "value_without_score", "subject": metric.name, "severity": "low",
                "sentence": "Only these labels of " ~ metric.name ~ " have a score: " ~ labels ~ ". Customers with any other, or with "
                    ~ "none, are set aside in rfm__rejected_records. Add an otherwise if they should be graded.",
                "sentence_zh": "指标 " ~ metric.name ~ " 只有以下标签有得分：" ~ labels ~ "。其他标签或空白的客户会进入 rfm__rejected_records。如需评级，请加上 otherwise。",
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}

{# The lowest and the highest total as texts, none where there is no such end: of a weighted sum whose scores are no finite
   set. None in place of both where the total is something else, or has neither end. #}
{% macro total_range(rulebook) %}
    {%- if rulebook.total.kind != "weights" or rfm.has_combinations(rulebook) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set sum = namespace(lowest=0, highest=0) -%}
    {%- for metric in rulebook.metrics -%}
        {%- set weight = rfm.millionths(metric.weight) -%}
        {%- set ends = [] -%}
        {%- for end in rfm.score_range(metric) -%}
            {%- do ends.append(none if end is none else rfm.millionths(end) * weight) -%}
        {%- endfor -%}
        {%- set low, high = (ends[0], ends[1]) if weight > 0 else (ends[1], ends[0]) if weight < 0 else (0, 0) -%}
        {%- set sum.lowest = none if sum.lowest is none or low is none else sum.lowest + low -%}
        {%- set sum.highest = none if sum.highest is none or high is none else sum.highest + high -%}
    {%- endfor -%}
    {%- if sum.lowest is none and sum.highest is none -%}
        {{- return(none) -}}
    {%- endif -%}
    {#- Rounding moves a total by half a unit of its last decimal at most. -#}
    {%- set half = 5 * 10 ** (11 - rulebook["round"]) if rulebook["round"] is not none else 0 -%}
    {{- return((
        rfm.decimal_text(sum.lowest - half, 12) if sum.lowest is not none else none,
        rfm.decimal_text(sum.highest + half, 12) if sum.highest is not none else none,
    )) -}}
{% endmacro %}

{# The ends between which every score of a metric is, none where there is no such end. #}
{% macro score_range(metric) %}
    {%- set scores = rfm.possible_scores(metric) -%}
    {%- if scores is not none -%}
        {{- return((scores | min, scores | max)) -}}
    {%- endif -%}
    {%- set ends = (none, none) -%}
    {%- if metric.score.kind == "value" -%}
        {%- set ends = (rfm.lowest_value(metric), none) -%}
    {%- elif metric.score.kind == "scale" and metric.score.statistic == "minmax" -%}
        {%- set ends = (0, 1) -%}
    {%- endif -%}
    {%- if metric.clamp is not none -%}
        {%- set lowest = metric.clamp[0] if ends[0] is none else [[metric.clamp[0], ends[0]] | max, metric.clamp[1]] | min -%}
        {%- set highest = metric.clamp[1] if ends[1] is none else [[metric.clamp[0], ends[1]] | max, metric.clamp[1]] | min -%}
        {%- set ends = (lowest, highest) -%}
    {%- endif -%}
    {{- return(ends) -}}
{% endmacro %}

{# Cleaning rejects negative days and counts; no other value has an end that is known. #}
{% macro lowest_value(metric) %}
    {{- return(0 if metric.value in ["recency_days", "frequency"] else none) -}}
{% endmacro %}

{# A number of the vars in millionths, exact. #}
{% macro millionths(number) %}
    {%- set parts = (number | string).split(".") -%}
    {%- set fraction = parts[1] if parts | length > 1 else "" -%}
    {{- return((parts[0] ~ fraction ~ "0" * (6 - fraction | length)) | int) -}}
{% endmacro %}

{# A whole number of units of the last of some decimals as a text without trailing zeros. #}
{% macro decimal_text(units, decimals) %}
    {%- set digits = (units | abs | string).rjust(decimals + 1, "0") -%}
    {%- set fraction = digits[-decimals:].rstrip("0") -%}
    {{- return(("-" if units < 0 else "") ~ digits[:-decimals] ~ ("." ~ fraction if fraction else "")) -}}
{% endmacro %}

{% macro range_in_words(lowest, highest) %}
    {%- if highest is none -%}
        {{- return({"en": "from " ~ lowest ~ " upwards, without an upper end", "zh": "不低于 " ~ lowest ~ "，无上限"}) -}}
    {%- elif lowest is none -%}
        {{- return({"en": "up to " ~ highest ~ ", without a lower end", "zh": "不高于 " ~ highest ~ "，无下限"}) -}}
    {%- endif -%}
    {{- return({"en": "from " ~ lowest ~ " to " ~ highest, "zh": lowest ~ " 至 " ~ highest}) -}}
{% endmacro %}

{# A piece of the number line, as ladder_pieces() gives it. #}
{% macro piece_in_words(piece) %}
    {%- if piece.low is not none and piece.low == piece.high -%}
        {{- return({"en": "exactly " ~ piece.low, "zh": "恰为 " ~ piece.low}) -}}
    {%- endif -%}
    {%- set en = [] -%}
    {%- set zh = [] -%}
    {%- if piece.low is not none -%}
        {%- do en.append(("at least " if piece.low_is_in else "more than ") ~ piece.low) -%}
        {%- do zh.append(("不低于 " if piece.low_is_in else "高于 ") ~ piece.low) -%}
    {%- endif -%}
    {%- if piece.high is not none -%}
        {%- do en.append(("at most " if piece.high_is_in else "less than ") ~ piece.high) -%}
        {%- do zh.append(("不高于 " if piece.high_is_in else "低于 ") ~ piece.high) -%}
    {%- endif -%}
    {{- return({"en": en | join(" and ") or "any amount", "zh": zh | join("且") or "为任意值"}) -}}
{% endmacro %}
