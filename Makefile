# On a fresh machine: `make demo`, `make test`. Only Python 3.11 or newer and make are needed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: install demo test sanitize wheels check lint types clean

install: $(STAMP)

# With GCC or Clang, which are optional, this builds the folder native too: docs/engines.md.
$(STAMP): pyproject.toml constraints.txt setup.py $(wildcard native/*)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "narrows needs Python 3.11 or newer; run: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

# One thread, as for tests: on a machine that has other work, two would wait for each other.
demo: install
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/narrows demo

# A process for each core, each of one thread: two that share threads would wait for each other.
test: install
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

# Compiled code under AddressSanitizer and UndefinedBehaviorSanitizer; needs GCC.
sanitize: install
	$(BIN)/python -m scripts.sanitized

# Into dist: for this platform and CPython 3.11 or later, and for all others.
wheels: install
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist .
	NARROWS_PURE=1 $(BIN)/python -m pip wheel --quiet --no-deps -w dist .

check: lint types test

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

clean:
	rm -rf .venv build dist src/*.egg-info src/narrows/codec/_native*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis
