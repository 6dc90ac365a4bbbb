{# The materialization of a model that is kept as a table. kind (string): table, which every build writes anew, or incremental, in
   which a build replaces the rows of some dates. #}
{% macro stored_as(kind) %}
    {{- return(adapter.dispatch("stored_as", "rfm")(kind)) -}}
{% endmacro %}

{% macro default__stored_as(kind) %}
    {{- return(kind) -}}
{% endmacro %}

{# dbt-spark drops a plain table before it writes it anew, and Spark deletes no single rows from one. #}
{% macro spark__stored_as(kind) %}
    {{- return("rfm__" ~ kind) -}}
{% endmacro %}

{# True where the model's new rows are added to those that earlier builds stored. #}
{% macro adds_to_stored_rows() %}
    {{- return(adapter.dispatch("adds_to_stored_rows", "rfm")()) -}}
{% endmacro %}

{% macro default__adds_to_stored_rows() %}
    {{- return(is_incremental()) -}}
{% endmacro %}

{# Spark: is_incremental() only knows dbt's own materialization. Unit tests say what it returns. #}
{% macro spark__adds_to_stored_rows() %}
    {%- if not execute or model.resource_type != "model" -%}
        {{- return(is_incremental()) -}}
    {%- endif -%}
    {%- set stored = rfm.stored_relation(this) -%}
    {{- return(
        stored is not none
        and stored.type == "table"
        and model.config.materialized == "rfm__incremental"
        and not should_full_refresh()
    ) -}}
{% endmacro %}

{# A relation as earlier builds left it; none where there is none. relation (relation): by name, of any type #}
{% macro stored_relation(relation) %}
    {{- return(adapter.dispatch("stored_relation", "rfm")(relation)) -}}
{% endmacro %}

{% macro default__stored_relation(relation) %}
    {{- return(load_relation(relation)) -}}
{% endmacro %}

{# Spark has no transactions: what a build broke off is repaired by the next, before it reads. #}
{% macro spark__stored_relation(relation) %}
    {%- if flags.WHICH in ["build", "run"] -%}
        {{- return(rfm.spark_repaired(relation)) -}}
    {%- endif -%}
    {{- return(load_relation(relation)) -}}
{% endmacro %}
