# make demo        the main job, once, offline: installs into .venv first
# make test        the whole suite
# make test-full   the same with every step of every matrix, more members and more months: takes several times as long
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Some machines set it. Every giftping that a test starts would be compiled anew, and every test in each run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-full coverage lint format types contracts bench man lock clean

demo: $(VENV)/.installed
	@$(BIN)/giftping demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2 --dist loadgroup

# Each week: what `make test` leaves out because something that it plays leaves the same behind.
test-full: export TEST_FULL = 1
test-full: test

coverage: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2 --dist loadgroup --cov --cov-branch --cov-report=term

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

contracts: $(VENV)/.installed-dev
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/bench

# The manual page, from the commands that there are.
man: $(VENV)/.installed-dev
	$(BIN)/python tools/man_page.py

# The newest versions that go together, for every Python that giftping runs on.
lock: $(VENV)/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-annotate \
		--no-emit-package giftping --custom-compile-command 'make lock' --upgrade -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing giftping into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements-dev.lock | $(BIN)/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements-dev.lock --editable '.[dev]'
	@touch $@ $(VENV)/.installed
