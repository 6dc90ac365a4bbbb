{# {lookup: {XS: 2, S: 4}, otherwise: 0}: by label. Labels are texts, or numbers where all of them are.
   'otherwise' holds for every other label, a missing one too. #}

{% macro check_score_lookup(owner, path, written, better) %}
    {%- do rfm.check_keys(owner, path, written, ["lookup", "otherwise", "clamp"]) -%}
    {%- do rfm.check_mapping(owner, path ~ ".lookup", written.lookup) -%}
    {%- set labels = [] -%}
    {%- for label in written.lookup -%}
        {%- set here = path ~ ".lookup." ~ label -%}
        {%- set label_path = "a label of " ~ path ~ ".lookup" -%}
        {%- if label is boolean -%}
            {%- do rfm.raise_wrong_value(
                owner, label_path, label, "a text in quotes: YAML reads a bare yes, no, on and off so"
            ) -%}
        {%- elif label is number -%}
            {%- do rfm.check_number(owner, label_path, label) -%}
        {%- elif label is not string -%}
            {%- do rfm.raise_wrong_value(owner, label_path, label, "a text in quotes, or a number") -%}
        {%- else -%}
            {%- do rfm.check_trimmed_text(owner, label_path, label) -%}
        {%- endif -%}
        {%- if label | string in labels | map("string") -%}
            {%- do rfm.raise_wrong_value(owner, label_path, label, "each label once") -%}
        {%- endif -%}
        {%- do rfm.check_points(owner, here, written.lookup[label]) -%}
        {%- do labels.append(label) -%}
    {%- endfor -%}
    {%- set scores = written.lookup.values() | list -%}
    {%- if "otherwise" in written -%}
        {%- do rfm.check_points(owner, path ~ ".otherwise", written.otherwise) -%}
        {%- do scores.append(written.otherwise) -%}
    {%- endif -%}
    {%- set points = rfm.points_in_text(scores) -%}
    {{- return({
        "kind": "lookup",
        "lookup": dict(zip(labels, points)),
        "has_otherwise": "otherwise" in written,
        "otherwise": points[-1] if "otherwise" in written else none,
        "value_is_text": labels | select("string") | list != [],
        "score_is_text": scores | select("string") | list != [],
    }) -}}
{% endmacro %}

{% macro score_lookup(metric) %}
        case
            {%- for label, score in metric.score.lookup.items() %}
            when {{ rfm.lookup_column(metric) }} = {{ rfm.label(metric, label) }} then {{ rfm.points(metric, score) }}
            {%- endfor %}
            {%- if metric.score.has_otherwise %}
            else {{ rfm.points(metric, metric.score.otherwise) }}
            {%- endif %}
        end
{%- endmacro %}

{# Texts have a column of their own: a metric of the same name may be a number in another rulebook. #}
{% macro lookup_column(metric) %}
    {{- return(metric.name ~ ("_value_text" if metric.value_is_text else "_value")) -}}
{% endmacro %}

{% macro label(metric, label) %}
    {{- return(rfm.text_literal(label | string) if metric.score.value_is_text else label) -}}
{% endmacro %}

{% macro possible_scores_lookup(metric) %}
    {%- set scores = metric.score.lookup.values() | list -%}
    {{- return(scores + [metric.score.otherwise] if metric.score.has_otherwise else scores) -}}
{% endmacro %}

{% macro unscored_lookup(metric, rulebook_name) %}
    {%- if metric.score.has_otherwise -%}
        {{- return([]) -}}
    {%- endif -%}
    {%- set value = rfm.lookup_column(metric) -%}
    {%- set labels = [] -%}
    {%- for label in metric.score.lookup -%}
        {%- do labels.append(rfm.label(metric, label)) -%}
    {%- endfor -%}
    {%- set in_words = value if metric.score.value_is_text else rfm.number_in_text(value) -%}
    {{- return([
        (value ~ " is null", "'metric " ~ metric.name ~ " has no value'"),
        (
            value ~ " not in (" ~ labels | join(", ") ~ ")",
            rfm.text_literal(metric.name ~ " '") ~ " || " ~ in_words ~ " || "
                ~ rfm.text_literal("' matches no label of rulebook '" ~ rulebook_name ~ "'"),
        ),
    ]) -}}
{% endmacro %}
