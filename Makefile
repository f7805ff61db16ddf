# `make demo` and `make test` need nothing but Python 3.11 and this folder. VENV=DIR uses an environment elsewhere.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?=
SPREAD := -n auto --maxprocesses 4 --dist loadfile  # tests over processors, a file to each

.PHONY: demo example test test-slow test-kills lint format clean

demo: $(READY)  ## a small study from nothing to a report, in about ten minutes on two cores
	$(BIN)/python -m study.launch --space tradeoff --scale demo $(if $(DATA),--data-root $(DATA))

example: $(READY)  ## docs/example-report, from a study of its own: half an hour to forty minutes on two cores; DATA has FONTS/prototypes.npz
	$(BIN)/python -m study.launch --space tradeoff --scale laptop --architectures conv mlp resnet --sampler nsga2 --name example \
		--data-root $(DATA)
	$(BIN)/python -m analysis.report runs/example --figures pdf
	mkdir -p docs/example-report
	cd runs/example/report && cp *.html *.csv *.tex *.json *.pdf ../../../docs/example-report/
	PYTHONPATH=. $(BIN)/python .ci/picture.py

test: $(READY)  ## the quick tests
	$(BIN)/python -m pytest -q $(SPREAD)

test-slow: $(READY)  ## the tests that take longer: real Ray studies, interruptions, planted bugs
	$(BIN)/python -m pytest -q $(SPREAD) --no-loadscope-reorder -m "(slow or ray) and not kills"

test-kills: $(READY)  ## a study that loses its driver, workers and node 30 times
	$(BIN)/python -m pytest -q -s -m kills

lint: $(READY)  ## style, types, architecture, sizes, dead code
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/python .ci/sizes.py
	$(BIN)/vulture
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV)
