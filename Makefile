# `make demo` and `make test` set up all that they need; a second time they find it there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help
help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: demo
demo: .venv/base ## draw an album, ingest it, search it: the main job, end to end
	@$(BIN)/blipdb demo

# Each worker has a PostgreSQL of its own; a file's tests stay together, as they share databases. Three
# keep two cores busy, as tests wait for processes.
WORKERS := 3
ABREAST := $(BIN)/pytest -n $(WORKERS) --dist loadfile

.PHONY: test
test: lint ## lint, then all that a change usually breaks, on a real PostgreSQL; minutes
	@$(ABREAST) -m "not (slow or alone or destructive)"
	@$(BIN)/pytest -m "(alone or destructive) and not slow"

.PHONY: test-all
test-all: test ## the same, then true-size models, ordeals, README and packages; half an hour
	@$(ABREAST) -m "slow and not (alone or destructive)"
	@$(BIN)/pytest -m "slow and (alone or destructive)"

.PHONY: lint
lint: .venv/dev ## ruff, mypy --strict, and who may do what in the SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.security.lint sql/*.sql migrations/versions/*.py

.PHONY: bench
bench: .venv/dev ## measure quality and speed; writes docs/benchmarks.md and .json
	@$(BIN)/python -m tests.benchmarks

.PHONY: chaos
chaos: .venv/dev ## kill workers, brokers and PostgreSQL at work, for two hours; nothing may be lost
	@$(BIN)/python -m tests.benchmarks kills faults bad soak

.PHONY: clean
clean: ## remove what was built here; never the data
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the system lacks; a moment where it lacks nothing.
.PHONY: system
system:
	@.setup/system

.venv/bin/python: | system
	@echo "setup: making .venv" >&2
	@"$$(.setup/python)" -m venv .venv

# Without torch, which only training and the tests need.
.venv/base: pyproject.toml constraints.txt | .venv/bin/python
	@echo "setup: installing blipdb into .venv" >&2
	@$(PIP) -e .
	@touch $@

.PHONY: brokers
brokers: | system
	@.setup/brokers

.venv/dev: pyproject.toml constraints.txt | .venv/bin/python brokers
	@echo "setup: installing blipdb with what its tests need into .venv" >&2
	@$(PIP) -e '.[dev]'
	@touch $@ .venv/base
