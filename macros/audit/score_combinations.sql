{# Every combination of scores that a rulebook can give, where the scores are a finite set: which grades can be reached is
   counted, not sampled. #}

{# The rulebooks whose combinations can be listed; none while dbt parses. #}
{% macro rulebooks_with_combinations() %}
    {%- set listed = [] -%}
    {%- for rulebook in rfm.rulebooks().values() if rfm.has_combinations(rulebook) -%}
        {%- do listed.append(rulebook) -%}
    {%- endfor -%}
    {{- return(listed) -}}
{% endmacro %}

{# Whether the combinations of a rulebook can be listed: every metric has a finite set of scores, and the total and the
   grades look at nothing else. At most a million combinations are looked at one by one. #}
{% macro has_combinations(rulebook) %}
    {%- set state = namespace(combinations=1) -%}
    {%- for metric in rulebook.metrics -%}
        {%- set scores = rfm.possible_scores(metric) -%}
        {%- set state.combinations = none if scores is none or state.combinations is none else state.combinations * scores | length -%}
    {%- endfor -%}
    {%- if state.combinations is none or (rfm.needs_every_score(rulebook) and state.combinations > 1000000) -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set expressions = rulebook.grades | selectattr("kind", "equalto", "when") | map(attribute="when") | list -%}
    {%- if rulebook.total.kind == "expression" -%}
        {%- do expressions.append(rulebook.total.expression) -%}
    {%- endif -%}
    {%- for expression in expressions -%}
        {%- for name in rfm.expression_names(expression) if not name.endswith("_score") -%}
            {{- return(false) -}}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(true) -}}
{% endmacro %}

{# Whether the grade depends on more than the sum of the weighted scores. #}
{% macro needs_every_score(rulebook) %}
    {{- return(
        rulebook.total.kind != "weights" or rulebook.grades | selectattr("kind", "equalto", "when") | list != []
    ) -}}
{% endmacro %}

{# CTEs that end in <rulebook>_combinations: the combinations of scores as (total_score, score_code, grade_order, combinations).
   Where only the sum counts, the metrics are added one by one and equal sums are counted together. #}
{% macro score_combination_ctes(rulebook) %}
{%- set name = rulebook.name -%}
{%- for metric in rulebook.metrics %}
{{ name }}_{{ metric.name }}_scores as (
    {%- for score in rfm.possible_scores(metric) %}
    select {{ rfm.points(metric, score) }} as {{ metric.name }}_score
    {{ "union all" if not loop.last }}
    {%- endfor %}
),
{% endfor %}
{%- if rfm.needs_every_score(rulebook) %}
{{ name }}_totals as (
    select
        *,
        1 as combinations,
        {{ rfm.total(rulebook) }} as total_score,
        {{ rfm.score_code(rulebook) }} as score_code
    from {{ name }}_{{ rulebook.metrics[0].name }}_scores
    {%- for metric in rulebook.metrics[1:] %}
    cross join {{ name }}_{{ metric.name }}_scores
    {%- endfor %}
),
{% else %}
{%- for metric in rulebook.metrics %}
{%- set points = metric.name ~ "_score * " ~ metric.weight %}
{%- set previous = name ~ "_sums_" ~ loop.index0 %}
{{ name }}_sums_{{ loop.index }} as (
    select
        {{ ("sums.total + " if not loop.first else "") ~ points }} as total,
        {{ "sum(sums.combinations)" if not loop.first else "count(*)" }} as combinations
    from {{ name }}_{{ metric.name }}_scores
    {{- "\n    cross join " ~ previous ~ " as sums" if not loop.first }}
    group by {{ ("sums.total + " if not loop.first else "") ~ points }}
),
{% endfor %}
{{ name }}_totals as (
    select
        combinations,
        {{ rfm.rounded_total(rulebook, "total") }} as total_score,
        cast(null as {{ dbt.type_string() }}) as score_code
    from {{ name }}_sums_{{ rulebook.metrics | length }}
),
{% endif %}
{{ name }}_combinations as (
    select
        total_score,
        score_code,
        {{ rfm.grade_order(rulebook, "1 = 1") | trim }} as grade_order,
        combinations
    from {{ name }}_totals
)
{%- endmacro %}
