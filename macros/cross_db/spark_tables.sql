{# How tables are stored on Spark: in plain parquet, in partitions, and without transactions. dbt-spark would drop a table before it
   writes it anew, and Spark deletes no single rows of parquet. Here the partitions that hold rows to replace are overwritten by
   complete ones, and those of which nothing is left are dropped after that.
   Spark moves the new files of an overwrite into place one partition after the other. Where a partition holds rows to keep, they all
   lie in <name>__rfm_new until it is done, so that the next build can do it again. A table that gets other columns is written
   as <name>__rfm_next, and what had its name is <name>__rfm_old for a moment.
   config.meta.rfm__partitioned_by lists the columns by which a table is partitioned; else it is the dataset, and the as-of date too
   where only some dates are replaced. #}

{# A table that every build writes anew. #}
{% materialization rfm__table, adapter="spark" %}
    {%- set begun = rfm.spark_begun(["dataset"]) -%}
    {%- if rfm.spark_fits(begun.stored, begun.columns, begun.partitions) -%}
        {%- do rfm.spark_overwrite_all(begun.stored, begun.new_rows) -%}
    {%- else -%}
        {%- do rfm.spark_replace_table(this, begun.stored, begun.new_rows, begun.columns, {}, begun.partitions, "main") -%}
    {%- endif -%}
    {{- return(rfm.spark_finished(begun.stored, begun.new_rows, true)) -}}
{% endmaterialization %}

{# A table in which a build replaces the rows of some dates, as get_incremental_rfm__replace_dates_sql() does elsewhere. #}
{% materialization rfm__incremental, adapter="spark" %}
    {%- set begun = rfm.spark_begun(["dataset", "as_of_date"]) -%}
    {#- First, so that a build that breaks off in between leaves nothing told of rows that are no more. -#}
    {%- set told_dates = rfm.earlier_relation("told_dates") if rfm.untells_dates() else none -%}
    {%- if told_dates -%}
        {%- do rfm.spark_replace_rows(told_dates, none, {}, rfm.is_untold("stored"), none) -%}
    {%- endif -%}
    {%- if begun.stored is none or begun.stored.type != "table" or should_full_refresh() -%}
        {%- do rfm.spark_replace_table(this, begun.stored, begun.new_rows, begun.columns, {}, begun.partitions, "main") -%}
    {%- else -%}
        {%- do rfm.spark_fit_columns(begun.stored, begun.columns, begun.partitions) -%}
        {%- do rfm.spark_replace_rows(begun.stored, begun.new_rows, begun.columns, rfm.is_replaced("stored"), "main") -%}
    {%- endif -%}
    {{- return(rfm.spark_finished(begun.stored, begun.new_rows, should_full_refresh())) -}}
{% endmaterialization %}

{# What both begin with: {stored: the table that is there, or none; new_rows: a view; columns: {name: type} of it; partitions}.
   partitions (list of strings): where the model's config names none #}
{% macro spark_begun(partitions) %}
    {%- do rfm.check_spark_settings() -%}
    {{- run_hooks(pre_hooks) -}}
    {%- set stored = rfm.spark_repaired(this) -%}
    {%- set new_rows = rfm.spark_new_rows() -%}
    {{- return({
        "stored": stored,
        "new_rows": new_rows,
        "columns": rfm.spark_layout(new_rows).columns,
        "partitions": config.get("meta").get("rfm__partitioned_by", partitions),
    }) -}}
{% endmacro %}

{# Sets what can be set by statement, and stops where Spark would write wrong values or overwrite the history. The settings in a
   profile's server_side_parameters win, as dbt-spark sets them before every statement. The places of decimals are only looked at:
   Spark keeps that setting with a view, and views are made before this is called, so the profile has to say it. #}
{% macro check_spark_settings() %}
    {%- set required = {
        "spark.sql.decimalOperations.allowPrecisionLoss": ["false", "or decimals lose places without a word"],
    } -%}
    {%- set settable = {
        "spark.sql.ansi.enabled": ["false", "or one customer's values stop the build"],
        "spark.sql.parser.escapedStringLiterals": ["false", "or texts from the vars are read as others"],
        "spark.sql.sources.partitionOverwriteMode": ["dynamic", "or a build overwrites the dates that it keeps"],
        "spark.sql.storeAssignmentPolicy": ["ansi", "or a value that is too large becomes null"],
        "spark.sql.statistics.size.autoUpdate.enabled": ["true", "or Spark takes the smallest table for a large one"],
        "spark.sql.parquet.datetimeRebaseModeInWrite": ["corrected", "or dates before 1582 are refused or moved"],
    } -%}
    {%- for name, (value, _) in settable.items() -%}{%- do run_query("set " ~ name ~ "=" ~ value | upper) -%}{%- endfor -%}
    {%- for name, (value, reason) in dict(required, **settable).items() -%}
        {%- set found = run_query("set " ~ name).rows[0][1] | string | lower -%}
        {%- if found != value -%}
            {%- do exceptions.raise_compiler_error("rfm: " ~ name ~ " is '" ~ found ~ "', expected '" ~ value ~ "' (" ~ reason ~ ")") -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}

{# A view that makes the model's rows, for this session; where there is a contract, with just its columns. #}
{% macro spark_new_rows() %}
    {%- set view = api.Relation.create(identifier=this.identifier ~ "__rfm_rows", type="view") -%}
    {%- set sql = compiled_code -%}
    {%- if config.get("contract").enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
        {%- set sql = get_select_subquery(sql) -%}
    {%- endif -%}
    {%- do run_query(create_temporary_view(view, sql)) -%}
    {{- return(view) -}}
{% endmacro %}

{# What dbt's own materializations do in the end. stored (relation): the table that was there, or none;
   is_replaced (boolean): whether it was written anew #}
{% macro spark_finished(stored, new_rows, is_replaced) %}
    {%- set target = this.incorporate(type="table") -%}
    {%- do run_query("drop view if exists " ~ new_rows) -%}
    {%- do apply_grants(target, config.get("grants"), should_revoke(stored, full_refresh_mode=is_replaced)) -%}
    {%- do persist_docs(target, model) -%}
    {{- run_hooks(post_hooks) -}}
    {{- return({"relations": [target]}) -}}
{% endmacro %}

{# {columns: {name: type}, partitions: [name]} of a table or view; the columns of the partitions come last. #}
{% macro spark_layout(relation) %}
    {%- set columns = {} -%}
    {%- set partitions = [] -%}
    {%- set part = namespace(is_columns=true) -%}
    {%- for row in run_query("describe table " ~ relation).rows -%}
        {%- if not row[0] or row[0].startswith("#") -%}
            {%- set part.is_columns = false -%}
        {%- elif part.is_columns -%}
            {%- do columns.update({row[0]: row[1]}) -%}
        {%- else -%}
            {%- do partitions.append(row[0]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return({"columns": columns, "partitions": partitions}) -}}
{% endmacro %}

{# True where a table has just these columns, in whatever order, and just these partitions. #}
{% macro spark_fits(stored, columns, partitions) %}
    {%- if stored is none or stored.type != "table" -%}
        {{- return(false) -}}
    {%- endif -%}
    {{- return(rfm.spark_layout(stored) == {"columns": columns, "partitions": partitions}) -}}
{% endmacro %}

{# The table beside another. part (string): new, next or old #}
{% macro spark_beside(relation, part) %}
    {{- return(api.Relation.create(schema=relation.schema, identifier=relation.identifier ~ "__rfm_" ~ part, type="table")) -}}
{% endmacro %}

{# The SQL that selects the columns of a table. sources (dict): SQL by column, of those that are not selected as they are #}
{% macro spark_selected(columns, sources={}) %}
    {%- set selected = [] -%}
    {%- for name in columns -%}
        {%- set column = rfm.quoted(name) -%}
        {%- do selected.append(sources[name] ~ " as " ~ column if name in sources else column) -%}
    {%- endfor -%}
    {{- return(selected | join(", ")) -}}
{% endmacro %}

{# Creates a table, still empty, since a folder of files that belongs to no table, as a broken off 'create table as' leaves it, would
   stop all builds to come. #}
{% macro spark_create(relation, columns, partitions=[]) %}
    {%- set defined = [] -%}
    {%- for name, type in columns.items() -%}{%- do defined.append(rfm.quoted(name) ~ " " ~ type) -%}{%- endfor -%}
    {%- set clause = "partitioned by (" ~ rfm.spark_selected(partitions) ~ ")" if partitions else "" -%}
    {%- do run_query("create table " ~ relation ~ " (" ~ defined | join(", ") ~ ") using parquet " ~ clause ~ " " ~ comment_clause()) -%}
{% endmacro %}

{# The SQL that writes rows in place of the partitions that they belong to. A date is written by one task, into one file; where it has
   more customers than one task should put in order, by several: in small parts, as chance may give a task many of them. #}
{% macro spark_overwrite(target, rows, sources={}) %}
    {%- set layout = rfm.spark_layout(target) -%}
    {%- set selected = rfm.spark_selected(layout.columns, sources) -%}
    {%- set sql = "insert overwrite table " ~ target ~ " select " ~ selected ~ " from " ~ rows -%}
    {%- if layout.partitions | length > 1 -%}
        {%- set parts = 4 * rfm.customers_of_largest_date() // rfm.customers_in_one_task() -%}
        {%- set spread = ", pmod(xxhash64(customer_id), " ~ parts ~ ")" if parts > 4 and "customer_id" in layout.columns else "" -%}
        {%- set sql = sql ~ " distribute by " ~ rfm.spark_selected(layout.partitions) ~ spread -%}
    {%- endif -%}
    {{- return(sql) -}}
{% endmacro %}

{# Writes a whole table anew whose columns stay. An overwritten partition has files of other names than before. #}
{% macro spark_overwrite_all(stored, new_rows) %}
    {%- set partitions = rfm.spark_layout(stored).partitions -%}
    {%- set files = "select *, _metadata.file_name as rfm__file from " ~ stored -%}
    {%- set before = rfm.spark_partitions(files, partitions) -%}
    {%- call statement("main") -%}{{ rfm.spark_overwrite(stored, new_rows) }}{%- endcall -%}
    {%- set after = rfm.spark_partitions(files, partitions) -%}
    {%- set gone = [] -%}
    {%- for key, partition in before.items() if after.get(key) == partition -%}{%- do gone.append(partition) -%}{%- endfor -%}
    {%- do rfm.spark_drop_partitions(stored, gone) -%}
{% endmacro %}

{# Makes a table of rows, and puts it in the place of the one that is stored, if there is one. #}
{% macro spark_replace_table(target, stored, rows, columns, sources, partitions, statement_name) %}
    {%- if stored is not none and stored.type != "table" -%}
        {%- do adapter.drop_relation(stored) -%}
        {%- set stored = none -%}
    {%- endif -%}
    {%- set table = target.incorporate(type="table") -%}
    {%- set written = rfm.spark_beside(target, "next") if stored else table -%}
    {%- do rfm.spark_create(written, columns, partitions) -%}
    {%- call statement(statement_name) -%}{{ rfm.spark_overwrite(written, rows, sources) }}{%- endcall -%}
    {%- if stored -%}
        {%- set old = rfm.spark_beside(target, "old") -%}
        {%- do adapter.rename_relation(stored, old) -%}
        {%- do adapter.rename_relation(written, table) -%}
        {%- do rfm.spark_drop(old) -%}
    {%- endif -%}
{% endmacro %}

{# Replaces rows of a table. new_rows (relation): the rows that come, or none; columns (dict): theirs;
   condition (string): SQL that is true for rows of stored that go #}
{% macro spark_replace_rows(stored, new_rows, columns, condition, statement_name) %}
    {%- set layout = rfm.spark_layout(stored) -%}
    {%- set names = rfm.spark_selected(layout.columns) -%}
    {%- set keys = rfm.spark_selected(layout.partitions) -%}
    {%- set staged = rfm.spark_beside(stored, "new") -%}
    {%- do rfm.spark_create(staged, layout.columns) -%}
    {%- if new_rows -%}
        {%- set missing = {} -%}
        {%- for name, type in layout.columns.items() if name not in columns -%}
            {%- do missing.update({name: "cast(null as " ~ type ~ ")"}) -%}
        {%- endfor -%}
        {%- call statement(statement_name) -%}
            insert into {{ staged }} select {{ rfm.spark_selected(layout.columns, missing) }} from {{ new_rows }}
        {%- endcall -%}
    {%- endif -%}

    {#- No other partition is written. -#}
    {%- set touched = rfm.spark_partitions(
        "select " ~ keys ~ " from " ~ staged ~ " union all select " ~ keys ~ " from " ~ stored ~ " as stored where " ~ condition,
        layout.partitions
    ) -%}
    {%- if touched -%}
        {%- do run_query(
            "insert into " ~ staged ~ " select " ~ names ~ " from " ~ stored ~ " as stored where "
            ~ rfm.spark_in_partitions(touched.values(), layout.partitions) ~ " and not (" ~ condition ~ ")"
        ) -%}
        {%- do run_query("alter table " ~ staged ~ " set tblproperties ('rfm.is_complete' = 'true')") -%}
        {%- set left = rfm.spark_partitions("select " ~ keys ~ " from " ~ staged, layout.partitions) -%}
        {%- if left -%}{%- do run_query(rfm.spark_overwrite(stored, staged)) -%}{%- endif -%}
        {%- set gone = [] -%}
        {%- for key, partition in touched.items() if key not in left -%}{%- do gone.append(partition) -%}{%- endfor -%}
        {%- do rfm.spark_drop_partitions(stored, gone) -%}
    {%- endif -%}
    {%- do rfm.spark_drop(staged) -%}
{% endmacro %}

{# What fit_columns() does elsewhere, and new columns. Parquet cannot change the type of a column: the table is written anew. #}
{% macro spark_fit_columns(stored, columns, partitions) %}
    {%- set layout = rfm.spark_layout(stored) -%}
    {%- set types, sources, added = {}, {}, {} -%}
    {%- for name, before in layout.columns.items() -%}
        {%- set type = columns.get(name, before) -%}
        {%- set decimals = rfm.decimals_of_type(before), rfm.decimals_of_type(type) -%}
        {%- if none not in decimals and decimals[0] < decimals[1] -%}
            {%- do types.update({name: type}) -%}
            {%- do sources.update({name: "cast(" ~ rfm.quoted(name) ~ " as " ~ type ~ ")"}) -%}
        {%- elif rfm.type_kind(before) != rfm.type_kind(type) -%}
            {%- set old_name = name ~ "__" ~ modules.re.sub("[^a-z0-9]+", "_", before).strip("_") -%}
            {%- set kept = "coalesce(" ~ rfm.quoted(old_name) ~ ", " ~ rfm.quoted(name) ~ ")" -%}
            {%- do types.update({name: type, old_name: before}) -%}
            {%- do sources.update({
                name: "cast(null as " ~ type ~ ")", old_name: kept if old_name in layout.columns else rfm.quoted(name),
            }) -%}
        {%- elif name not in types -%}
            {%- do types.update({name: before}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name, type in columns.items() if name not in types -%}{%- do added.update({name: type}) -%}{%- endfor -%}
    {%- if sources or layout.partitions != partitions -%}
        {%- for name, type in added.items() -%}{%- do sources.update({name: "cast(null as " ~ type ~ ")"}) -%}{%- endfor -%}
        {%- do types.update(added) -%}
        {%- do rfm.spark_replace_table(stored, stored, stored, types, sources, partitions, none) -%}
    {%- elif added -%}
        {%- set defined = [] -%}
        {%- for name, type in added.items() -%}{%- do defined.append(rfm.quoted(name) ~ " " ~ type) -%}{%- endfor -%}
        {%- do run_query("alter table " ~ stored ~ " add columns (" ~ defined | join(", ") ~ ")") -%}
    {%- endif -%}
{% endmacro %}

{# The partitions that a query has rows of: {their text: {values: [text or none], file: the first rfm__file of the query}}. #}
{% macro spark_partitions(query, partitions) %}
    {%- set keys = [] -%}
    {#- dbt would read a text such as 'null' or '1' as something else. -#}
    {%- for name in partitions -%}{%- do keys.append("concat('=', cast(" ~ rfm.quoted(name) ~ " as string))") -%}{%- endfor -%}
    {%- set file = "min(rfm__file)" if "rfm__file" in query else "'='" -%}
    {%- set found = {} -%}
    {%- for row in run_query(
        "select " ~ keys | join(", ") ~ ", " ~ file ~ " from (" ~ query ~ ") as rows_of_partitions group by " ~ rfm.spark_selected(partitions)
    ).rows -%}
        {%- set values = [] -%}
        {%- for value in row.values()[:-1] -%}{%- do values.append(value[1:] if value is not none else none) -%}{%- endfor -%}
        {%- do found.update({values | string: {"values": values, "file": row.values()[-1]}}) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{# The SQL of whether a row lies in one of some partitions. The last column is compared with a list, as the catalogue gets lost in
   hundreds of alternatives. #}
{% macro spark_in_partitions(found, partitions) %}
    {%- set lists = {} -%}
    {%- for partition in found -%}
        {%- set terms = ["1 = 1"] -%}
        {%- for value in partition["values"] -%}
            {%- set column = rfm.quoted(partitions[loop.index0]) -%}
            {%- if value is none -%}
                {%- do terms.append(column ~ " is null") -%}
            {%- elif not loop.last -%}
                {%- do terms.append(column ~ " = " ~ rfm.text_literal(value)) -%}
            {%- else -%}
                {%- do terms.append(column ~ " in (") -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do lists.setdefault(terms | join(" and "), []).append(rfm.text_literal(partition["values"][-1] or "")) -%}
    {%- endfor -%}
    {%- set alternatives = [] -%}
    {%- for terms, literals in lists.items() -%}
        {%- do alternatives.append("(" ~ terms ~ (literals | join(", ") ~ ")" if terms.endswith("(") else "") ~ ")") -%}
    {%- endfor -%}
    {{- return("(" ~ alternatives | join(" or ") ~ ")") -}}
{% endmacro %}

{% macro spark_drop_partitions(stored, found) %}
    {%- set partitions = rfm.spark_layout(stored).partitions -%}
    {%- set specifications = [] -%}
    {%- for partition in found -%}
        {%- set terms = [] -%}
        {%- for value in partition["values"] -%}
            {%- do terms.append(rfm.quoted(partitions[loop.index0]) ~ " = " ~ (rfm.text_literal(value) if value is not none else "null")) -%}
        {%- endfor -%}
        {%- do specifications.append("partition (" ~ terms | join(", ") ~ ")") -%}
    {%- endfor -%}
    {%- if specifications -%}
        {%- do run_query("alter table " ~ stored ~ " drop if exists " ~ specifications | join(", ")) -%}
    {%- endif -%}
{% endmacro %}

{# Drops a table, its files first: see spark_create(). What is left of a staging table in between no longer counts as complete. #}
{% macro spark_drop(relation) %}
    {%- set partitions = rfm.spark_layout(relation).partitions -%}
    {%- if partitions -%}
        {%- set rows = "select " ~ rfm.spark_selected(partitions) ~ " from " ~ relation -%}
        {%- do rfm.spark_drop_partitions(relation, rfm.spark_partitions(rows, partitions).values()) -%}
    {%- else -%}
        {%- do run_query("alter table " ~ relation ~ " unset tblproperties if exists ('rfm.is_complete')") -%}
        {%- do run_query("truncate table " ~ relation) -%}
    {%- endif -%}
    {%- do adapter.drop_relation(relation) -%}
{% endmacro %}

{# A relation, after what a broken off build left beside it is put in its place or dropped; none where there is none. #}
{% macro spark_repaired(relation) %}
    {%- set old, next, new = [], [], [] -%}
    {%- for part, tables in {"old": old, "next": next, "new": new}.items() -%}
        {%- set found = load_relation(rfm.spark_beside(relation, part)) -%}
        {%- if found -%}{%- do tables.append(found) -%}{%- endif -%}
    {%- endfor -%}
    {%- if old and not load_relation(relation) -%}
        {%- do adapter.rename_relation(old.pop(), relation.incorporate(type="table")) -%}
    {%- endif -%}
    {%- for table in old + next -%}{%- do rfm.spark_drop(table) -%}{%- endfor -%}
    {%- for table in new -%}
        {%- set properties = run_query("show tblproperties " ~ table).columns[0].values() -%}
        {%- if "rfm.is_complete" in properties and load_relation(relation) -%}
            {%- do rfm.check_spark_settings() -%}
            {%- do run_query(rfm.spark_overwrite(load_relation(relation), table)) -%}
        {%- endif -%}
        {%- do rfm.spark_drop(table) -%}
    {%- endfor -%}
    {{- return(load_relation(relation)) -}}
{% endmacro %}
