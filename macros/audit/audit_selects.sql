{# The columns of rfm__rulebook_audit with their types. #}
{% macro audit_columns() %}
    {%- set text = dbt.type_string() -%}
    {{- return({
        "dataset": text, "as_of_date": "date", "region": text, "rulebook": text, "finding": text, "subject": text,
        "position": "integer", "severity": text, "sentence": text, "sentence_zh": text, "amount": "decimal(28, 6)",
        "out_of": "decimal(28, 6)", "amount_share": "decimal(28, 6)", "lowest": "decimal(28, 6)", "highest": "decimal(28, 6)",
    }) -}}
{% endmacro %}

{# The findings of rfm__rulebook_audit, each a select over one of its CTEs: {relation, where, and the SQL of each column that
   is not null}. #}
{% macro audit_selects() %}
    {%- set of_group = {"dataset": "dataset", "as_of_date": "as_of_date", "region": "group_region", "rulebook": "rulebook", "position": "1"} -%}
    {%- set of_rulebook = {"rulebook": "rulebook", "position": "1"} -%}
    {%- set percent = rfm.percent_in_text("amount_share") -%}
    {%- set range_en = "' from ' || " ~ rfm.number_in_text("lowest_total") ~ " || ' to ' || " ~ rfm.number_in_text("highest_total") -%}
    {%- set range_zh = rfm.number_in_text("lowest_total") ~ " || ' 至 ' || " ~ rfm.number_in_text("highest_total") -%}
    {%- set of_customers_en = "customers || ' of ' || all_customers || ' customers'" -%}
    {#- The plural ending of a count. -#}
    {%- set s = "case when %s = 1 then '' else 's' end" -%}
    {%- set ungraded_en = "case when ungraded_code is null then 'totals like ' || " ~ rfm.number_in_text("ungraded_total") ~ " else 'codes like ' || ungraded_code end" -%}
    {%- set ungraded_zh = "case when ungraded_code is null then '总分 ' || " ~ rfm.number_in_text("ungraded_total") ~ " else '编码 ' || ungraded_code end" -%}
    {{- return([
        dict(of_rulebook, relation="rulebook_findings", finding="finding", subject="subject", position="position", severity="severity",
            sentence="sentence", sentence_zh="sentence_zh", amount="amount", lowest="lowest", highest="highest"),
        dict(of_rulebook, relation="combination_totals", where="lowest_total is not null", finding="'range_of_totals'", severity="'info'",
            sentence="'Totals run' || " ~ range_en ~ " || '.'",
            sentence_zh="'总分范围：' || " ~ range_zh ~ " || '。'",
            lowest="lowest_total", highest="highest_total"),
        dict(of_rulebook, relation="grade_combinations", where="combinations = 0", finding="'unreachable_grade'", subject="grade",
            severity="'high'", amount="combinations", out_of="all_combinations", amount_share="amount_share",
            sentence="'Nobody can get grade ' || grade || ': none of the ' || all_combinations || ' combinations of scores earns it. "
                ~ "Move the bounds of the grades, or drop this one.'",
            sentence_zh="'等级 ' || grade || ' 不可能出现：' || all_combinations || ' 种得分组合都不对应该等级。请调整等级界限，或取消该等级。'"),
        dict(of_rulebook, relation="grade_combinations", where="combinations > 0", finding="'score_combinations'", subject="grade",
            severity="case when amount_share < 0.05 then 'medium' else 'info' end", amount="combinations", out_of="all_combinations",
            amount_share="amount_share", lowest="lowest_total", highest="highest_total",
            sentence="'Grade ' || grade || ' takes ' || combinations || ' of ' || all_combinations || ' combinations of scores (' || "
                ~ percent ~ " || ' percent)' || case when amount_share < 0.05 then ', so hardly anybody can get it.' else '.' end",
            sentence_zh="'等级 ' || grade || ' 对应 ' || all_combinations || ' 种得分组合中的 ' || combinations || ' 种（' || "
                ~ percent ~ " || '%）' || case when amount_share < 0.05 then '，几乎没有客户能达到。' else '。' end"),
        dict(of_rulebook, relation="combination_totals",
            where="ungraded_combinations > 0 and rulebook in (select rulebook from rulebook_grades)",
            finding="'total_without_grade'", severity="'medium'",
            amount="ungraded_combinations", out_of="combinations", amount_share=rfm.divide("ungraded_combinations", "combinations"),
            sentence="ungraded_combinations || ' of ' || combinations || ' combinations of scores earn no grade (' || coalesce("
                ~ ungraded_en ~ ", 'no total') || '): such customers are set aside in rfm__rejected_records. Add a grade for them, or an otherwise at the end.'",
            sentence_zh="combinations || ' 种得分组合中有 ' || ungraded_combinations || ' 种没有对应的等级（如' || coalesce("
                ~ ungraded_zh ~ ", '无总分') || '），此类客户会进入 rfm__rejected_records。请补充等级，或在末尾加上“其他”等级。'"),
        dict(of_group, relation="tiers", where="amount_share > 0.95", finding="'dominant_grade'", subject="grade", severity="'high'",
            amount="customers", out_of="all_customers", amount_share="amount_share",
            sentence="'Nearly all customers are ' || grade || ' (' || " ~ of_customers_en ~ " || ', ' || " ~ percent
                ~ " || ' percent), so the grades hardly tell customers apart. Move the bounds of the grades, or score more finely.'",
            sentence_zh="'几乎所有客户都是 ' || grade || ' 级（' || all_customers || ' 户中的 ' || customers || ' 户，占 ' || " ~ percent
                ~ " || '%），等级几乎不能区分客户。请调整等级界限，或细化评分。'"),
        dict(of_group, relation="tiers", where="customers = 0", finding="'empty_grade'", subject="grade", severity="'low'",
            amount="customers", out_of="all_customers", amount_share="amount_share",
            sentence="'Nobody has grade ' || grade || ' (' || all_customers || ' customer' || " ~ s % "all_customers" ~ " || ').'",
            sentence_zh="all_customers || ' 户客户中没有 ' || grade || ' 级。'"),
        dict(of_group, relation="ranked_groups", where="ungraded_customers > 0", finding="'ungraded_customers'", severity="'medium'",
            amount="ungraded_customers", out_of="all_customers", amount_share=rfm.divide("ungraded_customers", "all_customers"),
            sentence="ungraded_customers || ' of ' || all_customers || ' customer' || " ~ s % "all_customers" ~ " || ' without a grade, for example because ' || ungraded_reason "
                ~ "|| '. They are in rfm__rejected_records.'",
            sentence_zh="all_customers || ' 户客户中有 ' || ungraded_customers || ' 户没有等级，例如：' || ungraded_reason || '。详见 rfm__rejected_records。'"),
        dict(of_group, relation="ties", finding="'decided_by_tie_break'",
            severity="case when tied_share >= 0.2 then 'medium' else 'low' end",
            amount="tied_customers", out_of="customers", amount_share="tied_share",
            sentence="'For ' || tied_customers || ' of ' || customers || ' customers (' || " ~ rfm.percent_in_text("tied_share")
                ~ " || ' percent) only the tie-break decided a score: others with the very same value got another one.'",
            sentence_zh="customers || ' 户客户中有 ' || tied_customers || ' 户（' || " ~ rfm.percent_in_text("tied_share")
                ~ " || '%）的某项得分仅由并列排序决定：取值完全相同的其他客户得分不同。'"),
        dict(of_group, relation="ties", finding="'changed_by_reversed_ties'",
            severity="case when changed_share >= 0.05 then 'high' when changed_share >= 0.01 then 'medium' when changed_grades > 0 then 'low' else 'info' end",
            amount="changed_grades", out_of="customers", amount_share="changed_share",
            sentence="'If equal values were ordered the other way round, the result of ' || changed_grades || ' of ' || customers "
                ~ "|| ' customers (' || " ~ rfm.percent_in_text("changed_share")
                ~ " || ' percent) would change.' || case when changed_share >= 0.01 "
                ~ "then ' Name a tie_break that means something, or say ties: together.' else '' end",
            sentence_zh="'若并列取值按相反顺序排列，' || customers || ' 户客户中有 ' || changed_grades || ' 户（' || "
                ~ rfm.percent_in_text("changed_share") ~ " || '%）的结果会改变。' || case when changed_share >= 0.01 "
                ~ "then '请指定有业务含义的 tie_break，或使用 ties: together。' else '' end"),
        dict(of_group, relation="split_sides", where="amount_share > 0.95 or amount_share < 0.05", finding="'one_sided_split'", subject="metric",
            severity="'medium'", amount="better_customers", out_of="customers", amount_share="amount_share",
            sentence="better_customers || ' of ' || customers || ' customers (' || " ~ percent
                ~ " || ' percent) are on the better side of the split of ' || metric || ', so it hardly tells customers apart.'",
            sentence_zh="customers || ' 户客户中有 ' || better_customers || ' 户（' || " ~ percent
                ~ " || '%）位于指标 ' || metric || ' 划分的较优一侧，该划分几乎不能区分客户。'"),
        dict(relation="ranked_groups inner join tiled_metrics on ranked_groups.rulebook = tiled_metrics.rulebook",
            dataset="ranked_groups.dataset", as_of_date="ranked_groups.as_of_date", region="ranked_groups.group_region", rulebook="ranked_groups.rulebook",
            position="1", where="ranked_groups.customers < tiled_metrics.tiles and ranked_groups.customers > 0", finding="'fewer_customers_than_tiles'",
            subject="tiled_metrics.metric", severity="'medium'", amount="ranked_groups.customers", out_of="tiled_metrics.tiles",
            sentence="'Only ' || ranked_groups.customers || ' customer' || " ~ s % "ranked_groups.customers" ~ " || ' for the ' || tiled_metrics.tiles "
                ~ "|| ' tiles of ' || tiled_metrics.metric || ': the best scores are given, and nobody gets the lower ones.'",
            sentence_zh="'只有 ' || ranked_groups.customers || ' 户客户参与指标 ' || tiled_metrics.metric || ' 的 ' || tiled_metrics.tiles "
                ~ "|| ' 等分：他们得到最高的几档得分，较低的档位空缺。'"),
        dict(relation="late_orders", dataset="dataset", as_of_date="as_of_date", region="'all'", rulebook="rulebook", position="1",
            finding="'late_orders'", severity="case when changed_share >= 0.05 then 'high' else 'medium' end",
            amount="changed_customers", out_of="customers", amount_share="changed_share",
            sentence="'Late orders: ' || changed_customers || ' customer' || " ~ s % "changed_customers" ~ " || ' would be measured otherwise at ' "
                ~ "|| cast(as_of_date as " ~ dbt.type_string() ~ ") || ', which stays as it was graded (' || customers || ' customers). "
                ~ "Build with --full-refresh to grade it anew.'",
            sentence_zh="'订单迟到：' || cast(as_of_date as " ~ dbt.type_string() ~ ") || ' 有 ' || changed_customers || ' 户客户的度量与评级时不同（共 ' || customers "
                ~ "|| ' 户）；该日期保持原有评级。如需重新评级，请使用 --full-refresh 构建。'"),
    ]) -}}
{% endmacro %}

{# The SQL condition that a customer of a frozen date is measured as it was when the date was graded. #}
{% macro is_measured_alike(datasets) %}
    {%- set conditions = [] -%}
    {%- set measured = rfm.measured_columns() | map(attribute="name") | select("in", rfm.stored_columns(datasets)) | list -%}
    {%- for column in ["region", "recency_days", "frequency", "monetary"] + measured -%}
        {%- do conditions.append("(kept_customers." ~ column ~ " is not distinct from present_customers." ~ column ~ ")") -%}
    {%- endfor -%}
    {{- return(conditions | join(" and ")) -}}
{% endmacro %}

{# The SQL of a share of 1 as percent with one decimal. #}
{% macro percent_in_text(share) %}
    {{- return(rfm.number_in_text("round(" ~ share ~ " * 100, 1)")) -}}
{% endmacro %}

{# One finding as a select with every column of rfm__rulebook_audit. #}
{% macro audit_select(finding) %}
    select
        {%- for column, type in rfm.audit_columns().items() %}
        cast({{ finding[column] if column in finding else "null" }} as {{ type }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ finding.relation }}
    {{ "where " ~ finding.where if "where" in finding }}
{%- endmacro %}

{# The SQL of 1 for a customer on the better side of a split, else 0, for the metrics of one name. #}
{% macro is_on_the_better_side(metrics) %}
        case
            {%- for metric in metrics %}
            when customers.rulebook = '{{ metric.rulebook }}' and customers.{{ metric.name }}_value {{ "<=" if metric.better == "low" else ">=" }} cut_points.value then 1
            {%- endfor %}
            else 0
        end
{%- endmacro %}
