{{ config(
    materialized=rfm.stored_as('incremental'),
    incremental_strategy='rfm__replace_dates',
    on_schema_change='append_new_columns',
    meta={'rfm__from': 'as_of_date'},
) }}
-- depends_on: {{ ref('int_rfm__input_dates') }}
{%- set datasets = rfm.datasets() -%}
{%- set columns = rfm.kept_columns(datasets) -%}
{%- set metrics = rfm.told_metrics(columns) -%}
{%- set compared_columns = rfm.compared_columns(columns) -%}
{%- set by_region = datasets | selectattr("within", "equalto", "region") | map(attribute="name") | list %}
with

{{ rfm.told_groups_ctes(datasets) }},

{{ rfm.graded_customers_ctes(datasets, compared_columns) }},

metric_kinds as (
    select
        dataset,
        as_of_date,
        {%- for metric in metrics %}
        max(case when metric = '{{ metric }}' then score_kind end) as {{ metric }}_kind,
        max(case when metric = '{{ metric }}' then better end) as {{ metric }}_better,
        {%- endfor %}
        count(*) as metrics
    from {{ ref('int_rfm__graded_metrics') }}
    group by dataset, as_of_date
),

-- Every customer beside itself at the group's previous as-of date.
present_customers as (
    select
        {{- rfm.to_every_task(["dates"]) }}
        customers.dataset,
        customers.group_region,
        customers.as_of_date,
        dates.previous_as_of_date,
        customers.customer_id,
        {%- for column in compared_columns %}
        previous.{{ column }} as previous_{{ column }},
        customers.{{ column }},
        {%- endfor %}
        previous.customer_id is not null as was_there,
        true as is_there
    from graded_customers as customers
    inner join told_groups as dates
        on
            customers.dataset = dates.dataset
            and customers.group_region = dates.group_region
            and customers.as_of_date = dates.as_of_date
    left join graded_customers as previous
        on
            customers.dataset = previous.dataset
            and customers.group_region = previous.group_region
            and customers.customer_id = previous.customer_id
            and dates.previous_as_of_date = previous.as_of_date
),

customers_who_left as (
    select
        {{- rfm.to_every_task(["dates"]) }}
        customers.dataset,
        customers.group_region,
        dates.as_of_date,
        dates.previous_as_of_date,
        customers.customer_id,
        {%- for column, type in compared_columns.items() %}
        customers.{{ column }} as previous_{{ column }},
        cast(null as {{ type }}) as {{ column }},
        {%- endfor %}
        true as was_there,
        false as is_there
    from graded_customers as customers
    inner join told_groups as dates
        on
            customers.dataset = dates.dataset
            and customers.group_region = dates.group_region
            and customers.as_of_date = dates.previous_as_of_date
    left join graded_customers as present
        on
            customers.dataset = present.dataset
            and customers.group_region = present.group_region
            and customers.customer_id = present.customer_id
            and dates.as_of_date = present.as_of_date
    where present.customer_id is null
),

pairs as (
    select * from present_customers

    union all

    select * from customers_who_left
),

{% if rfm.adds_to_stored_rows() -%}
{{ rfm.kept_rows_cte("changes", this) }},

{% endif -%}
-- Who is new and was there before the previous as-of date has left the group since.
departures as (
    select
        dataset,
        group_region,
        customer_id,
        as_of_date
    from customers_who_left
    {%- if rfm.adds_to_stored_rows() %}

    union all

    select
        dataset,
        {{ rfm.group_region_of_history(datasets) }} as group_region,
        customer_id,
        as_of_date
    from kept_changes
    where direction = 'left'
    {%- endif %}
),

first_departures as (
    select
        dataset,
        group_region,
        customer_id,
        min(as_of_date) as as_of_date
    from departures
    group by dataset, group_region, customer_id
),

compared as (
    select
        pairs.dataset,
        pairs.as_of_date,
        pairs.previous_as_of_date,
        pairs.customer_id,
        pairs.previous_region,
        pairs.previous_rulebook,
        coalesce(pairs.region, pairs.previous_region) as region,
        coalesce(pairs.rulebook, pairs.previous_rulebook) as rulebook,
        pairs.rulebook = pairs.previous_rulebook as is_same_rulebook,
        {%- for column in compared_columns if column not in ["region", "rulebook"] %}
        pairs.previous_{{ column }},
        pairs.{{ column }},
        {%- endfor %}
        case
            when not pairs.was_there then 'new'
            when not pairs.is_there then 'left'
            when pairs.grade_order < pairs.previous_grade_order then 'up'
            when pairs.grade_order > pairs.previous_grade_order then 'down'
            when pairs.grade_order is not null or pairs.previous_grade_order is not null then 'same'
            when pairs.total_score > pairs.previous_total_score then 'up'
            when pairs.total_score < pairs.previous_total_score then 'down'
            else 'same'
        end as direction,
        not pairs.was_there and coalesce(first_departures.as_of_date < pairs.as_of_date, false) as is_returning
    from pairs
    left join first_departures
        on
            pairs.dataset = first_departures.dataset
            and pairs.group_region = first_departures.group_region
            and pairs.customer_id = first_departures.customer_id
            and not pairs.was_there
),

