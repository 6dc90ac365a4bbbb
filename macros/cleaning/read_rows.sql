{# What the inputs of records and of orders have in common: how their columns are read, and what may be wrong with a value. #}

{# CTEs that end in <prefix>_read: the input's rows with a column <name>_given, _plain and _read for every mapped column. #}
{% macro read_ctes(prefix, relation, given) %}
{{ prefix }}_input as {{ rfm.inlined() }}(
    select * from {{ relation }}
),

{{ prefix }}_given as (
    select
        {%- for column in given %}
        {{ column.given }} as {{ column.name }}_given,
        {%- endfor %}
        {{ rfm.whole_row("input") }} as rfm__source_row
    from {{ prefix }}_input as input
),

{{ prefix }}_plain as (
    select
        *
        {%- for column in given %},
        {{ rfm.plain(column.name ~ "_given", column.type) if column.kind == "text" else column.name ~ "_given" }} as {{ column.name }}_plain
        {%- endfor %}
    from {{ prefix }}_given
),

{{ prefix }}_read as (
    select
        *
        {%- for column in given %},
        {{ rfm.read_value(column.name ~ "_plain", column.kind, column.type) }} as {{ column.name }}_read
        {%- endfor %}
    from {{ prefix }}_plain
)
{%- endmacro %}

{# The columns that the dataset maps: [{name, column, type, kind, given}], given being the SQL of the value as it came,
   with the blanks of a text off. #}
{% macro given_columns(dataset, column_types) %}
    {%- set mapped = [] -%}
    {%- for name, column in dataset.columns.items() -%}
        {%- do mapped.append({"name": name, "column": column, "type": rfm.input_columns_of(dataset.kind)[name]}) -%}
    {%- endfor -%}
    {%- for extra in dataset.extra_columns if extra.column -%}
        {%- do mapped.append({"name": extra.name, "column": extra.column, "type": extra.type}) -%}
    {%- endfor -%}
    {%- set spellings = {} -%}
    {%- for column in column_types -%}
        {%- do spellings.update({column | lower: column}) -%}
    {%- endfor -%}
    {%- for column in mapped -%}
        {%- set spelling = spellings.get(column.column | lower, column.column) -%}
        {%- set kind = rfm.type_kind(column_types.get(spelling, "text")) -%}
        {#- A date where a number is expected, or a number where a date is, is read from its text. -#}
        {%- if kind == "number" and column.type == "date" or kind == "date" and column.type in ["integer", "decimal"] -%}
            {%- set kind = "text" -%}
        {%- endif -%}
        {%- set reference = "input." ~ rfm.quoted(spelling) -%}
        {%- do column.update({
            "kind": kind, "given": rfm.trimmed(reference) if kind == "text" else reference
        }) -%}
    {%- endfor -%}
    {{- return(mapped) -}}
{% endmacro %}

{# Why a row cannot be used: [{condition, text}], both SQL. The text names the column, the value and what is expected.
   required, not_negative: names of columns #}
{% macro value_reasons(given, required, not_negative=[]) %}
    {%- set kinds = {
        "integer": "a whole number", "decimal": "a number", "date": "a date", "text": "a text, not a spreadsheet error"
    } -%}
    {%- set reasons = [] -%}
    {%- for column in given -%}
        {%- set name = column.name -%}
        {%- set label = name ~ " ('" ~ column.column ~ "')" -%}
        {%- set value = "cast(" ~ name ~ "_given as " ~ dbt.type_string() ~ ")" -%}
        {%- do reasons.append({
            "condition": name ~ "_given is not null and " ~ name ~ "_read is null",
            "text": rfm.text_literal(label ~ " is '") ~ " || " ~ value ~ " || "
                ~ rfm.text_literal("', expected " ~ kinds[column.type]),
        }) -%}
        {%- if column.type in ["integer", "decimal"] -%}
            {%- do reasons.append({
                "condition": name ~ "_read >= " ~ rfm.number_bound() ~ " or " ~ name ~ "_read <= -" ~ rfm.number_bound(),
                "text": rfm.text_literal(label ~ " is '") ~ " || " ~ value ~ " || "
                    ~ rfm.text_literal("', expected less than " ~ rfm.number_bound()),
            }) -%}
        {%- endif -%}
        {%- if name in not_negative -%}
            {%- do reasons.append({
                "condition": name ~ "_given is not null and " ~ name ~ "_read < 0",
                "text": rfm.text_literal(label ~ " is '") ~ " || " ~ value ~ " || "
                    ~ rfm.text_literal("', expected 0 or more"),
            }) -%}
        {%- endif -%}
        {%- if name in required -%}
            {%- do reasons.append({
                "condition": name ~ "_given is null", "text": rfm.text_literal(label ~ " is missing")
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(reasons) -}}
{% endmacro %}

{# What no number of an input reaches, so that sums have room in every engine's decimals. #}
{% macro number_bound() %}
    {{- return("1000000000000000") -}}
{% endmacro %}

{# The SQL of all reasons in one text, null where there is none. #}
{% macro reasons_in_text(reasons) %}
        nullif(concat_ws(
            '; ',
            {%- for reason in reasons %}
            case when {{ reason.condition }} then {{ reason.text }} end{{ "," if not loop.last }}
            {%- endfor %}
        ), '')
{%- endmacro %}
