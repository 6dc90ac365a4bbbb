{# The relation that a dataset's records or orders name: a model or seed of the project that is built, or source_name.table_name. #}
{% macro input_relation(dataset) %}
    {%- set parts = dataset.input.split(".") -%}
    {%- if parts | length == 2 -%}
        {{- return(source(parts[0], parts[1])) -}}
    {%- endif -%}
    {{- return(ref(project_name, parts[0])) -}}
{% endmacro %}

{# What every dataset's input has: {dataset: {column: database type}}. Asks the database, so it is empty while dbt
   parses. Stops, naming the dataset, where an input cannot be used or lacks a column that the dataset maps.
   inputs: {dataset name: relation} #}
{% macro input_columns(datasets, inputs) %}
    {%- set found = {} -%}
    {%- for dataset in datasets -%}
        {%- set column_types = {} -%}
        {%- if execute -%}
            {%- set location = rfm.input_location(dataset) -%}
            {%- if location -%}
                {%- do rfm.check_input_files(dataset, location) -%}
            {%- endif -%}
            {%- for column in adapter.get_column_schema_from_query("select * from " ~ inputs[dataset.name] ~ " as input") -%}
                {%- do column_types.update({column.name: column.dtype}) -%}
            {%- endfor -%}
            {%- do rfm.check_input_columns(dataset, column_types, location) -%}
        {%- endif -%}
        {%- do found.update({dataset.name: column_types}) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{% macro check_input_columns(dataset, column_types, location) %}
    {%- set owner = "dataset '" ~ dataset.name ~ "'" -%}
    {%- set input = location or dataset.input -%}
    {%- if "rfm__input_error" in column_types -%}
        {#- The xlsx plugin cannot know the dataset: it hands its error over as a row. -#}
        {%- set error = run_query("select rfm__input_error from " ~ rfm.input_relation(dataset)).columns[0].values()[0] -%}
        {%- do exceptions.raise_compiler_error("rfm: " ~ owner ~ ": " ~ error) -%}
    {%- endif -%}
    {%- set spellings = column_types | map("lower") | list -%}
    {%- set mapped = dataset.columns.items() | list -%}
    {%- for extra in dataset.extra_columns if extra.column -%}
        {%- do mapped.append((extra.name, extra.column)) -%}
    {%- endfor -%}
    {%- for name, column in mapped if column | lower not in spellings -%}
        {%- do exceptions.raise_compiler_error(
            "rfm: " ~ owner ~ ": column '" ~ column ~ "' (columns." ~ name ~ ") is not in " ~ input
            ~ ", expected one of its columns: " ~ column_types | join(", ")
        ) -%}
    {%- endfor -%}
{% endmacro %}

{# Where the files of a dataset's source are, as the user wrote it, or none where the input is a table. #}
{% macro input_location(dataset) %}
    {%- set parts = dataset.input.split(".") -%}
    {%- if parts | length == 2 -%}
        {%- for node in graph.sources.values() if node.source_name == parts[0] and node.name == parts[1] -%}
            {%- set location = node.config.meta.get("external_location") or node.meta.get("external_location") -%}
            {%- if location -%}
                {{- return(location | replace("{name}", node.name) | replace("{identifier}", node.identifier)
                    | replace("{schema}", node.schema)) -}}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}

{# File sources are DuckDB's. For csv, parquet and json this looks at the files before DuckDB's own errors, which do not
   name the dataset: none there, an empty one, or two with different columns. The xlsx plugin checks its own files. #}
{% macro check_input_files(dataset, location) %}
    {%- set owner = "dataset '" ~ dataset.name ~ "'" -%}
    {%- set pattern = modules.re.search("^'?([^'(]+[.](?:csv|tsv|txt|parquet|json|jsonl|ndjson)(?:[.]gz)?)'?$", location)
        or modules.re.search("^read_[a-z_]+[(] *'([^']+)'", location) -%}
    {%- if pattern and adapter.type() == "duckdb" and "://" not in location -%}
        {%- set path = pattern.group(1) -%}
        {%- set files = run_query("select file from glob(" ~ rfm.text_literal(path) ~ ") order by file").columns[0].values() -%}
        {%- if not files -%}
            {%- do exceptions.raise_compiler_error(
                "rfm: " ~ owner ~ ": no file matches " ~ path ~ ", expected at least one"
            ) -%}
        {%- endif -%}
        {%- set first = namespace(columns=none) -%}
        {%- for file in files -%}
            {%- set size = run_query("select size from read_blob(" ~ rfm.text_literal(file) ~ ")").columns[0].values()[0] -%}
            {%- if size == 0 -%}
                {%- do exceptions.raise_compiler_error(
                    "rfm: " ~ owner ~ ": file " ~ file ~ " is empty, expected a header and rows"
                ) -%}
            {%- endif -%}
            {%- if files | length > 1 -%}
                {%- set alone = location | replace(path, file) if "(" in location else rfm.text_literal(file) -%}
                {%- set columns = adapter.get_column_schema_from_query("select * from " ~ alone ~ " as input")
                    | map(attribute="name") | list -%}
                {%- set first.columns = columns if first.columns is none else first.columns -%}
                {%- if columns | sort != first.columns | sort -%}
                    {%- do exceptions.raise_compiler_error(
                        "rfm: " ~ owner ~ ": file " ~ file ~ " has the columns " ~ columns | join(", ")
                        ~ ", expected those of " ~ files[0] ~ ": " ~ first.columns | join(", ")
                    ) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
