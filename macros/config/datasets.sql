{# The columns that every dataset has, with the type that cleaning gives them; in a dataset of records the input has them. #}
{% macro standard_columns() %}
    {{- return({
        "customer_id": "text",
        "region": "text",
        "as_of_date": "date",
        "last_order_date": "date",
        "recency_days": "integer",
        "frequency": "integer",
        "monetary": "decimal",
    }) -}}
{% endmacro %}

{# The SQL type of a column type that the vars name. #}
{% macro sql_type(type) %}
    {{- return({
        "text": dbt.type_string(), "date": "date", "integer": dbt.type_bigint(), "decimal": "decimal(28, 6)"
    }[type]) -}}
{% endmacro %}

{# The datasets for a model that only needs them when it runs: none while dbt parses. The staging models call checked_datasets()
   then, so a mistake in the vars stops the parse. #}
{% macro datasets() %}
    {{- return(rfm.read_once("datasets", rfm.checked_datasets) if execute else []) -}}
{% endmacro %}

{# What a macro without arguments returns, asked for once a run and not once a model: the models of a run share dbt's graph, so
   it is kept there. A program can use one graph for several runs, with other vars. Unit tests have none. Whoever gets it must
   not change it. #}
{% macro read_once(name, read) %}
    {%- set kept = graph or {} -%}
    {%- set key = "rfm__" ~ name ~ " of " ~ model.package_name -%}
    {%- if kept.get(key, {}).get("invocation_id") != invocation_id -%}
        {%- do kept.update({key: {"invocation_id": invocation_id, "value": read()}}) -%}
    {%- endif -%}
    {{- return(kept[key].value) -}}
{% endmacro %}

{# The standard columns that the input of a dataset may have. kind: records or orders #}
{% macro input_columns_of(kind) %}
    {{- return(rfm.order_columns() if kind == "orders" else rfm.standard_columns()) -}}
{% endmacro %}

{# The var rfm__datasets, checked: a list of
   {name, rulebook (checked), kind: records or orders, input, columns: {standard name: input column},
   extra_columns: [{name, column, type, stored_as}], column none where it is measured from orders; within, missing, warnings:
   {name: rule}, resources: {name: limit}}; for records as_of_date; for orders what orders_settings() returns. #}
{% macro checked_datasets() %}
    {%- set written = var("rfm__datasets", {}) -%}
    {%- if written is not mapping or not written -%}
        {%- do exceptions.raise_compiler_error(
            "rfm: var 'rfm__datasets' is not set, expected a mapping of dataset names under vars: in dbt_project.yml"
        ) -%}
    {%- endif -%}
    {%- set rulebooks = rfm.checked_rulebooks() -%}
    {%- set warnings = rfm.warnings() -%}
    {%- set checked = [] -%}
    {%- for name in written -%}
        {%- do checked.append(rfm.dataset(name, written[name], rulebooks, warnings)) -%}
    {%- endfor -%}
    {%- do rfm.check_warnings_are_used(checked) -%}
    {%- do rfm.name_stored_columns(checked) -%}
    {{- return(checked) -}}
{% endmacro %}

{% macro dataset(name, written, rulebooks, warnings) %}
    {%- set owner = "dataset '" ~ name ~ "'" -%}
    {%- do rfm.check_name(owner, "its name", name) -%}
    {%- do rfm.check_mapping(owner, "the dataset", written) -%}
    {%- if "records" in written and "orders" in written -%}
        {%- do rfm.raise_configuration_error(owner, "the dataset has both 'records' and 'orders'", "one of the two") -%}
    {%- endif -%}
    {%- set kind = "orders" if "orders" in written else "records" -%}
    {%- set shared_keys = ["columns", "within", "missing", "warnings", "resources"] -%}
    {%- set own_keys = {
        "records": ["records", "as_of_date"], "orders": ["orders", "as_of", "window", "frequency", "refunds", "inactive"]
    } -%}
    {%- if kind not in written -%}
        {%- do rfm.check_keys(
            owner, "the dataset", written, ["description", "rulebook"] + own_keys.records + own_keys.orders + shared_keys
        ) -%}
        {%- do rfm.raise_configuration_error(
            owner, "the dataset lacks 'records' or 'orders'", "one of the two: where its rows come from"
        ) -%}
    {%- endif -%}
    {%- for key in own_keys["records" if kind == "orders" else "orders"] if key in written -%}
        {%- do rfm.raise_configuration_error(
            owner, "the dataset has '" ~ key ~ "' beside '" ~ kind ~ "'",
            {"as_of_date": "as_of", "as_of": "as_of_date, here or in columns"}.get(key, "no " ~ key ~ ": it is for 'orders'")
        ) -%}
    {%- endfor -%}
    {%- do rfm.check_keys(
        owner, "the dataset", written, ["description", "rulebook"] + own_keys[kind] + shared_keys, ["rulebook", kind, "columns"]
    ) -%}
    {%- if kind == "orders" and "as_of" not in written -%}
        {%- do rfm.raise_missing_key(owner, "the dataset", "as_of", "the date, the list or {from: , to: , every: month} to grade for") -%}
    {%- endif -%}
    {%- if "description" in written -%}
        {%- do rfm.check_text(owner, "description", written.description) -%}
    {%- endif -%}
    {%- do rfm.check_one_of(owner, "rulebook", written.rulebook, rulebooks | list) -%}
    {%- if written[kind] is not string or not modules.re.fullmatch("[A-Za-z0-9_]+([.][A-Za-z0-9_]+)?", written[kind]) -%}
        {%- do rfm.raise_wrong_value(
            owner, kind, written[kind], "the name of a model or seed, or source_name.table_name"
        ) -%}
    {%- endif -%}
    {%- set dataset = {"name": name, "rulebook": rulebooks[written.rulebook], "kind": kind, "input": written[kind]} -%}
    {%- do dataset.update(rfm.dataset_columns(owner, kind, written)) -%}
    {%- if kind == "orders" -%}
        {%- do dataset.update(rfm.orders_settings(owner, written, dataset.columns)) -%}
        {%- do dataset.extra_columns.extend(rfm.measured_columns()) -%}
    {%- endif -%}
    {%- do dataset.update({"as_of_date": rfm.dataset_as_of_date(owner, written, dataset.columns) if kind == "records" else none}) -%}
    {%- if "within" in written -%}
        {%- do rfm.check_one_of(owner, "within", written.within, ["region"]) -%}
        {%- if "region" not in dataset.columns -%}
            {%- do rfm.raise_wrong_value(owner, "within", "region", "columns to name the column of the region") -%}
        {%- endif -%}
    {%- endif -%}
    {%- if "missing" in written -%}
        {%- do rfm.check_one_of(owner, "missing", written.missing, ["reject", "zero"]) -%}
    {%- endif -%}
    {%- do dataset.update({"within": written.get("within"), "missing": written.get("missing", "reject")}) -%}
    {%- do rfm.check_rulebook_columns(owner, dataset) -%}
    {%- do dataset.update({
        "warnings": rfm.dataset_warnings(owner, dataset, warnings, written.get("warnings", {})),
        "resources": rfm.dataset_resources(owner, dataset.rulebook, written),
    }) -%}
    {{- return(dataset) -}}
{% endmacro %}

{# What the dataset says of its input's columns: {columns: {standard name: input column}, extra_columns}. #}
{% macro dataset_columns(owner, kind, written) %}
    {%- do rfm.check_mapping(owner, "columns", written.columns) -%}
    {%- set columns = {} -%}
    {%- set extra_columns = [] -%}
    {%- set standard = rfm.input_columns_of(kind) -%}
    {%- for column in written.columns -%}
        {%- set path = "columns." ~ column -%}
        {%- set entry = written.columns[column] -%}
        {%- if entry is not mapping -%}
            {%- set entry = {"column": entry} -%}
        {%- endif -%}
        {%- do rfm.check_name(owner, "a key of columns", column) -%}
        {%- if column in standard -%}
            {%- do rfm.check_keys(owner, path, entry, ["column"], ["column"]) -%}
            {%- do columns.update({column: entry.column}) -%}
        {%- elif kind == "orders" and column in rfm.standard_columns() | list + rfm.measured_columns() | map(attribute="name") | list -%}
            {%- do rfm.raise_wrong_value(
                owner, "a key of columns", column, "another name: this "
                ~ ("comes from as_of" if column == "as_of_date" else "is measured from the orders")
                ~ " (columns of orders: " ~ standard | join(", ") ~ ")"
            ) -%}
        {%- else -%}
            {%- do rfm.check_extra_column(owner, path, column, entry) -%}
            {%- do extra_columns.append({
                "name": column, "column": entry.column, "type": entry.get("type", "decimal"), "stored_as": column
            }) -%}
        {%- endif -%}
        {%- do rfm.check_text(owner, path, entry.column) -%}
    {%- endfor -%}
    {%- if "customer_id" not in columns -%}
        {%- do rfm.raise_missing_key(owner, "columns", "customer_id", "the column that holds the customer's id") -%}
    {%- endif -%}
    {{- return({"columns": columns, "extra_columns": extra_columns}) -}}
{% endmacro %}

{# How much there is of each limited resource in a period: {name: limit}, names that the rulebook's actions share out. #}
{% macro dataset_resources(owner, rulebook, written) %}
    {%- set shared = [] -%}
    {%- for action in rulebook.actions.values() -%}
        {%- do shared.extend(action.get("resources", {}) | reject("in", shared)) -%}
    {%- endfor -%}
    {%- if "resources" in written -%}
        {%- do rfm.check_mapping(owner, "resources", written.resources) -%}
        {%- for resource, limit in written.resources.items() -%}
            {%- if not shared -%}
                {%- do rfm.raise_configuration_error(
                    owner, "resources names '" ~ resource ~ "'",
                    "actions of rulebook '" ~ rulebook.name ~ "' that share it: {resources: {" ~ resource ~ ": 3}}"
                ) -%}
            {%- elif resource not in shared -%}
                {%- do rfm.raise_unknown_key(owner, "resources", resource, shared) -%}
            {%- endif -%}
            {%- do rfm.check_whole_number(owner, "resources." ~ resource, limit, 0, 1000000) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(written.get("resources", {})) -}}
{% endmacro %}

{% macro check_extra_column(owner, path, name, entry) %}
    {%- do rfm.check_keys(owner, path, entry, ["column", "type"], ["column"]) -%}
    {%- do rfm.check_one_of(owner, path ~ ".type", entry.get("type", "decimal"), ["decimal", "integer", "text", "date"]) -%}
    {%- if name == "last_contact_date" and entry.get("type") != "date" -%}
        {%- do rfm.raise_wrong_value(
            owner, path ~ ".type", entry.get("type", "decimal"),
            "{column: " ~ entry.column ~ ", type: date}, as the service plan counts from this day"
        ) -%}
    {%- endif -%}
    {%- if name in ["dataset", "group_region", "rejection_reasons", "record", "ungraded_reason", "grade", "grade_order",
        "rulebook", "score_code", "group_customers", "is_refund", "is_in_group", "orders_to_date", "purchase_days_to_date",
        "monetary_to_date", "order_value", "usual_interval_days"]
        or modules.re.search("^rfm_|_(score|value|value_text|score_text|score_next|value_next|is_own|given|plain|read)$|_cut_[0-9]|_group_(sum|min|max|median)$", name) -%}
        {%- do rfm.raise_wrong_value(
            owner, "a key of columns", name, "another name: the models use this one, or end columns of their own like it"
        ) -%}
    {%- elif name in rfm.reserved_words() -%}
        {%- do rfm.raise_wrong_value(owner, "a key of columns", name, "another name: this one is a word of SQL") -%}
    {%- endif -%}
{% endmacro %}

{# Words that no engine takes as a bare column name. #}
{% macro reserved_words() %}
    {{- return((
        "all analyse analyze and any array as asc asymmetric authorization between both by case cast check collate column "
        ~ "concurrently constraint create cross current_date current_time current_timestamp current_user default deferrable "
        ~ "desc describe distinct do else end except exists false fetch for foreign freeze from full glob grant group having "
        ~ "ilike in initially inner intersect interval into is isnull join lateral leading left like limit localtime "
        ~ "localtimestamp map minus natural not notnull null offset on only or order outer overlaps pivot placing positional "
        ~ "primary qualify references returning right select semi anti session_user show similar some struct summarize "
        ~ "symmetric table tablesample then to trailing true union unique unpivot user using variadic verbose when where "
        ~ "window with"
    ).split(" ")) -}}
{% endmacro %}

{# The literal as-of date as yyyy-mm-dd, or none where a column holds it. #}
{% macro dataset_as_of_date(owner, written, columns) %}
    {%- if "as_of_date" in written and "as_of_date" in columns -%}
        {%- do rfm.raise_wrong_value(
            owner, "as_of_date", written.as_of_date, "either this date or columns.as_of_date, not both"
        ) -%}
    {%- elif "as_of_date" in written -%}
        {{- return(rfm.checked_date(owner, "as_of_date", written.as_of_date) | string) -}}
    {%- elif "as_of_date" not in columns -%}
        {%- do rfm.raise_missing_key(
            owner, "columns", "as_of_date", "the column of the as-of date, or an as_of_date: for the dataset"
        ) -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}

{# The columns that a dataset's rulebook may name, with their types. #}
{% macro known_columns(dataset) %}
    {%- set types = {} -%}
    {%- for column, type in rfm.standard_columns().items() if column in dataset.columns or dataset.kind == "orders" -%}
        {%- if column != "region" or "region" in dataset.columns -%}
            {%- do types.update({column: type}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for column in dataset.extra_columns -%}
        {%- do types.update({column.name: column.type}) -%}
    {%- endfor -%}
    {%- if dataset.as_of_date -%}
        {%- do types.update({"as_of_date": "date"}) -%}
    {%- endif -%}
    {%- if "last_order_date" in types -%}
        {%- do types.update({"recency_days": "integer"}) -%}
    {%- endif -%}
    {{- return(types) -}}
{% endmacro %}

{# What the rulebook names, the dataset must have, and a column of the type that its score compares. #}
{% macro check_rulebook_columns(owner, dataset) %}
    {%- set types = rfm.known_columns(dataset) -%}
    {%- set columns = types | list -%}
    {%- set rulebook = dataset.rulebook -%}
    {%- set start = "rulebook '" ~ rulebook.name ~ "' " -%}
    {%- set scores = ["total_score"] -%}
    {%- for metric in rulebook.metrics -%}
        {%- set path = start ~ "metrics." ~ metric.name -%}
        {%- do scores.append(metric.name ~ "_score") -%}
        {%- do rfm.check_expression_names(owner, path ~ ".value", metric.value, columns) -%}
        {%- for start_date, end_date in modules.re.findall(
            "(?i)days_between\\s*[(]\\s*(\\w+)\\s*,\\s*(\\w+)\\s*[)]", metric.value
        ) -%}
            {%- for column in [start_date, end_date] if types.get(column, "date") != "date" -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ ".value takes days_between of '" ~ column ~ "', a column of type " ~ types[column], "type date"
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if metric.is_column -%}
            {%- set allowed = ["text"] if metric.value_is_text else ["integer", "decimal"] -%}
            {%- if types[metric.value] not in allowed -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ ".value is '" ~ metric.value ~ "', a column of type " ~ types[metric.value],
                    "type " ~ allowed | join(" or ") ~ (
                        ", as its lookup has texts for labels" if metric.value_is_text else ", as its score compares numbers"
                    )
                ) -%}
            {%- endif -%}
        {%- endif -%}
        {%- for key in metric.score.get("tie_break", []) -%}
            {%- do rfm.check_expression_names(owner, path ~ ".score.tie_break", key.column, columns) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if rulebook.total.kind == "expression" -%}
        {%- do rfm.check_expression_names(
            owner, start ~ "total.expression", rulebook.total.expression, columns + scores[1:]
        ) -%}
    {%- endif -%}
    {%- for grade in rulebook.grades if grade.kind == "when" -%}
        {%- do rfm.check_expression_names(owner, start ~ "grades[" ~ grade.order ~ "].when", grade.when, columns + scores) -%}
    {%- endfor -%}
{% endmacro %}

{# All datasets share one table, so an extra column that two datasets give different types is stored once a type. #}
{% macro name_stored_columns(datasets) %}
    {%- set types = {} -%}
    {%- for dataset in datasets -%}
        {%- for column in dataset.extra_columns -%}
            {%- do types.setdefault(column.name, {}).update({column.type: true}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for dataset in datasets -%}
        {%- for column in dataset.extra_columns if types[column.name] | length > 1 -%}
            {%- do column.update({"stored_as": column.name ~ "__" ~ column.type}) -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}

{# The datasets that one chain of CTEs grades: those of one rulebook whose extra columns are stored under the same names, as
   [{name, rulebook, datasets: [names], by_region: [names], stored_as: {extra column: stored name}, integer_columns,
   kinds: [records, orders], constants: {column: SQL}}]. #}
{% macro chains(datasets) %}
    {%- set chains = {} -%}
    {%- set types = rfm.number_types(datasets) -%}
    {%- set column_types = dict(rfm.standard_columns(), **rfm.stored_columns(datasets)) -%}
    {%- for dataset in datasets -%}
        {%- set renamed = {} -%}
        {%- set integers = ["recency_days", "frequency"] -%}
        {%- for column in dataset.extra_columns -%}
            {%- if column.stored_as != column.name -%}
                {%- do renamed.update({column.name: column.stored_as}) -%}
            {%- endif -%}
            {%- if column.type == "integer" -%}
                {%- do integers.append(column.name) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set key = dataset.rulebook.name ~ " " ~ tojson(renamed, sort_keys=true) -%}
        {%- if key not in chains -%}
            {%- set variants = chains.values() | selectattr("rulebook.name", "equalto", dataset.rulebook.name) | list | length -%}
            {#- Names of rulebooks end in no underscore, so no rulebook is called like another's variant. -#}
            {%- do chains.update({key: {
                "name": dataset.rulebook.name ~ ("__" ~ (variants + 1) ~ "_" if variants else ""),
                "rulebook": rfm.rulebook_of_chain(dataset.rulebook, types, renamed, column_types),
                "datasets": [],
                "by_region": [],
                "stored_as": renamed,
                "integer_columns": [],
                "kinds": [],
            }}) -%}
        {%- endif -%}
        {%- set chain = chains[key] -%}
        {%- do chain.datasets.append(dataset.name) -%}
        {%- if dataset.kind not in chain.kinds -%}{%- do chain.kinds.append(dataset.kind) -%}{%- endif -%}
        {%- if dataset.within == "region" -%}
            {%- do chain.by_region.append(dataset.name) -%}
        {%- endif -%}
        {%- do chain.integer_columns.extend(integers | reject("in", chain.integer_columns)) -%}
    {%- endfor -%}
    {%- for chain in chains.values() -%}{%- do chain.update({"constants": rfm.chain_constants(chain, datasets)}) -%}{%- endfor -%}
    {{- return(chains.values() | list) -}}
{% endmacro %}

{# The SQL condition that a row is of one of the chain's datasets. #}
{% macro is_of_chain(chain) %}
    {{- return("dataset in ('" ~ chain.datasets | join("', '") ~ "')") -}}
{% endmacro %}

{# A copy of the rulebook whose metrics know their number_type and whose tie-breaks name the columns as they are stored, and their
   types. Others may share the rulebook itself. #}
{% macro rulebook_of_chain(rulebook, types, renamed, column_types) %}
    {%- set metrics = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- set keys = [] -%}
        {%- for key in metric.score.get("tie_break", []) -%}
            {%- set stored = renamed.get(key.column, key.column) -%}
            {%- do keys.append(dict(key, column=stored, type=column_types.get(stored))) -%}
        {%- endfor -%}
        {%- set score = dict(metric.score, tie_break=keys) -%}
        {%- do metrics.append(dict(metric, score=score, number_type=types.get(metric.name))) -%}
    {%- endfor -%}
    {{- return(dict(rulebook, metrics=metrics)) -}}
{% endmacro %}

{# The types of the columns <metric>_value that hold numbers: {metric: SQL type}. Customers are compared by these, so they are no
   wider than the columns that a metric of this name is in every rulebook; the value of an expression has twelve decimals. #}
{% macro number_types(datasets) %}
    {%- set kinds = {} -%}
    {%- for dataset in datasets -%}
        {%- set columns = rfm.standard_columns() -%}
        {%- for column in dataset.extra_columns -%}{%- do columns.update({column.name: column.type}) -%}{%- endfor -%}
        {%- for metric in dataset.rulebook.metrics if not metric.value_is_text -%}
            {%- do kinds.setdefault(metric.name, []).append(columns.get(metric.value)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set types = {} -%}
    {%- for metric, found in kinds.items() -%}
        {%- if found | reject("in", ["integer", "decimal"]) | list -%}
            {%- do types.update({metric: "decimal(38, 12)"}) -%}
        {%- else -%}
            {%- do types.update({metric: rfm.sql_type("decimal" if "decimal" in found else "integer")}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(types) -}}
{% endmacro %}

{# The extra columns of all datasets as they are stored: {stored name: type}. #}
{% macro stored_columns(datasets) %}
    {%- set stored = {} -%}
    {%- for dataset in datasets -%}
        {%- for column in dataset.extra_columns -%}
            {%- do stored.update({column.stored_as: column.type}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(stored) -}}
{% endmacro %}

{# The extra columns of all datasets, each followed by a comma, as the customers of one kind have them: by the name under which they are
   stored, null where none of the datasets of this kind has the column. kind: records or orders #}
{% macro stored_column_list(datasets, kind) %}
    {%- set own = {} -%}
    {%- for dataset in datasets if dataset.kind == kind -%}
        {%- for column in dataset.extra_columns -%}
            {%- do own.update({column.stored_as: column.stored_as if column.column else column.name}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for stored, type in rfm.stored_columns(datasets).items() %}
        {{ "customers." ~ own[stored] ~ (" as " ~ stored if own[stored] != stored else "") if stored in own else "cast(null as " ~ rfm.sql_type(type) ~ ") as " ~ stored }},
    {%- endfor %}
{%- endmacro %}

{# Those of them that the datasets' inputs have. #}
{% macro stored_input_columns(datasets) %}
    {%- set stored = {} -%}
    {%- for dataset in datasets -%}
        {%- for column in dataset.extra_columns if column.column -%}
            {%- do stored.update({column.stored_as: column.type}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(stored) -}}
{% endmacro %}

{# The metrics of all datasets, as {name: {value_is_text, value_is_number, score_is_text, score_is_number}}: whether a metric of
   this name is so in some rulebook. #}
{% macro metric_types(datasets) %}
    {%- set types = {} -%}
    {%- for dataset in datasets -%}
        {%- for metric in dataset.rulebook.metrics -%}
            {%- set type = types.setdefault(metric.name, {}) -%}
            {%- do type.update({
                "value_is_text" if metric.value_is_text else "value_is_number": true,
                "score_is_text" if metric.score_is_text else "score_is_number": true,
            }) -%}
            {%- if metric.score.kind == "steps" -%}{%- do type.update({"has_steps": true}) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(types) -}}
{% endmacro %}

{# The columns <metric>_value, _value_text, _score and _score_text of all metrics, those that some rulebook fills, as
   [{name, metric, part: value or score, is_text, type: SQL type}]. #}
{% macro metric_columns(datasets) %}
    {%- set columns = [] -%}
    {%- set types = rfm.metric_types(datasets) -%}
    {%- set number_types = rfm.number_types(datasets) -%}
    {%- for metric in types -%}
        {%- for part in ["value", "score"] -%}
            {%- if part ~ "_is_number" in types[metric] -%}
                {%- do columns.append({
                    "name": metric ~ "_" ~ part, "metric": metric, "part": part, "is_text": false,
                    "type": number_types[metric] if part == "value" else "decimal(28, 6)",
                }) -%}
            {%- endif -%}
            {%- if part ~ "_is_text" in types[metric] -%}
                {%- do columns.append({
                    "name": metric ~ "_" ~ part ~ "_text", "metric": metric, "part": part, "is_text": true,
                    "type": dbt.type_string(),
                }) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if "has_steps" in types[metric] -%}
            {%- for part in ["score_next", "value_next"] -%}
                {%- do columns.append({
                    "name": metric ~ "_" ~ part, "metric": metric, "part": part, "is_text": false, "type": "decimal(28, 6)"
                }) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}

{# The tie-break columns of all datasets as they are stored: {stored name: type}. #}
{% macro stored_tie_break_columns(datasets) %}
    {%- set types = rfm.standard_columns() -%}
    {%- do types.update(rfm.stored_columns(datasets)) -%}
    {%- set stored = {} -%}
    {%- for chain in rfm.chains(datasets) -%}
        {%- for column in rfm.tie_break_columns(chain.rulebook) -%}
            {%- do stored.update({column: types[column]}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(stored) -}}
{% endmacro %}
