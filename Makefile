# Two commands: `make demo` (the main job on a simulated cohort) and `make test` (what CI runs).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_WAIT_POLICY := PASSIVE
export TOKENIZERS_PARALLELISM := false
export MPLBACKEND := Agg

.PHONY: demo test install format lint types unit

demo: install
	rm -rf build/demo
	$(BIN)/tumorboard simulate image_table --patients 240 --seed 7 --out build/demo
	$(BIN)/tumorboard evaluate build/demo/study.toml --out build/demo/run

# the types are one thread's work: beside the tests they cost no time on two cores
test: install format lint
	$(MAKE) --jobs 2 --output-sync types unit

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[slides,genes,radiomics,notes,develop]'
	$(BIN)/python -m compileall -q $(VENV)/lib || true
	touch $@

format: install
	$(BIN)/ruff format --check src tests benchmarks docs

lint: install
	$(BIN)/ruff check src tests benchmarks docs

types: install
	$(BIN)/basedpyright

unit: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope
