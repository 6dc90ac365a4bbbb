{# The rules of rfm__churn_warnings as SQL; macros/config/warnings.sql reads and checks them. #}

{# The rules of all datasets, those that are alike put together: [{name, rule, datasets: [names], own_column}], own_column being
   the extra column, as it is stored, that the rule compares, none where it compares a column of changes. #}
{% macro warning_rules(datasets) %}
    {%- set rules = {} -%}
    {%- for dataset in datasets -%}
        {%- set stored_as = dict(zip(dataset.extra_columns | map(attribute="name"), dataset.extra_columns | map(attribute="stored_as"))) -%}
        {%- for name, rule in dataset.warnings.items() -%}
            {%- set value = rule.get("value", "frequency") -%}
            {%- set own_column = none if value in rfm.compared_values() else stored_as[value] -%}
            {%- set entry = rules.setdefault(name ~ " " ~ own_column ~ " " ~ tojson(rule, sort_keys=true), {
                "name": name, "rule": rule, "datasets": [], "own_column": own_column
            }) -%}
            {%- do entry.datasets.append(dataset.name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(rules.values() | list) -}}
{% endmacro %}

{# The select of the customers whom one rule warns of, from the CTEs changes and read_scored_customers:
   what a row of changes has, warning, severity, compared, previous_value, value, reason, reason_zh, rule_action, rule_action_zh. #}
{% macro warning_select(entry, rulebooks) %}
{%- set rule = entry.rule %}
{%- set sql = {
    "fell": rfm.fell_warning, "grade_fell": rfm.grade_fell_warning, "silent": rfm.silent_warning, "reaches": rfm.reaches_warning
}[rule.kind](entry, rulebooks) %}
    select
        changes.*,
        '{{ entry.name }}' as warning,
        '{{ rule.severity }}' as severity,
        {{ rfm.text_literal(sql.compared) }} as compared,
        cast({{ sql.previous_value }} as decimal(38, 12)) as previous_value,
        cast({{ sql.value }} as decimal(38, 12)) as value,
        {{ sql.reason }} as reason,
        {{ sql.reason_zh }} as reason_zh,
        {{ rfm.text_literal(rule.action) if rule.action else "cast(null as " ~ dbt.type_string() ~ ")" }} as rule_action,
        {{ rfm.text_literal(rule.action_zh) if rule.action else "cast(null as " ~ dbt.type_string() ~ ")" }} as rule_action_zh
    from changes
    {%- if entry.own_column or rule.kind == "silent" %}
    inner join read_scored_customers as present
        on
            changes.dataset = present.dataset
            and changes.as_of_date = present.as_of_date
            and changes.customer_id = present.customer_id
    {%- endif %}
    {%- if entry.own_column and rule.kind == "fell" %}
    inner join read_scored_customers as previous
        on
            changes.dataset = previous.dataset
            and changes.previous_as_of_date = previous.as_of_date
            and changes.customer_id = previous.customer_id
    {%- endif %}
    where
        changes.dataset in ('{{ entry.datasets | join("', '") }}')
        and {{ sql.condition }}
{%- endmacro %}

{# The value that a rule compares, of changes or of read_scored_customers; moment: present or previous #}
{% macro warned_value(entry, moment) %}
    {%- set start = "changes." ~ ("previous_" if moment == "previous" else "") -%}
    {%- if entry.own_column -%}
        {{- return(moment ~ "." ~ entry.own_column) -}}
    {%- elif entry.rule.value == "order_value" -%}
        {{- return(rfm.quotient(start ~ "monetary", start ~ "frequency") | trim) -}}
    {%- endif -%}
    {{- return(start ~ entry.rule.value) -}}
{% endmacro %}

{# The SQL condition that a value fell by the share of the rule or more; money per order is compared without dividing. #}
{% macro value_fell(entry) %}
    {%- set kept = "(1 - " ~ entry.rule.by ~ ")" -%}
    {%- if entry.rule.value == "order_value" -%}
        {{- return(
            "changes.previous_monetary > 0 and changes.previous_frequency > 0 and changes.frequency > 0 "
            ~ "and changes.monetary * changes.previous_frequency <= changes.previous_monetary * changes.frequency * " ~ kept
        ) -}}
    {%- endif -%}
    {%- set previous = rfm.warned_value(entry, "previous") -%}
    {{- return(previous ~ " > 0 and " ~ rfm.warned_value(entry, "present") ~ " <= " ~ previous ~ " * " ~ kept) -}}
{% endmacro %}

{% macro fell_warning(entry, rulebooks) %}
    {%- set rule = entry.rule -%}
    {%- set previous = rfm.warned_value(entry, "previous") -%}
    {%- set present = rfm.warned_value(entry, "present") -%}
    {%- if rule.value in ["monetary", "order_value"] -%}
        {%- set from_to = [rfm.number_in_words("round(" ~ previous ~ ", 2)"), rfm.number_in_words("round(" ~ present ~ ", 2)")] -%}
    {%- else -%}
        {%- set from_to = [rfm.number_in_text(previous), rfm.number_in_text(present)] -%}
    {%- endif -%}
    {%- set percent = rfm.number_in_text("round(" ~ rfm.quotient("100 * (" ~ previous ~ " - (" ~ present ~ "))", previous) | trim ~ ", 1)") -%}
    {{- return({
        "compared": rule.value,
        "previous_value": previous,
        "value": present,
        "condition": (
            "changes.direction != 'new' and " ~ rfm.value_fell(entry) ~ " and (changes.grade_order <= "
            ~ rule.best_grades ~ " or changes.previous_grade_order <= " ~ rule.best_grades ~ ")"
        ),
        "reason": "'" ~ rule.value ~ " fell by ' || " ~ percent ~ " || ' percent, from ' || " ~ from_to[0] ~ " || ' to ' || " ~ from_to[1],
        "reason_zh": (
            "'" ~ rfm.warned_name_zh(rule.value) ~ "下降 ' || " ~ percent ~ " || '%，由 ' || " ~ from_to[0] ~ " || ' 降至 ' || " ~ from_to[1]
        ),
    }) -}}
{% endmacro %}

{% macro grade_fell_warning(entry, rulebooks) %}
    {%- set rule = entry.rule -%}
    {%- set own = " and changes.cause = 'own'" if rule.cause == "own" else "" -%}
    {{- return({
        "compared": "grade_order",
        "previous_value": "changes.previous_grade_order",
        "value": "changes.grade_order",
        "condition": (
            "changes.direction = 'down' and changes.grade_order - changes.previous_grade_order >= " ~ rule.grades ~ own
        ),
        "reason": "'grade fell from ' || changes.previous_grade || ' to ' || changes.grade"
            ~ " || coalesce(' by the own ' || changes.own_metrics, '')",
        "reason_zh": "'等级由 ' || changes.previous_grade || ' 降至 ' || changes.grade"
            ~ " || coalesce('，因自身 ' || changes.own_metrics || ' 变差', '')",
    }) -}}
{% endmacro %}

{% macro silent_warning(entry, rulebooks) %}
    {%- set rule = entry.rule -%}
    {%- set interval = rfm.number_in_text("round(present.usual_interval_days, 1)") -%}
    {%- set days = "cast(changes.recency_days as " ~ dbt.type_string() ~ ")" -%}
    {{- return({
        "compared": "recency_days",
        "previous_value": "present.usual_interval_days",
        "value": "changes.recency_days",
        "condition": (
            "present.purchase_days_to_date >= " ~ rule.orders
            ~ " and round(changes.recency_days - " ~ rule.times ~ " * present.usual_interval_days, 9) > 0"
        ),
        "reason": "'silent for ' || " ~ days ~ " || ' days, usually orders every ' || " ~ interval ~ " || ' days'",
        "reason_zh": "'已 ' || " ~ days ~ " || ' 天无订单，平时每 ' || " ~ interval ~ " || ' 天下单一次'",
    }) -}}
{% endmacro %}

{% macro reaches_warning(entry, rulebooks) %}
    {%- set rule = entry.rule -%}
    {%- set present = rfm.warned_value(entry, "present") -%}
    {%- set number = rfm.number_in_text(present) -%}
    {{- return({
        "compared": rule.value,
        "previous_value": rule.at_least,
        "value": present,
        "condition": (
            present ~ " >= " ~ rule.at_least ~ " and changes.grade_order > " ~ rfm.grades_above_the_worst(rulebooks, rule.worst_grades)
        ),
        "reason": "'" ~ rule.value ~ ": ' || " ~ number ~ " || ', grade ' || changes.grade",
        "reason_zh": "'" ~ rfm.warned_name_zh(rule.value) ~ "：' || " ~ number ~ " || '，等级 ' || changes.grade",
    }) -}}
{% endmacro %}

{# The SQL of the number of grades that a customer's rulebook has above its worst ones. #}
{% macro grades_above_the_worst(rulebooks, worst_grades) %}
    {%- set cases = [] -%}
    {%- for rulebook in rulebooks.values() if rulebook.grades -%}
        {%- do cases.append("when '" ~ rulebook.name ~ "' then " ~ (rulebook.grades | length - worst_grades)) -%}
    {%- endfor -%}
    {{- return("case changes.rulebook " ~ cases | join(" ") ~ " end") -}}
{% endmacro %}

{# A warned value's name in Chinese; a dataset's own names stay as they are. #}
{% macro warned_name_zh(name) %}
    {{- return({
        "frequency": "次数", "monetary": "金额", "order_value": "单次金额", "project_complexity": "项目复杂度", "disputes": "纠纷次数"
    }.get(name, name ~ " ")) -}}
{% endmacro %}

{# The SQL of what the rulebook promises a grade, in words; null where it promises nothing.
   order_column (string): SQL of the grade's place; language: en or zh #}
{% macro action_of_grade(rulebooks, order_column, language) %}
    {%- set cases = [] -%}
    {%- for rulebook in rulebooks.values() -%}
        {%- for grade in rulebook.grades if grade.grade in rulebook.actions -%}
            {%- do cases.append(
                "when rulebook = '" ~ rulebook.name ~ "' and " ~ order_column ~ " = " ~ grade.order ~ " then "
                ~ rfm.text_literal(rfm.service_in_words(rulebook.actions[grade.grade], language))
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return("case " ~ cases | join("\n            ") ~ " end" if cases else "cast(null as " ~ dbt.type_string() ~ ")") -}}
{% endmacro %}

{% macro service_in_words(action, language) %}
    {%- set words = [] -%}
    {%- if "contact_every_days" in action -%}
        {%- set days = action.contact_every_days -%}
        {%- do words.append("每 " ~ days ~ " 天联系一次" if language == "zh" else "contact every " ~ days ~ " days") -%}
    {%- endif -%}
    {%- do words.extend(action.get("services", [])) -%}
    {{- return(words | join("，" if language == "zh" else ", ")) -}}
{% endmacro %}
