{# What int_rfm__score_history keeps of each graded customer, and how int_rfm__scored_customers makes every column of it. With
   millions of customers the time that grading takes is that of writing these columns, so those that say nothing are not written. #}

{# The columns that few histories need: {name: SQL type}. #}
{% macro rare_columns() %}
    {{- return({
        "region": dbt.type_string(), "group_region": dbt.type_string(), "last_order_date": "date",
        "usual_interval_days": "decimal(38, 12)", "purchase_days_to_date": dbt.type_bigint(), "score_code": dbt.type_string(),
    }) -}}
{% endmacro %}

{# Those of them that the datasets fill. #}
{% macro filled_rare_columns(datasets) %}
    {%- set from_orders = datasets | selectattr("kind", "equalto", "orders") | list != [] -%}
    {%- set filled = [] -%}
    {%- if datasets | selectattr("columns.region", "defined") | list -%}{%- do filled.append("region") -%}{%- endif -%}
    {%- if datasets | selectattr("within", "equalto", "region") | list -%}{%- do filled.append("group_region") -%}{%- endif -%}
    {%- if from_orders or datasets | selectattr("columns.last_order_date", "defined") | list -%}
        {%- do filled.append("last_order_date") -%}
    {%- endif -%}
    {%- if from_orders -%}{%- do filled.extend(["usual_interval_days", "purchase_days_to_date"]) -%}{%- endif -%}
    {%- if datasets | selectattr("rulebook.total.kind", "equalto", "code") | list -%}{%- do filled.append("score_code") -%}{%- endif -%}
    {{- return(filled) -}}
{% endmacro %}

{# The metrics whose value is a column that every customer has, by the name that the field gives it: {metric: column}. #}
{% macro plain_metrics() %}
    {{- return({"recency": "recency_days", "frequency": "frequency", "monetary": "monetary"}) -}}
{% endmacro %}

{# The columns of metric_columns() that are kept: no second copy of a plain metric's column, and whole scores as integers. Where a
   rulebook measures a metric of such a name otherwise, <metric>_is_own tells its rows from the others, as a value may be null. #}
{% macro kept_metric_columns(datasets) %}
    {%- set metrics = rfm.metrics_by_name(datasets) -%}
    {%- set plain = rfm.plain_metrics() -%}
    {%- set kept = [] -%}
    {%- for metric in metrics if metric in plain and not rfm.is_plain(metric, metrics[metric]) -%}
        {%- do kept.append({"name": metric ~ "_is_own", "metric": metric, "part": "is_own", "type": dbt.type_boolean()}) -%}
    {%- endfor -%}
    {%- for column in rfm.metric_columns(datasets) -%}
        {%- if column.part == "score" and not column.is_text -%}
            {%- do kept.append(dict(column, type=rfm.score_type(metrics[column.metric]))) -%}
        {%- elif column.part != "value" or column.is_text or not rfm.is_plain(column.metric, metrics[column.metric]) -%}
            {%- do kept.append(column) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(kept) -}}
{% endmacro %}

{# Whether all metrics of a name are the numbers of the column that plain_metrics() says. #}
{% macro is_plain(name, metrics) %}
    {%- for metric in metrics if metric.value | trim != rfm.plain_metrics().get(name) -%}
        {{- return(false) -}}
    {%- endfor -%}
    {{- return(true) -}}
{% endmacro %}

{# The type that the scores of the metrics of one name are kept in. #}
{% macro score_type(metrics) %}
    {%- for metric in metrics if not metric.score_is_text -%}
        {%- for score in rfm.possible_scores(metric) or [0.5] if score != score | int or score | abs > 1000000000 -%}
            {{- return("decimal(28, 6)") -}}
        {%- endfor -%}
    {%- endfor -%}
    {{- return("integer") -}}
{% endmacro %}

{# The names of the columns of int_rfm__score_history: those of its table, in which columns are kept that the vars fill no more;
   in unit tests, those that the vars fill. #}
{% macro history_columns(datasets) %}
    {%- set relation = load_relation(ref("int_rfm__score_history")) if execute and graph else none -%}
    {%- if relation -%}
        {{- return(adapter.get_columns_in_relation(relation) | map(attribute="name") | list) -}}
    {%- endif -%}
    {{- return(rfm.filled_rare_columns(datasets) + rfm.kept_metric_columns(datasets) | map(attribute="name") | list) -}}
{% endmacro %}

{# The SQL of a rare column. Whoever was graded without regions, or without groups by region, was among all. columns: as
   history_columns() returns them #}
{% macro rare_column(name, columns) %}
    {%- if name in ["region", "group_region"] -%}
        {{- return("coalesce(" ~ name ~ ", 'all')" if name in columns else "'all'") -}}
    {%- endif -%}
    {{- return(name if name in columns else "cast(null as " ~ rfm.rare_columns()[name] ~ ")") -}}
{% endmacro %}

{# The SQL of the columns <metric>_<part> of int_rfm__scored_customers, {name: SQL}. A plain metric has its column's value wherever it
   earned a score. columns: as history_columns() returns them #}
{% macro scored_metric_columns(columns) %}
    {%- set parts = rfm.score_parts() -%}
    {%- set plain = rfm.plain_metrics() -%}
    {%- set scored = {} -%}
    {%- for metric in rfm.metrics_of_columns(columns) -%}
        {%- for part in parts -%}
            {%- set name = metric ~ "_" ~ part -%}
            {%- if part == "value" and metric in plain -%}
                {%- set own = "when " ~ metric ~ "_is_own then " ~ (name if name in columns else "null") ~ " " -%}
                {%- set has_score = [] -%}
                {%- for score in ["score", "score_text"] if metric ~ "_" ~ score in columns -%}
                    {%- do has_score.append(metric ~ "_" ~ score ~ " is not null") -%}
                {%- endfor -%}
                {%- do scored.update({name:
                    "case " ~ (own if metric ~ "_is_own" in columns else "") ~ "when " ~ has_score | join(" or ") ~ " then "
                    ~ plain[metric] ~ " end"
                }) -%}
            {%- elif name in columns -%}
                {%- do scored.update({name: "cast(" ~ name ~ " as " ~ parts.score ~ ")" if part == "score" else name}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(scored) -}}
{% endmacro %}
