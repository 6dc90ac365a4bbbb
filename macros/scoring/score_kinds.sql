{# The one place that lists the kinds of score. A kind is a file beside this one with two macros:
     check_score_<kind>(owner, path, score)   reads what the user wrote, stops on a mistake, returns {kind, ...}
     score_<kind>(metric)                     the SQL of the score of one customer #}

{% macro check_score(owner, path, written) %}
    {%- set kinds = ["tiles"] -%}
    {%- if "tiles" in written -%}
        {{- return(rfm.check_score_tiles(owner, path, written)) -}}
    {%- endif -%}
    {%- for key in written if key != "clamp" -%}
        {%- do rfm.raise_unknown_key(owner, path, key, kinds + ["clamp"]) -%}
    {%- endfor -%}
    {{- return({"kind": "value"}) -}}
{% endmacro %}

{# The score of a metric, bounded by its clamp. Null where the metric has no value. #}
{% macro score(metric) %}
    {%- if metric.score.kind == "tiles" -%}
        {#- Cut points already carry bounded scores. -#}
        {{- return(rfm.score_tiles(metric)) -}}
    {%- endif -%}
    {{- return(rfm.bounded(rfm.score_value(metric), metric.clamp)) -}}
{% endmacro %}

{% macro bounded(expression, clamp) %}
    {%- if clamp is none -%}
        {{- return(expression) -}}
    {%- endif -%}
    {{- return("least(greatest(" ~ expression ~ ", " ~ clamp[0] ~ "), " ~ clamp[1] ~ ")") -}}
{% endmacro %}
