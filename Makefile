# Each target does the set-up it needs; the set-up is skipped while .venv is up to date.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONSTRAINTS := requirements/constraints.txt
# For instance PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu": torch without CUDA, a tenth of the size.
PIP_ARGS ?=
# Extra arguments for the program behind a target: make test ARGS="-k attention", make quickstart ARGS="--help".
ARGS ?=

.PHONY: help install quickstart test lint bench clean
.DEFAULT_GOAL := help

help:  ## List the targets.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

install: $(STAMP)  ## Create .venv with the tested libraries and this package, editable.

$(STAMP): setup.py pyproject.toml mmseg_gen/versions.py $(CONSTRAINTS)
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11 or later on the PATH, but found none." >&2; exit 1; }
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Expected Python >= 3.11, but got " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q $(PIP_ARGS) -c $(CONSTRAINTS) setuptools
	$(BIN)/python -m pip install -q $(PIP_ARGS) -c $(CONSTRAINTS) --no-build-isolation -e '.[dev]'
	# MMEngine asks for opencv-python, which needs libGL; the headless build has the same module and does not.
	$(BIN)/python -m pip install -q $(PIP_ARGS) -c $(CONSTRAINTS) --no-deps --force-reinstall opencv-python-headless
	touch $@

quickstart: $(STAMP)  ## Run the main job on the embedded models, on the CPU: work_dirs/quickstart.
	$(BIN)/python tools/quickstart.py $(ARGS)

test: $(STAMP)  ## Run the default test suite: offline, on the CPU.
	$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP)  ## Run ruff, and mypy on the mathematics.
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)  ## Run the benchmarks in their small forms.
	$(BIN)/python benchmarks/run.py --quick $(ARGS)

clean:  ## Remove the environment and the caches; work_dirs stays.
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build *.egg-info
