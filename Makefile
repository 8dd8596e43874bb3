# Start with 'make demo' or 'make test'.
#
# Both make the virtual environment first, with the tested versions of constraints.txt. Which build of
# torch pip takes depends on the machine: on Linux the one for CUDA, 3 GB larger, which also runs
# without a GPU; on macOS and Windows the one for processors (and Apple's GPUs). Another one is taken
# from where it is named, such as
#     make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
# https://pytorch.org/get-started/locally lists these places.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
OUT ?= demo
DATA ?=
TORCH_INDEX ?=

FUZZ_MINUTES ?= 60
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
TORCH := $(if $(TORCH_INDEX),$(PIP) --index-url $(TORCH_INDEX) torch)

.PHONY: demo test test-oldest fuzz lint types dist bench results docs clean

demo: $(VENV)/.demo
	$(BIN)/crosszero demo --out $(OUT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto

# Feeds every reader with broken files for an hour; 'make test' does it for about a minute.
fuzz: $(VENV)/.dev
	FUZZ_MINUTES=$(FUZZ_MINUTES) FUZZ_SEED=$(shell date +%s) \
		$(BIN)/python -m pytest tests/reliability/test_fuzz.py

# The whole suite on the oldest versions that pyproject.toml allows. Downloads 3 GB for torch.
test-oldest: $(OLDEST)/.dev
	$(OLDEST)/bin/python -m pytest -n auto

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# Builds what goes to PyPI, and uses it outside of the checkout, in an environment with what it asks for.
dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m tests.distribution dist

# The tables of docs/performance.md and docs/guides/scale.md. Takes about three hours on two quiet cores.
