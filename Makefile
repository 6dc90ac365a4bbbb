# Two commands for a fresh machine: `make build` and `make test`.
export DBT_PROFILES_DIR := profiles
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# uv trusts what the machine trusts, as pip does: a company's proxy among it.
export UV_SYSTEM_CERTS := true
PYTHON ?= python3
BIN := .venv/bin

.PHONY: build test lint seeds bench clean

## The demo, from raw records to marts in rfm.duckdb, and its tiers.
build: .venv/installed
	RFM_UNIT_TESTS=false $(BIN)/dbt build
	@echo
	@$(BIN)/python -m dbt_rfm.summary rfm.duckdb

## Everything that checks the project.
test: lint
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/dbt build --quiet
	$(BIN)/dbt-bouncer run --config-file dbt-bouncer.yml
	$(BIN)/sqlfluff lint --disable-progress-bar models tests

## The synthetic raw records; the same seed gives the same files.
seeds: .venv/installed
	$(BIN)/python scripts/make_demo_seeds.py

## What grading costs, written to benchmarks/RESULTS.md: a few minutes; SIZE=1m, 10m and 100m take longer.
bench: .venv/installed
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --quiet --frozen --inexact --extra bench
	$(BIN)/python -m benchmarks $(SIZE)

clean:
	rm -rf .venv target logs rfm.duckdb

.venv/installed: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact
	touch $@
