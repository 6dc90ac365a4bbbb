{# What `dbt seed` calls on Spark, in this repository: dbt-spark writes a missing value as the text None, and stops at a quote. #}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model["config"].get("column_types", {}) -%}
    {%- for chunk in agate_table.rows | batch(1000) -%}
        {%- set rows = [] -%}
        {%- for row in chunk -%}
            {%- set values = [] -%}
            {%- for name in agate_table.column_names -%}
                {%- set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
                {%- set value = row[loop.index0] -%}
                {%- do values.append(
                    "cast(" ~ (rfm.text_literal(value | string) if value is not none else "null") ~ " as " ~ type ~ ")"
                ) -%}
            {%- endfor -%}
            {%- do rows.append("(" ~ values | join(", ") ~ ")") -%}
        {%- endfor -%}
        {%- do adapter.add_query("insert into " ~ this.render() ~ " values " ~ rows | join(", "), abridge_sql_log=True) -%}
    {%- endfor -%}
    {{- return("") -}}
{% endmacro %}
