{# The allowed word that a mistyped one most likely means: one letter is wrong, or two of a long word. None if none is near. #}
{% macro nearest_word(word, allowed) %}
    {%- set best = namespace(word=none, distance=1000) -%}
    {%- if word is string and word ~ "_score" in allowed -%}
        {{- return(word ~ "_score") -}}
    {%- elif word is string -%}
        {%- for candidate in allowed if candidate is string -%}
            {%- set distance = rfm.edit_distance(word | lower, candidate | lower) -%}
            {%- set allowed_distance = 0 if word | length < 3 else 1 if word | length < 8 else 2 -%}
            {%- if distance < best.distance and distance <= allowed_distance -%}
                {%- set best.word = candidate -%}
                {%- set best.distance = distance -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(best.word) -}}
{% endmacro %}

{# How many letters must be put in, left out, replaced or swapped with their neighbour to make one text of the other
   (optimal string alignment). #}
{% macro edit_distance(one, other) %}
    {%- set rows = [range(other | length + 1) | list] -%}
    {%- for i in range(1, one | length + 1) -%}
        {%- set row = [i] -%}
        {%- for j in range(1, other | length + 1) -%}
            {%- set replaced = rows[i - 1][j - 1] + (0 if one[i - 1] == other[j - 1] else 1) -%}
            {%- set distances = [rows[i - 1][j] + 1, row[j - 1] + 1, replaced] -%}
            {%- if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1] -%}
                {%- do distances.append(rows[i - 2][j - 2] + 1) -%}
            {%- endif -%}
            {%- do row.append(distances | min) -%}
        {%- endfor -%}
        {%- do rows.append(row) -%}
    {%- endfor -%}
    {{- return(rows[-1][-1]) -}}
{% endmacro %}
