{# The rulebooks as rows for rfm__rulebooks: [{rulebook, part, position, name, definition, weight, lowest_score,
   highest_score}]. The parts: rulebook, metric, total, grade, action. #}
{% macro rulebook_rows() %}
    {%- set rows = [] -%}
    {%- for rulebook in (rfm.rulebooks() if execute else {}).values() -%}
        {%- set parts = [("rulebook", 1, rulebook.name, rulebook.description, none, none)] -%}
        {%- for metric in rulebook.metrics -%}
            {%- do parts.append((
                "metric", loop.index, metric.name, rfm.metric_in_words(metric), metric.weight, rfm.score_bounds(metric)
            )) -%}
        {%- endfor -%}
        {%- if rulebook.total -%}
            {%- do parts.append(("total", 1, "total", rfm.total_in_words(rulebook), none, none)) -%}
        {%- endif -%}
        {%- for grade in rulebook.grades -%}
            {%- do parts.append((
                "grade", grade.order, grade.grade, rfm.rung_condition("total_score", grade) or "otherwise", none, none
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

{# The lowest and the highest score of a metric, none where the values decide. #}
{% macro score_bounds(metric) %}
    {%- if metric.score.kind == "tiles" -%}
        {%- set cut_points = rfm.tile_cut_points(metric) -%}
        {{- return([cut_points.lowest, cut_points.above[0].score if cut_points.above else cut_points.lowest]) -}}
    {%- endif -%}
    {{- return(metric.clamp) -}}
{% endmacro %}

{% macro metric_in_words(metric) %}
    {%- set words = [metric.value, metric.better ~ " is better"] -%}
    {%- if metric.score.kind == "tiles" -%}
        {%- do words.append(metric.score.tiles ~ " tiles") -%}
        {%- if metric.score.ties == "together" -%}
            {%- do words.append("ties together") -%}
        {%- else -%}
            {%- set keys = [] -%}
            {%- for key in metric.score.tie_break -%}
                {%- do keys.append(key.column ~ " " ~ key.direction) -%}
            {%- endfor -%}
            {%- do words.append("ties by " ~ (keys + ["customer_id asc"]) | join(" then ")) -%}
        {%- endif -%}
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
    {{- return(terms | join(" + ") ~ rounding) -}}
{% endmacro %}

{% macro action_in_words(action) %}
    {%- set words = [] -%}
    {%- if "contact_every_days" in action -%}
        {%- do words.append("contact every " ~ action.contact_every_days ~ " days") -%}
    {%- endif -%}
    {%- do words.extend(action.get("services", [])) -%}
    {{- return(words | join(", ")) -}}
{% endmacro %}
