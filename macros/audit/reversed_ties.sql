{# The SQL of 1 for a customer with a score that only the tie-break decided, else 0: a value at a cut point that falls
   between customers of this value. Reads customers and cut_columns. #}
{% macro is_tie_broken(rulebook) %}
        case
            {%- for metric in rfm.ranked_metrics(rulebook) if metric.score.ties == "split" %}
            {%- for cut in rfm.tile_cut_points(metric).above %}
            {%- set cut_point = "cut_columns." ~ metric.name ~ "_cut_" ~ cut.tile %}
            when customers.{{ metric.name }}_value = {{ cut_point }} and {{ cut_point }}_customer_id is not null then 1
            {%- endfor %}
            {%- endfor %}
            else 0
        end
{%- endmacro %}

{# The chains with scores that a tie-break can decide, each with its rulebook in the opposite order of ties as 'reversed'. #}
{% macro chains_with_reversed_ties(datasets) %}
    {%- set chains = [] -%}
    {%- for chain in rfm.chains(datasets) -%}
        {%- if rfm.ranked_metrics(chain.rulebook) | selectattr("score.ties", "equalto", "split") | list -%}
            {%- do chains.append(dict(chain, reversed=rfm.with_reversed_ties(chain.rulebook))) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(chains) -}}
{% endmacro %}

{# The column that says what came of a customer: the grade, or what would earn it. #}
{% macro result_column(rulebook) %}
    {%- if rulebook.grades -%}
        {{- return("grade_order") -}}
    {%- endif -%}
    {{- return("score_code" if rulebook.total.kind == "code" else "total_score") -}}
{% endmacro %}
