{# How a value that was typed by people or exported by a spreadsheet becomes a typed value, in three steps that a reader
   finds as three CTEs: <column>_given (blanks off), <column>_plain (one spelling), <column>_read (typed, or null). #}

{# The kind of a database type: number, date or text. A text is read, the others are cast. #}
{% macro type_kind(data_type) %}
    {%- set type = data_type | lower -%}
    {%- if modules.re.match("(u?(tiny|small|big|huge)?int(eger)?[0-9]*|decimal|numeric|double|real|float[0-9]*)($|[ (])", type) and "[" not in type -%}
        {{- return("number") -}}
    {%- elif modules.re.match("(date|timestamp)", type) and "[" not in type -%}
        {{- return("date") -}}
    {%- endif -%}
    {{- return("text") -}}
{% endmacro %}

{# A text without the blanks of every kind at its ends; null where nothing is left. expression (string): SQL.
   To trim a set of characters is slow, and no text asks for it that starts and ends with a plain letter, digit or sign. #}
{% macro trimmed(expression) %}
    {%- set text = rfm.as_text(expression) -%}
    {%- set blanks = "' \u00a0\u3000' || chr(9) || chr(10) || chr(13)" -%}
    {{- return(
        "case when left(" ~ text ~ ", 1) between '!' and '~' and right(" ~ text ~ ", 1) between '!' and '~' then " ~ text
        ~ " else nullif(trim(both " ~ blanks ~ " from " ~ text ~ "), '') end"
    ) -}}
{% endmacro %}

{# One spelling for a text that is to be read as type (string): plain digits and signs, dashes in dates. #}
{% macro plain(text, type) %}
    {%- if type == "date" -%}
        {{- return("translate(" ~ text ~ ", '０１２３４５６７８９－．／./年月日', '0123456789--------')") -}}
    {%- elif type in ["integer", "decimal"] -%}
        {{- return("translate(" ~ text ~ ", '０１２３４５６７８９．，－＋￥', '0123456789.,-+¥')") -}}
    {%- endif -%}
    {{- return(text) -}}
{% endmacro %}

{# What Excel shows in a cell without a value, in the order of its ERROR.TYPE: a text in a workbook or in a csv file saved
   from one. #}
{% macro spreadsheet_errors() %}
    {{- return([
        "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A",
        "#GETTING_DATA", "#SPILL!", "#CONNECT!", "#BLOCKED!", "#UNKNOWN!", "#FIELD!", "#CALC!",
    ]) -}}
{% endmacro %}

{# The typed value, null where it is none of the type. value (string): a plain text, or a column of kind number or date.
   text: any but the error of a spreadsheet, or all customers with the id #N/A would be one.
   integer: a whole number; decimal: a number, also with an exponent; both with thousands separators every three digits,
   ¥ before and 元 behind.
   date: year-month-day with or without a time of day, yyyymmdd, or the five digits of a spreadsheet's serial number
   (days since 1899-12-30). #}
{% macro read_value(value, kind, type) %}
    {%- set sign = "([-+]?¥? ?|¥ ?[-+])" -%}
    {%- set digits = "([0-9]+|[0-9]{1,3}(,[0-9]{3})+)" -%}
    {%- set number = rfm.try_cast("translate(" ~ value ~ ", ',¥元 ', '')", "decimal(28, 6)") -%}
    {%- if type == "text" and kind == "text" -%}
        {#- Few texts begin with the sign, so that the list costs nothing. -#}
        {{- return(
            "case when left(" ~ value ~ ", 1) = '#' and " ~ value ~ " in ('" ~ rfm.spreadsheet_errors() | join("', '")
            ~ "') then null else " ~ value ~ " end"
        ) -}}
    {%- elif type == "text" -%}
        {{- return(rfm.as_text(value)) -}}
    {%- elif type == "integer" and kind == "number" -%}
        {{- return(
            "case when " ~ value ~ " = floor(" ~ value ~ ") then " ~ rfm.try_cast(value, dbt.type_bigint()) ~ " end"
        ) -}}
    {%- elif type == "integer" -%}
        {{- return(
            "case when " ~ rfm.matches(value, sign ~ digits ~ "([.]0*)?( ?元)?") ~ " then "
            ~ rfm.try_cast(number, dbt.type_bigint()) ~ " end"
        ) -}}
    {%- elif type == "decimal" and kind == "number" -%}
        {{- return(rfm.try_cast(value, "decimal(28, 6)")) -}}
    {%- elif type == "decimal" -%}
        {{- return(
            "case when "
            ~ rfm.matches(value, sign ~ "(" ~ digits ~ "([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?( ?元)?")
            ~ " then " ~ number ~ " end"
        ) -}}
    {%- elif kind == "date" -%}
        {{- return("cast(" ~ value ~ " as date)") -}}
    {%- endif -%}
    {%- set epoch = "cast('1899-12-30' as date)" -%}
    {{- return(
        "cast(case
            when " ~ rfm.matches(value, "[0-9]{5}(-[0-9]*)?") ~ "
                then " ~ dbt.dateadd("day", "cast(left(" ~ value ~ ", 5) as integer)", epoch) | trim ~ "
            when " ~ rfm.matches(value, "[0-9]{8}(-0*)?") ~ "
                then " ~ rfm.try_cast(
            "left(" ~ value ~ ", 4) || '-' || substring(" ~ value ~ ", 5, 2) || '-' || substring(" ~ value ~ ", 7, 2)", "date"
        ) ~ "
            when " ~ rfm.matches(value, "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}-?([T ][^\\n]*)?") ~ "
                then " ~ rfm.try_cast("trim(both '-' from split_part(replace(" ~ value ~ ", 'T', ' '), ' ', 1))", "date") ~ "
        end as date)"
    ) -}}
{% endmacro %}
