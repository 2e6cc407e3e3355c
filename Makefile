# Two commands on a fresh Debian or macOS machine with Python 3.11 or later and make:
#
#   make run     the default agent in the browser, with no key and no network
#   make test    every check there is
#
# Others: make help. Settings: PYTHON=python3.13 (which Python), VENV=.venv313 (where it installs to),
# AGENT=receptionist and ARGS="--port 9000" (for run), ARGS="-k word" (for pytest), JOBS=0 (tests in one process).

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON ?=
AGENT ?= voice_agent
ARGS ?=
# Files of tests run side by side, one process a core; what a file shares (a browser, a voice) is made once.
JOBS ?= auto

BIN := $(VENV)/bin
# The place and the wish are part of the stamp's name: an environment that was copied still points to where it was, and
# another PYTHON may mean another environment.
PLACE := $(shell printf '%s' "$(CURDIR)/$(VENV) $(PYTHON)" | cksum | cut -d' ' -f1)
FOR_RUN := $(VENV)/.installed-run-$(PLACE)
FOR_TEST := $(VENV)/.installed-test-$(PLACE)
# An environment whose Python is gone (upgraded, removed) counts as none.
STALE := $(shell $(BIN)/python -c '' 2>/dev/null || rm -f $(VENV)/.installed-*)

# The package is installed as links to this folder ("editable"), so new and changed files need no new installation:
# only pyproject.toml can make one necessary. Static tools follow the links of tests/src instead.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
LAYERS := PYTHONPATH=tests/src $(BIN)/lint-imports --no-cache

.PHONY: help run test lint types layers pytest prove format peers bench docs clean browser

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(FOR_RUN) ## start the default agent and print the address of its page (AGENT=name or file, ARGS=...)
	@exec $(BIN)/livegraph run $(AGENT) $(ARGS)

test: lint types layers pytest ## everything: lint, format, types, layers, tests

lint: $(FOR_TEST) ## ruff: lint and format, nothing is changed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(FOR_TEST) ## mypy --strict
	$(BIN)/mypy

layers: $(FOR_TEST) ## which folder may import which
	$(LAYERS)

pytest: $(FOR_TEST) browser ## the tests (ARGS="-k word")
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

prove: $(FOR_TEST) ## build the wheel, install it into an empty environment and make a call there
	$(BIN)/python tests/install/prove_install.py

docs: $(FOR_TEST) ## the documentation as a site, in build/site
	$(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

format: $(FOR_TEST) ## ruff: format and fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

peers: $(FOR_TEST) ## other people's clients talk to the simulator (installs them; ARGS="pipecat livekit adk")
	@$(BIN)/python tests/peers/run_peers.py $(ARGS)

bench: $(FOR_TEST) ## the benchmarks, one after another
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

clean: ## remove the environment, caches and builds
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(FOR_RUN): pyproject.toml
	@PYTHON="$(PYTHON)" sh tests/install/environment.sh "$(VENV)" '.[speech]'
	@touch $@

$(FOR_TEST): pyproject.toml
	@PYTHON="$(PYTHON)" sh tests/install/environment.sh "$(VENV)" '.[speech,test]'
	@touch $@ $(FOR_RUN)

browser:
	@sh tests/install/browser.sh
	@sh tests/install/clients.sh
