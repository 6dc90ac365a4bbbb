{# A text as a SQL literal. #}
{% macro text_literal(text) %}
    {{- return(adapter.dispatch("text_literal", "rfm")(text)) -}}
{% endmacro %}

{% macro default__text_literal(text) %}
    {{- return("'" ~ text | replace("'", "''") ~ "'") -}}
{% endmacro %}

{# Spark reads backslashes. #}
{% macro spark__text_literal(text) %}
    {{- return("'" ~ text | replace("\\", "\\\\") | replace("'", "\\u0027") ~ "'") -}}
{% endmacro %}

{# An identifier, quoted, whatever is in it. #}
{% macro quoted(identifier) %}
    {{- return(adapter.dispatch("quoted", "rfm")(identifier)) -}}
{% endmacro %}

{% macro default__quoted(identifier) %}
    {{- return('"' ~ identifier | replace('"', '""') ~ '"') -}}
{% endmacro %}

{# Spark takes double quotes for a text. #}
{% macro spark__quoted(identifier) %}
    {{- return("`" ~ identifier | replace("`", "``") ~ "`") -}}
{% endmacro %}

{# A value as a text that is compared and ordered by its bytes, whatever the locale of the database: ties end in the order of ids. #}
{% macro as_text(expression) %}
    {{- return(adapter.dispatch("as_text", "rfm")(expression)) -}}
{% endmacro %}

{% macro default__as_text(expression) %}
    {{- return("cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")") -}}
{% endmacro %}

{# PostgreSQL orders texts by the locale of the database. Columns made from this one keep the collation. #}
{% macro postgres__as_text(expression) %}
    {{- return("(cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ') collate "C")') -}}
{% endmacro %}

{# True where the whole text matches the regular expression. #}
{% macro matches(text, pattern) %}
    {{- return(adapter.dispatch("matches", "rfm")(text, pattern)) -}}
{% endmacro %}

{% macro default__matches(text, pattern) %}
    {{- return("regexp_like(" ~ text ~ ", '^(" ~ pattern ~ ")$')") -}}
{% endmacro %}

{# DuckDB has no regexp_like. #}
{% macro duckdb__matches(text, pattern) %}
    {{- return("regexp_full_match(" ~ text ~ ", '" ~ pattern ~ "')") -}}
{% endmacro %}

{# Spark: Java's $ also matches before a line end. #}
{% macro spark__matches(text, pattern) %}
    {{- return("regexp_like(" ~ text ~ ", '\\\\A(?:" ~ pattern ~ ")\\\\z')") -}}
{% endmacro %}

{# A row of the relation with this alias as one value, of which row_in_json() makes a text. #}
{% macro whole_row(alias) %}
    {{- return(adapter.dispatch("whole_row", "rfm")(alias)) -}}
{% endmacro %}

{% macro default__whole_row(alias) %}
    {{- return(alias) -}}
{% endmacro %}

{# Spark has no value of a whole row. #}
{% macro spark__whole_row(alias) %}
    {{- return("struct(" ~ alias ~ ".*)") -}}
{% endmacro %}

{# What whole_row() gave as JSON, {"column":value,...} without blanks, nulls included. #}
{% macro row_in_json(row) %}
    {{- return(adapter.dispatch("row_in_json", "rfm")(row)) -}}
{% endmacro %}

{% macro default__row_in_json(row) %}
    {{- return(rfm.as_text("to_json(" ~ row ~ ")")) -}}
{% endmacro %}

{# Spark leaves nulls out. #}
{% macro spark__row_in_json(row) %}
    {{- return("to_json(" ~ row ~ ", map('ignoreNullFields', 'false'))") -}}
{% endmacro %}
