{# Incremental strategy rfm__replace_dates: the rows of every dataset and as-of date that the input holds now are
   replaced, those of all other dates stay as they are, and so do those of a date that is frozen: an as-of date of orders that
   was graded before. Rows of no dataset, on rulebooks, are always replaced, and those for which config.meta has a SQL
   condition, rfm__always_replaced. The dates come from int_rfm__input_dates and not from the new rows, so that a date whose new
   rows are none loses its old ones. Where config.meta says rfm__has_every_date, a frozen date that the table lacks, as a build
   broke off before it, is added.
   dbt-duckdb's delete+insert with two key columns joins every old row with every new one of its date, which no large customer
   base survives. #}
{% macro get_incremental_rfm__replace_dates_sql(arg_dict) %}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="name") | map("string") | list -%}
    {%- set column_list = get_quoted_csv(columns) -%}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set meta = config.get("meta") or {} -%}
    {%- set always = meta.get("rfm__always_replaced", "1 = 0") %}

    delete from {{ target }} as graded
    where graded.dataset is null or exists (
        select 1
        from {{ ref('int_rfm__input_dates') }} as input_dates
        where
            input_dates.dataset = graded.dataset
            and input_dates.as_of_date is not distinct from graded.as_of_date
            and (not input_dates.is_frozen or {{ always }})
    );

    insert into {{ target }} ({{ column_list }})
    select {{ column_list }} from {{ arg_dict["temp_relation"] }} as graded
    where {{ always }} or not exists (
        select 1
        from {{ ref('int_rfm__input_dates') }} as input_dates
        where
            input_dates.dataset = graded.dataset
            and input_dates.as_of_date = graded.as_of_date
            and input_dates.is_frozen
            {%- if meta.get("rfm__has_every_date") %}
            and exists (
                select 1
                from {{ target }} as kept
                where
                    kept.dataset = input_dates.dataset
                    and kept.as_of_date = input_dates.as_of_date
            )
            {%- endif %}
    )
{% endmacro %}

{# The relation with the grades of earlier builds, none where there is none: before the first build, and in one that is to grade
   everything anew. Asked for by name and not by ref(), as its own build comes after those that ask. Unit tests have no graph. #}
{% macro graded_before() %}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- for node in graph.get("nodes", {}).values() if node.resource_type == "model" and node.name == "rfm__graded_customers" -%}
            {{- return(load_relation(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias))) -}}
        {%- endfor -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}