-- Scores of one rulebook that differ from those at the previous as-of date. better_by is the direction in which the
-- customer's own value moved.
moved as (
    select
        {{- rfm.to_every_task(["metric_kinds"]) }}
        compared.*,
        {%- for metric in metrics %}
        {{ rfm.score_move(metric, columns) | trim }} as {{ metric }}_moved,
        {{ rfm.value_move(metric, columns) | trim }} as {{ metric }}_better_by,
        metric_kinds.{{ metric }}_kind,
        {%- endfor %}
        compared.is_same_rulebook and compared.direction in ('up', 'down', 'same') as is_comparable
    from compared
    left join metric_kinds
        on
            compared.dataset = metric_kinds.dataset
            and compared.as_of_date = metric_kinds.as_of_date
),

-- A score that the group has a part in can move by the others alone; steps, labels and values move by the customer's
-- own.
explained as (
    select
        *,
        {%- for metric in metrics %}
        case
            when not is_comparable or {{ metric }}_moved is null then null
            when {{ metric }}_kind = 'group' then 'rank_only'
            when {{ metric }}_kind not in ('tiles', 'split', 'share', 'scale') then 'own'
            when {{ metric }}_moved = 'down' and {{ metric }}_better_by < 0 then 'own'
            when {{ metric }}_moved = 'up' and {{ metric }}_better_by > 0 then 'own'
            when {{ metric }}_moved = 'sideways' and {{ metric }}_better_by != 0 then 'own'
            else 'rank_only'
        end as {{ metric }}_cause,
        is_comparable and ({{ metric }}_moved = direction or ({{ metric }}_moved = 'sideways' and direction != 'same'))
            as {{ metric }}_is_told,
        {%- endfor %}
        coalesce(grade, 'total ' || {{ rfm.number_in_text("total_score") }}, 'no grade') as result,
        coalesce(previous_grade, 'total ' || {{ rfm.number_in_text("previous_total_score") }}, 'no grade')
            as previous_result
    from moved
),

-- Only rises and falls are told in words.
told as (
    select
        *,
        {{ rfm.metric_list(metrics, "own") | trim }} as own_metrics,
        {{ rfm.metric_list(metrics, "rank_only") | trim }} as rank_only_metrics,
        {{ rfm.metric_texts(metrics, columns, "en") | trim }} as words,
        {{ rfm.metric_texts(metrics, columns, "zh") | trim }} as words_zh
    from explained
),
{%- if by_region %}

-- Where regions are ranked apart, a customer who is new in one may come from another, or have left for it.
placed as (
    select
        told.*,
        elsewhere.region as other_region
    from told
    left join graded_customers as elsewhere
        on
            told.dataset = elsewhere.dataset
            and told.customer_id = elsewhere.customer_id
            and told.dataset in ('{{ by_region | join("', '") }}')
            and case
                when told.direction = 'new' then told.previous_as_of_date
                when told.direction = 'left' then told.as_of_date
            end = elsewhere.as_of_date
),
{%- else %}

placed as (
    select
        *,
        cast(null as {{ dbt.type_string() }}) as other_region
    from told
),
{%- endif %}

final as (
    select
        dataset,
        as_of_date,
        region,
        customer_id,
        rulebook,
        previous_as_of_date,
        previous_region,
        other_region,
        previous_rulebook,
        previous_grade,
        previous_grade_order,
        grade,
        grade_order,
        direction,
        is_returning,
        case
            when own_metrics is not null then 'own'
            when rank_only_metrics is not null then 'rank_only'
        end as cause,
        own_metrics,
        rank_only_metrics,
        {%- for metric in ["recency", "frequency", "monetary"] %}
        {%- set score = metric ~ "_score" %}
        {%- if score in columns %}
        previous_{{ score }},
        {{ score }},
        {%- else %}
        cast(null as decimal(28, 6)) as previous_{{ score }},
        cast(null as decimal(28, 6)) as {{ score }},
        {%- endif %}
        {%- set cause = metric ~ "_cause" if metric in metrics else "cast(null as " ~ dbt.type_string() ~ ")" %}
        {{ cause }} as {{ metric }}_cause,
        {%- endfor %}
        {%- for column in ["total_score", "recency_days", "frequency", "monetary"] %}
        previous_{{ column }},
        {{ column }},
        {%- endfor %}
        {{ rfm.change_sentence() | trim }} as sentence,
        {{ rfm.change_sentence_zh() | trim }} as sentence_zh
    from placed
)

select * from final
