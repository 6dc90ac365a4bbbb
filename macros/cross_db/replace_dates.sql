{# Incremental strategy rfm__replace_dates: the rows of every dataset and as-of date that the input holds now are
   replaced, those of all other dates stay as they are; rows of no dataset, on rulebooks, are always replaced. The dates come from int_rfm__input_dates and not from the new
   rows, so that a date whose new rows are none loses its old ones. dbt-duckdb's delete+insert with two key columns joins
   every old row with every new one of its date, which no large customer base survives. #}
{% macro get_incremental_rfm__replace_dates_sql(arg_dict) %}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="name") | map("string") | list -%}
    {%- set column_list = get_quoted_csv(columns) %}

    delete from {{ arg_dict["target_relation"] }} as graded
    where graded.dataset is null or exists (
        select 1
        from {{ ref('int_rfm__input_dates') }} as input_dates
        where
            input_dates.dataset = graded.dataset
            and input_dates.as_of_date is not distinct from graded.as_of_date
    );

    insert into {{ arg_dict["target_relation"] }} ({{ column_list }})
    select {{ column_list }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}
