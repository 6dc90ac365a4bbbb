{# What users write in SQL: value, expression and when. It ends inside a statement, so it may not close it, and it names
   only what the dataset has. #}

{# Refuses an expression that closes the statement, opens a comment, leaves a quote or bracket open, or is a query. #}
{% macro check_expression(owner, path, value) %}
    {%- set expected = "a SQL expression over one customer's columns" -%}
    {%- do rfm.check_text(owner, path, value) -%}
    {%- set without_quoted = modules.re.sub("'[^']*'|\"[^\"]*\"", "0", value) -%}
    {%- for quote in ["'", '"'] if quote in without_quoted -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " with every quote closed") -%}
    {%- endfor -%}
    {%- if "::" in without_quoted -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ ": cast(a as type) in place of a::type") -%}
    {%- endif -%}
    {%- set forbidden = modules.re.search("--|/[*]|[*]/|//|[(]\\s*[*]|[^\\w\\s+*/%(),.<>=!|-]|(?<![|])[|](?![|])", without_quoted) -%}
    {%- if forbidden -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " without " ~ forbidden.group(0)) -%}
    {%- endif -%}
    {%- set state = namespace(depth=0) -%}
    {%- for bracket in modules.re.findall("[()]", without_quoted) -%}
        {%- set state.depth = state.depth + (1 if bracket == "(" else -1) -%}
        {%- if state.depth < 0 -%}
            {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " with matching brackets") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if state.depth > 0 -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " with matching brackets") -%}
    {%- endif -%}
    {%- set words = modules.re.findall("[A-Za-z_]+", without_quoted) | map("lower") | list -%}
    {%- for forbidden in ["select", "over", "union", "values", "with"] if forbidden in words -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ ", without queries and windows") -%}
    {%- endfor -%}
    {%- set aggregate = modules.re.search("(?i)\\b(sum|avg|mean|count|min|max|median|stddev|variance)\\s*[(]", without_quoted) -%}
    {%- if aggregate -%}
        {%- do rfm.raise_wrong_value(
            owner, path, value,
            expected ~ " without " ~ aggregate.group(1) ~ " (a metric with score: {group: "
            ~ {"avg": "mean", "stddev": "mean", "variance": "mean"}.get(aggregate.group(1) | lower, aggregate.group(1) | lower)
            ~ "} is that of the group; greatest and least compare columns)"
        ) -%}
    {%- endif -%}
    {%- if modules.re.search("(?i)\\bdays_between\\s*[(][^(),]*[)]", without_quoted) -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "two dates: days_between(from, to)") -%}
    {%- endif -%}
    {%- for forbidden in rfm.changing_words() if forbidden in words -%}
        {%- do rfm.raise_wrong_value(
            owner, path, value, expected ~ " without " ~ forbidden ~ ": the same input gives the same grades on any day"
        ) -%}
    {%- endfor -%}
    {%- if modules.re.search("[0-9]%\\s*($|[^\\s\\w(])|[0-9]%\\s+(and|or|then|else|end)\\b", without_quoted) -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "a fraction in place of a percentage: 0.95 for 95%") -%}
    {%- endif -%}
    {#- Divisions and longer products are put together anew (expression_sql), which these would tear apart. -#}
    {%- set is_rewritten = "/" in without_quoted or without_quoted.count("*") > 1 -%}
    {%- if is_rewritten and "%" in without_quoted -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "mod(a, b) in place of % beside a division or product") -%}
    {%- endif -%}
    {%- if is_rewritten and modules.re.search("(?i)\\bend\\s*[*/]|[*/]\\s*case\\b", without_quoted) -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "brackets around a case ... end that is multiplied or divided") -%}
    {%- endif -%}
{% endmacro %}

