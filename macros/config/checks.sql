{# What the readers of the two vars share: checks that stop the build, at parse time, with one line that names the
   owner (a rulebook or a dataset), the key path, the value that was found and what is expected. #}

{% macro raise_configuration_error(owner, statement, expected) %}
    {%- do exceptions.raise_compiler_error("rfm: " ~ owner ~ ": " ~ statement ~ ", expected " ~ expected) -%}
{% endmacro %}

{% macro raise_wrong_value(owner, path, value, expected) %}
    {%- set shown = "'" ~ value ~ "'" if value is string else value -%}
    {%- do rfm.raise_configuration_error(owner, path ~ " is " ~ shown, expected) -%}
{% endmacro %}

{% macro raise_unknown_key(owner, path, key, allowed) %}
    {%- do rfm.raise_configuration_error(
        owner, path ~ " has the unknown key '" ~ key ~ "'", "one of: " ~ allowed | join(", ")
    ) -%}
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
        {%- do rfm.raise_unknown_key(owner, path, key, allowed) -%}
    {%- endfor -%}
    {%- for key in required if key not in value -%}
        {%- do rfm.raise_missing_key(owner, path, key, "the keys: " ~ required | join(", ")) -%}
    {%- endfor -%}
{% endmacro %}

{% macro check_name(owner, path, value) %}
    {%- if value is not string or not modules.re.fullmatch("[a-z][a-z0-9_]*", value) -%}
        {%- do rfm.raise_wrong_value(
            owner, path, value, "a name of lower-case letters, digits and underscores that starts with a letter"
        ) -%}
    {%- endif -%}
{% endmacro %}

{% macro check_text(owner, path, value) %}
    {%- if value is not string or not value | trim -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "a text (put it in quotes)") -%}
    {%- endif -%}
{% endmacro %}

{% macro check_one_of(owner, path, value, allowed) %}
    {%- if value not in allowed -%}
        {%- do rfm.raise_wrong_value(owner, path, value, "one of: " ~ allowed | join(", ")) -%}
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

{# An expression ends inside a statement: it may not close it, open a comment, or leave a quote or bracket open. #}
{% macro check_expression(owner, path, value) %}
    {%- set expected = "a SQL expression over the dataset's columns" -%}
    {%- do rfm.check_text(owner, path, value) -%}
    {%- set without_quoted = modules.re.sub("'[^']*'|\"[^\"]*\"", "0", value) -%}
    {%- for forbidden in [";", "--", "/*", "*/", "'", '"', "\\"] if forbidden in without_quoted -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " without " ~ forbidden) -%}
    {%- endfor -%}
    {%- set state = namespace(depth=0) -%}
    {%- for bracket in modules.re.findall("[()]", without_quoted) -%}
        {%- set state.depth = state.depth + (1 if bracket == "(" else -1) -%}
        {%- if state.depth < 0 -%}
            {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " with matching brackets") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if state.depth > 0 -%}
        {%- do rfm.raise_wrong_value(owner, path, value, expected ~ " with matching brackets") -%}
    {%- endif -%}
{% endmacro %}
