"""Python beside the dbt project: the xlsx plugin for dbt-duckdb and what prints the result of a build."""
