{# numerator / denominator with six decimals, rounded half away from zero; 0 where the denominator is 0.
   numerator, denominator (strings): SQL of integers, or decimals of at most six decimals. #}
{% macro divide(numerator, denominator) %}
    case
        when {{ denominator }} = 0 then cast(0 as decimal(28, 6))
        else cast({{ rfm.exact_division(numerator, denominator, "decimal(28, 6)", 6) | trim }} as decimal(28, 6))
    end
{%- endmacro %}

{# numerator / denominator with twelve decimals, rounded half away from zero, so that thirds add up to one when the sum
   is rounded; null where the denominator is 0.
   numerator, denominator (strings): SQL of numbers, below 4 * 10 ** 16 with nine decimals, 4 * 10 ** 13 with twelve
   operand_decimals (integer): how many decimals of them count #}
{% macro quotient(numerator, denominator, operand_decimals=9) -%}
    case
        when {{ denominator }} != 0
            then {{ rfm.exact_division(numerator, denominator, "decimal(38, " ~ operand_decimals ~ ")", 12) | trim }}
    end
{%- endmacro %}

{# numerator / denominator, rounded half away from zero, where the denominator is not 0.
   type (string): of both, whose decimals count; decimals (integer): of the result #}
{% macro exact_division(numerator, denominator, type, decimals) %}
    {{- return(adapter.dispatch("exact_division", "rfm")(numerator, denominator, type, decimals)) -}}
{% endmacro %}

{# DuckDB divides decimals as doubles; whole numbers divide exactly, so both operands are counted in units of their last decimal.
   A HUGEINT takes ten times as long to divide as a BIGINT, in which there is room for numbers below four million with twelve
   decimals between operands and quotient; their units are far below 2 ** 53, so that a DOUBLE on the way holds them exactly. #}
{% macro duckdb__exact_division(numerator, denominator, type, decimals) -%}
    {%- set operand_decimals = rfm.decimals_of_type(type) -%}
    {%- set units = "1" ~ "0" * operand_decimals -%}
    {%- set large = [] -%}
    {%- set small = [] -%}
    {%- for operand in [numerator, denominator] -%}
        {%- do large.append("cast(cast(" ~ operand ~ " as " ~ type ~ ") * " ~ units ~ " as hugeint)") -%}
        {%- set number = "cast(cast(" ~ operand ~ " as decimal(18, " ~ operand_decimals ~ ")) as double)" -%}
        {%- do small.append("cast(round(" ~ number ~ " * " ~ units ~ ") as bigint)") -%}
    {%- endfor -%}
    {%- if operand_decimals + decimals > 12 -%}
        {{- return(rfm.duckdb_whole_division(large[0], large[1], decimals)) -}}
    {%- endif -%}
    case
        when abs({{ numerator }}) < 4000000 and abs({{ denominator }}) < 4000000
            then {{ rfm.duckdb_whole_division(small[0], small[1], decimals) }}
        else {{ rfm.duckdb_whole_division(large[0], large[1], decimals) }}
    end
{%- endmacro %}

{# Twice the dividend plus the divisor, by twice the divisor, rounds half away from zero. #}
{% macro duckdb_whole_division(dividend, divisor, decimals) %}
    {%- set quotient = "(2 * abs(" ~ dividend ~ ") * 1" ~ "0" * decimals ~ " + abs(" ~ divisor ~ ")) // (2 * abs(" ~ divisor ~ "))" -%}
    {%- set type = "decimal(" ~ (24 + decimals if decimals < 12 else 38) ~ ", 0)" -%}
    {{- return(
        "cast(sign(" ~ dividend ~ ") * sign(" ~ divisor ~ ") * (" ~ quotient ~ ") as " ~ type ~ ") * 0." ~ "0" * (decimals - 1) ~ "1"
    ) -}}
{% endmacro %}

{# PostgreSQL rounds a quotient to some twenty digits, and that again would round twice; div() cuts it off exactly. #}
{% macro postgres__exact_division(numerator, denominator, type, decimals) %}
    {%- set dividend = "cast(" ~ numerator ~ " as " ~ type ~ ")" -%}
    {%- set divisor = "cast(" ~ denominator ~ " as " ~ type ~ ")" -%}
    {{- return(
        "cast(sign(" ~ dividend ~ ") * sign(" ~ divisor ~ ") * div(2 * abs(" ~ dividend ~ ") * 1" ~ "0" * decimals ~ " + abs(" ~ divisor
        ~ "), 2 * abs(" ~ divisor ~ ")) * 0." ~ "0" * (decimals - 1) ~ "1 as decimal(38, " ~ decimals ~ "))"
    ) -}}
{% endmacro %}

{# Spark cuts the decimals of a quotient to what is left of 38 digits; remainders are exact. The whole part and what is behind the
   point are divided apart, so that both have room. #}
{% macro spark__exact_division(numerator, denominator, type, decimals) %}
    {%- set units = "1" ~ "0" * rfm.decimals_of_type(type) -%}
    {%- set signed = [] -%}
    {%- set whole = [] -%}
    {%- for operand in [numerator, denominator] -%}
        {%- set number = "cast(" ~ operand ~ " as " ~ type ~ ")" -%}
        {%- do signed.append("sign(" ~ number ~ ")") -%}
        {%- do whole.append("cast(abs(" ~ number ~ ") * " ~ units ~ " as decimal(38, 0))") -%}
    {%- endfor -%}
    {%- set remainder = "(" ~ whole[0] ~ " % " ~ whole[1] ~ ")" -%}
    {%- set twice = "cast(2 * " ~ remainder ~ " * 1" ~ "0" * decimals ~ " + " ~ whole[1] ~ " as decimal(38, 0))" -%}
    {%- set twice_divisor = "cast(2 * " ~ whole[1] ~ " as decimal(38, 0))" -%}
    {%- set before_point = "cast((" ~ whole[0] ~ " - " ~ remainder ~ ") / " ~ whole[1] ~ " as decimal(26, 0))" -%}
    {%- set behind_point = "cast((" ~ twice ~ " - " ~ twice ~ " % " ~ twice_divisor ~ ") / " ~ twice_divisor ~ " as decimal(20, 0))" -%}
    {{- return(
        "cast(cast(" ~ signed | join(" * ") ~ " as integer) * (" ~ before_point ~ " + " ~ behind_point ~ " * 0." ~ "0" * (decimals - 1)
        ~ "1) as decimal(38, " ~ decimals ~ "))"
    ) -}}
{% endmacro %}

{# divide(), but null where the denominator is 0. #}
{% macro divide_or_null(numerator, denominator) %}
    case when {{ denominator }} != 0 then {{ rfm.divide(numerator, denominator) | trim }} end
{%- endmacro %}
