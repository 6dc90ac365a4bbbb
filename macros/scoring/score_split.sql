{# {split: mean} or {split: median}: 1 on the better side of the group's mean or median, where the equal counts as better,
   else 0; {scores: [1, -1]} sets the two. The cut point is the worst value of a customer on the better side. #}

{% macro check_score_split(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["split", "scores", "clamp"]) -%}
    {%- do rfm.check_one_of(owner, path ~ ".split", written.split, ["mean", "median"]) -%}
    {%- set scores = written.get("scores", [1, 0]) -%}
    {%- set expected = "two scores, of the better side and of the worse: [1, 0]" -%}
    {%- do rfm.check_list(owner, path ~ ".scores", scores, expected) -%}
    {%- if scores | length != 2 -%}
        {%- do rfm.raise_wrong_value(owner, path ~ ".scores", scores, expected) -%}
    {%- endif -%}
    {%- for score in scores -%}
        {%- do rfm.check_points(owner, path ~ ".scores", score) -%}
    {%- endfor -%}
    {{- return({
        "kind": "split",
        "statistic": written.split,
        "scores": rfm.points_in_text(scores),
        "score_is_text": scores | select("string") | list != [],
    }) -}}
{% endmacro %}

{% macro score_split(metric) %}
        case
            when {{ metric.name }}_value is null then null
            when {{ metric.name }}_value {{ "<=" if metric.better == "low" else ">=" }} {{ metric.name }}_cut_1
                then {{ rfm.points(metric, metric.score.scores[0]) }}
            else {{ rfm.points(metric, metric.score.scores[1]) }}
        end
{%- endmacro %}

{% macro possible_scores_split(metric) %}
    {{- return(metric.score.scores) -}}
{% endmacro %}
