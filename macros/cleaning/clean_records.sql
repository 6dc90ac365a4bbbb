{# CTEs that end in <dataset>_checked: every row of a records dataset, with typed columns, the reasons why it is not
   used (null where there are none), and the row itself as JSON where it may be rejected.

   dataset: as datasets() returns it
   relation: the input; column_types: {column of the input: database type}, in the spelling of the database
   stored_columns: {column: type}, the extra columns of all datasets #}
{% macro clean_records_ctes(dataset, relation, column_types, stored_columns) %}
{%- set prefix = dataset.name %}
{%- set given = rfm.given_columns(dataset, column_types) %}
{{ rfm.read_ctes(prefix, relation, given) }},

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
        {{ rfm.reasons_in_text(rfm.record_reasons(dataset, given)) | trim }} as rejection_reasons
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
        cast(records.monetary as decimal(28, 6)) as monetary,
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
                then {{ rfm.row_in_json("records.rfm__source_row") }}
        end as record
    from {{ prefix }}_reasoned as records
    left join {{ prefix }}_contested as contested
        on
            records.as_of_date = contested.as_of_date
            and records.customer_id = contested.customer_id
            and records.rejection_reasons is null
)
{%- endmacro %}

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

{# Why a row of records is not used: what value_reasons() finds, and more that only records have. #}
{% macro record_reasons(dataset, given) %}
    {%- set required = ["customer_id", "as_of_date"] + (["frequency", "monetary"] if dataset.missing == "reject" else []) -%}
    {%- set reasons = rfm.value_reasons(given, required, not_negative=["recency_days", "frequency"]) -%}
    {%- for column in given if column.name == "recency_days" -%}
        {%- do reasons.append({
            "condition": "recency_days_given is null and recency_days is null",
            "text": rfm.text_literal("recency_days ('" ~ column.column ~ "') is missing and no last_order_date gives it"),
        }) -%}
    {%- endfor -%}
    {%- do reasons.append({
        "condition": "as_of_date < last_order_date",
        "text": "'as_of_date ' || cast(as_of_date as " ~ dbt.type_string()
            ~ ") || ' is before last_order_date ' || cast(last_order_date as " ~ dbt.type_string() ~ ")",
    }) -%}
    {{- return(reasons) -}}
{% endmacro %}
