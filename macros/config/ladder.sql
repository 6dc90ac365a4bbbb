{# A ladder is an ordered list of rungs; the first rung that holds a value wins. Bounds are min (>=), above (>), max (<=)
   and below (<); a rung without bounds is 'otherwise'. #}

{% macro bound_names() %}
    {{- return(["min", "above", "max", "below"]) -}}
{% endmacro %}

{# Refuses rungs that can never be reached, rungs that overlap, and an 'otherwise' that is not the last.
   rungs: list of mappings with a 'label', the bounds, and their 'position' where others stand between them. One rung inside a later, wider one is a ladder, not an overlap. #}
{% macro check_ladder(owner, path, rungs) %}
    {%- set earlier = [] -%}
    {%- for rung in rungs -%}
        {%- set here = path ~ "[" ~ rung.get("position", loop.index) ~ "]" -%}
        {%- for bound in rfm.bound_names() if bound in rung -%}
            {%- do rfm.check_number(owner, here ~ "." ~ bound, rung[bound]) -%}
        {%- endfor -%}
        {%- for pair in [("min", "above"), ("max", "below")] if pair[0] in rung and pair[1] in rung -%}
            {%- do rfm.raise_configuration_error(
                owner, here ~ " has both '" ~ pair[0] ~ "' and '" ~ pair[1] ~ "'", "one of the two"
            ) -%}
        {%- endfor -%}
        {%- set low, high = rfm.rung_ends(rung) -%}
        {%- if low > high -%}
            {%- set fault = "its lower bound above its upper bound" if low[0] > high[0] else "bounds that leave no value between them" -%}
            {%- do rfm.raise_configuration_error(
                owner, here ~ " ('" ~ rung.label ~ "') has " ~ fault, "bounds that some value fits"
            ) -%}
        {%- endif -%}
        {%- if rfm.bound_names() | select("in", rung) | list == [] and not loop.last -%}
            {%- do rfm.raise_configuration_error(
                owner, here ~ " ('" ~ rung.label ~ "') has no bounds", "such an otherwise to be the last"
            ) -%}
        {%- endif -%}
        {%- for other in earlier -%}
            {%- if other.low <= low and high <= other.high -%}
                {%- do rfm.raise_configuration_error(
                    owner, here ~ " ('" ~ rung.label ~ "') is never reached behind '" ~ other.label ~ "'",
                    "the best entry first, each with a wider or another range"
                ) -%}
            {%- elif other.low <= high and low <= other.high and not (low <= other.low and other.high <= high) -%}
                {%- do rfm.raise_configuration_error(
                    owner, here ~ " ('" ~ rung.label ~ "') overlaps '" ~ other.label ~ "'",
                    "ranges that share no value (use above and below at a shared bound)"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {#- Several earlier rungs may cover this one together: walk up from its lower bound through them. -#}
        {%- set walk = namespace(at=low) -%}
        {%- for step in earlier -%}
            {%- for other in earlier if other.low <= walk.at and walk.at <= other.high -%}
                {%- set walk.at = (other.high[0], other.high[1] + 1) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if walk.at > high -%}
            {%- do rfm.raise_configuration_error(
                owner, here ~ " ('" ~ rung.label ~ "') is never reached behind the entries before it",
                "the best entry first, each with a wider or another range"
            ) -%}
        {%- endif -%}
        {%- do earlier.append({"label": rung.label, "low": low, "high": high}) -%}
    {%- endfor -%}
{% endmacro %}

{# The SQL condition under which a rung holds a value; 'otherwise' gives an empty string. #}
{% macro rung_condition(value, rung) %}
    {%- set signs = {"min": ">=", "above": ">", "max": "<=", "below": "<"} -%}
    {%- set conditions = [] -%}
    {%- for bound in rfm.bound_names() if bound in rung -%}
        {%- do conditions.append(value ~ " " ~ signs[bound] ~ " " ~ rung[bound]) -%}
    {%- endfor -%}
    {{- return(conditions | join(" and ")) -}}
{% endmacro %}

{# The ends of a rung as (value, side): side orders what lies just before, at and just after the value. #}
{% macro rung_ends(rung) %}
    {%- set infinity = 10 ** 15 -%}
    {%- set low = (rung["min"], 0) if "min" in rung else (rung["above"], 1) if "above" in rung else (-infinity, 0) -%}
    {%- set high = (rung["max"], 0) if "max" in rung else (rung["below"], -1) if "below" in rung else (infinity, 0) -%}
    {{- return((low, high)) -}}
{% endmacro %}

{# What each rung really holds, since the first that matches wins: the number line from low to high as
   [{rung (its index, none in a gap), low, high (none: without end), low_is_in, high_is_in}].
   lowest, highest: the ends of the line, none where it has none. #}
{% macro ladder_pieces(rungs, lowest=none, highest=none) %}
    {%- set line_low = (lowest, 0) if lowest is not none else (-(10 ** 15), 0) -%}
    {%- set line_high = (highest, 0) if highest is not none else (10 ** 15, 0) -%}
    {%- set points = [line_low[0], line_high[0]] -%}
    {%- for rung in rungs -%}
        {%- for bound in rfm.bound_names() if bound in rung and line_low[0] <= rung[bound] <= line_high[0] -%}
            {%- do points.append(rung[bound]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set pieces = [] -%}
    {%- for point in points | sort | unique -%}
        {#- The point itself, and all up to the next one. -#}
        {%- for place in [(point, 0), (point, 1)] if line_low <= place <= line_high -%}
            {%- set holder = namespace(rung=none) -%}
            {%- for rung in rungs if holder.rung is none -%}
                {%- set low, high = rfm.rung_ends(rung) -%}
                {%- if low <= place <= high -%}
                    {%- set holder.rung = loop.index0 -%}
                {%- endif -%}
            {%- endfor -%}
            {%- if pieces and pieces[-1].rung == holder.rung -%}
                {%- do pieces[-1].update({"high": place[0], "high_is_in": place[1] == 0}) -%}
            {%- else -%}
                {%- if pieces -%}
                    {%- do pieces[-1].update({"high": place[0], "high_is_in": place[1] == 1}) -%}
                {%- endif -%}
                {%- do pieces.append({
                    "rung": holder.rung, "low": place[0], "low_is_in": place[1] == 0,
                    "high": place[0], "high_is_in": place[1] == 0,
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if lowest is none -%}{%- do pieces[0].update({"low": none}) -%}{%- endif -%}
    {%- if highest is none -%}{%- do pieces[-1].update({"high": none}) -%}{%- endif -%}
    {{- return(pieces) -}}
{% endmacro %}

{# The SQL condition under which a piece of the number line holds a value; the whole line gives 1 = 1. #}
{% macro piece_condition(value, piece) %}
    {%- set conditions = [] -%}
    {%- if piece.low is not none -%}
        {%- do conditions.append(value ~ (" >= " if piece.low_is_in else " > ") ~ piece.low) -%}
    {%- endif -%}
    {%- if piece.high is not none -%}
        {%- do conditions.append(value ~ (" <= " if piece.high_is_in else " < ") ~ piece.high) -%}
    {%- endif -%}
    {{- return(conditions | join(" and ") or "1 = 1") -}}
{% endmacro %}
