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

{# DuckDB divides decimals as doubles; whole numbers of millionths divide exactly. #}
{% macro duckdb__divide(numerator, denominator) %}
    {%- set dividend = "cast(cast(" ~ numerator ~ " as decimal(28, 6)) * 1000000 as hugeint)" -%}
    {%- set divisor = "cast(cast(" ~ denominator ~ " as decimal(28, 6)) * 1000000 as hugeint)" -%}
    case
        when {{ denominator }} = 0 then cast(0 as decimal(28, 6))
        else cast(
            sign({{ dividend }}) * sign({{ divisor }})
            * ((2 * abs({{ dividend }}) * 1000000 + abs({{ divisor }})) // (2 * abs({{ divisor }})))
            as decimal(30, 0)
        ) * 0.000001
    end
{%- endmacro %}
