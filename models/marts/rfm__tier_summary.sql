{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    full_refresh=false,
    meta={'rfm__kept': 'is_finished'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
with

{{ rfm.open_customers_cte() }},

graded_customers as (
    select * from scored_customers
    where ungraded_reason is null and grade is not null
),

tiers as (
    select
        dataset,
        as_of_date,
        region,
        rulebook,
        grade,
        min(grade_order) as grade_order,
        count(*) as customers,
        sum(recency_days) as recency_days,
        sum(frequency) as frequency,
        sum(monetary) as monetary,
        sum(total_score) as total_score
    from graded_customers
    group by dataset, as_of_date, region, rulebook, grade
),

regions as (
    select
        dataset,
        as_of_date,
        region,
        rulebook,
        sum(customers) as customers,
        sum(monetary) as monetary
    from tiers
    group by dataset, as_of_date, region, rulebook
),

rulebook_grades as (
    select
        rulebook,
        name as grade,
        position as grade_order
    from {{ ref('rfm__rulebooks') }}
    where part = 'grade'
),

empty_tiers as (
    select
        regions.dataset,
        regions.as_of_date,
        regions.region,
        regions.rulebook,
        rulebook_grades.grade,
        rulebook_grades.grade_order
    from regions
    inner join rulebook_grades on regions.rulebook = rulebook_grades.rulebook
    left join tiers
        on
            regions.dataset = tiers.dataset
            and regions.as_of_date = tiers.as_of_date
            and regions.region = tiers.region
            and regions.rulebook = tiers.rulebook
            and rulebook_grades.grade = tiers.grade
    where tiers.grade is null
),

all_tiers as (
    select * from tiers

    union all

    select
        dataset,
        as_of_date,
        region,
        rulebook,
        grade,
        grade_order,
        0 as customers,
        null as recency_days,
        null as frequency,
        null as monetary,
        null as total_score
    from empty_tiers
),

final as (
    select
        all_tiers.dataset,
        all_tiers.as_of_date,
        all_tiers.region,
        all_tiers.rulebook,
        all_tiers.grade,
        cast(all_tiers.grade_order as integer) as grade_order,
        cast(all_tiers.customers as bigint) as customers,
        cast({{ rfm.divide("all_tiers.customers", "regions.customers") }} as decimal(28, 6)) as customer_share,
        cast(
            case when all_tiers.customers = 0 and regions.monetary is not null then 0 else all_tiers.monetary end
            as decimal(28, 6)
        ) as monetary,
        cast(
            case
                when regions.monetary is null then null
                else {{ rfm.divide("coalesce(all_tiers.monetary, 0)", "regions.monetary") }}
            end as decimal(28, 6)
        ) as monetary_share
        {%- for column in ["recency_days", "frequency", "monetary", "total_score"] %},
        cast(
            case when all_tiers.customers > 0 then {{ rfm.divide("all_tiers." ~ column, "all_tiers.customers") }} end
            as decimal(28, 6)
        ) as average_{{ column }}{% endfor %}
    from all_tiers
    inner join regions
        on
            all_tiers.dataset = regions.dataset
            and all_tiers.as_of_date = regions.as_of_date
            and all_tiers.region = regions.region
            and all_tiers.rulebook = regions.rulebook
)

select * from final
