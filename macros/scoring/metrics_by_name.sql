{# What the marts with a row per metric share: metrics of one name in several rulebooks make one select. #}

{# The metrics that the datasets' rulebooks have, as {name: [metric, with its rulebook's name as 'rulebook']}. #}
{% macro metrics_by_name(datasets) %}
    {%- set metrics = {} -%}
    {%- set seen = [] -%}
    {%- for dataset in datasets if dataset.rulebook.name not in seen -%}
        {%- do seen.append(dataset.rulebook.name) -%}
        {%- for metric in dataset.rulebook.metrics -%}
            {%- do metrics.setdefault(metric.name, []).append(dict(metric, rulebook=dataset.rulebook.name)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(metrics) -}}
{% endmacro %}

{# The columns of int_rfm__scored_customers that a metric may have, after its name and an underscore: {part: SQL type}. #}
{% macro score_parts() %}
    {%- set text = dbt.type_string() -%}
    {{- return({
        "value": "decimal(38, 12)", "value_text": text, "score": "decimal(28, 6)", "score_text": text,
        "score_next": "decimal(28, 6)", "value_next": "decimal(28, 6)",
    }) -}}
{% endmacro %}

{# The metrics that have a score among the columns. #}
{% macro metrics_of_columns(columns) %}
    {%- set metrics = [] -%}
    {%- for column in columns if column not in ["total_score"] -%}
        {%- set name = modules.re.sub("_score(_text)?$", "", column) -%}
        {%- if name != column and name not in metrics -%}{%- do metrics.append(name) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(metrics) -}}
{% endmacro %}

{# The SQL of the column <metric>_<part> of int_rfm__scored_customers, null where no rulebook fills it.
   part: value, value_text, score or score_text #}
{% macro metric_column(metrics, part) %}
    {%- set is_text = part.endswith("_text") -%}
    {%- if metrics | selectattr(part.split("_")[0] ~ "_is_text", "equalto", is_text) | list -%}
        {{- return(metrics[0].name ~ "_" ~ part) -}}
    {%- endif -%}
    {{- return("cast(null as " ~ (dbt.type_string() if is_text else "decimal(28, 6)") ~ ")") -}}
{% endmacro %}

{# The SQL of the next step's score, or of the value that earns it, for a metric of a rulebook; null where its score is not made of
   steps. part: score_next or value_next #}
{% macro next_step(rulebook, name, part) %}
    {%- set type = "decimal(28, 6)" -%}
    {%- set lifts = [] -%}
    {%- for metric in rulebook.metrics if metric.name == name and metric.score.kind == "steps" -%}
        {%- do lifts.extend(rfm.next_steps(metric)) -%}
    {%- endfor -%}
    {%- if not lifts -%}
        {{- return("cast(null as " ~ type ~ ")") -}}
    {%- endif %}
        case
            {%- for lift in lifts %}
            when {{ lift.condition }} then cast({{ lift[{"score_next": "score", "value_next": "bound"}[part]] }} as {{ type }})
            {%- endfor %}
        end
{%- endmacro %}

{# The SQL condition that a customer was scored by one of the metrics' rulebooks. #}
{% macro is_of_metrics(metrics) %}
    {{- return("rulebook in ('" ~ metrics | map(attribute="rulebook") | join("', '") ~ "')") -}}
{% endmacro %}

{# The SQL of which values the customer's rulebook takes for better: low or high. #}
{% macro better_side(metrics) %}
    {%- set low = metrics | selectattr("better", "equalto", "low") | list -%}
    {{- return("case when " ~ rfm.is_of_metrics(low) ~ " then 'low' else 'high' end" if low else "'high'") -}}
{% endmacro %}

{# metrics_by_name() without shares, scales and statistics of the group: there nearly every customer has a score of its own,
   or all have the same. #}
{% macro metrics_with_cut_points(datasets) %}
    {%- set listed = {} -%}
    {%- for name, metrics in rfm.metrics_by_name(datasets).items() -%}
        {%- set own = metrics | rejectattr("score.kind", "in", ["share", "scale", "group"]) | list -%}
        {%- if own -%}{%- do listed.update({name: own}) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(listed) -}}
{% endmacro %}

{# The metrics that the audit looks at: {tiles: [metric], split: {name: [metric]}}, each with its rulebook's name. #}
{% macro metrics_by_kind(datasets) %}
    {%- set kinds = {"tiles": [], "split": {}} -%}
    {%- for name, metrics in rfm.metrics_by_name(datasets).items() -%}
        {%- do kinds.tiles.extend(metrics | selectattr("score.kind", "equalto", "tiles")) -%}
        {%- set splits = metrics | selectattr("score.kind", "equalto", "split") | list -%}
        {%- if splits -%}{%- do kinds.split.update({name: splits}) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(kinds) -}}
{% endmacro %}
