{# A text as a SQL literal. #}
{% macro text_literal(text) %}
    {{- return(dbt.string_literal(dbt.escape_single_quotes(text))) -}}
{% endmacro %}

{# An identifier, quoted, whatever is in it. #}
{% macro quoted(identifier) %}
    {{- return(adapter.quote(identifier | replace('"', '""'))) -}}
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
