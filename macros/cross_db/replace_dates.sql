{# Incremental strategy rfm__replace_dates: the rows of every dataset and as-of date that the input holds now are
   replaced, those of all other dates stay as they are, and so do those of a date that is frozen: an as-of date of orders that
   was graded before. The model makes no rows for frozen dates. A mart that tells of graded customers has rfm__kept: is_finished in
   config.meta; it also replaces frozen dates that a build graded and did not finish. Rows of no dataset, on rulebooks, are always
   replaced, and those for which config.meta has a SQL condition, rfm__always_replaced. A mart that compares dates has rfm__from in
   config.meta, the column by which its rows are replaced from the dataset's first untold date on. The dates come from
   int_rfm__input_dates and not from the new rows, so that a date whose new rows are none loses its old ones. With rfm__untells in
   config.meta, what later marts told of the replaced dates counts as untold from now on.
   dbt-duckdb's delete+insert with two key columns joins every old row with every new one of its date, which no large customer
   base survives. #}
{% macro get_incremental_rfm__replace_dates_sql(arg_dict) %}
    {%- set target = arg_dict["target_relation"] -%}
    {%- set column_list = get_quoted_csv(arg_dict["dest_columns"] | map(attribute="name") | map("string") | list) -%}
    {%- do rfm.fit_columns(target, arg_dict["temp_relation"]) %}

    delete from {{ target }} as stored
    where {{ rfm.is_replaced("stored") | trim }};
    {%- set told_dates = rfm.earlier_relation("told_dates") if rfm.untells_dates() else none %}
    {%- if told_dates %}

    delete from {{ told_dates }} as told
    where {{ rfm.is_untold("told") | trim }};
    {%- endif %}

    insert into {{ target }} ({{ column_list }})
    select {{ column_list }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}

{# The SQL of whether the build replaces a row of the model's table. stored (string): alias of the table. #}
{% macro is_replaced(stored) %}
    {%- set meta = config.get("meta") or {} -%}
    {%- if "rfm__from" in meta %}
    (
        exists (
            select 1
            from {{ ref('int_rfm__input_dates') }} as input_dates
            where
                input_dates.dataset = {{ stored }}.dataset
                and input_dates.untold_from <= {{ stored }}.{{ meta["rfm__from"] }}
        )
        -- Of a dataset whose history was deleted, nothing is left to tell.
        or not exists (
            select 1
            from {{ ref('int_rfm__graded_dates') }} as graded_dates
            where graded_dates.dataset = {{ stored }}.dataset
        )
    )
    {%- else %}
    ({{ stored }}.dataset is null or exists (
        select 1
        from {{ ref('int_rfm__input_dates') }} as input_dates
        where
            input_dates.dataset = {{ stored }}.dataset
            and input_dates.as_of_date is not distinct from {{ stored }}.as_of_date
            and (not input_dates.{{ meta.get("rfm__kept", "is_frozen") }} or {{ meta.get("rfm__always_replaced", "1 = 0") }})
    ))
    {%- endif %}
{%- endmacro %}

{# True where what later marts told of the dates that the model replaces counts as untold from now on. #}
{% macro untells_dates() %}
    {{- return((config.get("meta") or {}).get("rfm__untells", false)) -}}
{% endmacro %}

{# The SQL of whether a row of int_rfm__told_dates is of a date that is replaced. told (string): alias of the table. #}
{% macro is_untold(told) %}
    exists (
        select 1
        from {{ ref('int_rfm__input_dates') }} as input_dates
        where
            input_dates.dataset = {{ told }}.dataset
            and input_dates.as_of_date = {{ told }}.as_of_date
            and not input_dates.is_frozen
    )
{%- endmacro %}

{# Makes the columns of a history table fit the rows that are to come, where the vars give a column another type than before. A number
   becomes as wide as these, or they would be rounded. A column of another kind keeps what it holds under a name that ends in its
   type, and starts anew. #}
{% macro fit_columns(target, temp_relation) %}
    {%- set kept = {} -%}
    {%- for column in adapter.get_columns_in_relation(target) -%}{%- do kept.update({column.name: column.data_type | lower}) -%}{%- endfor -%}
    {%- for column in adapter.get_columns_in_relation(temp_relation) if column.name in kept -%}
        {%- set name = rfm.quoted(column.name) -%}
        {%- set before = kept[column.name] -%}
        {%- set decimals = rfm.decimals_of_type(before), rfm.decimals_of_type(column.data_type | lower) -%}
        {%- if none not in decimals -%}
            {#- A contract says how wide a column is, whatever width PostgreSQL gives the new rows. -#}
            {%- if decimals[0] < decimals[1] and not (decimals[1] == 1000 and config.get("contract").enforced) -%}
                {%- do run_query("alter table " ~ target ~ " alter column " ~ name ~ " type " ~ column.data_type) -%}
            {%- endif -%}
        {%- elif rfm.type_kind(before) != rfm.type_kind(column.data_type) -%}
            {%- set old_name = rfm.quoted(column.name ~ "__" ~ modules.re.sub("[^a-z0-9]+", "_", before).strip("_")) -%}
            {%- do run_query("alter table " ~ target ~ " rename column " ~ name ~ " to " ~ old_name) -%}
            {%- do run_query("alter table " ~ target ~ " add column " ~ name ~ " " ~ column.data_type) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}

{# How many decimals a database type has; none where it is no number. #}
{% macro decimals_of_type(data_type) %}
    {%- if rfm.type_kind(data_type) != "number" -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set scale = modules.re.search(",\\s*(\\d+)\\)", data_type) -%}
    {#- PostgreSQL has numbers without an end, where a union or a case mixes two types. -#}
    {%- set decimals_without_type = 1000 if data_type == "numeric" else 0 -%}
    {{- return(scale.group(1) | int if scale else decimals_without_type) -}}
{% endmacro %}

{# One CTE, graded_dates: the as-of dates that earlier builds graded, and by which rulebook. #}
{% macro graded_dates_cte() %}
{{ rfm.earlier_dates_cte("graded_dates", "rulebook") }}
{%- endmacro %}

{# One CTE, finished_dates: those of them of which earlier builds also wrote every mart. #}
{% macro finished_dates_cte() %}
{{ rfm.earlier_dates_cte("finished_dates") }}
{%- endmacro %}

{# One CTE, told_dates: those of which the marts that compare dates tell, with a digest of the settings. #}
{% macro told_dates_cte() %}
{{ rfm.earlier_dates_cte("told_dates", "digest") }}
{%- endmacro %}

{# One CTE with the dates of model int_rfm__<name> as earlier builds left it, (dataset, as_of_date, and a column of text where one is
   named); none before the first build, and in one that is to grade everything anew. #}
{% macro earlier_dates_cte(name, column=none) %}
    {%- set relation = rfm.earlier_relation(name) if not flags.FULL_REFRESH else none %}
{{ name }} as (
    {%- if relation %}
    select distinct
        {{ column ~ "," if column }}
        dataset,
        as_of_date
    from {{ relation }}
    {%- else %}
    select
        {{ "cast(null as " ~ dbt.type_string() ~ ") as " ~ column ~ "," if column }}
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date
    where 1 = 0
    {%- endif %}
)
{%- endmacro %}

{# The table of model int_rfm__<name> as earlier builds left it; none where there is none. #}
{% macro earlier_relation(name) %}
    {%- set relation = rfm.relation_of(name) -%}
    {{- return(rfm.stored_relation(relation) if relation else none) -}}
{% endmacro %}

{# What model int_rfm__<name> is called in the database, whether it is there or not. Asked for by name and not by ref(), as the model
   comes after those that ask. None where there is no graph, as in unit tests. #}
{% macro relation_of(name) %}
    {%- set found = namespace(relation=none) -%}
    {%- if execute -%}
        {%- for node in graph.get("nodes", {}).values() if node.resource_type == "model" and node.name == "int_rfm__" ~ name -%}
            {%- set found.relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(found.relation) -}}
{% endmacro %}
