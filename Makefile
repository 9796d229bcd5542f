# `make repro` and `make test` need Python 3.11 or newer, git and make; the rest they bring along.
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf, ...) are respected.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help repro test test-all check format deps clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1#\2/p' $(MAKEFILE_LIST) | column -t -s '#'

repro: $(VENV)/.installed  ## install, run what the pipeline lacks, update MLflow, print the main metrics
	@$(BIN)/dvc repro
	@$(BIN)/tinystories runs sync
	@$(BIN)/tinystories summary

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
	@touch $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
