{# How a customer's scores moved between two as-of dates, for rfm__grade_changes. #}

{# The SQL of the region in which a customer of the marts is ranked. Datasets that left the vars are one group. #}
{% macro group_region_of_history(datasets) %}
    {{- return(rfm.region_where(datasets | selectattr("within", "equalto", "region") | map(attribute="name") | list)) -}}
{% endmacro %}

{# Two CTEs, graded_customers with group_region, and group_dates: the as-of dates of every group with the one before and the
   one after. #}
{% macro group_dates_ctes(datasets) %}
graded_customers as (
    select
        *,
        {{ rfm.group_region_of_history(datasets) }} as group_region
    from {{ ref('rfm__graded_customers') }}
),

graded_dates as (
    select distinct
        dataset,
        group_region,
        as_of_date
    from graded_customers
),

group_dates as (
    select
        *,
        lag(as_of_date) over group_history as previous_as_of_date,
        lead(as_of_date) over group_history as next_as_of_date
    from graded_dates
    window group_history as (partition by dataset, group_region order by as_of_date asc)
)
{%- endmacro %}

{# The columns of rfm__graded_customers that are compared with those of the previous as-of date. #}
{% macro compared_columns() %}
    {{- return((
        "region rulebook grade grade_order total_score recency_days frequency monetary recency_score frequency_score monetary_score"
    ).split(" ")) -}}
{% endmacro %}

{# The metrics whose moves are told, in alphabetical order: those of the rulebooks, and the three that the marts always name. #}
{% macro told_metrics(datasets) %}
    {{- return((rfm.metrics_by_name(datasets) | list + ["recency", "frequency", "monetary"]) | unique | sort) -}}
{% endmacro %}

{# The SQL of the names of a customer's metrics for which a condition holds, parted by commas; null where there is none.
   To be grouped by customer. #}
{% macro metric_list(metrics, condition) %}
        nullif(concat_ws(
            ', ',
            {%- for metric in metrics %}
            max(case when metric = '{{ metric }}' and {{ condition }} then '{{ metric }}' end){{ "," if not loop.last }}
            {%- endfor %}
        ), '')
{%- endmacro %}

{# The SQL of a column's text for each of a customer's metrics, parted by a separator; null where there is none. #}
{% macro metric_texts(metrics, text, separator) %}
        nullif(concat_ws(
            '{{ separator }}',
            {%- for metric in metrics %}
            max(case when metric = '{{ metric }}' then {{ text }} end){{ "," if not loop.last }}
            {%- endfor %}
        ), '')
{%- endmacro %}

{# The SQL of a metric's name in Chinese; a rulebook's own names stay as they are. #}
{% macro metric_name_zh() %}
    {{- return("case metric when 'recency' then '最近一次' when 'frequency' then '次数' when 'monetary' then '金额' else metric end") -}}
{% endmacro %}

{# The SQL of how one score moved and why, over the columns metric, moved, cause and the texts of scores and values. #}
{% macro score_change_in_words() %}
        metric || ' score ' || previous_score || ' to ' || present_score || ' ('
        || case
            when cause = 'own' then ''
            when moved = 'up' then 'the others fell back, '
            else 'the others overtook, '
        end
        || case
            when previous_value = present_value then 'own value ' || present_value || ' as before'
            else 'own value ' || previous_value || ' to ' || present_value
        end || ')'
{%- endmacro %}

{% macro score_change_in_words_zh() %}
        {{ rfm.metric_name_zh() }} || '得分由 ' || previous_score || ' 变为 ' || present_score || '（'
        || case
            when cause = 'own' then ''
            when moved = 'up' then '他人落后，'
            else '被他人超过，'
        end
        || case
            when previous_value = present_value then '自身数值仍为 ' || present_value
            else '自身数值由 ' || previous_value || ' 变为 ' || present_value
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
