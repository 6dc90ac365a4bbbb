{# One CTE, as_of_dates: every as-of date of the datasets of orders, as (dataset, as_of_date, window_eve), the eve of its window
   being null where all history counts.
   datasets: those of orders, as datasets() returns them #}
{% macro as_of_dates_cte(datasets) %}
as_of_dates as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as date) as window_eve
    where 1 = 0
    {%- for dataset in datasets %}
    {%- for date in dataset.as_of %}
    union all
    select '{{ dataset.name }}' as dataset, {{ rfm.date_literal(date) }} as as_of_date, {{ rfm.date_literal(rfm.window_eve(dataset, date)) }} as window_eve
    {%- endfor %}
    {%- endfor %}
)
{%- endmacro %}

{# Whether a dataset of orders counts those of a window only. #}
{% macro has_windows(datasets) %}
    {{- return(datasets | rejectattr("window", "none") | list != []) -}}
{% endmacro %}

{# The SQL of a total of the window: the running total at its end less that at its eve; all of it where all history counts everywhere. #}
{% macro in_window(total, datasets) %}
    {{- return("at_end." ~ total ~ "_to_date" ~ (" - coalesce(at_eve." ~ total ~ "_to_date, 0)" if rfm.has_windows(datasets) else "")) -}}
{% endmacro %}

{# The SQL of a setting of the datasets of orders, as an expression over the column dataset.
   values: {dataset name: SQL} #}
{% macro by_dataset(values) %}
    {%- set different = values.values() | unique | list -%}
    {%- if different | length <= 1 -%}
        {{- return(different[0] if different else "cast(null as " ~ dbt.type_bigint() ~ ")") -}}
    {%- endif -%}
    {%- set cases = [] -%}
    {%- for name, sql in values.items() -%}
        {%- do cases.append("when '" ~ name ~ "' then " ~ sql) -%}
    {%- endfor -%}
    {{- return("case dataset " ~ cases | join(" ") ~ " end") -}}
{% endmacro %}

{# The SQL of frequency, of the columns orders, purchase_days and refund_count. #}
{% macro order_frequency(datasets) %}
    {%- set columns = {"orders": "orders", "days": "purchase_days", "net_orders": "orders - refund_count"} -%}
    {%- set values = {} -%}
    {%- for dataset in datasets -%}{%- do values.update({dataset.name: columns[dataset.frequency]}) -%}{%- endfor -%}
    {{- return(rfm.by_dataset(values)) -}}
{% endmacro %}

{# The SQL condition of the rows that count: no refunds where the dataset drops them. #}
{% macro counts_as_order_row(datasets) %}
    {%- set dropping = datasets | selectattr("refunds", "equalto", "drop") | map(attribute="name") | list -%}
    {{- return("not (is_refund and dataset in ('" ~ dropping | join("', '") ~ "'))" if dropping else "1 = 1") -}}
{% endmacro %}

{# The SQL of whether a customer belongs to the group: not where inactive customers are dropped and the window is empty. #}
{% macro is_in_group(datasets) %}
    {%- set dropping = datasets | selectattr("inactive", "equalto", "drop") | map(attribute="name") | list -%}
    {{- return("not (orders = 0 and dataset in ('" ~ dropping | join("', '") ~ "'))" if dropping else "1 = 1") -}}
{% endmacro %}

{# The columns that a customer has from the last order: the region, and the extra columns as they are stored. #}
{% macro last_order_columns(datasets) %}
    {{- return(["region"] + rfm.stored_input_columns(datasets) | list) -}}
{% endmacro %}

{# Whether a dataset has such columns at all. #}
{% macro reads_last_orders(datasets) %}
    {%- for dataset in datasets -%}
        {%- if "region" in dataset.columns or dataset.extra_columns | selectattr("column") | list -%}
            {{- return(true) -}}
        {%- endif -%}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}
