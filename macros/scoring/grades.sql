{# The SQL of grade_order (1 = best): the first grade whose condition holds; null where none does, and where the customer
   has no score or total.
   is_scored (string): condition that the customer has every score #}
{% macro grade_order(rulebook, is_scored) %}
    {%- if not rulebook.grades -%}
        {{- return("cast(null as integer)") -}}
    {%- endif %}
        case
            when not ({{ is_scored }}) then null
            {%- if rulebook.total.kind in ["weights", "expression"] %}
            when total_score is null then null
            {%- endif %}
            {%- for grade in rulebook.grades %}
            when {{ rfm.grade_condition(grade, rfm.quotient_scores(rulebook)) }} then {{ grade.order }}
            {%- endfor %}
        end
{%- endmacro %}

{# The SQL condition of a grade on its own, without those before it.
   quotient_scores (list of strings): the scores in it that may have more than six decimals #}
{% macro grade_condition(grade, quotient_scores) %}
    {%- if grade.kind == "when" -%}
        {{- return(rfm.or_null("(" ~ rfm.expression_sql(grade.when, quotient_scores) ~ ")")) -}}
    {%- elif grade.kind == "codes" -%}
        {%- set codes = [] -%}
        {%- for code in grade.codes -%}
            {%- do codes.append(rfm.text_literal(code)) -%}
        {%- endfor -%}
        {{- return("score_code in (" ~ codes | join(", ") ~ ")") -}}
    {%- endif -%}
    {{- return(rfm.rung_condition("total_score", grade) or "1 = 1") -}}
{% endmacro %}

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

{# The SQL of the reason why a customer that has every score has no grade; null where it has one. #}
{% macro ungraded_reason(rulebook) %}
    {%- if rulebook.total.kind == "code" -%}
        {%- set found = "'code ' || score_code" -%}
    {%- elif rulebook.total.kind == "none" -%}
        {%- set found = "'the scores'" -%}
    {%- else -%}
        {%- set found = "'total ' || " ~ rfm.number_in_words("total_score") -%}
    {%- endif -%}
    {%- set match = "match" if rulebook.total.kind == "none" else "matches" %}
    {%- if not rulebook.grades and rulebook.total.kind not in ["weights", "expression"] -%}
        {{- return("cast(null as " ~ dbt.type_string() ~ ")") -}}
    {%- endif %}
        case
            {%- if rulebook.total.kind in ["weights", "expression"] %}
            when total_score is null then {{ rfm.text_literal("the total of rulebook '" ~ rulebook.name ~ "' has no value") }}
            {%- endif %}
            {%- if rulebook.grades %}
            when grade_order is null then {{ found }} || {{ rfm.text_literal(" " ~ match ~ " no grade of rulebook '" ~ rulebook.name ~ "'") }}
            {%- endif %}
            else null
        end
{%- endmacro %}
