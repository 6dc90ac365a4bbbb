{{ config(materialized=rfm.stored_as('table')) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
-- depends_on: {{ ref('int_rfm__graded_dates') }}
-- depends_on: {{ ref('int_rfm__cut_points') }}
-- depends_on: {{ ref('int_rfm__cut_values') }}
-- depends_on: {{ ref('int_rfm__customers_from_orders') }}
-- depends_on: {{ ref('stg_rfm__records') }}

{%- set datasets = rfm.datasets() -%}
{%- set chains = rfm.chains_with_reversed_ties(datasets) %}
with

scored_customers as (
    select * from {{ ref('int_rfm__scored_customers') }}
),
{%- for chain in chains %}
{%- set prefix = chain.name ~ "_reversed" %}
{%- set group_columns = rfm.group_columns(chain) %}
{%- set compared = rfm.result_column(chain.rulebook) %}

{{ rfm.scorable_ctes(chain, datasets) }},

{{ rfm.chain_cuts_cte(chain, "cut_points") }},

{{ rfm.cut_columns_cte(chain.name, chain.name ~ "_cut_points", chain.rulebook, group_columns) }},

{{ rfm.chain_cuts_cte(chain, "cut_values") }},

{{ rfm.cut_customer_ctes(
    prefix, chain.name ~ "_scorable", chain.name ~ "_cut_values", chain.reversed, group_columns
) }},

{{ rfm.grading_ctes(
    prefix, chain.name ~ "_scorable", "1 = 1", prefix ~ "_cut_points", chain.reversed, group_columns
) }},

{{ chain.name }}_compared as (
    select
        {{- rfm.to_every_task(["cut_columns"]) }}
        customers.dataset,
        customers.as_of_date,
        customers.group_region,
        {{ rfm.is_tie_broken(chain.rulebook) | trim }} as is_tied,
        case
            when customers.{{ compared }} = scored_customers.{{ compared }} then 0
            when coalesce(customers.{{ compared }}, scored_customers.{{ compared }}) is null then 0
            else 1
        end as is_changed
    from {{ prefix }}_graded as customers
    {{- rfm.join_of_groups(chain.name ~ "_cut_columns", "cut_columns", group_columns) }}
    inner join scored_customers
        on
            customers.dataset = scored_customers.dataset
            and customers.as_of_date = scored_customers.as_of_date
            and customers.customer_id = scored_customers.customer_id
),
{%- endfor %}

compared as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as date) as as_of_date,
        cast(null as {{ dbt.type_string() }}) as group_region,
        cast(null as integer) as is_tied,
        cast(null as integer) as is_changed
    where 1 = 0
    {%- for chain in chains %}

    union all

    select * from {{ chain.name }}_compared
    {%- endfor %}
),

final as (
    select
        dataset,
        as_of_date,
        group_region,
        cast(count(*) as {{ dbt.type_bigint() }}) as customers,
        cast(sum(is_tied) as {{ dbt.type_bigint() }}) as tied_customers,
        cast(sum(is_changed) as {{ dbt.type_bigint() }}) as changed_grades
    from compared
    group by dataset, as_of_date, group_region
)

select * from final
