{# An expression of a rulebook as SQL that gives the same on every engine. A division is exact whatever the types of its
   operands, and a division by 0 gives null; a product of three or more factors is rounded to twelve decimals on the way, so
   that it does not outgrow a DECIMAL; a comparison with a quotient is rounded to nine, so that 2 >= 3 x (2 / 3) holds;
   days_between(from, to) counts days. All else stays as it is written.

   Brackets are taken out from the innermost outwards, and what is done is kept behind marks like ⟦7⟧: between marks only
   products and comparisons of names, numbers and marks are left to look for.

   expression (string): as the user wrote it
   quotient_scores (list of strings): the names in it that are quotients #}
{% macro expression_sql(expression, quotient_scores=[]) %}
    {%- set expression = rfm.with_quotes_of_engine(expression) -%}
    {%- set names = rfm.expression_names(expression) | select("in", quotient_scores) | list -%}
    {%- if not names and not modules.re.search("(?i)/|[*].*[*]|days_between", expression) -%}
        {{- return(expression) -}}
    {%- endif -%}
    {%- set done = [] -%}
    {%- set quotients = {} -%}
    {%- set state = namespace(rest=expression) -%}
    {%- for quoted in modules.re.findall("'[^']*'|\"[^\"]*\"|`[^`]*`", expression) -%}
        {%- set state.rest = state.rest.replace(quoted, "⟦" ~ done | length ~ "⟧", 1) -%}
        {%- do done.append(quoted) -%}
    {%- endfor -%}
    {%- for bracket in range(state.rest.count("(")) -%}
        {%- set found = modules.re.search("(?:([^\\W\\d]\\w*)\\s*)?\\(([^()]*)\\)", state.rest) -%}
        {%- set word = found.group(1) or "" -%}
        {%- set inner = rfm.with_exact_products(found.group(2), done, quotients) -%}
        {%- set inner = rfm.with_rounded_comparisons(inner, done, quotients, names) -%}
        {%- set days = inner.split(",") | map("trim") | list -%}
        {#- A word of SQL before a bracket, as in `then (`, is no function and stays outside the mark. -#}
        {%- set is_function = word and word | lower not in [
            "and", "or", "not", "in", "is", "like", "between", "from", "distinct", "case", "when", "then", "else"
        ] -%}
        {%- set before = "" if is_function else word ~ " " -%}
        {%- if word | lower == "days_between" and days | length == 2 -%}
            {%- do done.append("(" ~ dbt.datediff(days[0], days[1], "day") | trim ~ ")") -%}
        {%- else -%}
            {%- do done.append((word if is_function else "") ~ "(" ~ inner ~ ")") -%}
        {%- endif -%}
        {%- set mark = "⟦" ~ (done | length - 1) ~ "⟧" -%}
        {%- if not is_function and inner | trim in quotients -%}
            {%- do quotients.update({mark: quotients[inner | trim]}) -%}
        {%- endif -%}
        {%- set state.rest = state.rest[:found.start()] ~ before ~ mark ~ state.rest[found.end():] -%}
    {%- endfor -%}
    {%- set state.rest = rfm.with_exact_products(state.rest, done, quotients) -%}
    {%- set state.rest = rfm.with_rounded_comparisons(state.rest, done, quotients, names) -%}
    {{- return(rfm.without_marks(state.rest, done)) -}}
{% endmacro %}

{# An expression whose texts in single quotes and names in double quotes are written as the engine reads them. #}
{% macro with_quotes_of_engine(expression) %}
    {%- set parts = [] -%}
    {%- for part in modules.re.split("('(?:[^']|'')*'|\"[^\"]*\")", expression) -%}
        {%- if part.startswith("'") -%}
            {%- do parts.append(rfm.text_literal(part[1:-1] | replace("''", "'"))) -%}
        {%- elif part.startswith('"') -%}
            {%- do parts.append(rfm.quoted(part[1:-1])) -%}
        {%- else -%}
            {%- do parts.append(part) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(parts | join("")) -}}
{% endmacro %}

{# A text with what its marks stand for. A mark stands only inside what was done after it, so the last is put back first. #}
{% macro without_marks(text, done) %}
    {%- set state = namespace(rest=text) -%}
    {%- for number in range(done | length - 1, -1, -1) -%}
        {%- set state.rest = state.rest.replace("⟦" ~ number ~ "⟧", done[number]) -%}
    {%- endfor -%}
    {{- return(state.rest) -}}
{% endmacro %}

{# A text without brackets, in which every product with a division became one mark for one quotient:
   a / b * c is (a * c) / b, and (a / b) / (c / d) is (a * d) / (b * c), null where b, c or d is 0. The 0 that is added lets the
   database refuse an operand that is a text. A product of three or more factors became a mark too.

   done (list of strings): what the marks stand for; new ones are added
   quotients (dict): the marks that stand for a quotient alone, with the factors above and below its line #}
{% macro with_exact_products(text, done, quotients) %}
    {%- set factor = "(?:⟦\\d+⟧|[^\\W\\d]\\w*|\\d+[.]?\\d*|[.]\\d+)" -%}
    {%- set signed = "(?:-\\s*)?" ~ factor -%}
    {%- set times = "(?:\\s*[*]\\s*" ~ signed ~ ")" -%}
    {%- set product = (
        "(?<![\\w⟧.])" ~ factor ~ "(?:" ~ times ~ "*\\s*/\\s*" ~ signed ~ "(?:\\s*[*/]\\s*" ~ signed ~ ")*|" ~ times ~ "{2,})"
    ) -%}
    {%- set state = namespace(rest=text) -%}
    {%- for sign in range(text.count("/") + text.count("*")) -%}
        {%- set found = modules.re.search(product, state.rest) -%}
        {%- if found -%}
            {%- set above = [] -%}
            {%- set below = [] -%}
            {%- for sign, operand in modules.re.findall("([*/]?)\\s*(" ~ signed ~ ")", found.group(0)) -%}
                {%- set same, other = (below, above) if sign == "/" else (above, below) -%}
                {%- if operand in quotients -%}
                    {%- do same.extend(quotients[operand].above) -%}
                    {%- for factor_below in quotients[operand].below -%}
                        {%- do other.append("nullif(" ~ factor_below ~ ", 0)" if sign == "/" else factor_below) -%}
                    {%- endfor -%}
                {%- else -%}
                    {%- do same.append(operand) -%}
                {%- endif -%}
            {%- endfor -%}
            {%- set mark = "⟦" ~ done | length ~ "⟧" -%}
            {%- if below -%}
                {%- do done.append(rfm.quotient("0 + " ~ rfm.product(above), "0 + " ~ rfm.product(below), 12) | trim) -%}
                {%- do quotients.update({mark: {"above": above, "below": below}}) -%}
            {%- else -%}
                {%- do done.append(rfm.product(above)) -%}
            {%- endif -%}
            {%- set state.rest = state.rest[:found.start()] ~ mark ~ state.rest[found.end():] -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(state.rest) -}}
{% endmacro %}

{# The SQL of a product: two factors have the decimals of both, from the third on it is rounded to twelve each time. #}
{% macro product(factors) %}
    {%- set state = namespace(sql=factors[:2] | join(" * ")) -%}
    {%- for factor in factors[2:] -%}
        {%- set state.sql = "cast(" ~ state.sql ~ " as decimal(38, 12)) * " ~ factor -%}
    {%- endfor -%}
    {{- return(state.sql) -}}
{% endmacro %}

{# A text without brackets, in which comparisons with a quotient, or a score that is one, compare nine decimals. #}
{% macro with_rounded_comparisons(text, done, quotients, names) %}
    {%- if not modules.re.search("[<>=]", text) -%}
        {{- return(text) -}}
    {%- endif -%}
    {%- set parts = [] -%}
    {%- set boundary = "(?i)(\\b(?:and|or|not|when|then|else|case|end|is|in|between|like)\\b|,)" -%}
    {%- for part in modules.re.split(boundary, text) -%}
        {%- set sides = modules.re.fullmatch("(?s)(\\s*)([^<>=!]+?)\\s*(<=|>=|<>|!=|=|<|>)\\s*([^<>=!]+?)(\\s*)", part) -%}
        {%- if sides and rfm.holds_a_quotient(sides.group(2) ~ " " ~ sides.group(4), done, quotients, names) -%}
            {%- do done.append(
                "round(" ~ sides.group(2) ~ " - (" ~ sides.group(4) ~ "), 9) " ~ sides.group(3) ~ " 0"
            ) -%}
            {%- do parts.append(sides.group(1) ~ "⟦" ~ (done | length - 1) ~ "⟧" ~ sides.group(5)) -%}
        {%- else -%}
            {%- do parts.append(part) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(parts | join("")) -}}
{% endmacro %}

{# Whether a text holds, itself or behind its marks, a quotient or one of the names. #}
{% macro holds_a_quotient(text, done, quotients, names) %}
    {%- set sql = rfm.without_marks(text, done) -%}
    {%- for mark in quotients if rfm.without_marks(mark, done) in sql -%}
        {{- return(true) -}}
    {%- endfor -%}
    {{- return(rfm.expression_names(sql) | select("in", names) | list != []) -}}
{% endmacro %}
