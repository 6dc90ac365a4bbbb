{# Days of the calendar, for the dates that the vars write. They are dates of Python, as modules.datetime.date. #}

{# The date that the vars write, read from text or from what YAML took for a date. #}
{% macro checked_date(owner, path, value) %}
    {%- set text = value | string -%}
    {#- No year has less than four digits, so that a window of a hundred years never begins before the first one. -#}
    {%- if not modules.re.fullmatch("[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", text) -%}
        {%- do rfm.raise_wrong_value(owner, path, text if value is not none else none, "a date like 2024-11-02") -%}
    {%- endif -%}
    {%- set year, month, day = text.split("-") | map("int") -%}
    {%- if day > rfm.days_in_month(year, month) -%}
        {%- do rfm.raise_wrong_value(owner, path, text, "a day that the month has") -%}
    {%- endif -%}
    {{- return(modules.datetime.date(year, month, day)) -}}
{% endmacro %}

{% macro days_in_month(year, month) %}
    {%- set is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {{- return([31, 29 if is_leap_year else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]) -}}
{% endmacro %}

{# The same day some months later (earlier where months is negative), or the last day of a month that is shorter; the last
   day of a month leads to the last day of the other. #}
{% macro add_months(date, months) %}
    {%- set counted = date.year * 12 + date.month - 1 + months -%}
    {%- set year = counted // 12 -%}
    {%- set month = counted % 12 + 1 -%}
    {%- set last_day = rfm.days_in_month(year, month) -%}
    {%- set is_month_end = date.day == rfm.days_in_month(date.year, date.month) -%}
    {{- return(date.replace(year=year, month=month, day=last_day if is_month_end else [date.day, last_day] | min)) -}}
{% endmacro %}

{% macro add_days(date, days) %}
    {{- return(date + modules.datetime.timedelta(days=days)) -}}
{% endmacro %}

{# A date as a SQL literal; none is null. #}
{% macro date_literal(date) %}
    {{- return("cast('" ~ date ~ "' as date)" if date is not none else "cast(null as date)") -}}
{% endmacro %}
