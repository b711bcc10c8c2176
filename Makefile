# The project's only vocabulary: CI and people type the same words. Every target can be run twice.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
LOCK := requirements-dev.txt
# What the package itself needs, of those versions: the recorder's image is made of it.
RUNTIME_LOCK := requirements.txt
CAN_HAVE_LAB := $(shell test "$$(uname -s)" = Linux && test "$$(id -u)" = 0 && echo yes)
# modules, three at a time, as tests/conftest.py hands them out
SIDE_BY_SIDE := -n 3 --no-loadscope-reorder
PICTURES_FROM = --prometheus "$(PROMETHEUS)" --loki "$(LOKI)" --tempo "$(TEMPO)" --agent "$(AGENT)" $(if $(OUT),--out $(OUT)) $(if $(TYPE),--type $(TYPE))
# The tests that run verbs as processes: with the archive's program they say what it can do.
ARCHIVE_VERBS := $(patsubst %,tests/cluster/test_%.py,scale talk tools trace undo rollout_status top logs)
STEP = @printf '==> %s\n'
# Tests start our program thousands of times: where this is set, as in many images, each start compiles all of it anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help venv lock demo test test-telemetry rehearsal soak lint check generate pictures lab lab-down lab-status bench dist docs archive archive-check

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{sub(/:.*/, "", $$1); printf "  make %-15s %s\n", $$1, $$2}'

demo: $(if $(CONTEXT),venv,lab) ## the life of an agent, played on the lab (CONTEXT=name: on your cluster)
ifdef CONTEXT
	@$(BIN)/python -m scripts.demo --context $(CONTEXT)
else
	@$(BIN)/python -m scripts.demo --lab
endif

test: venv $(if $(KAGENT_TEST_CONTEXT),,$(if $(CAN_HAVE_LAB),lab)) ## all tests; without Linux and root those that need no cluster
	$(STEP) "tests"
	@$(BIN)/pytest $(SIDE_BY_SIDE) -m "not telemetry and not archive and not soak"

test-telemetry: venv ## the tests that need Jaeger, Loki and Prometheus, on the lab (TEMPO=URL LOKI=URL: on yours too)
	$(STEP) "lab with telemetry"
	@$(BIN)/python -m tests.lab up --telemetry
	$(STEP) "telemetry tests"
	@KAGENT_TEST_TEMPO=$(TEMPO) KAGENT_TEST_LOKI=$(LOKI) $(BIN)/pytest $(SIDE_BY_SIDE) -m telemetry

rehearsal: venv ## real agents with known counts and staged faults: each panel, number and message (1.5 hours; OUT=)
	$(STEP) "lab with telemetry"
	@$(BIN)/python -m tests.lab up --telemetry
	$(STEP) "rehearsal"
	@$(BIN)/pytest tests/rehearsal/observe_status.py
	@$(BIN)/python -m tests.rehearsal $(if $(OUT),--out $(OUT))

soak: venv ## days with changing credentials; every verb under faults, mutated answers, generated lines; hours, no cluster
	$(STEP) "soak"
	@$(BIN)/pytest -q -m soak tests/day
	@$(BIN)/python -m tests.soak

lint: venv ## ruff, mypy, import-linter
	$(STEP) "lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

check: venv ## generated files are what their sources say; rules, their tests, and dashboards (promtool: 3 min once)
	$(STEP) "generated files"
	@$(BIN)/python -m scripts.generate --check
	$(STEP) "rules"
	@$(BIN)/python -m scripts.rule_lint
	@promtool=$$($(BIN)/python -m tests.lab build-promtool) && \
	  $$promtool check rules --lint=all --lint-fatal alerts/*.rules.yaml alerts/generated/*.rules.yaml && \
	  $$promtool test rules alerts/tests/*.yaml
	$(STEP) "dashboards"
	@$(BIN)/pytest -q tests/bundle/test_dashboards.py

generate: venv ## write the generated files
	@$(BIN)/python -m scripts.generate

pictures: venv ## a picture of each dashboard, judged: empty, cut or covered fails (PROMETHEUS= LOKI= TEMPO= AGENT= OUT= TYPE=)
	@$(BIN)/python -m scripts.pictures $(PICTURES_FROM)

lab: venv ## a real one-node cluster with kagent and kmcp (Linux, root); a second call takes seconds
	$(STEP) "lab"
	@$(BIN)/python -m tests.lab up

lab-down: venv ## take the lab away: processes, mounts, network namespace, cgroups
	@$(BIN)/python -m tests.lab down

lab-status: venv ## what of the lab runs, and where its logs are
	@$(BIN)/python -m tests.lab status

bench: lab ## our verbs against kubectl, stern, curl and plain Python on the lab, as ratios; the bundle with 200 agents (8 GB)
	@$(BIN)/python -m tests.lab build-stern
	@$(BIN)/python -m compileall -q kubectl_kagent # as pip leaves an installed package
	@missed=0; for part in "" .trace .sessions .chat .logs .scale; do $(BIN)/python -m tests.bench$$part || missed=1; done; exit $$missed

lock: venv ## the newest versions that pyproject.toml allows, with their hashes, for CI and contributors
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade --output-file $(LOCK)
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade --constraint $(LOCK) --output-file $(RUNTIME_LOCK)

dist: venv ## wheel and source archive in dist/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	@$(BIN)/python -m build --outdir dist .

docs: venv ## the site in build/site, with search; a link that leads nowhere fails
	$(STEP) "site"
	@$(BIN)/python -m scripts.site

archive: venv ## what krew installs, for this platform: with checksum, SBOM and krew's manifest, in dist/
	$(STEP) "archive"
	@$(BIN)/python -m scripts.archive build

archive-check: archive $(if $(KAGENT_TEST_CONTEXT),,$(if $(CAN_HAVE_LAB),lab)) ## a second build has the same bytes; krew, a root without Python, verbs
	$(STEP) "the same bytes again"
	@$(BIN)/python -m scripts.archive check
	$(STEP) "tests of the archive"
	@$(BIN)/pytest -q -m archive tests/archive
	$(STEP) "its verbs on the cluster"
	@program=$$(mktemp -d) && trap 'rm -r "$$program"' EXIT && tar -xzf dist/kubectl-kagent_v*_linux_*.tar.gz -C "$$program" && \
	  KAGENT_TEST_PROGRAM="$$program/kubectl-kagent" $(BIN)/pytest -q $(ARCHIVE_VERBS) -k "not ctrl_c_at_any_moment" # it hits the loader, too, which says more

venv: $(BIN)/.ready
$(BIN)/.ready: pyproject.toml $(LOCK)
	$(STEP) "Python environment (.venv)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
