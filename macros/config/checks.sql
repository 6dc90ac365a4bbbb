{# What the readers of the two vars share: checks that stop the build, at parse time, with one line that names the
   owner (a rulebook or a dataset), the key path, the value that was found and what is expected. #}

{% macro raise_configuration_error(owner, statement, expected) %}
    {%- do exceptions.raise_compiler_error("rfm: " ~ owner ~ ": " ~ statement ~ ", expected " ~ expected) -%}
{% endmacro %}

{# The value as it is shown: a text in quotes. #}
{% macro shown(value) %}
    {{- return("'" ~ value ~ "'" if value is string else value | string) -}}
{% endmacro %}

{% macro raise_wrong_value(owner, path, value, expected) %}
    {%- do rfm.raise_configuration_error(owner, path ~ " is " ~ rfm.shown(value), expected) -%}
{% endmacro %}

{# The error of a word that is none of the allowed ones; it names the nearest one where that is likely meant. #}
{% macro raise_unknown_word(owner, statement, word, allowed) %}
    {%- set nearest = rfm.nearest_word(word, allowed) -%}
    {%- set hint = ": did you mean '" ~ nearest ~ "'?" if nearest else "," -%}
    {%- do exceptions.raise_compiler_error(
        "rfm: " ~ owner ~ ": " ~ statement ~ " " ~ rfm.shown(word) ~ hint ~ " expected one of: " ~ allowed | join(", ")
    ) -%}
{% endmacro %}

{% macro raise_unknown_key(owner, path, key, allowed) %}
    {%- do rfm.raise_unknown_word(owner, path ~ " has the unknown key", key, allowed) -%}
{% endmacro %}

{% macro raise_missing_key(owner, path, key, expected) %}
    {%- do rfm.raise_configuration_error(owner, path ~ " lacks '" ~ key ~ "'", expected) -%}
{% endmacro %}

{% macro check_mapping(owner, path, value) %}
    {%- if value is not mapping -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "a mapping of names to values") -%}
    {%- elif value | length == 0 -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "at least one entry") -%}
    {%- endif -%}
{% endmacro %}

{% macro check_keys(owner, path, value, allowed, required=[]) %}
    {%- do rfm.check_mapping(owner, path, value) -%}
    {%- for key in value if key not in allowed -%}
        {#- YAML cuts {value: greatest(a, 0)} at the comma, and reads grade:A as one word. -#}
        {%- if value[key] is none -%}
            {%- do rfm.raise_configuration_error(
                owner, path ~ " has the unknown key '" ~ key ~ "'",
                "one of: " ~ allowed | join(", ") ~ (
                    " (a half-width colon and a blank stand behind a key)" if modules.re.search("[:：]", key | string)
                    else " (a value with a comma stands in quotes)"
                )
            ) -%}
        {%- endif -%}
        {%- do rfm.raise_unknown_key(owner, path, key, allowed) -%}
    {%- endfor -%}
    {%- for key in required if key not in value -%}
        {%- do rfm.raise_missing_key(owner, path, key, "the keys: " ~ required | join(", ")) -%}
    {%- endfor -%}
{% endmacro %}

{% macro check_list(owner, path, value, expected) %}
    {%- if value is string or value is mapping or value is not sequence or not value -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected) -%}
    {%- endif -%}
{% endmacro %}

{% macro check_name(owner, path, value) %}
    {%- if value is not string or not modules.re.fullmatch("[a-z]([a-z0-9_]*[a-z0-9])?", value) -%}
        {%- do rfm.raise_wrong_value(
            owner, path, value,
            "a name of lower-case letters, digits and underscores that starts with a letter and ends in no underscore"
        ) -%}
    {%- endif -%}
{% endmacro %}

{% macro check_text(owner, path, value) %}
    {%- if value is not string or not value | trim -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "a text (put it in quotes)") -%}
    {%- endif -%}
{% endmacro %}

{# A text that is compared with trimmed values, or told apart from others by people. #}
{% macro check_trimmed_text(owner, path, value) %}
    {%- do rfm.check_text(owner, path, value) -%}
    {%- if value != value | trim -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "a text without blanks around it") -%}
    {%- endif -%}
{% endmacro %}

{% macro check_one_of(owner, path, value, allowed) %}
    {%- if value not in allowed -%}
        {%- do rfm.raise_unknown_word(owner, path ~ " is", value, allowed) -%}
    {%- endif -%}
{% endmacro %}

{% macro check_whole_number(owner, path, value, smallest, largest) %}
    {%- if value is not integer or value is boolean or value < smallest or value > largest -%}
        {%- do rfm.raise_wrong_value(
            owner, path, value, "a whole number from " ~ smallest ~ " to " ~ largest
        ) -%}
    {%- endif -%}
{% endmacro %}

{# A plain decimal. A weight has at most three digits before the point: a score times a weight then still fits the
   38 digits of a DECIMAL. #}
{% macro check_number(owner, path, value, digits=12) %}
    {%- if value is not number or value is boolean
        or not modules.re.fullmatch("-?[0-9]{1," ~ digits ~ "}([.][0-9]{1,6})?", value | string) -%}
        {%- do rfm.raise_wrong_value(
            owner, path, value, "a number of at most " ~ digits ~ " digits before and 6 after the point"
        ) -%}
    {%- endif -%}
{% endmacro %}

{# Scores that are parts of a sum, a maximum or a mean grow with the value: they have no other direction. #}
{% macro check_better_is_high(owner, path, better) %}
    {%- if better != "high" -%}
        {%- do rfm.raise_configuration_error(
            owner, path ~ " stands beside better: low", "better: high, as this score grows with the value"
        ) -%}
    {%- endif -%}
{% endmacro %}
