# Two commands for a fresh machine: `make build` and `make test`.
export DBT_PROFILES_DIR := profiles
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# uv trusts what the machine trusts, as pip does: a company's proxy among it.
export UV_SYSTEM_CERTS := true
PYTHON ?= python3
BIN := .venv/bin
POSTGRES ?= .postgres
POSTGRES_PORT ?= 5433

.PHONY: build test lint seeds bench postgres postgres-stop spark clean

## The demo, from raw records to marts in rfm.duckdb, and its tiers.
build: .venv/installed
	RFM_UNIT_TESTS=false $(BIN)/rfm build

## Everything that checks the project; the tests say which engines they did not find.
test: lint .venv/engines
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/dbt build --quiet
	$(BIN)/dbt-bouncer run --config-file dbt-bouncer.yml
	$(BIN)/sqlfluff lint --disable-progress-bar models tests

## The synthetic raw records; the same seed gives the same files.
seeds: .venv/installed
	$(BIN)/python scripts/make_demo_seeds.py

## What grading costs, written to benchmarks/RESULTS.md: a few minutes; SIZE=1m, 10m and 100m take longer;
## PARTS=commands measures report, export and publish instead, PARTS=spark Spark, which needs Java 17.
bench: .venv/installed
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --quiet --frozen --inexact --extra bench $(if $(findstring spark,$(PARTS)),--extra spark)
	$(BIN)/python -m benchmarks $(SIZE) $(if $(PARTS),--parts $(PARTS))

## A PostgreSQL of one's own for `dbt build --target postgres`, in .postgres/ or POSTGRES=folder. Root's has to lie where
## the user postgres may go, so not in /root.
postgres: .venv/engines
	$(BIN)/python scripts/postgres_server.py start $(POSTGRES) $(POSTGRES_PORT)

## The demo on Spark, which needs no server and keeps its tables in .spark/: some minutes.
spark: .venv/engines
	JAVA_HOME=$$($(BIN)/python scripts/java_home.py) $(BIN)/dbt build --target spark

postgres-stop:
	$(PYTHON) scripts/postgres_server.py stop $(POSTGRES)

clean: postgres-stop
	rm -rf .venv target logs rfm.duckdb .postgres .spark

.venv/installed: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact
	touch $@

# What dbt needs for PostgreSQL and Spark, 350 MB of it Spark.
.venv/engines: .venv/installed
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --quiet --frozen --inexact --group engines
	touch $@
