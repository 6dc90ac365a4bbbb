{# numerator / denominator with six decimals, rounded half away from zero; 0 where the denominator is 0.
   numerator, denominator (strings): SQL of integers, or decimals of at most six decimals. #}
{% macro divide(numerator, denominator) %}
    {{- return(adapter.dispatch("divide", "rfm")(numerator, denominator)) -}}
{% endmacro %}

{% macro default__divide(numerator, denominator) %}
    case
        when {{ denominator }} = 0 then cast(0 as decimal(28, 6))
        else cast(round(cast({{ numerator }} as decimal(28, 6)) / {{ denominator }}, 6) as decimal(28, 6))
    end
{%- endmacro %}

{% macro duckdb__divide(numerator, denominator) %}
    case
        when {{ denominator }} = 0 then cast(0 as decimal(28, 6))
        else cast({{ rfm.duckdb_exact_division(numerator, denominator, "decimal(28, 6)", 6, 6) }} as decimal(28, 6))
    end
{%- endmacro %}

{# numerator / denominator with twelve decimals, rounded half away from zero, so that thirds add up to one when the sum
   is rounded; null where the denominator is 0.
   numerator, denominator (strings): SQL of numbers, below 8 * 10 ** 16 with nine decimals, 8 * 10 ** 13 with twelve
   operand_decimals (integer): how many decimals of them count #}
{% macro quotient(numerator, denominator, operand_decimals=9) %}
    {{- return(adapter.dispatch("quotient", "rfm")(numerator, denominator, operand_decimals)) -}}
{% endmacro %}

{% macro default__quotient(numerator, denominator, operand_decimals) -%}
    {%- set type = "decimal(38, " ~ operand_decimals ~ ")" -%}
    cast(cast({{ numerator }} as {{ type }}) / nullif(cast({{ denominator }} as {{ type }}), 0) as decimal(38, 12))
{%- endmacro %}

{% macro duckdb__quotient(numerator, denominator, operand_decimals) -%}
    {%- set type = "decimal(38, " ~ operand_decimals ~ ")" -%}
    case
        when {{ denominator }} != 0
            then {{ rfm.duckdb_exact_division(numerator, denominator, type, operand_decimals, 12) | trim }}
    end
{%- endmacro %}

{# DuckDB divides decimals as doubles; whole numbers divide exactly, so both operands are counted in units of their last decimal.
   A HUGEINT takes ten times as long to divide as a BIGINT, in which there is room for numbers below four million with twelve
   decimals between operands and quotient; their units are far below 2 ** 53, so that a DOUBLE on the way holds them exactly. #}
{% macro duckdb_exact_division(numerator, denominator, type, operand_decimals, decimals) -%}
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

{# divide(), but null where the denominator is 0. #}
{% macro divide_or_null(numerator, denominator) %}
    case when {{ denominator }} != 0 then {{ rfm.divide(numerator, denominator) | trim }} end
{%- endmacro %}
