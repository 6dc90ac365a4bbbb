-- Of a limited resource the service plan gives away exactly as much as there is, where a tier with a share has
-- customers.
with

weights as (
    select
        cast(null as {{ dbt.type_string() }}) as dataset,
        cast(null as {{ dbt.type_string() }}) as resource,
        cast(null as {{ dbt.type_bigint() }}) as resource_limit,
        cast(null as {{ dbt.type_string() }}) as grade
    where 1 = 0
    {%- for weight in rfm.resource_weights(rfm.datasets()) %}

    union all

    select
        '{{ weight.dataset }}' as dataset,
        '{{ weight.resource }}' as resource,
        {{ weight.limit }} as resource_limit,
        {{ rfm.text_literal(weight.grade) }} as grade
    {%- endfor %}
),

-- The units stand in a text like {"home_visits": 2, "slots": 1}.
texts as (
    select
        weights.dataset,
        weights.resource,
        weights.resource_limit,
        split_part(service_plan.resources, '"' || weights.resource || '": ', 2) as units_and_more
    from {{ ref('rfm__service_plan') }} as service_plan
    inner join weights
        on
            service_plan.dataset = weights.dataset
            and service_plan.grade = weights.grade
),

shares as (
    select
        dataset,
        resource,
        resource_limit,
        nullif(split_part(split_part(units_and_more, ',', 1), '}', 1), '') as units
    from texts
),

totals as (
    select
        dataset,
        resource,
        resource_limit,
        sum(cast(units as {{ dbt.type_bigint() }})) as units
    from shares
    group by dataset, resource, resource_limit
),

final as (
    select * from totals
    where units is null or units != resource_limit
)

select * from final
