{# Views on PostgreSQL. A view there is bound to the very view that it was made from: dbt-postgres makes views anew, and drops with each
   old one all that read it, so that a build that breaks off would leave marts missing. #}

{# A view that is replaced where it is; made anew only where its columns are no longer the first of the new ones. #}
{% materialization rfm__view, adapter="postgres" %}
    {%- set target = this.incorporate(type="view") -%}
    {%- set stored = load_cached_relation(this) -%}
    {{- run_hooks(pre_hooks, inside_transaction=false) -}}
    {{- run_hooks(pre_hooks, inside_transaction=true) -}}
    {%- if stored is not none and stored.type != "view" -%}
        {%- do adapter.drop_relation(stored) -%}
    {%- endif -%}
    {%- if config.get("contract").enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}
    {#- A mark of its own around the SQL, which has texts of users in it. -#}
    {%- set mark = "$rfm_" ~ local_md5(sql) ~ "$" -%}
    {%- call statement("main") %}
        do $rfm_view$
        begin
            execute {{ mark }}create or replace view {{ target }} as {{ sql }}{{ mark }};
        exception when invalid_table_definition then
            drop view {{ target }} cascade;
            execute {{ mark }}create view {{ target }} as {{ sql }}{{ mark }};
        end
        $rfm_view$;
    {% endcall -%}
    {%- do apply_grants(target, config.get("grants"), should_revoke=true) -%}
    {%- do persist_docs(target, model) -%}
    {{- run_hooks(post_hooks, inside_transaction=true) -}}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=false) -}}
    {{- return({"relations": [target]}) -}}
{% endmaterialization %}
