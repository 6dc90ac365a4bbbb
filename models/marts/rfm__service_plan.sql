{{ config(materialized=rfm.stored_as('table')) }}
{%- set datasets = rfm.datasets() -%}
{%- set actions = rfm.service_actions() -%}
{%- set weights = rfm.resource_weights(datasets) -%}
{%- set string = dbt.type_string() -%}
{%- set bigint = dbt.type_bigint() -%}
{%- set next_contact_date = dbt.dateadd("day", "days_to_contact", "coalesce(last_contact_date, as_of_date)") | trim %}
with

graded_customers as {{ rfm.inlined() }}(
    select
        dataset,
        as_of_date,
        region,
        group_region,
        customer_id,
        rulebook,
        grade,
        grade_order,
        total_score,
        monetary,
        frequency,
        recency_days,
        {{ rfm.last_contact_date(datasets) }} as last_contact_date
    from {{ ref('int_rfm__scored_customers') }}
    where ungraded_reason is null
),

actions as (
    select
        cast(null as {{ string }}) as rulebook,
        cast(null as {{ string }}) as grade,
        cast(null as {{ bigint }}) as contact_every_days,
        cast(null as {{ string }}) as services
    where 1 = 0
    {%- for action in actions %}

    union all

    select
        '{{ action.rulebook }}' as rulebook,
        {{ rfm.text_literal(action.grade) }} as grade,
        {{ action.contact_every_days if action.contact_every_days is not none else "null" }} as contact_every_days,
        {{ rfm.text_literal(action.services) if action.services is not none else "null" }} as services
    {%- endfor %}
),

weights as (
    select
        cast(null as {{ string }}) as dataset,
        cast(null as {{ string }}) as rulebook,
        cast(null as {{ string }}) as resource,
        cast(null as {{ bigint }}) as resource_limit,
        cast(null as {{ string }}) as grade,
        cast(null as decimal(28, 6)) as weight
    where 1 = 0
    {%- for weight in weights %}

    union all

    select
        '{{ weight.dataset }}' as dataset,
        '{{ weight.rulebook }}' as rulebook,
        '{{ weight.resource }}' as resource,
        {{ weight.limit }} as resource_limit,
        {{ rfm.text_literal(weight.grade) }} as grade,
        {{ weight.weight }} as weight
    {%- endfor %}
),

last_dates as (
    select
        dataset,
        max(as_of_date) as as_of_date
    from {{ ref('int_rfm__graded_dates') }}
    where customers > 0
    group by dataset
),

-- A plan is for the days after a dataset's last as-of date. The rank counts everybody of the group.
last_customers as {{ rfm.inlined() }}(
    select{{ rfm.to_every_task(["last_dates"]) }} graded_customers.*
    from graded_customers
    inner join last_dates
        on
            graded_customers.dataset = last_dates.dataset
            and graded_customers.as_of_date = last_dates.as_of_date
),

{{ rfm.count_in_order_ctes(
    "ranked_customers", "last_customers", ["dataset", "group_region"], rfm.value_order(), "value_rank"
) }},

served_customers as (
    select
        {{- rfm.to_every_task(["actions"]) }}
        ranked_customers.*,
        actions.services,
        actions.contact_every_days,
        case when ranked_customers.last_contact_date is null then 1 else 0 end as is_to_be_placed
    from ranked_customers
    inner join actions
        on
            ranked_customers.rulebook = actions.rulebook
            and ranked_customers.grade = actions.grade
),

-- Customers of a tier whose last contact nobody knows are spread over the days of one round, the best first.
{{ rfm.count_in_order_ctes(
    "placed_customers", "served_customers", ["dataset", "group_region", "grade", "is_to_be_placed"],
    [{"column": "value_rank", "type": "integer", "direction": "asc", "nulls": "last"}], "place"
) }},

places as (
    select
        dataset,
        group_region,
        grade,
        is_to_be_placed,
        count(*) as places
    from served_customers
    group by dataset, group_region, grade, is_to_be_placed
),

