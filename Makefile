# `make demo` and `make test` work on a fresh machine with Python 3.11 or later; both build .venv first, once.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2
# One thread per worker: two workers that each start a thread per core are slower than one.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help setup demo test verify lint types format reference sbom clean fuzz mutate

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/'

setup: $(INSTALLED) ## the environment in .venv

$(INSTALLED): pyproject.toml constraints.txt weights/pyproject.toml
	@test -x $(BIN)/python || { \
	  for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    exec "$$python" -m venv $(VENV); \
	  done; \
	  echo 'Python 3.11 or later is needed; name one with `make PYTHON=/path/to/python`.' >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' -e weights/
	@touch $@

demo: $(INSTALLED) ## a phantom heart with a known ejection fraction, segmented, measured and reported in demo-out/
	$(BIN)/shortaxis demo --out demo-out

lint: $(INSTALLED) ## style, names, complexity, and the formatter's opinion
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED) ## pyright
	$(BIN)/pyright

test: lint types ## everything that must hold: lint, types, tests
	$(ONE_THREAD) $(BIN)/pytest -n $(WORKERS)

# What takes longer than a minute. A step that is done is not done again: its output is in verify-out/STEP.txt, with the
# commit and the command that made it. `make verify AGAIN="memory kills"` repeats these; `make -k verify` goes on past a
# step that failed, whose output is in verify-out/STEP.failed.
VERIFY := slow attacks network properties kills fuzz mutation memory
COMMAND_slow = $(BIN)/pytest -n $(WORKERS) --slow -m slow
COMMAND_attacks = $(BIN)/pytest -n $(WORKERS) tests/attacks tests/faults -v
COMMAND_network = $(BIN)/pytest tests/network -v
COMMAND_properties = HYPOTHESIS_PROFILE=verify $(BIN)/pytest -n $(WORKERS) tests/properties
COMMAND_kills = $(BIN)/python -m benchmarks.kills --kills 200
COMMAND_fuzz = $(MAKE) --no-print-directory fuzz
COMMAND_mutation = $(MAKE) --no-print-directory mutate
COMMAND_memory = $(BIN)/python benchmarks/memory.py
$(foreach step,$(AGAIN),$(shell rm -f verify-out/$(step).txt))

verify: $(VERIFY:%=verify-out/%.txt) ## what takes longer than a minute: fuzzing, kills, mutants, memory; output in verify-out/

verify-out/%.txt: | $(INSTALLED)
	@mkdir -p verify-out
	@echo "verify: $*"
	@set -o pipefail; { \
	  echo "commit:  $$(git describe --always --dirty 2>/dev/null || echo none)"; echo 'command: $(COMMAND_$*)'; \
	  $(ONE_THREAD) $(COMMAND_$*); } 2>&1 | tee verify-out/$*.failed
	@mv verify-out/$*.failed $@

fuzz: $(INSTALLED) ## ten thousand spoilt files of every format that is read, resumed where it stopped; in .fuzz/
	$(ONE_THREAD) $(BIN)/python -m tests.fuzz --mutants 10000

mutate: $(INSTALLED) ## faults put into gate, measures, folds and writer; lists those no test notices; resumed, in .mutants/
	$(ONE_THREAD) $(BIN)/python -m tests.mutation

format: $(INSTALLED) ## let ruff sort imports and lay the code out
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

reference: $(INSTALLED) ## the generated pages of docs/reference
	$(BIN)/python docs/reference/generate.py

sbom: $(INSTALLED) ## what is installed to run the program, as CycloneDX, in build/sbom.json
	$(BIN)/python tools/sbom.py build/sbom.json

clean: ## remove the environment and what the demo wrote
	rm -rf $(VENV) demo-out
