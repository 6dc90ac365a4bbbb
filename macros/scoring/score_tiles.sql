{# {tiles: k}: exact NTILE, best first, by comparing each customer with the k - 1 cut points of its group. #}

{% macro check_score_tiles(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["tiles", "ties", "tie_break", "clamp"]) -%}
    {%- do rfm.check_whole_number(owner, path ~ ".tiles", written.tiles, 2, 100) -%}
    {%- set ties = written.get("ties", "split") -%}
    {%- do rfm.check_one_of(owner, path ~ ".ties", ties, ["split", "together"]) -%}
    {%- set tie_break = [] -%}
    {%- if "tie_break" in written -%}
        {%- if ties == "together" -%}
            {%- do rfm.raise_wrong_value(
                owner, path ~ ".tie_break", written.tie_break, "no tie_break: equal values stay together"
            ) -%}
        {%- endif -%}
        {%- if written.tie_break is string or written.tie_break is mapping or written.tie_break is not sequence -%}
            {%- do rfm.raise_wrong_value(
                owner, path ~ ".tie_break", written.tie_break, "a list of columns like [monetary desc]"
            ) -%}
        {%- endif -%}
        {%- for key in written.tie_break -%}
            {%- if key is not string or not modules.re.fullmatch("[a-z][a-z0-9_]*( +(asc|desc))?", key) -%}
                {%- do rfm.raise_wrong_value(
                    owner, path ~ ".tie_break", key, "a column, with asc or desc behind it or not"
                ) -%}
            {%- endif -%}
            {%- if key.split(" ")[0] in tie_break | map(attribute="column") -%}
                {%- do rfm.raise_wrong_value(owner, path ~ ".tie_break", key, "each column once") -%}
            {%- endif -%}
            {%- do tie_break.append({
                "column": key.split(" ")[0], "direction": "desc" if key.endswith(" desc") else "asc", "nulls": "last"
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return({
        "kind": "tiles", "tiles": written.tiles, "ties": ties, "tie_break": tie_break, "customer_id_direction": "asc"
    }) -}}
{% endmacro %}

{# The cut points that change a metric's score, as {tile, score}, best first, and the score below them all.
   The score is bounded by the clamp; of tiles that earn the same score only the last has a cut point that matters. #}
{% macro tile_cut_points(metric) %}
    {%- set last_tile_of_score = {} -%}
    {%- for tile in range(1, metric.score.tiles + 1) -%}
        {%- set earned = metric.score.tiles - tile + 1 -%}
        {%- if metric.clamp is not none -%}
            {%- set earned = [[earned, metric.clamp[0]] | max, metric.clamp[1]] | min -%}
        {%- endif -%}
        {%- do last_tile_of_score.update({earned: tile}) -%}
    {%- endfor -%}
    {%- set cut_points = [] -%}
    {%- for earned in last_tile_of_score -%}
        {%- do cut_points.append({"tile": last_tile_of_score[earned], "score": earned}) -%}
    {%- endfor -%}
    {{- return({"above": cut_points[:-1], "lowest": cut_points[-1].score}) -}}
{% endmacro %}

{% macro score_tiles(metric) %}
    {%- set value = metric.name ~ "_value" -%}
    {%- set comparison = "<" if metric.better == "low" else ">" -%}
    {%- set cut_points = rfm.tile_cut_points(metric) %}
        case
            when {{ value }} is null then null
            {%- for cut in cut_points.above %}
            {%- set cut_point = metric.name ~ "_cut_" ~ cut.tile %}
            when {{ value }} {{ comparison }} {{ cut_point }}
            {%- if metric.score.ties == "split" %}
                or (
                    {{ value }} = {{ cut_point }}
                    and (
                        {{ cut_point }}_customer_id is null
                        or {{ rfm.comes_not_after(metric.score, cut_point) }}
                    )
                )
            {%- else %}
                or {{ value }} = {{ cut_point }}
            {%- endif %}
                then {{ cut.score }}
            {%- endfor %}
            else {{ cut_points.lowest }}
        end
{%- endmacro %}

{# The condition that a customer comes before the customer at the cut point, or is it, in the order of equal values. #}
{% macro comes_not_after(score, cut_point) %}
    {%- set conditions = [] -%}
    {%- set brackets = [] -%}
    {%- for key in score.tie_break -%}
        {%- set column = "customers." ~ key.column -%}
        {%- set limit = cut_point ~ "_" ~ key.column -%}
        {%- set later, earlier = (column, limit) if key.nulls == "first" else (limit, column) -%}
        {%- do conditions.append(
            "(" ~ column ~ (" > " if key.direction == "desc" else " < ") ~ limit
            ~ " or (" ~ earlier ~ " is not null and " ~ later ~ " is null)"
            ~ " or (" ~ column ~ " is not distinct from " ~ limit ~ " and "
        ) -%}
        {%- do brackets.append("))") -%}
    {%- endfor -%}
    {%- set sign = " >= " if score.customer_id_direction == "desc" else " <= " -%}
    {{- return(conditions | join("") ~ "customers.customer_id" ~ sign ~ cut_point ~ "_customer_id" ~ brackets | join("")) -}}
{% endmacro %}

{# The order of customers with equal values: the tie-break columns, then customer_id. #}
{% macro tie_order(score) %}
    {%- set keys = [] -%}
    {%- for key in score.tie_break -%}
        {%- do keys.append("customers." ~ key.column ~ " " ~ key.direction ~ " nulls " ~ key.nulls ~ ", ") -%}
    {%- endfor -%}
    {{- return(keys | join("") ~ "customers.customer_id " ~ score.customer_id_direction) -}}
{% endmacro %}

{# A copy of the rulebook that orders equal values the other way round. #}
{% macro with_reversed_ties(rulebook) %}
    {%- set other = {"asc": "desc", "desc": "asc", "last": "first"} -%}
    {%- set metrics = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- set keys = [] -%}
        {%- for key in metric.score.get("tie_break", []) -%}
            {%- do keys.append(dict(key, direction=other[key.direction], nulls=other[key.nulls])) -%}
        {%- endfor -%}
        {%- do metrics.append(
            dict(metric, score=dict(metric.score, tie_break=keys, customer_id_direction="desc"))
        ) -%}
    {%- endfor -%}
    {{- return(dict(rulebook, metrics=metrics)) -}}
{% endmacro %}

{% macro possible_scores_tiles(metric) %}
    {{- return(range(1, metric.score.tiles + 1) | list) -}}
{% endmacro %}