dated_customers as (
    select
        {{- rfm.to_every_task(["places"]) }}
        customers.dataset,
        customers.as_of_date,
        customers.region,
        customers.customer_id,
        customers.rulebook,
        customers.grade,
        customers.value_rank,
        customers.services,
        customers.last_contact_date,
        customers.contact_every_days,
        case
            when customers.is_to_be_placed = 0 then cast(customers.contact_every_days as integer)
            else cast(
                (
                    (customers.place - 1) * customers.contact_every_days
                    - mod((customers.place - 1) * customers.contact_every_days, places.places)
                ) / places.places + 1 as integer
            )
        end as days_to_contact
    from placed_customers as customers
    inner join places
        on
            customers.dataset = places.dataset
            and customers.group_region = places.group_region
            and customers.grade = places.grade
            and customers.is_to_be_placed = places.is_to_be_placed
),

-- The units of a resource go to the tiers by weight, whole ones first, then one each by the largest remainder. Counted
-- in millionths of a weight, so that nothing is rounded.
tiers as (
    select
        {{- rfm.to_every_task(["weights"]) }}
        served_customers.dataset,
        weights.resource,
        weights.resource_limit,
        served_customers.grade,
        served_customers.grade_order,
        count(*) as customers,
        cast(max(weights.weight) * 1000000 as {{ bigint }}) as weight
    from served_customers
    inner join weights
        on
            served_customers.dataset = weights.dataset
            and served_customers.rulebook = weights.rulebook
            and served_customers.grade = weights.grade
    group by
        served_customers.dataset,
        weights.resource,
        weights.resource_limit,
        served_customers.grade,
        served_customers.grade_order
),

quotas as (
    select
        *,
        mod(resource_limit * weight, sum(weight) over resource_tiers) as left_over,
        sum(weight) over resource_tiers as weights
    from tiers
    window resource_tiers as (partition by dataset, resource)
),

whole_units as (
    select
        *,
        cast((resource_limit * weight - left_over) / weights as {{ bigint }}) as units
    from quotas
),

tier_units as (
    select
        dataset,
        resource,
        grade,
        customers,
        units + case
            when
                row_number() over (partition by dataset, resource order by left_over desc, grade_order asc)
                <= resource_limit - sum(units) over (partition by dataset, resource)
                then 1
            else 0
        end as units
    from whole_units
),

-- Within a tier everybody gets the same, and the best one unit more until all are given. The order is that of
-- value_rank, over all regions: where these are ranked apart, the ranks of two regions cannot be compared.
resource_customers as {{ rfm.inlined() }}(
    select
        {{- rfm.to_every_task(["tier_units"]) }}
        served_customers.dataset,
        served_customers.grade,
        served_customers.total_score,
        served_customers.monetary,
        served_customers.frequency,
        served_customers.recency_days,
        served_customers.customer_id,
        tier_units.resource,
        tier_units.customers,
        tier_units.units
    from served_customers
    inner join tier_units
        on
            served_customers.dataset = tier_units.dataset
            and served_customers.grade = tier_units.grade
),

{{ rfm.count_in_order_ctes(
    "entitled_customers", "resource_customers", ["dataset", "resource", "grade"], rfm.value_order(), "place"
) }},

customer_units as (
    select
        dataset,
        customer_id,
        resource,
        cast((units - mod(units, customers)) / customers as {{ bigint }})
        + case when place <= mod(units, customers) then 1 else 0 end as units
    from entitled_customers
),

customer_resources as (
    select
        dataset,
        customer_id,
        {{ rfm.resources_in_json(weights | map(attribute="resource") | unique | list or ["none"]) | trim }} as resources
    from customer_units
    group by dataset, customer_id
),

contacts as (
    select
        *,
        cast({{ next_contact_date }} as date) as next_contact_date
    from dated_customers
),

final as (
    select
        contacts.dataset,
        contacts.as_of_date,
        contacts.region,
        contacts.customer_id,
        contacts.rulebook,
        contacts.grade,
        cast(contacts.value_rank as {{ bigint }}) as value_rank,
        contacts.services,
        contacts.last_contact_date,
        contacts.next_contact_date,
        customer_resources.resources,
        cast(contacts.contact_every_days as integer) as contact_every_days,
        contacts.next_contact_date <= contacts.as_of_date as is_overdue
    from contacts
    left join customer_resources
        on
            contacts.dataset = customer_resources.dataset
            and contacts.customer_id = customer_resources.customer_id
)

select * from final
