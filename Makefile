# SPDX-License-Identifier: Apache-2.0
# The two commands are `make demo` and `make test`; everything they need is installed below .venvs.

PYTHON ?= python3
VENVS := .venvs
BIN := $(VENVS)/test/bin
# Each functional test waits for a real Cinder most of the time.
JOBS ?= 2
PIP := -m pip --quiet --disable-pip-version-check
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint types unit docs functional nightly benchmark sandbox sandbox-down clean

demo: $(VENVS)/test/installed
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.sandbox demo

test: lint types unit docs functional
	@echo 'All tests passed.'

lint: $(VENVS)/test/installed
	@echo '== lint'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENVS)/test/installed
	@echo '== types'
	@$(BIN)/mypy

unit: $(VENVS)/test/installed
	@echo '== unit tests'
	@TEST_PATH=./tests/unit $(BIN)/stestr run --concurrency $(JOBS)

docs: $(VENVS)/test/installed
	@echo '== documentation'
	@$(BIN)/sphinx-build -q -W --keep-going -b html doc/source doc/build/html

functional: $(VENVS)/test/installed $(VENVS)/osc/installed
	@echo '== functional tests, on a real Cinder'
	@$(BIN)/python -m tests.sandbox install
	@TEST_PATH=./tests/functional $(BIN)/stestr run --concurrency $(JOBS)

# Random histories by the hundred thousand instead of by the hundred.
nightly: $(VENVS)/test/installed
	@HISTORIES=100000 $(BIN)/python -m unittest tests.unit.core.test_retention tests.unit.core.test_select

benchmark: $(VENVS)/test/installed $(VENVS)/osc/installed
	@echo '== benchmark, on a real Cinder (about half an hour; leave the machine alone meanwhile)'
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.benchmark $(BENCHMARK)

sandbox: $(VENVS)/test/installed
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.sandbox up
	@echo 'Copy the two lines above into your shell, then: $(BIN)/openstack volume backup list'
	@echo 'It runs until `make sandbox-down`.'

sandbox-down: $(VENVS)/test/installed
	@$(BIN)/python -m tests.sandbox down

$(VENVS)/test/installed: requirements.txt test-requirements.txt doc/requirements.txt tests/constraints.txt setup.cfg
	@echo 'Installing python-openstackclient, the plugin and its test tools into $(VENVS)/test (about a minute)...'
	@$(PYTHON) -c 'import sys; sys.exit("make needs Python 3.11 or newer: name one with PYTHON=...") if sys.version_info < (3, 11) else None'
	@rm -rf $(VENVS)/test
	@$(PYTHON) -m venv $(VENVS)/test
	@$(BIN)/python $(PIP) install -c tests/constraints.txt -r requirements.txt -r test-requirements.txt -r doc/requirements.txt
	@$(BIN)/python $(PIP) install -c tests/constraints.txt --editable .
	@touch $@

# OSC without the plugin: what the functional tests compare with.
$(VENVS)/osc/installed: requirements.txt tests/constraints.txt
	@echo "Installing python-openstackclient alone into $(VENVS)/osc (about half a minute)..."
	@rm -rf $(VENVS)/osc
	@$(PYTHON) -m venv $(VENVS)/osc
	@$(VENVS)/osc/bin/python $(PIP) install -c tests/constraints.txt python-openstackclient
	@touch $@

clean:
	rm -rf $(VENVS) .sandbox .stestr .hypothesis .mypy_cache .ruff_cache doc/build
