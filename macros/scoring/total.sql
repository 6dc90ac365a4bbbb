{# The SQL of the total: score times weight, added up, or the rulebook's own expression.
   DECIMAL from end to end: 0.3 x 4 + 0.4 x 3 + 0.6 x 1 is exactly 3. Scores that are quotients have twelve decimals; the
   sum is first rounded to nine, so that three thirds are one, and then half away from zero as the rulebook says.
   Null where a score is null. #}
{% macro total(rulebook) %}
    {%- if rulebook.total.kind == "expression" -%}
        {%- set sum = rfm.cast_or_null(rfm.expression_sql(rulebook.total.expression, rfm.quotient_scores(rulebook)), "decimal(38, 12)") -%}
        {%- set is_exact = false -%}
    {%- elif rulebook.total.kind == "weights" -%}
        {%- set points = [] -%}
        {%- for metric in rulebook.metrics -%}
            {%- do points.append(metric.name ~ "_score * " ~ metric.weight) -%}
        {%- endfor -%}
        {%- set sum = points | join(" + ") -%}
        {#- An overflow costs one customer its total and not everybody theirs; a sum of columns and points has none. -#}
        {%- set is_exact = rfm.quotient_scores(rulebook) == [] -%}
        {%- set sum = sum if is_exact else rfm.or_null(sum) -%}
    {%- else -%}
        {{- return("cast(null as decimal(28, 6))") -}}
    {%- endif -%}
    {{- return(rfm.rounded_total(rulebook, sum if is_exact else "round(" ~ sum ~ ", 9)")) -}}
{% endmacro %}

{# The SQL of a total from that of the exact sum. #}
{% macro rounded_total(rulebook, sum) %}
    {%- if rulebook["round"] is not none -%}
        {%- set sum = "round(" ~ sum ~ ", " ~ rulebook["round"] ~ ")" -%}
    {%- endif -%}
    {{- return("cast(" ~ sum ~ " as decimal(28, 6))") -}}
{% endmacro %}

{# The SQL of the code: the scores written side by side. Null where the total is no code, or a score is null. #}
{% macro score_code(rulebook) %}
    {%- if rulebook.total.kind != "code" -%}
        {{- return("cast(null as " ~ dbt.type_string() ~ ")") -}}
    {%- endif -%}
    {%- set parts = [] -%}
    {%- for name in rulebook.total.code -%}
        {%- set metric = rulebook.metrics | selectattr("name", "equalto", name) | first -%}
        {%- set score = name ~ "_score" -%}
        {%- do parts.append(score if metric.score_is_text else rfm.number_in_text(score)) -%}
    {%- endfor -%}
    {{- return(parts | join(" || ")) -}}
{% endmacro %}
