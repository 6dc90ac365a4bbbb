{# The rules of rfm__churn_warnings: defaults, changed by the var rfm__warnings, changed by a dataset's own `warnings`.
   Each kind of rule has its keys here and its SQL in macros/history/warning_selects.sql. #}

{# The rules that hold where nobody writes others: {name: rule}. A rule on a column holds for the datasets that have it. #}
{% macro default_warnings() %}
    {{- return({
        "frequency_fell": {"kind": "fell", "value": "frequency", "by": 0.5, "best_grades": 2, "severity": "high"},
        "order_value_fell": {"kind": "fell", "value": "order_value", "by": 0.5, "best_grades": 2, "severity": "medium"},
        "complexity_fell": {"kind": "fell", "value": "project_complexity", "by": 0.5, "best_grades": 2, "severity": "medium"},
        "grade_fell": {"kind": "grade_fell", "grades": 1, "cause": "own", "severity": "medium"},
        "silent": {"kind": "silent", "times": 2, "orders": 3, "severity": "high"},
        "disputes": {
            "kind": "reaches", "value": "disputes", "at_least": 3, "worst_grades": 2, "severity": "medium",
            "action": "review before the next contract", "action_zh": "签下一份合同前先审查"
        },
    }) -}}
{% endmacro %}

{# What a rule may compare as its value: what every customer has, and the datasets' own columns of numbers. order_value is money
   per order. #}
{% macro compared_values(datasets=[]) %}
    {%- set values = ["frequency", "monetary", "order_value"] -%}
    {%- for dataset in datasets -%}
        {%- for column in dataset.extra_columns if column.type in ["integer", "decimal"] and column.name not in values -%}
            {%- do values.append(column.name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(values) -}}
{% endmacro %}

{# The keys of each kind of rule, beside kind, severity, action and action_zh: all of them are required. #}
{% macro warning_keys() %}
    {{- return({
        "fell": ["value", "by", "best_grades"],
        "grade_fell": ["grades", "cause"],
        "silent": ["times", "orders"],
        "reaches": ["value", "at_least", "worst_grades"],
    }) -}}
{% endmacro %}

{# The default rules as the var changes them, checked: {name: rule, or false where it is switched off}. #}
{% macro warnings() %}
    {%- set written = var("rfm__warnings", {}) -%}
    {{- return(rfm.changed_warnings("var 'rfm__warnings'", "", written, rfm.default_warnings())) -}}
{% endmacro %}

{# rules with what is written merged over them; a rule of another kind replaces the old one.
   start: what stands before a rule's name in the path of an error, nothing in the var #}
{% macro changed_warnings(owner, start, written, rules) %}
    {%- set changed = dict(rules) -%}
    {%- set place = "warnings" if start else "the var" -%}
    {%- if written is not mapping -%}
        {%- do rfm.raise_wrong_value(
            owner, place, written, "a mapping of names to rules; a name with false switches that warning off"
        ) -%}
    {%- endif -%}
    {%- for name in written -%}
        {%- set path = start ~ name -%}
        {%- set rule = written[name] -%}
        {%- do rfm.check_name(owner, "the name of a warning", name) -%}
        {%- if rule is boolean and not rule -%}
            {%- if name not in rules -%}
                {%- do rfm.raise_unknown_key(owner, place, name, rules | list) -%}
            {%- endif -%}
            {%- do changed.update({name: false}) -%}
        {%- else -%}
            {%- if rule is not mapping or not rule -%}
                {%- do rfm.raise_wrong_value(
                    owner, path, rule, "a mapping of what differs, like {severity: low}, or false to switch the warning off"
                ) -%}
            {%- endif -%}
            {%- set old = rules.get(name) or rfm.default_warnings().get(name, {}) -%}
            {%- set kind = rule.get("kind", old.get("kind")) -%}
            {%- if kind is none and name not in rules and rfm.nearest_word(name, rules | list) -%}
                {%- do rfm.raise_unknown_key(owner, place, name, rules | list) -%}
            {%- elif kind is none -%}
                {%- do rfm.raise_missing_key(
                    owner, path, "kind", "one of: " ~ rfm.warning_keys() | join(", ") ~ " (known without it: " ~ rules | join(", ") ~ ")"
                ) -%}
            {%- endif -%}
            {%- do rfm.check_one_of(owner, path ~ ".kind", kind, rfm.warning_keys() | list) -%}
            {%- set merged = dict(old if kind == old.get("kind") else {}) -%}
            {%- do merged.update(rule) -%}
            {%- do merged.update({"kind": kind}) -%}
            {%- if "action" in rule and "action_zh" not in rule -%}
                {%- do merged.update({"action_zh": rule.action}) -%}
            {%- endif -%}
            {%- do rfm.check_warning(owner, path, merged) -%}
            {%- do changed.update({name: merged}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(changed) -}}
{% endmacro %}

{% macro check_warning(owner, path, rule) %}
    {%- set own_keys = rfm.warning_keys()[rule.kind] -%}
    {%- do rfm.check_keys(
        owner, path, rule, ["kind"] + own_keys + ["severity", "action", "action_zh"], ["kind"] + own_keys + ["severity"]
    ) -%}
    {%- do rfm.check_one_of(owner, path ~ ".severity", rule.severity, ["high", "medium", "low"]) -%}
    {%- for key in ["action", "action_zh"] if key in rule -%}
        {%- do rfm.check_text(owner, path ~ "." ~ key, rule[key]) -%}
    {%- endfor -%}
    {%- if "by" in own_keys and (rule.by is not number or rule.by is boolean or rule.by <= 0 or rule.by > 1) -%}
        {%- do rfm.raise_wrong_value(owner, path ~ ".by", rule.by, "a share above 0, up to 1: 0.5 is a fall by half") -%}
    {%- endif -%}
    {%- for key in ["by", "times", "at_least"] if key in own_keys -%}
        {%- do rfm.check_number(owner, path ~ "." ~ key, rule[key], digits=12 if key == "at_least" else 3) -%}
    {%- endfor -%}
    {%- if "times" in own_keys and rule.times <= 0 -%}
        {%- do rfm.raise_wrong_value(owner, path ~ ".times", rule.times, "a number above 0") -%}
    {%- endif -%}
    {%- for key, smallest in [("best_grades", 1), ("worst_grades", 1), ("grades", 1), ("orders", 2)] if key in own_keys -%}
        {%- do rfm.check_whole_number(owner, path ~ "." ~ key, rule[key], smallest, 1000) -%}
    {%- endfor -%}
    {%- if rule.kind == "grade_fell" -%}
        {%- do rfm.check_one_of(owner, path ~ ".cause", rule.cause, ["own", "any"]) -%}
    {%- endif -%}
{% endmacro %}

{# The rules of one dataset: {name: rule}. A rule that it cannot follow, as it has no such column, no grades or no orders, is
   left out; where the dataset itself wrote it, that is an error.
   rules: what warnings() returned; written: the dataset's own, if any #}
{% macro dataset_warnings(owner, dataset, rules, written) %}
    {%- set own_rules = rfm.changed_warnings(owner, "warnings.", written, rules) -%}
    {%- set values = rfm.compared_values([dataset]) -%}
    {%- set kept = {} -%}
    {%- for name, rule in own_rules.items() if rule -%}
        {%- set path = "warnings." ~ name -%}
        {%- set is_own = written.get(name) is mapping -%}
        {%- set needs_grades = rule.kind != "silent" -%}
        {%- set grades = dataset.rulebook.grades | length -%}
        {%- if "value" in rule and rule.value not in values -%}
            {%- if is_own -%}
                {%- do rfm.raise_unknown_word(owner, path ~ ".value is", rule.value, values + ["a further column of numbers"]) -%}
            {%- endif -%}
        {%- elif needs_grades and grades < 2 -%}
            {%- if is_own -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ " compares grades, but rulebook '" ~ dataset.rulebook.name ~ "' has " ~ grades, "two grades or more"
                ) -%}
            {%- endif -%}
        {%- elif rule.kind == "silent" and dataset.kind != "orders" -%}
            {%- if is_own -%}
                {%- do rfm.raise_configuration_error(
                    owner, path ~ " compares the days between orders", "a dataset with 'orders'"
                ) -%}
            {%- endif -%}
        {%- else -%}
            {%- set rule = dict(rule) -%}
            {#- All grades cannot be the best, nor the worst. -#}
            {%- for key in ["best_grades", "worst_grades"] if key in rule -%}
                {%- do rule.update({key: [rule[key], grades - 1] | min}) -%}
            {%- endfor -%}
            {%- do kept.update({name: rule}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(kept) -}}
{% endmacro %}

{# A rule of the var on a column that no dataset has is a slip of the pen. #}
{% macro check_warnings_are_used(datasets) %}
    {%- set values = rfm.compared_values(datasets) -%}
    {%- set rules = rfm.warnings() -%}
    {%- for name in var("rfm__warnings", {}) if rules[name] and rules[name].get("value", "frequency") not in values -%}
        {%- do rfm.raise_unknown_word(
            "var 'rfm__warnings'", name ~ ".value is", rules[name].value, values + ["a further column of numbers"]
        ) -%}
    {%- endfor -%}
{% endmacro %}
