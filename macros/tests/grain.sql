{# Generic data test: each combination of the columns is there once, and no column is null but those named nullable.
   columns (list of strings), nullable (list of strings). #}
{% test rfm__grain(model, columns, nullable=[]) %}
select
    {{ columns | join(",\n    ") }},
    count(*) as found_rows
from {{ model }}
group by {{ columns | join(", ") }}
having
    count(*) > 1
    {%- for column in columns if column not in nullable %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
