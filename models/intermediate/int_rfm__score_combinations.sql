{{ config(materialized=rfm.stored_as('table'), meta={'rfm__partitioned_by': ['rulebook']}) }}

{%- set listed = rfm.rulebooks_with_combinations() %}
with
{%- for rulebook in listed %}

{{ rfm.score_combination_ctes(rulebook) }},
{%- endfor %}

combinations as (
    select
        cast(null as {{ dbt.type_string() }}) as rulebook,
        cast(null as decimal(28, 6)) as total_score,
        cast(null as {{ dbt.type_string() }}) as score_code,
        cast(null as integer) as grade_order,
        cast(null as {{ dbt.type_bigint() }}) as combinations
    where 1 = 0
    {%- for rulebook in listed %}

    union all

    select
        '{{ rulebook.name }}' as rulebook,
        total_score,
        score_code,
        grade_order,
        combinations
    from {{ rulebook.name }}_combinations
    {%- endfor %}
),

final as (
    select
        rulebook,
        grade_order,
        cast(sum(combinations) as {{ dbt.type_bigint() }}) as combinations,
        min(total_score) as lowest_total,
        max(total_score) as highest_total,
        min({{ rfm.as_text("score_code") }}) as first_code
    from combinations
    group by rulebook, grade_order
)

select * from final
