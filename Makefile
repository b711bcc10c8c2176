# The project's only vocabulary: CI and people type the same words.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help venv demo test lint check lab lab-down lab-status bench dist clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: $(BIN)/.ready
$(BIN)/.ready: pyproject.toml
	@echo "==> Python environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

lab: venv ## a real one-node cluster with kagent and kmcp (Linux, root); a second call is quick
	@$(BIN)/python -m tests.lab up

lab-down: venv ## take the lab away: processes, mounts, network namespace, cgroups
	@$(BIN)/python -m tests.lab down

lab-status: venv ## what of the lab runs, and where its logs are
	@$(BIN)/python -m tests.lab status

lint: venv ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
