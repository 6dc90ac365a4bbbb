{{ config(materialized=rfm.stored_as('table'), meta={'rfm__partitioned_by': ['rulebook']}) }}
{%- set rows = rfm.rulebook_rows() %}
with

final as (
    {%- for row in rows %}
    select
        cast({{ rfm.text_literal(row.rulebook) }} as {{ dbt.type_string() }}) as rulebook,
        cast({{ rfm.text_literal(row.part) }} as {{ dbt.type_string() }}) as part,
        cast({{ row.position }} as integer) as position,
        cast({{ rfm.text_literal(row.name) }} as {{ dbt.type_string() }}) as name,
        cast({{ rfm.text_literal(row.definition) }} as {{ dbt.type_string() }}) as definition,
        cast({{ rfm.text_literal(row.definition_zh) }} as {{ dbt.type_string() }}) as definition_zh,
        cast({{ row.weight if row.weight is not none else "null" }} as decimal(28, 6)) as weight,
        cast({{ row.lowest_score if row.lowest_score is not none else "null" }} as decimal(28, 6)) as lowest_score,
        cast({{ row.highest_score if row.highest_score is not none else "null" }} as decimal(28, 6)) as highest_score
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from final
