{# What of the vars speaks of dates that were graded before: a mart that compares dates tells of them anew when it changes. #}

{# Two CTEs, dataset_settings (dataset, digest) and rulebook_settings (rulebook, digest). #}
{% macro settings_ctes(datasets, rulebooks) %}
dataset_settings as (
    {%- for dataset in datasets %}
    select '{{ dataset.name }}' as dataset, '{{ rfm.settings_of_dataset(dataset) }}' as digest
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

rulebook_settings as (
    {%- for rulebook in rulebooks.values() %}
    select '{{ rulebook.name }}' as rulebook, '{{ rfm.settings_of_rulebook(rulebook) }}' as digest
    {{ "union all" if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}

{# The SQL of the digest of the settings by which a date is told, from the dataset_settings, and the rulebook_settings of the rulebook
   that graded it if the vars still have that. #}
{% macro settings_of_date() %}
    {{- return("dataset_settings.digest || coalesce(' ' || rulebook_settings.digest, '')") -}}
{% endmacro %}

{# Where the rows come from, which customers are a group, and the rules of warning with the columns that they compare. #}
{% macro settings_of_dataset(dataset) %}
    {{- return(local_md5(tojson([dataset.kind, dataset.within, rfm.warning_rules([dataset])], sort_keys=true))) -}}
{% endmacro %}

{# The grades in their order, and what each is promised. #}
{% macro settings_of_rulebook(rulebook) %}
    {%- set grades = [] -%}
    {%- for grade in rulebook.grades -%}
        {%- set action = rulebook.actions.get(grade.grade, {}) -%}
        {%- do grades.append([grade.grade, rfm.service_in_words(action, "en"), rfm.service_in_words(action, "zh")]) -%}
    {%- endfor -%}
    {{- return(local_md5(tojson(grades))) -}}
{% endmacro %}
