{# CTEs that end in <dataset>_checked: every row of an orders dataset, with typed columns, the reasons why it is not used (null
   where there are none), and the row itself as JSON where it may be rejected.

   dataset: as datasets() returns it
   relation: the input; column_types: {column of the input: database type}, in the spelling of the database
   stored_columns: {column: type}, the extra columns of all orders datasets #}
{% macro clean_orders_ctes(dataset, relation, column_types, stored_columns) %}
{%- set prefix = dataset.name %}
{%- set given = rfm.given_columns(dataset, column_types) %}
{%- set required = ["customer_id", "order_id", "ordered_at"] + (["amount"] if dataset.missing == "reject" else []) %}
{{ rfm.read_ctes(prefix, relation, given) }},

{{ prefix }}_typed as (
    select
        *,
        customer_id_read as customer_id,
        {{ "coalesce(region_read, 'unknown')" if "region" in dataset.columns else "'all'" }} as region,
        {{ "order_id_read" if "order_id" in dataset.columns else "cast(null as " ~ dbt.type_string() ~ ")" }} as order_id,
        ordered_at_read as ordered_at,
        {{ "case when amount_given is null then 0 else amount_read end" if dataset.missing == "zero" else "amount_read" }} as amount
    from {{ prefix }}_read
),

{{ prefix }}_reasoned as (
    select
        *,
        {{ rfm.reasons_in_text(rfm.value_reasons(given, required)) | trim }} as rejection_reasons
    from {{ prefix }}_typed
),

-- Customers with more than one row of the same day and amount: only these rows may be copies of each other.
{{ prefix }}_contested as (
    select
        customer_id,
        ordered_at,
        amount
    from {{ prefix }}_reasoned
    where rejection_reasons is null
    group by customer_id, ordered_at, amount
    having count(*) > 1
),

{{ prefix }}_checked as (
    select
        '{{ dataset.name }}' as dataset,
        orders.region,
        orders.customer_id,
        orders.order_id,
        orders.ordered_at,
        cast(orders.amount as decimal(28, 6)) as amount,
        {%- set own = {} %}
        {%- for column in dataset.extra_columns if column.column %}
            {%- do own.update({column.stored_as: column.name ~ "_read"}) %}
        {%- endfor %}
        {%- for stored, type in stored_columns.items() %}
        cast({{ "orders." ~ own[stored] if stored in own else "null" }} as {{ rfm.sql_type(type) }}) as {{ stored }},
        {%- endfor %}
        orders.rejection_reasons,
        contested.customer_id is not null as rfm__is_contested,
        case
            when orders.rejection_reasons is not null or contested.customer_id is not null
                then {{ rfm.row_in_json("orders.rfm__source_row") }}
        end as record
    from {{ prefix }}_reasoned as orders
    left join {{ prefix }}_contested as contested
        on
            orders.customer_id = contested.customer_id
            and orders.ordered_at = contested.ordered_at
            and orders.amount = contested.amount
            and orders.rejection_reasons is null
)
{%- endmacro %}
