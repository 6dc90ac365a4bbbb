{# The rulebooks as rows for rfm__rulebooks: [{rulebook, part, position, name, definition, weight, lowest_score,
   highest_score}]. The parts: rulebook, metric, total, grade, action. #}
{% macro rulebook_rows() %}
    {%- set rows = [] -%}
    {%- for rulebook in rfm.rulebooks().values() -%}
        {%- set parts = [("rulebook", 1, rulebook.name, rulebook.description, none, none)] -%}
        {%- for metric in rulebook.metrics -%}
            {%- do parts.append((
                "metric", loop.index, metric.name, rfm.metric_in_words(metric), metric.weight, rfm.score_bounds(metric)
            )) -%}
        {%- endfor -%}
        {%- if rulebook.total.kind != "none" -%}
            {%- do parts.append(("total", 1, "total", rfm.total_in_words(rulebook), none, none)) -%}
        {%- endif -%}
        {%- for grade in rulebook.grades -%}
            {%- do parts.append((
                "grade", grade.order, grade.grade, rfm.grade_in_words(grade), none, none
            )) -%}
        {%- endfor -%}
        {%- for grade in rulebook.grades if grade.grade in rulebook.actions -%}
            {%- do parts.append((
                "action", grade.order, grade.grade, rfm.action_in_words(rulebook.actions[grade.grade]), none, none
            )) -%}
        {%- endfor -%}
        {%- for part, position, name, definition, weight, bounds in parts -%}
            {%- do rows.append({
                "rulebook": rulebook.name, "part": part, "position": position, "name": name, "definition": definition,
                "weight": weight, "lowest_score": bounds[0] if bounds else none, "highest_score": bounds[1] if bounds else none,
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

{% macro metric_in_words(metric) %}
    {%- set score = metric.score -%}
    {%- set words = [metric.value] -%}
    {%- if score.kind in ["tiles", "split"] or metric.better == "low" -%}
        {%- do words.append(metric.better ~ " is better") -%}
    {%- endif -%}
    {%- if score.kind == "tiles" -%}
        {%- do words.append(score.tiles ~ " tiles") -%}
        {%- if score.ties == "together" -%}
            {%- do words.append("ties together") -%}
        {%- else -%}
            {%- set keys = [] -%}
            {%- for key in score.tie_break -%}
                {%- do keys.append(key.column ~ " " ~ key.direction) -%}
            {%- endfor -%}
            {%- do words.append("ties by " ~ (keys + ["customer_id asc"]) | join(" then ")) -%}
        {%- endif -%}
    {%- elif score.kind == "steps" -%}
        {%- set steps = [] -%}
        {%- for step in score.steps -%}
            {%- do steps.append(step.score ~ " where " ~ (rfm.rung_condition("value", step) or "otherwise")) -%}
        {%- endfor -%}
        {%- do words.append("steps: " ~ steps | join("; ")) -%}
    {%- elif score.kind == "lookup" -%}
        {%- set labels = [] -%}
        {%- for label, points in score.lookup.items() -%}
            {%- do labels.append(label ~ ": " ~ points) -%}
        {%- endfor -%}
        {%- if score.has_otherwise -%}
            {%- do labels.append("otherwise: " ~ score.otherwise) -%}
        {%- endif -%}
        {%- do words.append("by label: " ~ labels | join("; ")) -%}
    {%- elif score.kind == "split" -%}
        {%- do words.append(
            score.scores[0] ~ " on the better side of the " ~ score.statistic ~ " of the group, else " ~ score.scores[1]
        ) -%}
    {%- elif score.kind == "share" -%}
        {%- do words.append("percent of the group's sum") -%}
    {%- elif score.kind == "scale" -%}
        {%- do words.append("scaled by " ~ score.statistic ~ " of the group") -%}
    {%- elif score.kind == "group" -%}
        {%- do words.append(score.statistic ~ " of the group") -%}
    {%- else -%}
        {%- do words.append("the value itself") -%}
    {%- endif -%}
    {%- if metric.clamp is not none -%}
        {%- do words.append("between " ~ metric.clamp[0] ~ " and " ~ metric.clamp[1]) -%}
    {%- endif -%}
    {{- return(words | join(", ")) -}}
{% endmacro %}

{% macro total_in_words(rulebook) %}
    {%- set terms = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do terms.append(metric.weight ~ " x " ~ metric.name) -%}
    {%- endfor -%}
    {%- set rounding = ", rounded to " ~ rulebook["round"] ~ " decimals" if rulebook["round"] is not none else "" -%}
    {%- set words = {
        "weights": terms | join(" + "),
        "expression": rulebook.total.expression,
        "code": "code of " ~ rulebook.total.code | join(", "),
    } -%}
    {{- return(words[rulebook.total.kind] ~ rounding) -}}
{% endmacro %}

{% macro grade_in_words(grade) %}
    {%- set words = {
        "bounds": rfm.rung_condition("total_score", grade),
        "when": grade.get("when"),
        "codes": "codes " ~ grade.get("patterns", []) | join(", "),
        "otherwise": "otherwise",
    } -%}
    {{- return(words[grade.kind]) -}}
{% endmacro %}

{% macro action_in_words(action) %}
    {%- set service = rfm.service_in_words(action, "en") -%}
    {%- set words = [service] if service else [] -%}
    {%- for resource, share in action.get("resources", {}).items() -%}
        {%- do words.append(share ~ " x " ~ resource) -%}
    {%- endfor -%}
    {{- return(words | join(", ")) -}}
{% endmacro %}
