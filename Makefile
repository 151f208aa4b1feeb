# Every target sets itself up: nothing needs to be there but make and Python 3.11 or later with venv.
# There is one set-up for all targets, tests included: what they need adds about 0.2 GB to the 6 GB that torch and the
# rest take, and whoever runs the workbench can check it. uv, itself from the index, makes a second set-up a matter of
# seconds. Bytecode is compiled then and not by every process: where Python is told to write none, importing torch and
# timm took 14 s instead of 5.

PYTHON ?= python3
NOTEBOOK ?= notebooks/quickstart.ipynb
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NOTEBOOKS := $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb)
# The browser's tests take longest and stay on one worker (tests/conftest.py): they begin first. Notebooks come last.
ENDS := tests/browser tests/notebooks
BETWEEN := $(filter-out tests/__pycache__ $(ENDS),$(patsubst %/,%,$(wildcard tests/*/)))
TESTS := $(wildcard tests/browser) $(wildcard tests/test_*.py) $(BETWEEN) $(wildcard tests/notebooks)

# One thread each: two workers with two threads on two cores wait for each other, and the tests took a third longer.
ALONE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help lab report test check notebooks faults pins clean

help:  ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | awk -F '\t' '{printf "  make %-10s %s\n", $$1, $$2}'

lab: $(READY)  ## open JupyterLab on the quickstart; ARGS="--no-browser --port=8899" goes through to it
	@$(BIN)/python -m workbench lab $(ARGS)

report: $(READY)  ## run a notebook headless to one page in reports/; NOTEBOOK=..., ARGS="-p epochs=5"
	@$(BIN)/python -m workbench report $(NOTEBOOK) -o reports $(ARGS)

test: $(READY)  ## all tests; ARGS="-k heads" goes through to pytest
	@$(ALONE) $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(TESTS) $(ARGS)

check: $(READY)  ## format, style and types: what the commit hooks run
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --verify --keep-id $(NOTEBOOKS))

notebooks: $(READY)  ## every notebook at full size, and all that is walked in a browser
	@WORKBENCH_FULL=1 $(BIN)/python -m pytest tests/notebooks tests/browser tests/labs $(ARGS)

faults: $(READY)  ## kills, interrupts and damaged files at full count
	@WORKBENCH_FULL=1 $(BIN)/python -m pytest tests/faults $(ARGS)

pins: $(READY)  ## write constraints.txt again after a change to pyproject.toml; ARGS=--upgrade takes newer releases
	@cp constraints.txt $(VENV)/pins.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --all-extras --group tools \
		--no-annotate --no-header --no-strip-markers $(ARGS) pyproject.toml -o $(VENV)/pins.txt
	@grep -v "sys_platform == 'emscripten' *$$" $(VENV)/pins.txt | sed 's/ *;.*//' | LC_ALL=C sort -u > constraints.txt

clean:  ## remove the environment, caches and reports; runs stay
	rm -rf $(VENV) reports .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find workbench tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, '$(PYTHON)' is another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Setting up $(VENV): about 6 GB, most of it torch; a few minutes the first time."
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv is needed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python -c constraints.txt \
		--build-constraints constraints.txt -e ".[test]"
	@touch $@
