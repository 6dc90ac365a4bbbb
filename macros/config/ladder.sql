{# A ladder is an ordered list of rungs; the first rung that holds a value wins. Bounds are min (>=), above (>), max (<=)
   and below (<); a rung without bounds is 'otherwise'. #}

{% macro bound_names() %}
    {{- return(["min", "above", "max", "below"]) -}}
{% endmacro %}

{# Refuses rungs that can never be reached, rungs that overlap, and an 'otherwise' that is not the last.
   rungs: list of mappings with a 'label' and the bounds. One rung inside a later, wider one is a ladder, not an overlap. #}
{% macro check_ladder(owner, path, rungs) %}
    {%- set earlier = [] -%}
    {%- for rung in rungs -%}
        {%- set here = path ~ "[" ~ loop.index ~ "]" -%}
        {%- for bound in rfm.bound_names() if bound in rung -%}
            {%- do rfm.check_number(owner, here ~ "." ~ bound, rung[bound]) -%}
        {%- endfor -%}
        {%- for pair in [("min", "above"), ("max", "below")] if pair[0] in rung and pair[1] in rung -%}
            {%- do rfm.raise_configuration_error(
                owner, here ~ " has both '" ~ pair[0] ~ "' and '" ~ pair[1] ~ "'", "one of the two"
            ) -%}
        {%- endfor -%}
        {#- Each bound as (value, side): side orders what lies just before, at and just after the value. -#}
        {%- set infinity = 10 ** 15 -%}
        {%- set low = (rung["min"], 0) if "min" in rung else (rung["above"], 1) if "above" in rung else (-infinity, 0) -%}
        {%- set high = (rung["max"], 0) if "max" in rung else (rung["below"], -1) if "below" in rung else (infinity, 0) -%}
        {%- if low > high -%}
            {%- do rfm.raise_configuration_error(
                owner, here ~ " ('" ~ rung.label ~ "') has its lower bound above its upper bound", "bounds that some value fits"
            ) -%}
        {%- endif -%}
        {%- if low == (-infinity, 0) and high == (infinity, 0) and not loop.last -%}
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
