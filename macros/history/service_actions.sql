{# The actions of the rulebooks as SQL, for rfm__service_plan. #}

{# The actions as rows: [{rulebook, grade, contact_every_days, services}], services as one text; none where an action has none. #}
{% macro service_actions() %}
    {%- set rows = [] -%}
    {%- for rulebook in rfm.rulebooks().values() -%}
        {%- for grade, action in rulebook.actions.items() -%}
            {%- do rows.append({
                "rulebook": rulebook.name,
                "grade": grade,
                "contact_every_days": action.get("contact_every_days"),
                "services": action.services | join("; ") if "services" in action else none,
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(rows) -}}
{% endmacro %}

{# The limited resources of the datasets as rows: [{dataset, rulebook, resource, limit, grade, weight}], one for each grade with a share. #}
{% macro resource_weights(datasets) %}
    {%- set rows = [] -%}
    {%- for dataset in datasets -%}
        {%- for resource, limit in dataset.resources.items() -%}
            {%- for grade, action in dataset.rulebook.actions.items() if action.get("resources", {}).get(resource, 0) > 0 -%}
                {%- do rows.append({
                    "dataset": dataset.name, "rulebook": dataset.rulebook.name, "resource": resource, "limit": limit, "grade": grade,
                    "weight": action.resources[resource]
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(rows) -}}
{% endmacro %}

{# The SQL of the day of the last contact of a customer of int_rfm__scored_customers; null where no column gives it. #}
{% macro last_contact_date(datasets) %}
    {%- for dataset in datasets -%}
        {%- for column in dataset.extra_columns if column.name == "last_contact_date" -%}
            {{- return(column.stored_as) -}}
        {%- endfor -%}
    {%- endfor -%}
    {{- return("cast(null as date)") -}}
{% endmacro %}

{# The SQL of a customer's units of each resource as JSON, {"name": units}, null where there is none.
   To be grouped by customer, over the columns resource and units. #}
{% macro resources_in_json(names) %}
        '{' || nullif(concat_ws(
            ', ',
            {%- for name in names | sort %}
            '"{{ name }}": ' || cast(max(case when resource = '{{ name }}' then units end) as {{ dbt.type_string() }}){{ "," if not loop.last }}
            {%- endfor %}
        ), '') || '}'
{%- endmacro %}
