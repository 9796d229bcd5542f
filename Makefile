# `make repro` and `make test` need Python 3.11 or newer, git and make; the rest they bring along.
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf, ...) are respected.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# stages are `python -m tinystories STAGE`: the environment's python, activated or not
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help repro readme test test-all check format deps clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

repro: $(VENV)/.installed  ## install, run what the pipeline lacks, update MLflow, print the main metrics
	@dvc repro
	@python -m tinystories runs sync
	@python -m tinystories summary

readme: $(VENV)/.installed-dev  ## refresh what README.md quotes, by asking the model of make repro
	@python -m cogapp -I . -r README.md

test: $(VENV)/.installed-dev  ## lint, types and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -m "not slow"

test-all: $(VENV)/.installed-dev  ## as test, with the slow tests (servers, faults, every README command)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

format: $(VENV)/.installed-dev  ## let ruff and the dependency lists of dvc.yaml put themselves right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m pipeline.closure

clean:  ## remove the environment and all work in progress; DVC's cache stays
	rm -rf $(VENV) .work .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version 2>&1): make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@printf '%s\n' '# MLflow, started by hand too, tells nobody' 'export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true' >> $(BIN)/activate
	@touch $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
