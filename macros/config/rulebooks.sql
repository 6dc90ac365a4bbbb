{# The var rfm__rulebooks, checked: a mapping of rulebook name to
   {name, description, metrics: [{name, value, better, score, clamp, weight}], total, round, grades, actions}.
   Every key is present, so the SQL macros read it without defaults of their own. #}
{% macro rulebooks() %}
    {%- set written = var("rfm__rulebooks", {}) -%}
    {%- if written is not mapping or not written -%}
        {%- do exceptions.raise_compiler_error(
            "rfm: var 'rfm__rulebooks' is not set, expected a mapping of rulebook names under vars: in dbt_project.yml"
        ) -%}
    {%- endif -%}
    {%- set checked = {} -%}
    {%- for name in written -%}
        {%- do checked.update({name: rfm.rulebook(name, written[name])}) -%}
    {%- endfor -%}
    {{- return(checked) -}}
{% endmacro %}

{% macro rulebook(name, written) %}
    {%- set owner = "rulebook '" ~ name ~ "'" -%}
    {%- do rfm.check_name(owner, "its name", name) -%}
    {%- do rfm.check_keys(
        owner, "the rulebook", written, ["description", "metrics", "total", "round", "grades", "actions"], ["metrics"]
    ) -%}
    {%- if "description" in written -%}
        {%- do rfm.check_text(owner, "description", written.description) -%}
    {%- endif -%}
    {%- if "round" in written -%}
        {%- do rfm.check_whole_number(owner, "round", written["round"], 0, 6) -%}
    {%- endif -%}
    {%- do rfm.check_mapping(owner, "metrics", written.metrics) -%}
    {%- set total = rfm.rulebook_total(owner, written) -%}
    {%- set metrics = [] -%}
    {%- for metric in written.metrics -%}
        {%- do metrics.append(rfm.rulebook_metric(owner, metric, written.metrics[metric], total)) -%}
    {%- endfor -%}
    {%- set grades = rfm.rulebook_grades(owner, written, total) -%}
    {{- return({
        "name": name,
        "description": written.get("description", ""),
        "metrics": metrics,
        "total": total,
        "round": written.get("round"),
        "grades": grades,
        "actions": rfm.rulebook_actions(owner, written, grades),
    }) -}}
{% endmacro %}

{% macro rulebook_metric(owner, name, written, total) %}
    {%- set path = "metrics." ~ name -%}
    {%- do rfm.check_name(owner, "a key of metrics", name) -%}
    {%- if name == "total" -%}
        {%- do rfm.raise_wrong_value(owner, "a key of metrics", name, "another name: total_score is the total's") -%}
    {%- endif -%}
    {%- do rfm.check_keys(owner, path, written, ["value", "better", "score", "clamp"], ["value"]) -%}
    {%- do rfm.check_expression(owner, path ~ ".value", written.value) -%}
    {%- set better = written.get("better", "high") -%}
    {%- do rfm.check_one_of(owner, path ~ ".better", better, ["high", "low"]) -%}
    {%- set score = written.get("score", {}) -%}
    {%- if "score" in written -%}
        {%- do rfm.check_mapping(owner, path ~ ".score", score) -%}
    {%- endif -%}
    {%- if "clamp" in score -%}
        {%- set clamp = rfm.check_clamp(owner, path ~ ".score.clamp", score.clamp) -%}
    {%- elif "clamp" in written -%}
        {%- set clamp = rfm.check_clamp(owner, path ~ ".clamp", written.clamp) -%}
    {%- else -%}
        {%- set clamp = none -%}
    {%- endif -%}
    {{- return({
        "name": name,
        "value": written.value,
        "better": better,
        "score": rfm.check_score(owner, path ~ ".score", score),
        "clamp": clamp,
        "weight": total.get(name),
    }) -}}
{% endmacro %}

{# The bounds of a score; they stand inside score, or beside it. #}
{% macro check_clamp(owner, path, clamp) %}
    {%- if clamp is string or clamp is mapping or clamp is not sequence or clamp | length != 2 -%}
        {%- do rfm.raise_wrong_value(owner, path, clamp, "a list of two numbers: [lowest, highest]") -%}
    {%- endif -%}
    {%- for bound in clamp -%}
        {%- do rfm.check_number(owner, path, bound) -%}
    {%- endfor -%}
    {%- if clamp[0] > clamp[1] -%}
        {%- do rfm.raise_wrong_value(owner, path, clamp, "the lower bound first") -%}
    {%- endif -%}
    {{- return(clamp) -}}
{% endmacro %}

{# The total: a mapping of metric name to weight, one for each metric. Empty where the rulebook has no total. #}
{% macro rulebook_total(owner, written) %}
    {%- set total = written.get("total", {}) -%}
    {%- if "total" in written -%}
        {%- do rfm.check_mapping(owner, "total", total) -%}
        {%- for metric in total -%}
            {%- if metric not in written.metrics -%}
                {%- do rfm.raise_unknown_key(owner, "total", metric, written.metrics) -%}
            {%- endif -%}
            {%- do rfm.check_number(owner, "total." ~ metric, total[metric], digits=3) -%}
        {%- endfor -%}
        {%- for metric in written.metrics if metric not in total -%}
            {%- do rfm.raise_missing_key(
                owner, "total", metric, "a weight for every metric: " ~ written.metrics | join(", ")
            ) -%}
        {%- endfor -%}
    {%- elif "round" in written -%}
        {%- do rfm.raise_wrong_value(owner, "round", written["round"], "a total that it rounds") -%}
    {%- endif -%}
    {{- return(total) -}}
{% endmacro %}

{# The grades, best first: [{grade, order, and the bounds min, above, max, below as written}]. #}
{% macro rulebook_grades(owner, written, total) %}
    {%- set grades = [] -%}
    {%- if "grades" in written -%}
        {%- if written.grades is string or written.grades is mapping or written.grades is not sequence
            or not written.grades -%}
            {%- do rfm.raise_wrong_value(owner, "grades", written.grades, "a list of grades, best first") -%}
        {%- endif -%}
        {%- if not total -%}
            {%- do rfm.raise_missing_key(owner, "the rulebook", "total", "a total that earns the grades") -%}
        {%- endif -%}
        {%- set names = [] -%}
        {%- for entry in written.grades -%}
            {%- set path = "grades[" ~ loop.index ~ "]" -%}
            {%- do rfm.check_keys(owner, path, entry, ["grade"] + rfm.bound_names(), ["grade"]) -%}
            {%- do rfm.check_text(owner, path ~ ".grade", entry.grade) -%}
            {%- if entry.grade in names -%}
                {%- do rfm.raise_wrong_value(owner, path ~ ".grade", entry.grade, "each grade once") -%}
            {%- endif -%}
            {%- do names.append(entry.grade) -%}
            {%- set grade = {"order": loop.index, "label": entry.grade} -%}
            {%- do grade.update(entry) -%}
            {%- do grades.append(grade) -%}
        {%- endfor -%}
        {%- do rfm.check_ladder(owner, "grades", grades) -%}
    {%- endif -%}
    {{- return(grades) -}}
{% endmacro %}

{# What each grade is promised: {grade: {contact_every_days, services}}. #}
{% macro rulebook_actions(owner, written, grades) %}
    {%- set actions = written.get("actions", {}) -%}
    {%- if "actions" in written -%}
        {%- do rfm.check_keys(owner, "actions", actions, grades | map(attribute="grade") | list) -%}
        {%- for grade in actions -%}
            {%- set path = "actions." ~ grade -%}
            {%- set action = actions[grade] -%}
            {%- do rfm.check_keys(owner, path, action, ["contact_every_days", "services"]) -%}
            {%- if "contact_every_days" in action -%}
                {%- do rfm.check_whole_number(owner, path ~ ".contact_every_days", action.contact_every_days, 1, 3660) -%}
            {%- endif -%}
            {%- if "services" in action -%}
                {%- if action.services is string or action.services is mapping or action.services is not sequence -%}
                    {%- do rfm.raise_wrong_value(owner, path ~ ".services", action.services, "a list of words") -%}
                {%- endif -%}
                {%- for service in action.services -%}
                    {%- do rfm.check_text(owner, path ~ ".services", service) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(actions) -}}
{% endmacro %}
