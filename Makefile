# Start with 'make demo' or 'make test'.
#
# Both make the virtual environment first, with the tested versions of constraints.txt. Which build of
# torch pip takes depends on the machine: on Linux the one for CUDA, several GB larger, which also runs
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

.PHONY: demo test test-slow test-oldest fuzz lint types dist bench results docs clean

demo: $(VENV)/.demo
	$(BIN)/crosszero demo --out $(OUT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto -m "not slow"

# What 'make test' leaves out: whole suites and visits, minutes in all.
test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto -m slow

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
# With DATA=folder (holds bitext/, lexicon/ and word-alignment/) on real text, otherwise on made-up text.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run --out runs/bench $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.tables runs/bench/*.json
	$(BIN)/python -m benchmarks.scaling runs/bench/*.json

# The table of docs/results-mini.md: four systems, three seeds. Takes hours; needs DATA=folder.
results: $(VENV)/.dev
	mkdir -p runs && sed 's|DATA|$(DATA)|g' recipes/ablation.yaml > runs/ablation.yaml
	$(BIN)/crosszero run runs/ablation.yaml

# The documentation as a site in site/. A link that leads nowhere is an error.
docs: $(VENV)/.dev
	$(BIN)/python docs/build_site.py

# Stamps, so that an environment is made once and again only when its inputs change.
$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(TORCH)
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(TORCH)
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.demo

$(OLDEST)/.dev: pyproject.toml tests/oldest.py
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python tests/oldest.py > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(OUT) build dist site .mypy_cache .ruff_cache .hypothesis
