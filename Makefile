# Siyu: `make help` lists what there is. Needs Python 3.11+ and make; everything else comes from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# uv does not read pip's index settings; hand them over so that mirrors work
INDEX := $(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null)
UV := $(shell command -v uv 2>/dev/null || echo $(VENV)/uv/bin/uv)
# two workers for two cores; a file's tests stay together, so that they share what they build; the longest files begin
# (tests/conftest.py), where xdist's own order would begin with those of many tests. Polars with one thread each: tests have
# small frames, of which two threads only share the work of starting them (a fifth of what identity's tests take)
PYTEST := POLARS_MAX_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
export OMP_NUM_THREADS ?= 1
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
SPARK := .venv-spark
.PHONY: help install spark demo test check types fast bench docs lock

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## the environment in .venv, exactly as locked

# compiled once here: where Python may not write bytecode, every process would compile 4,500 modules anew (five seconds)
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Siyu needs Python 3.11 or newer, this is %d.%d; try: make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v $(UV) >/dev/null 2>&1 || { echo "installing uv into $(VENV)/uv"; $(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/pip install --quiet --disable-pip-version-check uv; }
	@echo "installing the locked packages into $(VENV)"
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $@

spark: $(SPARK)/.installed ## the second engine in .venv-spark: the same lock and Spark; needs Java 17 (docs/engines.md)

$(SPARK)/.installed: $(INSTALLED) requirements-spark.lock
	@command -v java >/dev/null 2>&1 || { echo "Spark needs Java 17: apt-get install openjdk-17-jre-headless"; exit 1; }
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	@echo "installing the locked packages and Spark into $(SPARK)"
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(SPARK)/bin/python requirements.lock requirements-spark.lock
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip install --quiet --no-deps --no-build-isolation --python $(SPARK)/bin/python -e .
	@touch $@

demo: install ## a whole company on this machine: generate, sync, import, run, open the dashboard
	@$(BIN)/scrm demo $(ARGS)

test: install ## every test
	@$(PYTEST) -m "not bench and not browser and not spark" $(ARGS)

check: install ## lint, types, arrows and the fast tests
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(MAKE) --no-print-directory -j 2 fast types

# side by side: types without a cache take a minute of one core
types: install
	@$(BIN)/mypy

fast: install
	@$(PYTEST) -m "not slow and not bench and not browser and not spark" $(ARGS)

bench: install ## measurements as JSON
	@$(BIN)/python -m tests.benchmarks $(ARGS)

docs: install ## pages that are generated from the code
	@$(BIN)/scrm docs

lock: install ## resolve requirements.lock and requirements-spark.lock anew
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml --group dev --group build -o requirements.lock
	@$(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --group spark --constraint requirements.lock -o requirements-spark.lock
