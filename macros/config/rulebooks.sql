{# The rulebooks for a model that only needs them when it runs: none while dbt parses. #}
{% macro rulebooks() %}
    {{- return(rfm.read_once("rulebooks", rfm.checked_rulebooks) if execute else {}) -}}
{% endmacro %}

{# The var rfm__rulebooks, checked: a mapping of rulebook name to
   {name, description, metrics: [{name, value, is_column, better, score, clamp, weight, value_is_text, score_is_text}],
   total: {kind: none, weights, expression or code; weights, expression, code}, round, grades, actions}.
   Every key is present, so the SQL macros read it without defaults of their own. #}
{% macro checked_rulebooks() %}
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
    {%- for metric in written.metrics -%}
        {%- do rfm.check_metric_name(owner, metric) -%}
    {%- endfor -%}
    {%- set total = rfm.rulebook_total(owner, written) -%}
    {%- set metrics = [] -%}
    {%- for metric in written.metrics -%}
        {%- do metrics.append(rfm.rulebook_metric(owner, metric, written.metrics[metric], total)) -%}
    {%- endfor -%}
    {%- set rulebook = {
        "name": name,
        "description": written.get("description", ""),
        "metrics": metrics,
        "total": total,
        "round": written.get("round"),
    } -%}
    {%- do rulebook.update({"grades": rfm.rulebook_grades(owner, written, rulebook)}) -%}
    {%- do rulebook.update({"actions": rfm.rulebook_actions(owner, written, rulebook.grades)}) -%}
    {{- return(rulebook) -}}
{% endmacro %}

{# A metric <name> has columns <name>_value and <name>_score, beside the columns that every mart has. #}
{% macro check_metric_name(owner, name) %}
    {%- do rfm.check_name(owner, "a key of metrics", name) -%}
    {%- set taken = (
        "dataset as_of_date region customer_id rulebook last_order_date recency_days total total_score score_code grade "
        ~ "grade_order value_rank metric value value_text score score_text expression code"
    ).split(" ") -%}
    {%- if name in taken or modules.re.search("_(score|value|text|next)$|_cut_[0-9]|_group_(sum|min|max|median)$|^rfm_|^previous_", name) -%}
        {%- do rfm.raise_wrong_value(
            owner, "a key of metrics", name, "another name: the marts use this one, or end columns of their own like it"
        ) -%}
    {%- endif -%}
{% endmacro %}

{% macro rulebook_metric(owner, name, written, total) %}
    {%- set path = "metrics." ~ name -%}
    {%- do rfm.check_keys(owner, path, written, ["value", "better", "score", "clamp"], ["value"]) -%}
    {%- do rfm.check_expression(owner, path ~ ".value", written.value) -%}
    {%- set better = written.get("better", "high") -%}
    {%- do rfm.check_one_of(owner, path ~ ".better", better, ["high", "low"]) -%}
    {%- set score = written.get("score", {}) -%}
    {%- if "score" in written -%}
        {%- do rfm.check_mapping(owner, path ~ ".score", score) -%}
    {%- endif -%}
    {%- set clamp = none -%}
    {%- if "clamp" in score and "clamp" in written -%}
        {%- do rfm.raise_configuration_error(owner, path ~ " has 'clamp' inside and beside 'score'", "one of the two") -%}
    {%- elif "clamp" in score -%}
        {%- set clamp = rfm.check_clamp(owner, path ~ ".score.clamp", score.clamp) -%}
    {%- elif "clamp" in written -%}
        {%- set clamp = rfm.check_clamp(owner, path ~ ".clamp", written.clamp) -%}
    {%- endif -%}
    {%- set score = rfm.check_score(owner, path ~ ".score", score, better) -%}
    {%- set metric = {
        "name": name,
        "value": written.value | trim,
        "is_column": modules.re.fullmatch("[a-z][a-z0-9_]*", written.value | trim) is not none,
        "better": better,
        "score": score,
        "clamp": clamp,
        "weight": total.weights.get(name),
        "value_is_text": score.get("value_is_text", false),
        "score_is_text": score.get("score_is_text", false),
    } -%}
    {%- if metric.score_is_text -%}
        {%- if clamp is not none -%}
            {%- set clamp_path = path ~ (".score.clamp" if "clamp" in written.score else ".clamp") -%}
            {%- do rfm.raise_wrong_value(owner, clamp_path, clamp, "no clamp: the scores are texts") -%}
        {%- elif total.kind in ["weights", "expression"] -%}
            {%- do rfm.raise_configuration_error(
                owner, path ~ ".score gives texts",
                "numbers, as the total is a number (texts serve a total like {code: [" ~ name ~ "]}, or none)"
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(metric) -}}
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

{# The total: {kind, weights: {metric: weight}, expression, code: [metric]}. #}
{% macro rulebook_total(owner, written) %}
    {%- set total = {"kind": "none", "weights": {}, "expression": none, "code": []} -%}
    {%- if "total" in written -%}
        {%- do rfm.check_mapping(owner, "total", written.total) -%}
        {%- if "expression" in written.total -%}
            {%- do rfm.check_keys(owner, "total", written.total, ["expression"]) -%}
            {%- do rfm.check_expression(owner, "total.expression", written.total.expression) -%}
            {%- do rfm.check_score_names(owner, "total.expression", written.total.expression, written.metrics) -%}
            {%- do total.update({"kind": "expression", "expression": written.total.expression}) -%}
        {%- elif "code" in written.total -%}
            {%- do rfm.check_keys(owner, "total", written.total, ["code"]) -%}
            {%- do rfm.check_list(owner, "total.code", written.total.code, "a list of metrics like [recency, frequency]") -%}
            {%- for metric in written.total.code -%}
                {%- do rfm.check_one_of(owner, "total.code[" ~ loop.index ~ "]", metric, written.metrics | list) -%}
                {%- if metric in total.code -%}
                    {%- do rfm.raise_wrong_value(owner, "total.code[" ~ loop.index ~ "]", metric, "each metric once") -%}
                {%- endif -%}
                {%- do total.code.append(metric) -%}
            {%- endfor -%}
            {%- do total.update({"kind": "code"}) -%}
        {%- else -%}
            {%- do total.update({"kind": "weights", "weights": written.total}) -%}
            {%- for metric in written.total -%}
                {%- if metric not in written.metrics -%}
                    {%- do rfm.raise_unknown_key(owner, "total", metric, written.metrics | list + ["expression", "code"]) -%}
                {%- endif -%}
                {%- do rfm.check_number(owner, "total." ~ metric, written.total[metric], digits=3) -%}
            {%- endfor -%}
            {%- for metric in written.metrics if metric not in written.total -%}
                {%- do rfm.raise_missing_key(
                    owner, "total", metric, "a weight for every metric: " ~ written.metrics | join(", ")
                ) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {%- if "round" in written and total.kind not in ["weights", "expression"] -%}
        {%- do rfm.raise_wrong_value(owner, "round", written["round"], "a total of numbers that it rounds") -%}
    {%- endif -%}
    {{- return(total) -}}
{% endmacro %}

{# A name that ends in _score is the score of a metric, and no column of a dataset ends so. #}
{% macro check_score_names(owner, path, expression, metrics, more=[]) %}
    {%- set known = [] -%}
    {%- for metric in metrics -%}
        {%- do known.append(metric ~ "_score") -%}
    {%- endfor -%}
    {%- for name in rfm.expression_names(expression) if name.endswith("_score") and name not in known + more -%}
        {%- do rfm.raise_unknown_word(owner, path ~ " names", name, known + more) -%}
    {%- endfor -%}
{% endmacro %}

{# The grades, best first: [{grade, order, kind: bounds, when, codes or otherwise; the bounds min, above, max, below as
   written; when; codes: every code that the patterns stand for}]. #}
{% macro rulebook_grades(owner, written, rulebook) %}
    {%- set grades = [] -%}
    {%- if "grades" in written -%}
        {%- do rfm.check_list(owner, "grades", written.grades, "a list of grades, best first") -%}
        {%- set names = [] -%}
        {%- for entry in written.grades -%}
            {%- set path = "grades[" ~ loop.index ~ "]" -%}
            {%- do rfm.check_keys(owner, path, entry, ["grade"] + rfm.bound_names() + ["when", "codes"], ["grade"]) -%}
            {%- do rfm.check_trimmed_text(owner, path ~ ".grade", entry.grade) -%}
            {%- if entry.grade in names -%}
                {%- do rfm.raise_wrong_value(owner, path ~ ".grade", entry.grade, "each grade once") -%}
            {%- endif -%}
            {%- do names.append(entry.grade) -%}
            {%- set grade = {"order": loop.index, "position": loop.index, "label": entry.grade, "kind": "otherwise"} -%}
            {%- do grade.update(entry) -%}
            {%- set conditions = [] -%}
            {%- for kind, keys in [("bounds", rfm.bound_names()), ("when", ["when"]), ("codes", ["codes"])] -%}
                {%- set given = keys | select("in", entry) | list -%}
                {%- if given -%}
                    {%- do conditions.append(given[0]) -%}
                    {%- do grade.update({"kind": kind}) -%}
                {%- endif -%}
            {%- endfor -%}
            {%- if conditions | length > 1 -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ " has both '" ~ conditions[0] ~ "' and '" ~ conditions[1] ~ "'", "one of: bounds, when, codes"
                ) -%}
            {%- elif grade.kind == "otherwise" and not loop.last -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ " ('" ~ entry.grade ~ "') has no condition", "such an otherwise to be the last"
                ) -%}
            {%- elif grade.kind == "bounds" and rulebook.total.kind == "code" -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ " ('" ~ entry.grade ~ "') has bounds, but the total is a code", "codes like ['111', '5[4-5]']"
                ) -%}
            {%- elif grade.kind == "bounds" and rulebook.total.kind == "none" -%}
                {%- do rfm.raise_missing_key(owner, "the rulebook", "total", "a total that the bounds of grades hold") -%}
            {%- elif grade.kind == "codes" and rulebook.total.kind != "code" -%}
                {%- do rfm.raise_missing_key(owner, "total", "code", "a total like {code: [recency, frequency]} for grades by codes") -%}
            {%- elif grade.kind == "when" -%}
                {%- do rfm.check_expression(owner, path ~ ".when", entry.when) -%}
                {%- set totals = ["total_score"] if rulebook.total.kind in ["weights", "expression"] else [] -%}
                {%- do rfm.check_score_names(owner, path ~ ".when", entry.when, written.metrics, totals) -%}
            {%- endif -%}
            {%- do grades.append(grade) -%}
        {%- endfor -%}
        {%- do rfm.check_ladder(owner, "grades", grades | selectattr("kind", "in", ["bounds", "otherwise"]) | list) -%}
        {%- do rfm.read_codes(owner, grades, rulebook) -%}
    {%- endif -%}
    {{- return(grades) -}}
{% endmacro %}

{# What each grade is promised: {grade: {contact_every_days, services, resources: {name: share}}}. #}
{% macro rulebook_actions(owner, written, grades) %}
    {%- set actions = written.get("actions", {}) -%}
    {%- if "actions" in written -%}
        {%- if not grades -%}
            {%- do rfm.raise_missing_key(owner, "the rulebook", "grades", "the grades that the actions are for") -%}
        {%- endif -%}
        {%- do rfm.check_keys(owner, "actions", actions, grades | map(attribute="grade") | list) -%}
        {%- for grade in actions -%}
            {%- set path = "actions." ~ grade -%}
            {%- set action = actions[grade] -%}
            {%- do rfm.check_keys(owner, path, action, ["contact_every_days", "services", "resources"]) -%}
            {%- if "contact_every_days" in action -%}
                {%- do rfm.check_whole_number(owner, path ~ ".contact_every_days", action.contact_every_days, 1, 3660) -%}
            {%- endif -%}
            {%- if "services" in action -%}
                {%- do rfm.check_list(owner, path ~ ".services", action.services, "a list of words") -%}
                {%- for service in action.services -%}
                    {%- do rfm.check_text(owner, path ~ ".services", service) -%}
                {%- endfor -%}
            {%- endif -%}
            {%- if "resources" in action -%}
                {%- do rfm.check_mapping(owner, path ~ ".resources", action.resources) -%}
                {%- for resource in action.resources -%}
                    {%- set here = path ~ ".resources." ~ resource -%}
                    {%- do rfm.check_name(owner, "a key of " ~ path ~ ".resources", resource) -%}
                    {%- do rfm.check_number(owner, here, action.resources[resource], digits=6) -%}
                    {%- if action.resources[resource] < 0 -%}
                        {%- do rfm.raise_wrong_value(owner, here, action.resources[resource], "a share of 0 or more") -%}
                    {%- endif -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(actions) -}}
{% endmacro %}
