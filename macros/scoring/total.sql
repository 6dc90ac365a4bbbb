{# The SQL of the total: score times weight, added up, rounded half away from zero where the rulebook says so.
   DECIMAL from end to end: 0.3 x 4 + 0.4 x 3 + 0.6 x 1 is exactly 3. Null where a score is null. #}
{% macro total(rulebook) %}
    {%- if not rulebook.total -%}
        {{- return("cast(null as decimal(28, 6))") -}}
    {%- endif -%}
    {%- set points = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do points.append(metric.name ~ "_score * " ~ metric.weight) -%}
    {%- endfor -%}
    {%- set sum = points | join(" + ") -%}
    {%- if rulebook["round"] is not none -%}
        {%- set sum = "round(" ~ sum ~ ", " ~ rulebook["round"] ~ ")" -%}
    {%- endif -%}
    {{- return("cast(" ~ sum ~ " as decimal(28, 6))") -}}
{% endmacro %}
