# Everything a newcomer types. Needs a Python >= 3.11 with pip and venv, and nothing else:
# each target makes or completes the virtual environment that it runs in.
# Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
MINUTES ?= 30
SEED ?= 0

version := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
bin := $(VENV)/bin
core := $(VENV)/.core-$(version)
dev := $(VENV)/.dev-$(version)
install := $(bin)/python -m pip install --quiet --disable-pip-version-check

# One BLAS thread to a test process: two of them on two cores must not fight.
one_thread := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo test slow kernels mutants check format bench figures browser paper picture requirements clean

help:  ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

demo: $(core)  ## Plant a network, recover it from a file of samples, draw the picture
	$(bin)/twolayer demo --output twolayer-demo

test: $(dev)  ## Run the tests
	$(one_thread) $(bin)/python -m pytest -n $(JOBS) $(ARGS)

slow: $(dev)  ## Run the long tests, which `make test` leaves out
	$(one_thread) $(bin)/python -m pytest -n $(JOBS) -m slow $(ARGS)

kernels: $(dev)  ## Run the tests under each kernel of OpenBLAS that this machine has (quickly: make kernels ARGS=--short)
	$(one_thread) $(bin)/python tests/kernels.py --jobs $(JOBS) $(ARGS)

mutants: $(dev)  ## Change the code on purpose for MINUTES=30: do the tests notice? (one module: ARGS=evidence/twins.py)
	$(one_thread) $(bin)/python tests/mutants.py --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS) $(ARGS)

check: $(dev)  ## Lint, formatting and types
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy

format: $(dev)  ## Mend what the linter can mend
	$(bin)/ruff check --fix .
	$(bin)/ruff format .

bench: $(core)  ## Measure speed and memory; prints tables of ratios (quickly: make bench ARGS=--smoke)
	@set -e; for script in benchmarks/*.py; do echo "$$script"; $(bin)/python $$script $(ARGS); done

figures: $(core)  ## Redraw every figure of the papers, small: five minutes, into figures/smoke/report.html
	rm -rf figures/smoke
	$(one_thread) $(bin)/twolayer figure all --size smoke --out figures/smoke --jobs $(JOBS)
	$(bin)/twolayer report figures/smoke --output figures/smoke/report.html

browser: $(core)  ## Look at the report of `make figures` in a browser, which must be there: chromium, say
	$(bin)/python tests/browser.py figures/smoke/report.html

paper: $(core)  ## Redraw every figure at the size of its paper: hours; goes on where it was broken off
	$(one_thread) $(bin)/twolayer figure all --size paper --out figures/paper --jobs $(JOBS)
	$(bin)/twolayer report figures/paper --output figures/paper/report.html

picture: $(core)  ## Redraw the picture of the README
	$(bin)/twolayer demo --output twolayer-demo
	cp twolayer-demo/recovery.png docs/images/recovery.png

requirements:  ## Pin the newest dependencies (needs uv)
	uv pip compile pyproject.toml --group build $(compile) --output-file requirements.txt
	uv pip compile pyproject.toml --group build --group dev --constraint requirements.txt $(compile) \
	    --output-file requirements-dev.txt
compile := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --quiet

clean:  ## Remove what was made here
	rm -rf $(VENV) twolayer-demo figures/smoke build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made-$(version):
	@$(PYTHON) -c 'import sys; sys.exit("twolayer needs Python 3.11 or newer; try make PYTHON=python3.13") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(core): requirements.txt pyproject.toml $(VENV)/.made-$(version)
	@echo "Installing what twolayer needs into $(VENV); this takes a minute, once."
	$(install) --require-hashes -r requirements.txt
	$(install) --no-deps --no-build-isolation --editable .
	@touch $@

$(dev): requirements-dev.txt $(core)
	$(install) --require-hashes -r requirements-dev.txt
	@touch $@
