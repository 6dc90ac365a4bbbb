{# A cast that gives null where the value cannot be read. expression (string), type (string): decimal(28, 6), bigint or date. #}
{% macro try_cast(expression, type) %}
    {{- return(adapter.dispatch("try_cast", "rfm")(expression, type)) -}}
{% endmacro %}

{% macro default__try_cast(expression, type) %}
    {{- return("try_cast(" ~ expression ~ " as " ~ type ~ ")") -}}
{% endmacro %}

{# PostgreSQL has no try_cast. The texts that come here have the form of a number, or of year-month-day. #}
{% macro postgres__try_cast(expression, type) %}
    {%- if type == "date" -%}
        {%- set parts = [] -%}
        {%- for part in [1, 2, 3] -%}
            {%- do parts.append("cast(split_part(" ~ expression ~ ", '-', " ~ part ~ ") as integer)") -%}
        {%- endfor -%}
        {%- set month = "make_date(" ~ parts[0] ~ ", " ~ parts[1] ~ ", 1)" -%}
        {{- return(
            "case when not (" ~ parts[0] ~ " >= 1 and " ~ parts[1] ~ " between 1 and 12) then null when " ~ parts[2]
            ~ " between 1 and cast(" ~ month ~ " + interval '1 month' as date) - " ~ month
            ~ " then make_date(" ~ parts | join(", ") ~ ") end"
        ) -}}
    {%- endif -%}
    {#- An exponent of four digits is too large for a numeric, or leaves nothing. -#}
    {%- set text = "cast(" ~ expression ~ " as text)" -%}
    {{- return(
        "case when " ~ text ~ " ~ '[eE][+]?0*[1-9][0-9]{3}' then null when " ~ text ~ " ~ '[eE]-0*[1-9][0-9]{3}' then 0 else "
        ~ rfm.cast_or_null("cast(" ~ expression ~ " as numeric)", type) ~ " end"
    ) -}}
{% endmacro %}

{# A cast of a number that gives null where it has more digits than the type. type (string): decimal(p, s) or bigint #}
{% macro cast_or_null(expression, type) %}
    {{- return(adapter.dispatch("cast_or_null", "rfm")(expression, type)) -}}
{% endmacro %}

{% macro default__cast_or_null(expression, type) %}
    {{- return(rfm.or_null("cast(" ~ expression ~ " as " ~ type ~ ")")) -}}
{% endmacro %}

{# PostgreSQL stops at an overflow; its numbers before the cast have no end. #}
{% macro postgres__cast_or_null(expression, type) %}
    {%- set digits = modules.re.findall("[0-9]+", type) -%}
    {%- if digits | length == 2 -%}
        {%- set bound = "1" ~ "0" * (digits[0] | int - digits[1] | int) -%}
        {%- set fits = "abs(round(cast(" ~ expression ~ " as numeric), " ~ digits[1] ~ ")) < " ~ bound -%}
    {%- elif type == dbt.type_bigint() -%}
        {%- set fits = expression ~ " between -9223372036854775808 and 9223372036854775807" -%}
    {%- else -%}
        {{- return("cast(" ~ expression ~ " as " ~ type ~ ")") -}}
    {%- endif -%}
    {{- return("case when " ~ fits ~ " then cast(" ~ expression ~ " as " ~ type ~ ") end") -}}
{% endmacro %}

{# An expression that a user wrote: null where it fails on one customer's values, an overflow or an unreadable cast, so that
   one customer does not stop the build. #}
{% macro or_null(expression) %}
    {{- return(adapter.dispatch("or_null", "rfm")(expression)) -}}
{% endmacro %}

{% macro default__or_null(expression) %}
    {{- return(expression) -}}
{% endmacro %}

{# DuckDB stops at what Spark, with the settings that the package asks for, gives as null. PostgreSQL has no such function. #}
{% macro duckdb__or_null(expression) %}
    {{- return("try(" ~ expression ~ ")") -}}
{% endmacro %}
