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

{# The SQL of the column <metric>_<part> of int_rfm__scored_customers, null where no rulebook fills it.
   part: value, value_text, score or score_text #}
{% macro metric_column(metrics, part) %}
    {%- set is_text = part.endswith("_text") -%}
    {%- if metrics | selectattr(part.split("_")[0] ~ "_is_text", "equalto", is_text) | list -%}
        {{- return(metrics[0].name ~ "_" ~ part) -}}
    {%- endif -%}
    {{- return("cast(null as " ~ (dbt.type_string() if is_text else "decimal(28, 6)") ~ ")") -}}
{% endmacro %}

{# The SQL of the next step's score or bound for the customers of these metrics, null where the score is not made of steps.
   part: score or bound #}
{% macro next_step(metrics, part) %}
    {%- set type = "decimal(28, 6)" -%}
    {%- set lifts = [] -%}
    {%- for metric in metrics if metric.score.kind == "steps" -%}
        {%- for lift in rfm.next_steps(metric) -%}
            {%- do lifts.append(dict(lift, rulebook=metric.rulebook)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not lifts -%}
        {{- return("cast(null as " ~ type ~ ")") -}}
    {%- endif %}
        case
            {%- for lift in lifts %}
            when rulebook = '{{ lift.rulebook }}' and {{ lift.condition }} then cast({{ lift[part] }} as {{ type }})
            {%- endfor %}
        end
{%- endmacro %}

{# The SQL condition that a customer was scored by one of the metrics' rulebooks. #}
{% macro is_of_metrics(metrics) %}
    {{- return("rulebook in ('" ~ metrics | map(attribute="rulebook") | join("', '") ~ "')") -}}
{% endmacro %}

{# The SQL of the weight that the customer's rulebook gives a metric. #}
{% macro weight_of_rulebook(metrics) %}
        case rulebook
            {%- for metric in metrics %}
            when '{{ metric.rulebook }}'
                then cast({{ metric.weight if metric.weight is not none else "null" }} as decimal(9, 6))
            {%- endfor %}
        end
{%- endmacro %}

{# The SQL of which values the customer's rulebook takes for better: low or high. #}
{% macro better_side(metrics) %}
    {%- set low = metrics | selectattr("better", "equalto", "low") | list -%}
    {{- return("case when " ~ rfm.is_of_metrics(low) ~ " then 'low' else 'high' end" if low else "'high'") -}}
{% endmacro %}

{# The SQL of the kind of score that the customer's rulebook gives a metric, as score_kinds() calls it. #}
{% macro kind_of_score(metrics) %}
    {%- if metrics | map(attribute="score.kind") | unique | list | length == 1 -%}
        {{- return("'" ~ metrics[0].score.kind ~ "'") -}}
    {%- endif %}
        case rulebook
            {%- for metric in metrics %}
            when '{{ metric.rulebook }}' then '{{ metric.score.kind }}'
            {%- endfor %}
        end
{%- endmacro %}

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