{# The names in an expression that are neither functions nor words of SQL, each once, in lower case. #}
{% macro expression_names(expression) %}
    {%- set names = [] -%}
    {%- set without_texts = modules.re.sub("'[^']*'", " 0 ", expression) -%}
    {%- set without_types = modules.re.sub("(?i)\\bas\\s+[a-z]+( precision)?", " ", without_texts) -%}
    {%- for quoted, plain, bracket in modules.re.findall('"([^"]*)"|([^\\W\\d]\\w*)(\\s*\\()?', without_types) -%}
        {%- set name = quoted or plain | lower -%}
        {%- set is_word = plain and (bracket or name in rfm.expression_words()) -%}
        {%- if not is_word and name not in names -%}
            {%- do names.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{# The words of SQL that stand in expressions without a bracket behind them. #}
{% macro expression_words() %}
    {{- return((
        "and or not in is null true false between like escape distinct from case when then else end cast as for interval "
        ~ "date timestamp year month day quarter week leading trailing both"
    ).split(" ")) -}}
{% endmacro %}

{# Functions and words that answer differently from one day or run to the next. #}
{% macro changing_words() %}
    {{- return((
        "now today random rand uuid gen_random_uuid current_date current_time current_timestamp clock_timestamp "
        ~ "statement_timestamp transaction_timestamp localtime localtimestamp get_current_timestamp unix_timestamp"
    ).split(" ")) -}}
{% endmacro %}

{# Refuses a name that is not known here. #}
{% macro check_expression_names(owner, path, expression, known) %}
    {%- for name in rfm.expression_names(expression) if name not in known -%}
        {%- if '"' ~ name ~ '"' in expression -%}
            {%- do rfm.raise_configuration_error(
                owner, path ~ " names the column \"" ~ name ~ "\"",
                "one of: " ~ known | join(", ") ~ "; a text stands in single quotes"
            ) -%}
        {%- endif -%}
        {%- do rfm.raise_unknown_word(owner, path ~ " names", name, known) -%}
    {%- endfor -%}
{% endmacro %}

{# Asks the database about every expression of the datasets' rulebooks, and stops before anything is built where it refuses
   one: an unknown function, a text that is multiplied. #}
{% macro check_expressions_in_database(datasets) %}
    {%- set asked = [] -%}
    {%- for dataset in datasets -%}
        {%- set rulebook = dataset.rulebook -%}
        {%- set known = [] -%}
        {%- for column, type in rfm.known_columns(dataset).items() -%}
            {%- do known.append("cast(null as " ~ rfm.sql_type(type) ~ ") as " ~ column) -%}
        {%- endfor -%}
        {%- for metric in rulebook.metrics if not metric.is_column -%}
            {%- set value = rfm.cast_or_null(rfm.expression_sql(metric.value), rfm.value_type(metric)) -%}
            {%- do asked.append((dataset.name, rulebook.name, "metrics." ~ metric.name ~ ".value", metric.value, value, known)) -%}
        {%- endfor -%}
        {%- set scores = [] -%}
        {%- for metric in rulebook.metrics -%}
            {%- set type = "decimal(38, 12)" if metric.name ~ "_score" in rfm.quotient_scores(rulebook) else "decimal(28, 6)" -%}
            {%- set type = dbt.type_string() if metric.score_is_text else type -%}
            {%- do scores.append("cast(null as " ~ type ~ ") as " ~ metric.name ~ "_score") -%}
        {%- endfor -%}
        {%- if rulebook.total.kind == "expression" -%}
            {%- set total = rfm.cast_or_null(rfm.expression_sql(rulebook.total.expression, rfm.quotient_scores(rulebook)), "decimal(38, 12)") -%}
            {%- do asked.append((
                dataset.name, rulebook.name, "total.expression", rulebook.total.expression, total, known + scores
            )) -%}
        {%- endif -%}
        {%- set scores = scores + ["cast(null as decimal(28, 6)) as total_score"] -%}
        {%- for grade in rulebook.grades if grade.kind == "when" -%}
            {%- set condition = "case when " ~ rfm.grade_condition(grade, rfm.quotient_scores(rulebook)) ~ " then 1 end" -%}
            {%- do asked.append((
                dataset.name, rulebook.name, "grades[" ~ grade.order ~ "].when", grade.when, condition, known + scores
            )) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set queries = [] -%}
    {%- for dataset, rulebook, path, written, expression, columns in asked -%}
        {%- do queries.append(
            "select " ~ expression ~ " as answer /* dataset " ~ dataset ~ ": rulebook " ~ rulebook ~ ", " ~ path
            ~ " */, customers.* from (select " ~ columns | join(", ") ~ ") as customers where 1 = 0"
        ) -%}
    {%- endfor -%}
    {%- set messages = rfm.expression_errors(queries) if queries else [] -%}
    {%- for message in messages -%}
        {%- if message -%}
            {%- set dataset, rulebook, path, written, expression, columns = asked[loop.index0] -%}
            {%- do rfm.raise_wrong_value(
                "dataset '" ~ dataset ~ "'", "rulebook '" ~ rulebook ~ "' " ~ path, written,
                "SQL that the database takes (" ~ message.split("\n") | first ~ ")"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
