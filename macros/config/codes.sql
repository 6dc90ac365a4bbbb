{# Codes of scores: which are possible, and which of them the patterns of the grades stand for. #}

{# Puts in place of each grade's patterns the codes that they stand for. Refuses a pattern that no combination of scores
   can give, and a code that an earlier grade has. #}
{% macro read_codes(owner, grades, rulebook) %}
    {%- set possible = rfm.possible_codes(rulebook) -%}
    {%- set lengths = possible | map("length") | unique | sort | list if possible is not none else [] -%}
    {%- set grade_of_code = {} -%}
    {%- for grade in grades if grade.kind == "codes" -%}
        {%- set path = "grades[" ~ grade.order ~ "].codes" -%}
        {%- do rfm.check_list(owner, path, grade.codes, "a list of codes like ['111', '5[4-5]']") -%}
        {%- set codes = [] -%}
        {%- for pattern in grade.codes -%}
            {%- set here = path ~ "[" ~ loop.index ~ "]" -%}
            {%- if pattern is not string -%}
                {%- do rfm.raise_wrong_value(owner, here, pattern, "a text in quotes like '011', which YAML reads as 9 without them") -%}
            {%- endif -%}
            {%- set meant = rfm.codes_of_pattern(owner, here, pattern) -%}
            {%- if possible is not none -%}
                {%- if meant[0] | length not in lengths -%}
                    {%- do rfm.raise_wrong_value(
                        owner, here, pattern,
                        "a code of " ~ lengths | join(" or ") ~ " character" ~ ("s" if lengths != [1] else "") ~ ": "
                        ~ rulebook.total.code | join(", ")
                    ) -%}
                {%- endif -%}
                {%- set impossible = meant | reject("in", possible) | list -%}
                {%- if impossible -%}
                    {%- set example = "'" ~ impossible[0] ~ "' is none" if impossible | length < meant | length else "like '" ~ possible[0] ~ "'" -%}
                    {%- do rfm.raise_wrong_value(
                        owner, here, pattern,
                        "codes that the scores of " ~ rulebook.total.code | join(", ") ~ " can give (" ~ example ~ ")"
                    ) -%}
                {%- endif -%}
            {%- endif -%}
            {%- for code in meant -%}
                {%- if code in grade_of_code -%}
                    {%- do rfm.raise_configuration_error(
                        owner, here ~ " ('" ~ grade.grade ~ "') has the code '" ~ code ~ "' of '" ~ grade_of_code[code] ~ "'",
                        "each code once"
                    ) -%}
                {%- endif -%}
                {%- do grade_of_code.update({code: grade.grade}) -%}
                {%- do codes.append(code) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do grade.update({"patterns": grade.codes, "codes": codes}) -%}
    {%- endfor -%}
{% endmacro %}

{# Every code that the scores can give, as a mapping; none where the values decide, or where there are too many to list. #}
{% macro possible_codes(rulebook) %}
    {%- set state = namespace(codes={"": true}) -%}
    {%- for name in rulebook.total.code -%}
        {%- set metric = rulebook.metrics | selectattr("name", "equalto", name) | first -%}
        {%- set scores = rfm.possible_scores(metric) -%}
        {%- if scores is none or state.codes is none or state.codes | length * scores | length > 10000 -%}
            {%- set state.codes = none -%}
        {%- else -%}
            {%- set longer = {} -%}
            {%- for code in state.codes -%}
                {%- for score in scores -%}
                    {%- do longer.update({code ~ rfm.score_in_code(score): true}) -%}
                {%- endfor -%}
            {%- endfor -%}
            {%- set state.codes = longer -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(state.codes | list if state.codes is not none else none) -}}
{% endmacro %}

{# A score as it stands in a code: a number without trailing zeros. #}
{% macro score_in_code(score) %}
    {%- set text = score | string -%}
    {{- return(text.rstrip("0").rstrip(".") if "." in text else text) -}}
{% endmacro %}

{# The codes that a pattern stands for: a class like [4-5] or [145] is any of its characters. #}
{% macro codes_of_pattern(owner, path, pattern) %}
    {%- set state = namespace(codes=[""], rest=pattern) -%}
    {%- if not modules.re.fullmatch("(?:[^\\[\\]]|\\[(?:[^\\[\\]-](?:-[^\\[\\]-])?)+\\])+", pattern) -%}
        {%- do rfm.raise_wrong_value(owner, path, pattern, "a code like '111', or with classes like '5[4-5]'") -%}
    {%- endif -%}
    {%- for characters, character in modules.re.findall("\\[([^\\]]+)\\]|(.)", pattern) -%}
        {%- set choices = [character] if character else [] -%}
        {%- for first, last in modules.re.findall("(.)(?:-(.))?", characters) -%}
            {%- set alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" -%}
            {%- if not last -%}
                {%- do choices.append(first) -%}
            {%- elif first in alphabet and last in alphabet and first < last -%}
                {%- do choices.extend(alphabet[alphabet.index(first):alphabet.index(last) + 1] | list) -%}
            {%- else -%}
                {%- do rfm.raise_wrong_value(owner, path, pattern, "classes that run upwards, like [4-5]") -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set longer = [] -%}
        {%- for code in state.codes -%}
            {%- for choice in choices | unique(case_sensitive=true) -%}
                {%- do longer.append(code ~ choice) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if longer | length > 10000 -%}
            {%- do rfm.raise_wrong_value(owner, path, pattern, "a pattern of at most 10000 codes") -%}
        {%- endif -%}
        {%- set state.codes = longer -%}
    {%- endfor -%}
    {{- return(state.codes) -}}
{% endmacro %}
