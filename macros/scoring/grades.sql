{# The SQL of grade_order (1 = best): the first grade whose bounds hold the total; null where none does, or no total. #}
{% macro grade_order(rulebook) %}
    {%- if not rulebook.grades -%}
        {{- return("cast(null as integer)") -}}
    {%- endif %}
        case
            when total_score is null then null
            {%- for grade in rulebook.grades %}
            when {{ rfm.rung_condition("total_score", grade) or "1 = 1" }} then {{ grade.order }}
            {%- endfor %}
        end
{%- endmacro %}

{# The SQL of the grade's name, from grade_order. #}
{% macro grade_name(rulebook) %}
    {%- if not rulebook.grades -%}
        {{- return("cast(null as " ~ dbt.type_string() ~ ")") -}}
    {%- endif %}
        case grade_order
            {%- for grade in rulebook.grades %}
            when {{ grade.order }} then {{ rfm.text_literal(grade.grade) }}
            {%- endfor %}
        end
{%- endmacro %}
