# The commands of the project. `make run` and `make test` are all a newcomer needs.
# Only Python 3.11 or newer must be there beforehand.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# The tests start many processes: what all of them read is compiled once, whatever the machine says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test soak check bench conformance lock example clean help

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: $(VENV)/.runtime ## Start a working instance at http://localhost:8080
	$(BIN)/fedispace quickstart

# What is about rows is proven on PostgreSQL too; tests/db and tests/queue ask for both databases themselves.
ON_POSTGRES := tests/accounts tests/federation tests/moderation tests/spaces tests/threads

# Two processes share the work by files, and what a busy machine would spoil comes after them, by itself.
# A part that fails does not keep the others from being run.
SHARED := -n 2 --dist loadfile --no-loadscope-reorder -m "not soak and not alone"

test: $(VENV)/.dev ## Install what the tests need and run them all, on SQLite and on PostgreSQL
	tools/install-test-tools
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(BIN)/python -m pytest $(SHARED); on_sqlite=$$?; \
	$(BIN)/python -m pytest -m alone; alone=$$?; \
	FEDISPACE_TEST_DATABASE=postgres $(BIN)/python -m pytest $(SHARED) $(ON_POSTGRES) && \
	exit $$((on_sqlite | alone))
endif

conformance: $(VENV)/.dev ## Run all tests and write docs/conformance.md and docs/spaces-stories.md
	tools/install-test-tools
	$(BIN)/python -m pytest $(SHARED) --conformance=docs/conformance.md --stories=docs/spaces-stories.md $(ARGS)

soak: $(VENV)/.dev ## Let a room of thirteen speakers and a hundred listeners live for ten minutes, and judge it
	$(BIN)/python -m pytest -m soak --soak 10 tests/media/test_soak.py

check: $(VENV)/.dev ## Static checks: style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure; the figures of docs/benchmarks.md
	tools/install-test-tools
	$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.dev ## Resolve the dependencies anew into requirements/
	tools/lock

example: $(VENV)/.dev ## Write config.example.toml from the defaults
	$(BIN)/python -m fedispace.config_text > config.example.toml

clean: ## Remove the virtual environments (the data stays)
	rm -rf $(VENV) .venv-peers

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fedispace needs Python 3.11 or newer (set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
