{# The one place that lists the kinds of score. A kind is a file beside this one, with three macros:
     check_score_<kind>(owner, path, written, better)   reads what the user wrote, stops on a mistake, returns {kind, ...}
     score_<kind>(metric)                               the SQL of the score of one customer, before the clamp
     possible_scores_<kind>(metric)                     the scores that it can give, before the clamp; none where the values decide
   A score may also hold: value_is_text, score_is_text (texts in place of numbers), is_fraction (it may have more than six
   decimals). A kind that has values without a score has a macro unscored_<kind>. #}
{% macro score_kinds() %}
    {{- return({
        "value": {"check": rfm.check_score_value, "score": rfm.score_value, "possible": rfm.possible_scores_value},
        "tiles": {"check": rfm.check_score_tiles, "score": rfm.score_tiles, "possible": rfm.possible_scores_tiles},
        "steps": {"check": rfm.check_score_steps, "score": rfm.score_steps, "possible": rfm.possible_scores_steps},
        "lookup": {"check": rfm.check_score_lookup, "score": rfm.score_lookup, "possible": rfm.possible_scores_lookup},
        "split": {"check": rfm.check_score_split, "score": rfm.score_split, "possible": rfm.possible_scores_split},
        "share": {"check": rfm.check_score_share, "score": rfm.score_share, "possible": rfm.possible_scores_share},
        "scale": {"check": rfm.check_score_scale, "score": rfm.score_scale, "possible": rfm.possible_scores_scale},
        "group": {"check": rfm.check_score_group, "score": rfm.score_group, "possible": rfm.possible_scores_group},
    }) -}}
{% endmacro %}

{% macro check_score(owner, path, written, better) %}
    {%- set kinds = rfm.score_kinds() -%}
    {%- set found = [] -%}
    {%- for kind in kinds if kind in written and kind != "value" -%}
        {%- do found.append(kind) -%}
    {%- endfor -%}
    {%- if found | length > 1 -%}
        {%- do rfm.raise_configuration_error(
            owner, path ~ " has both '" ~ found[0] ~ "' and '" ~ found[1] ~ "'", "one of the two"
        ) -%}
    {%- endif -%}
    {%- if not found -%}
        {%- set allowed = (kinds | list)[1:] + ["clamp"] -%}
        {%- for key in written if key != "clamp" -%}
            {%- do rfm.raise_unknown_key(owner, path, key, allowed) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(kinds[found[0] if found else "value"].check(owner, path, written, better)) -}}
{% endmacro %}

{# The score of a metric, bounded by its clamp. Null where the metric has no value. #}
{% macro score(metric) %}
    {%- set score = rfm.score_kinds()[metric.score.kind].score(metric) -%}
    {#- Cut points already carry bounded scores. -#}
    {{- return(score if metric.score.kind == "tiles" else rfm.bounded(score | trim, metric.clamp)) -}}
{% endmacro %}

{# The score columns of a rulebook that may have more than six decimals. #}
{% macro quotient_scores(rulebook) %}
    {%- set names = [] -%}
    {%- for metric in rulebook.metrics if metric.score.get("is_fraction") -%}
        {%- if metric.score.kind != "value" or not metric.is_column -%}
            {%- do names.append(metric.name ~ "_score") -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{% macro bounded(expression, clamp) %}
    {%- if clamp is none -%}
        {{- return(expression) -}}
    {%- endif -%}
    {{- return("least(greatest(" ~ expression ~ ", " ~ clamp[0] ~ "), " ~ clamp[1] ~ ")") -}}
{% endmacro %}

{# The scores that a metric can give, smallest first, bounded by its clamp; none where the values decide. #}
{% macro possible_scores(metric) %}
    {%- set scores = rfm.score_kinds()[metric.score.kind].possible(metric) -%}
    {%- if scores is none -%}
        {{- return([metric.clamp[0]] if metric.clamp is not none and metric.clamp[0] == metric.clamp[1] else none) -}}
    {%- endif -%}
    {%- if metric.score_is_text -%}
        {{- return(scores | map("string") | unique(case_sensitive=true) | list) -}}
    {%- endif -%}
    {%- set bounded = [] -%}
    {%- for score in scores -%}
        {%- do bounded.append(score if metric.clamp is none else [[score, metric.clamp[0]] | max, metric.clamp[1]] | min) -%}
    {%- endfor -%}
    {{- return(bounded | unique(case_sensitive=true) | sort(case_sensitive=true) | list) -}}
{% endmacro %}

{# The condition under which a metric gives a customer no score, as (condition, the SQL of the reason). #}
{% macro unscored(metric, rulebook_name, integer_columns) %}
    {%- if metric.score.kind == "steps" and not metric.score.has_otherwise -%}
        {{- return(rfm.unscored_steps(metric, rulebook_name, integer_columns)) -}}
    {%- elif metric.score.kind == "lookup" -%}
        {{- return(rfm.unscored_lookup(metric, rulebook_name)) -}}
    {%- endif -%}
    {{- return([(metric.name ~ "_value is null", "'metric " ~ metric.name ~ " has no value'")]) -}}
{% endmacro %}
