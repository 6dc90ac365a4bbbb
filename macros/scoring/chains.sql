{# What the models share that grade chain by chain; chains() lists the chains. #}

{# The SQL of the region whose customers are ranked against each other: the customer's own where the dataset says so. #}
{% macro group_region(chain) %}
    {%- if not chain.by_region -%}
        {{- return("'all'") -}}
    {%- elif chain.by_region | length == chain.datasets | length -%}
        {{- return("region") -}}
    {%- endif -%}
    {{- return(rfm.region_where(chain.by_region)) -}}
{% endmacro %}

{# The SQL of the customer's region in the datasets that rank within their regions, 'all' in others. by_region: their names #}
{% macro region_where(by_region) %}
    {{- return("case when dataset in ('" ~ by_region | join("', '") ~ "') then region else 'all' end" if by_region else "'all'") -}}
{% endmacro %}

{# One CTE, scored_customers: the customers of the dates that the marts of this build tell of: those that it grades, and those that
   the build before left unfinished. #}
{% macro open_customers_cte() %}
scored_customers as {{ rfm.inlined() }}(
    select scored_customers.*
    from {{ ref('int_rfm__scored_customers') }} as scored_customers
    inner join {{ ref('int_rfm__input_dates') }} as input_dates
        on
            scored_customers.dataset = input_dates.dataset
            and scored_customers.as_of_date = input_dates.as_of_date
    where not input_dates.is_finished
)
{%- endmacro %}

{# The columns of int_rfm__scored_customers: in the database those of metrics too that no rulebook has any more; before it is there,
   and in unit tests, the <metric>_<part> columns that the rulebooks give it. #}
{% macro kept_columns(datasets) %}
    {%- set relation = load_relation(ref("int_rfm__scored_customers")) if execute and graph else none -%}
    {{- return((adapter.get_columns_in_relation(relation) if relation else rfm.metric_columns(datasets)) | map(attribute="name") | list) -}}
{% endmacro %}

{# The columns of metric_columns() that a rulebook fills. #}
{% macro own_metric_columns(rulebook) %}
    {%- set names = [] -%}
    {%- for metric in rulebook.metrics -%}
        {%- do names.append(metric.name ~ ("_value_text" if metric.value_is_text else "_value")) -%}
        {%- do names.append(metric.name ~ ("_score_text" if metric.score_is_text else "_score")) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{# Those of the columns dataset, as_of_date, region and group_region that are the same for all customers of a chain: {column: SQL}.
   A constant is compared in no time. #}
{% macro chain_constants(chain, datasets) %}
    {%- set columns = {} -%}
    {%- for dataset in datasets if chain.datasets == [dataset.name] -%}
        {%- do columns.update({"dataset": "'" ~ dataset.name ~ "'"}) -%}
        {%- if dataset.kind == "records" and dataset.as_of_date is not none -%}
            {%- do columns.update({"as_of_date": "cast('" ~ dataset.as_of_date ~ "' as date)"}) -%}
        {%- endif -%}
        {%- if "region" not in dataset.columns -%}{%- do columns.update({"region": "'all'"}) -%}{%- endif -%}
    {%- endfor -%}
    {%- if not chain.by_region -%}{%- do columns.update({"group_region": "'all'"}) -%}{%- endif -%}
    {{- return(columns) -}}
{% endmacro %}

{# The columns that tell the groups of a chain apart, whose customers are ranked against each other; none where there is one group. #}
{% macro group_columns(chain) %}
    {{- return(["dataset", "as_of_date", "group_region"] | reject("in", chain.constants) | list) -}}
{% endmacro %}

{# The columns dataset, as_of_date and group_region for a select list over CTEs that only have the group_columns(). #}
{% macro all_group_columns(chain) %}
    {%- for column in ["dataset", "as_of_date", "group_region"] %}
        {{ chain.constants[column] ~ " as " if column in chain.constants }}{{ column }},
    {%- endfor %}
{%- endmacro %}

{# Two CTEs that end in <chain>_measured: the chain's customers at the dates that are graded, whether they came measured, as
   records, or were measured from their orders, with every metric's value, and ungraded_reason where one has none.
   Each reader of them reads the tables behind them, and only the columns that it needs. #}
{% macro measured_ctes(chain, datasets) %}
{{ chain.name }}_customers as {{ rfm.inlined() }}(
    {%- for kind in chain.kinds %}
    select
        {%- for column in ["dataset", "as_of_date", "region"] %}
        {{ chain.constants.get(column, "customers." ~ column) }} as {{ column }},
        {%- endfor %}
        customers.customer_id,
        customers.last_order_date,
        customers.recency_days,
        customers.frequency,
        {{- rfm.stored_column_list(datasets, kind) }}
        {{ "customers.usual_interval_days" if kind == "orders" else "cast(null as decimal(38, 12))" }} as usual_interval_days,
        {{ "customers.purchase_days_to_date" if kind == "orders" else "cast(null as " ~ dbt.type_bigint() ~ ")" }} as purchase_days_to_date,
        customers.monetary
    {%- if kind == "records" %}
    from {{ ref('stg_rfm__records') }} as customers
    where
        customers.rejection_reasons is null
        and customers.{{ rfm.is_of_chain(chain) }}
    {%- else %}
    from {{ ref('int_rfm__customers_from_orders') }} as customers
    where
        customers.is_in_group
        and not customers.is_frozen
        and customers.{{ rfm.is_of_chain(chain) }}
    {%- endif %}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

{{ chain.name }}_valued as {{ rfm.inlined() }}(
    select
        *,
        {%- for column, stored in chain.stored_as.items() %}
        {{ stored }} as {{ column }},
        {%- endfor %}
        {{ rfm.group_region(chain) }} as group_region
    from {{ chain.name }}_customers
),

{{ chain.name }}_metrics as {{ rfm.inlined() }}(
    select
        *,
        {{- rfm.metric_values(chain.rulebook) }}
    from {{ chain.name }}_valued
),

{{ chain.name }}_measured as {{ rfm.inlined() }}(
    select
        *,
        {{ rfm.unscored_reason(chain.rulebook, chain.integer_columns) | trim }} as ungraded_reason
    from {{ chain.name }}_metrics
)
{%- endmacro %}

{# CTEs that end in <chain>_scorable: those of measured_ctes() with a value for every metric, who rank. #}
{% macro scorable_ctes(chain, datasets) %}
{{ rfm.measured_ctes(chain, datasets) }},

{{ chain.name }}_scorable as {{ rfm.inlined() }}(
    select * from {{ chain.name }}_measured
    where ungraded_reason is null
)
{%- endmacro %}

{# One CTE, <chain>_<name>: the rows of int_rfm__<name>, cut_values or cut_points, of a chain's groups. #}
{% macro chain_cuts_cte(chain, name) %}
{{ chain.name }}_{{ name }} as {{ rfm.inlined() }}(
    select * from {{ ref('int_rfm__' ~ name) }}
    where
        {{ rfm.is_of_chain(chain) }}
        {%- for column, sql in chain.constants.items() if column in ["as_of_date", "group_region"] %}
        and {{ column }} = {{ sql }}
        {%- endfor %}
)
{%- endmacro %}
