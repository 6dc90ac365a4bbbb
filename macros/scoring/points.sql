{# The points that a score is: a number, or a text. #}

{% macro check_points(owner, path, value) %}
    {%- if value is string -%}
        {%- do rfm.check_text(owner, path, value) -%}
    {%- elif value is boolean or value is not number -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "a number, or a text in quotes") -%}
    {%- else -%}
        {%- do rfm.check_number(owner, path, value) -%}
    {%- endif -%}
{% endmacro %}

{# Points as texts, as they stand in a code, where one of a metric's scores is a text: a number without trailing zeros. #}
{% macro points_in_text(values) %}
    {%- if values | select("string") | list == [] -%}
        {{- return(values) -}}
    {%- endif -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- do texts.append(value if value is string else rfm.score_in_code(value)) -%}
    {%- endfor -%}
    {{- return(texts) -}}
{% endmacro %}

{# Points as a literal of the metric's scores. #}
{% macro points(metric, value) %}
    {{- return(rfm.text_literal(value) if metric.score_is_text else value) -}}
{% endmacro %}

{# The SQL of a number as a text without trailing zeros: 1, 2.5. #}
{% macro number_in_text(number) %}
    {{- return(
        "trim(trailing '.' from trim(trailing '0' from cast(cast(" ~ number ~ " as decimal(28, 6)) as "
        ~ dbt.type_string() ~ ")))"
    ) -}}
{% endmacro %}

{# The SQL of a number as people read it: whole, or with two to six decimals: 7, 0.00, 12.50, 0.333333. #}
{% macro number_in_words(number, is_whole=false) %}
    {%- set type = dbt.type_string() -%}
    {%- if is_whole -%}
        {{- return("cast(cast(" ~ number ~ " as " ~ dbt.type_bigint() ~ ") as " ~ type ~ ")") -}}
    {%- endif -%}
    {{- return(
        "case when cast(" ~ number ~ " as decimal(28, 6)) = cast(" ~ number ~ " as decimal(28, 2))"
        ~ " then cast(cast(" ~ number ~ " as decimal(28, 2)) as " ~ type ~ ")"
        ~ " else " ~ rfm.number_in_text(number) ~ " end"
    ) -}}
{% endmacro %}
