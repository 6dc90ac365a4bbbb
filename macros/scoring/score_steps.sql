{# {steps: [{max: 10, score: 5}, ..., {score: 1}]}: the first rung that holds the value. #}

{% macro check_score_steps(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["steps", "clamp"]) -%}
    {%- set path = path ~ ".steps" -%}
    {%- do rfm.check_list(owner, path, written.steps, "a list of steps like {max: 10, score: 5}, the first that matches wins") -%}
    {%- set rungs = [] -%}
    {%- set scores = [] -%}
    {%- for step in written.steps -%}
        {%- set here = path ~ "[" ~ loop.index ~ "]" -%}
        {%- do rfm.check_keys(owner, here, step, ["score"] + rfm.bound_names(), ["score"]) -%}
        {%- do rfm.check_points(owner, here ~ ".score", step.score) -%}
        {%- do scores.append(step.score) -%}
    {%- endfor -%}
    {%- for step in written.steps -%}
        {%- set score = rfm.points_in_text(scores)[loop.index0] -%}
        {%- do rungs.append(dict(step, label=score, score=score)) -%}
    {%- endfor -%}
    {%- do rfm.check_ladder(owner, path, rungs) -%}
    {{- return({
        "kind": "steps",
        "steps": rungs,
        "has_otherwise": rfm.bound_names() | select("in", rungs[-1]) | list == [],
        "score_is_text": scores | select("string") | list != [],
    }) -}}
{% endmacro %}

{% macro score_steps(metric) %}
        case
            when {{ metric.name }}_value is null then null
            {%- for step in metric.score.steps %}
            {%- set condition = rfm.rung_condition(metric.name ~ "_value", step) %}
            {{ "when " ~ condition ~ " then" if condition else "else" }} {{ rfm.points(metric, step.score) }}
            {%- endfor %}
        end
{%- endmacro %}

{% macro possible_scores_steps(metric) %}
    {{- return(metric.score.steps | map(attribute="score") | list) -}}
{% endmacro %}

{% macro unscored_steps(metric, rulebook_name, integer_columns) %}
    {%- set value = metric.name ~ "_value" -%}
    {%- set conditions = [] -%}
    {%- for step in metric.score.steps -%}
        {%- do conditions.append("(" ~ rfm.rung_condition(value, step) ~ ")") -%}
    {%- endfor -%}
    {%- set in_words = rfm.number_in_words(value, metric.value in integer_columns) -%}
    {{- return([
        (value ~ " is null", "'metric " ~ metric.name ~ " has no value'"),
        (
            "not (" ~ conditions | join(" or ") ~ ")",
            rfm.text_literal(metric.name ~ " ") ~ " || " ~ in_words ~ " || "
                ~ rfm.text_literal(" matches no step of rulebook '" ~ rulebook_name ~ "'"),
        ),
    ]) -}}
{% endmacro %}

{# What would lift the score of a value: [{condition, score, bound}], for each piece of the number line the smallest
   greater score and the nearest bound of the piece that gives it, as SQL. #}
{% macro next_steps(metric) %}
    {%- if metric.score.score_is_text -%}
        {{- return([]) -}}
    {%- endif -%}
    {%- set value = metric.name ~ "_value" -%}
    {%- set pieces = [] -%}
    {%- for piece in rfm.ladder_pieces(metric.score.steps) -%}
        {%- set score = none if piece.rung is none else metric.score.steps[piece.rung].score -%}
        {%- if score is not none and metric.clamp is not none -%}
            {%- set score = [[score, metric.clamp[0]] | max, metric.clamp[1]] | min -%}
        {%- endif -%}
        {%- do pieces.append(dict(piece, score=score)) -%}
    {%- endfor -%}
    {%- set lifts = [] -%}
    {%- for piece in pieces if piece.score is not none -%}
        {%- set position = loop.index0 -%}
        {%- set greater = pieces | rejectattr("score", "none") | map(attribute="score") | select("gt", piece.score) | list -%}
        {%- if greater -%}
            {%- set score = greater | min -%}
            {%- set place = pieces.index(piece) -%}
            {%- set below = pieces[:place] | selectattr("score", "equalto", score) | list -%}
            {%- set above = pieces[place:] | selectattr("score", "equalto", score) | list -%}
            {%- if below and above -%}
                {%- set bound = (
                    "case when " ~ value ~ " - " ~ below[-1].high ~ " <= " ~ above[0].low ~ " - " ~ value
                    ~ " then " ~ below[-1].high ~ " else " ~ above[0].low ~ " end"
                ) -%}
            {%- else -%}
                {%- set bound = below[-1].high if below else above[0].low -%}
            {%- endif -%}
            {%- do lifts.append({"condition": rfm.piece_condition(value, piece), "score": score, "bound": bound}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(lifts) -}}
{% endmacro %}
