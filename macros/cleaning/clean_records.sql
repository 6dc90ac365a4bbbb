{# CTEs that end in <dataset>_checked: every row of a records dataset, with typed columns, the reasons why it is not
   used (null where there are none), and the row itself as JSON where it may be rejected.

   dataset: as datasets() returns it
   relation: the input; column_types: {column of the input: database type}, in the spelling of the database
   stored_columns: {column: type}, the extra columns of all datasets #}
{% macro clean_records_ctes(dataset, relation, column_types, stored_columns) %}
{%- set prefix = dataset.name %}
{%- set given = rfm.given_columns(dataset, column_types) %}
{{ prefix }}_input as (
    select * from {{ relation }}
),

{{ prefix }}_given as (
    select
        {%- for column in given %}
        {{ column.given }} as {{ column.name }}_given,
        {%- endfor %}
        input as rfm__source_row
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
),

{{ prefix }}_typed as (
    select
        *,
        customer_id_read as customer_id,
        {{ "coalesce(region_read, 'unknown')" if "region" in dataset.columns else "'all'" }} as region,
        {{ "as_of_date_read" if dataset.as_of_date is none else "cast('" ~ dataset.as_of_date ~ "' as date)" }} as as_of_date,
        {{ "last_order_date_read" if "last_order_date" in dataset.columns else "cast(null as date)" }} as last_order_date,
        {%- for column in ["frequency", "monetary"] %}
        {%- if column not in dataset.columns %}
        cast(null as {{ rfm.sql_type(rfm.standard_columns()[column]) }}) as {{ column }}
        {%- elif dataset.missing == "zero" %}
        case when {{ column }}_given is null then 0 else {{ column }}_read end as {{ column }}
        {%- else %}
        {{ column }}_read as {{ column }}
        {%- endif %}
        {{- "," if not loop.last }}
        {%- endfor %}
    from {{ prefix }}_read
),

{{ prefix }}_dated as (
    select
        *,
        {{ rfm.recency_days(dataset) }} as recency_days
    from {{ prefix }}_typed
),

{{ prefix }}_reasoned as (
    select
        *,
        nullif(concat_ws(
            '; ',
            {%- for reason in rfm.record_reasons(dataset, given) %}
            case when {{ reason.condition }} then {{ reason.text }} end{{ "," if not loop.last }}
            {%- endfor %}
        ), '') as rejection_reasons
    from {{ prefix }}_dated
),

-- Customers with more than one usable row for an as-of date: only these are compared with each other.
{{ prefix }}_contested as (
    select
        as_of_date,
        customer_id
    from {{ prefix }}_reasoned
    where rejection_reasons is null
    group by as_of_date, customer_id
    having count(*) > 1
),

{{ prefix }}_checked as (
    select
        '{{ dataset.name }}' as dataset,
        records.as_of_date,
        records.region,
        records.customer_id,
        records.last_order_date,
        records.recency_days,
        records.frequency,
        records.monetary,
        {%- set own = {} %}
        {%- for column in dataset.extra_columns %}
            {%- do own.update({column.stored_as: column.name ~ "_read"}) %}
        {%- endfor %}
        {%- for stored, type in stored_columns.items() %}
        cast({{ "records." ~ own[stored] if stored in own else "null" }} as {{ rfm.sql_type(type) }}) as {{ stored }},
        {%- endfor %}
        records.rejection_reasons,
        contested.customer_id is not null as rfm__is_contested,
        case
            when records.rejection_reasons is not null or contested.customer_id is not null
                then cast(to_json(records.rfm__source_row) as {{ dbt.type_string() }})
        end as record
    from {{ prefix }}_reasoned as records
    left join {{ prefix }}_contested as contested
        on
            records.as_of_date = contested.as_of_date
            and records.customer_id = contested.customer_id
            and records.rejection_reasons is null
)
{%- endmacro %}

{# The columns that the dataset maps: [{name, column, type, kind, given}], given being the SQL of the value as it came,
   with the blanks of a text off. #}
{% macro given_columns(dataset, column_types) %}
    {%- set mapped = [] -%}
    {%- for name, column in dataset.columns.items() -%}
        {%- do mapped.append({"name": name, "column": column, "type": rfm.standard_columns()[name]}) -%}
    {%- endfor -%}
    {%- for extra in dataset.extra_columns -%}
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

{# R as it is given; where it is not, the days from the last order to the as-of date. #}
{% macro recency_days(dataset) %}
    {%- set derived = dbt.datediff("last_order_date", "as_of_date", "day") -%}
    {%- if "recency_days" in dataset.columns and "last_order_date" in dataset.columns -%}
        {{- return("case when recency_days_given is null then " ~ derived ~ " else recency_days_read end") -}}
    {%- elif "recency_days" in dataset.columns -%}
        {{- return("recency_days_read") -}}
    {%- elif "last_order_date" in dataset.columns -%}
        {{- return(derived) -}}
    {%- endif -%}
    {{- return("cast(null as " ~ dbt.type_bigint() ~ ")") -}}
{% endmacro %}

{# Why a row is not used: [{condition, text}], both SQL. The text names the column, the value and what is expected. #}
{% macro record_reasons(dataset, given) %}
    {%- set kinds = {
        "integer": "a whole number", "decimal": "a number", "date": "a date"
    } -%}
    {%- set not_negative = ["recency_days", "frequency"] -%}
    {%- set reasons = [] -%}
    {%- for column in given -%}
        {%- set name = column.name -%}
        {%- set label = name ~ " ('" ~ column.column ~ "')" -%}
        {%- set value = "cast(" ~ name ~ "_given as " ~ dbt.type_string() ~ ")" -%}
        {%- if column.type != "text" -%}
            {%- do reasons.append({
                "condition": name ~ "_given is not null and " ~ name ~ "_read is null",
                "text": rfm.text_literal(label ~ " is '") ~ " || " ~ value ~ " || "
                    ~ rfm.text_literal("', expected " ~ kinds[column.type]),
            }) -%}
        {%- endif -%}
        {%- if name in not_negative -%}
            {%- do reasons.append({
                "condition": name ~ "_given is not null and " ~ name ~ "_read < 0",
                "text": rfm.text_literal(label ~ " is '") ~ " || " ~ value ~ " || "
                    ~ rfm.text_literal("', expected 0 or more"),
            }) -%}
        {%- endif -%}
        {%- if name == "recency_days" -%}
            {%- do reasons.append({
                "condition": "recency_days_given is null and recency_days is null",
                "text": rfm.text_literal(label ~ " is missing and no last_order_date gives it"),
            }) -%}
        {%- elif name in ["customer_id", "as_of_date"]
            or name in ["frequency", "monetary"] and dataset.missing == "reject" -%}
            {%- do reasons.append({
                "condition": name ~ "_given is null", "text": rfm.text_literal(label ~ " is missing")
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do reasons.append({
        "condition": "as_of_date < last_order_date",
        "text": "'as_of_date ' || cast(as_of_date as " ~ dbt.type_string()
            ~ ") || ' is before last_order_date ' || cast(last_order_date as " ~ dbt.type_string() ~ ")",
    }) -%}
    {{- return(reasons) -}}
{% endmacro %}
