{# How a customer's scores moved between two as-of dates, for rfm__grade_changes. #}

{# The SQL of the region in which a customer of the marts is ranked. Datasets that left the vars are one group. #}
{% macro group_region_of_history(datasets) %}
    {{- return(rfm.region_where(datasets | selectattr("within", "equalto", "region") | map(attribute="name") | list)) -}}
{% endmacro %}

{# One CTE, dates_to_tell: the as-of dates of which the marts that compare dates tell in this build. What a date tells depends on the
   date before, so these are all from the dataset's first untold date on. #}
{% macro dates_to_tell_cte() %}
dates_to_tell as (
    select distinct
        graded_dates.dataset,
        graded_dates.as_of_date
    from {{ ref('int_rfm__graded_dates') }} as graded_dates
    {%- if rfm.adds_to_stored_rows() %}
    inner join {{ ref('int_rfm__input_dates') }} as input_dates
        on
            graded_dates.dataset = input_dates.dataset
            and graded_dates.as_of_date >= input_dates.untold_from
    {%- endif %}
)
{%- endmacro %}

{# CTEs that end in group_dates: the as-of dates of every group of today's vars, with the one before and the one after. #}
{% macro group_dates_ctes(datasets) %}
groups_of_dates as (
    select distinct
        dataset,
        as_of_date,
        {{ rfm.group_region_of_history(datasets) }} as group_region
    from {{ ref('int_rfm__graded_dates') }}
    where customers > 0
),

group_dates as (
    select
        *,
        lag(as_of_date) over group_history as previous_as_of_date,
        lead(as_of_date) over group_history as next_as_of_date
    from groups_of_dates
    window group_history as (partition by dataset, group_region order by as_of_date asc)
)
{%- endmacro %}

{# CTEs that end in two: told_groups, the dates_to_tell of every group, and dates_to_read, these and the dates before them. #}
{% macro told_groups_ctes(datasets) %}
{{ rfm.dates_to_tell_cte() }},

{{ rfm.group_dates_ctes(datasets) }},

told_groups as (
    select group_dates.*
    from group_dates
    inner join dates_to_tell
        on
            group_dates.dataset = dates_to_tell.dataset
            and group_dates.as_of_date = dates_to_tell.as_of_date
),

dates_to_read as (
    select
        dataset,
        as_of_date
    from told_groups

    union

    select
        dataset,
        previous_as_of_date as as_of_date
    from told_groups
    where previous_as_of_date is not null
)
{%- endmacro %}

{# One CTE, read_<name>: the rows of a model at the dates_to_read. These are joined by equality, so that the database can pass over
   the parts of a table that hold other dates. #}
{% macro rows_to_read_cte(name, relation) %}
read_{{ name }} as {{ rfm.inlined() }}(
    select{{ rfm.to_every_task(["dates_to_read"]) }} {{ name }}.*
    from {{ relation }} as {{ name }}
    inner join dates_to_read
        on
            {{ name }}.dataset = dates_to_read.dataset
            and {{ name }}.as_of_date = dates_to_read.as_of_date
)
{%- endmacro %}

{# CTEs that end in graded_customers: those of the dates_to_read, with the group_region of today's vars.
   columns: what is asked of a customer, beside the id #}
{% macro graded_customers_ctes(datasets, columns) %}
{{ rfm.rows_to_read_cte("scored_customers", ref("int_rfm__scored_customers")) }},

graded_customers as {{ rfm.inlined() }}(
    select
        dataset,
        as_of_date,
        customer_id,
        {{ columns | join(",\n        ") }},
        {{ rfm.group_region_of_history(datasets) }} as group_region
    from read_scored_customers
    where ungraded_reason is null
)
{%- endmacro %}

{# One CTE, kept_<name>: the rows of a relation at dates before those that this build tells of. #}
{% macro kept_rows_cte(name, relation) %}
kept_{{ name }} as {{ rfm.inlined() }}(
    select {{ name }}.*
    from {{ relation }} as {{ name }}
    inner join {{ ref('int_rfm__input_dates') }} as input_dates
        on
            {{ name }}.dataset = input_dates.dataset
            and {{ name }}.as_of_date < input_dates.untold_from
    where input_dates.as_of_date is null
)
{%- endmacro %}

{# The columns of int_rfm__scored_customers that are compared with those of the previous as-of date: what every customer has, and
   the scores and values of the metrics: {column: SQL type}. columns: those of the table #}
{% macro compared_columns(columns) %}
    {%- set text, whole, decimal = dbt.type_string(), dbt.type_bigint(), "decimal(28, 6)" -%}
    {%- set compared = {
        "region": text, "rulebook": text, "grade": text, "grade_order": "integer", "total_score": decimal, "recency_days": whole,
        "frequency": whole, "monetary": decimal,
    } -%}
    {%- for metric in rfm.metrics_of_columns(columns) -%}
        {%- for part in ["score", "score_text", "value", "value_text"] if metric ~ "_" ~ part in columns -%}
            {%- do compared.update({metric ~ "_" ~ part: rfm.score_parts()[part]}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(compared) -}}
{% endmacro %}

{# The metrics whose moves are told, in alphabetical order. #}
{% macro told_metrics(columns) %}
    {{- return(rfm.metrics_of_columns(columns) | sort) -}}
{% endmacro %}

{# The SQL of how a customer's score moved: up, down, sideways from one text to another, or null where it did not. #}
{% macro score_move(metric, columns) %}
        case
            {%- if metric ~ "_score" in columns %}
            when compared.{{ metric }}_score > compared.previous_{{ metric }}_score then 'up'
            when compared.{{ metric }}_score < compared.previous_{{ metric }}_score then 'down'
            {%- endif %}
            {%- if metric ~ "_score_text" in columns %}
            when compared.{{ metric }}_score_text != compared.previous_{{ metric }}_score_text then 'sideways'
            {%- endif %}
        end
{%- endmacro %}

{# The SQL of whether a customer's value became better, 1, or worse, -1; null where it is a text. #}
{% macro value_move(metric, columns) %}
    {%- if metric ~ "_value" not in columns -%}
        {{- return("cast(null as integer)") -}}
    {%- endif %}
        case
            when metric_kinds.{{ metric }}_better = 'low'
                then sign(compared.previous_{{ metric }}_value - compared.{{ metric }}_value)
            else sign(compared.{{ metric }}_value - compared.previous_{{ metric }}_value)
        end
{%- endmacro %}

{# The SQL of the names of the metrics that moved with the grade by a cause, parted by commas; null where there is none. #}
{% macro metric_list(metrics, cause) %}
        nullif(concat_ws(
            ', ',
            {%- for metric in metrics %}
            case when {{ metric }}_is_told and {{ metric }}_cause = '{{ cause }}' then '{{ metric }}' end{{ "," if not loop.last }}
            {%- endfor %}
        ), '')
{%- endmacro %}

{# The SQL of how the metrics moved that moved with the grade, in words, with a colon before; empty where there is none. #}
{% macro metric_texts(metrics, columns, language) %}
        coalesce('{{ {"en": ": ", "zh": "："}[language] }}' || nullif(concat_ws(
            '{{ {"en": "; ", "zh": "；"}[language] }}',
            {%- for metric in metrics %}
            case when {{ metric }}_is_told then {{ (rfm.score_change_in_words_zh if language == "zh" else rfm.score_change_in_words)(metric, columns) | trim }} end{{ "," if not loop.last }}
            {%- endfor %}
        ), ''), '')
{%- endmacro %}

{# The name of a metric in Chinese; a rulebook's own names stay as they are. #}
{% macro metric_name_zh(metric) %}
    {{- return({"recency": "最近一次", "frequency": "次数", "monetary": "金额"}.get(metric, metric)) -}}
{% endmacro %}

{# The SQL of a score or value of a metric as a text. part: score or value; start: previous_ or nothing #}
{% macro metric_text(metric, part, start, columns) %}
    {%- set texts = [] -%}
    {%- set column = metric ~ "_" ~ part -%}
    {%- if column in columns -%}{%- do texts.append(rfm.number_in_text(start ~ column)) -%}{%- endif -%}
    {%- if column ~ "_text" in columns -%}{%- do texts.append(start ~ column ~ "_text") -%}{%- endif -%}
    {{- return(texts[0] if texts | length == 1 else "coalesce(" ~ texts | join(", ") ~ ")") -}}
{% endmacro %}

{# The SQL of how one score moved and why. #}
{% macro score_change_in_words(metric, columns) %}
    {%- set previous = rfm.metric_text(metric, "value", "previous_", columns) -%}
    {%- set present = rfm.metric_text(metric, "value", "", columns) %}
        '{{ metric }} score ' || {{ rfm.metric_text(metric, "score", "previous_", columns) }}
        || ' to ' || {{ rfm.metric_text(metric, "score", "", columns) }} || ' ('
        || case
            when {{ metric }}_cause = 'own' then ''
            when {{ metric }}_moved = 'up' then 'the others fell back, '
            else 'the others overtook, '
        end
        || case
            when {{ previous }} = {{ present }} then 'own value ' || {{ present }} || ' as before'
            else 'own value ' || {{ previous }} || ' to ' || {{ present }}
        end || ')'
{%- endmacro %}

{% macro score_change_in_words_zh(metric, columns) %}
    {%- set previous = rfm.metric_text(metric, "value", "previous_", columns) -%}
    {%- set present = rfm.metric_text(metric, "value", "", columns) %}
        '{{ rfm.metric_name_zh(metric) }}得分由 ' || {{ rfm.metric_text(metric, "score", "previous_", columns) }}
        || ' 变为 ' || {{ rfm.metric_text(metric, "score", "", columns) }} || '（'
        || case
            when {{ metric }}_cause = 'own' then ''
            when {{ metric }}_moved = 'up' then '他人落后，'
            else '被他人超过，'
        end
        || case
            when {{ previous }} = {{ present }} then '自身数值仍为 ' || {{ present }}
            else '自身数值由 ' || {{ previous }} || ' 变为 ' || {{ present }}
        end || '）'
{%- endmacro %}

{# The SQL of the sentence on a row of rfm__grade_changes. #}
{% macro change_sentence() %}
        case
            when direction = 'new' and other_region is not null
                then 'Moved here from ' || other_region || ', starts with ' || result || '.'
            when direction = 'left' and other_region is not null
                then 'Moved to ' || other_region || ', had ' || previous_result || '.'
            when direction = 'new' and is_returning then 'Came back with ' || result || '.'
            when direction = 'new' then 'New, starts with ' || result || '.'
            when direction = 'left' then 'Left, had ' || previous_result || '.'
            when not is_same_rulebook then 'From ' || previous_result || ' to ' || result || ', by another rulebook than before.'
            when direction = 'same' then 'Stays at ' || result || '.'
            when direction = 'up' then 'Rose from ' || previous_result || ' to ' || result || words || '.'
            else 'Fell from ' || previous_result || ' to ' || result || words || '.'
        end
{%- endmacro %}

{% macro change_sentence_zh() %}
        case
            when direction = 'new' and other_region is not null
                then '由 ' || other_region || ' 转入，等级为 ' || result || '。'
            when direction = 'left' and other_region is not null
                then '已转往 ' || other_region || '，此前等级为 ' || previous_result || '。'
            when direction = 'new' and is_returning then '重新出现，等级为 ' || result || '。'
            when direction = 'new' then '新客户，等级为 ' || result || '。'
            when direction = 'left' then '已离开，此前等级为 ' || previous_result || '。'
            when not is_same_rulebook then '由 ' || previous_result || ' 变为 ' || result || '，评级规则与上期不同。'
            when direction = 'same' then '保持 ' || result || '。'
            when direction = 'up' then '由 ' || previous_result || ' 升至 ' || result || words_zh || '。'
            else '由 ' || previous_result || ' 降至 ' || result || words_zh || '。'
        end
{%- endmacro %}
