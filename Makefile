# SPDX-License-Identifier: Apache-2.0
# Start with `make demo` or `make test`. They install everything that they need below .venvs.

PYTHON ?= python3
VENVS := .venvs
BIN := $(VENVS)/test/bin
# Number of tests to run in parallel. Functional tests mostly wait for Cinder.
JOBS ?= 3
PIP := -m pip --quiet --disable-pip-version-check
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint types unit docs functional matrix functional-matrix dist test-dist test-deb test-rpm nightly benchmark pictures transcripts sandbox sandbox-down clean

demo: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.sandbox demo

test: lint types unit docs functional
	@echo 'All tests passed.'

# tox calls this target, `types` and `docs`, so that their commands are in one place.
lint: $(VENVS)/test/plugin
	@echo '== lint'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENVS)/test/plugin
	@echo '== types'
	@$(BIN)/mypy

unit: $(VENVS)/test/plugin
	@echo '== unit tests'
	@TEST_PATH=./tests/unit $(BIN)/stestr run --concurrency $(JOBS)

docs: $(VENVS)/test/plugin
	@echo '== documentation'
	@$(BIN)/sphinx-build -q -W --keep-going -b html doc/source doc/build/html
	@$(BIN)/sphinx-build -q -W --keep-going -b man doc/source doc/build/man

functional: $(VENVS)/test/plugin $(VENVS)/osc/installed
	@echo '== functional tests with a real Cinder'
	@$(BIN)/python -m tests.sandbox install
	@TEST_PATH=./tests/functional STESTR=$(BIN)/stestr tests/functional/run.sh --concurrency $(JOBS)

# The unit tests with each older release line of OSC. All other targets use the newest one.
matrix: $(VENVS)/tox/installed
	@echo '== unit tests with each older release line of OSC'
	@$(VENVS)/tox/bin/tox -q -m matrix -- --concurrency $(JOBS)

# The functional tests with the oldest supported OSC and with the OSC of Debian 13.
functional-matrix: $(VENVS)/test/plugin $(VENVS)/tox/installed
	@echo '== functional tests with a real Cinder and older releases of OSC'
	@$(BIN)/python -m tests.sandbox install
	@$(VENVS)/tox/bin/tox -q -m functional-matrix -- --concurrency $(JOBS)

# The sdist and the wheel of the commit that is checked out.
DIST ?= dist
dist: $(VENVS)/dist/installed
	@contrib/dist.sh $(VENVS)/dist/bin/python $(DIST)

test-dist: $(VENVS)/test/plugin $(VENVS)/dist/installed
	@echo '== sdist and wheel'
	@TEST_PATH=./tests/packaging $(BIN)/stestr run --concurrency 1

# Packages for distributions, built in chroots. These targets need root and apt. With IF_POSSIBLE=1
# they do nothing if either is missing.
SUITES ?= bookworm trixie
test-deb: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.packaging deb $(SUITES)

test-rpm: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.packaging rpm

# Tests with 100,000 random histories instead of a few hundred.
nightly: $(VENVS)/test/plugin
	@HISTORIES=100000 $(BIN)/python -m unittest tests.unit.core.test_retention tests.unit.core.test_chains tests.unit.core.test_select

benchmark: $(VENVS)/test/plugin $(VENVS)/osc/installed
	@echo '== benchmark with a real Cinder (takes about 30 minutes; run nothing else on this machine)'
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.benchmark $(BENCHMARK)

pictures: $(VENVS)/test/plugin $(VENVS)/osc/installed
	@echo '== terminal pictures for the documentation, with a real Cinder (takes about a minute)'
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.pictures

transcripts: $(VENVS)/test/plugin
	@echo '== transcripts in the documentation, with a real Cinder (takes about two minutes)'
	@$(BIN)/python -m tests.sandbox install
	@CORRECT_TRANSCRIPTS=1 $(BIN)/python -m unittest tests.functional.test_transcripts
	@git diff --stat -- README.rst doc

sandbox: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.sandbox up
	@echo 'Copy the two lines above into your shell, and then try: $(BIN)/openstack volume backup list'
	@echo 'To stop the cloud: make sandbox-down'

sandbox-down: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.sandbox down

$(VENVS)/test/installed: requirements.txt test-requirements.txt tests/lint-requirements.txt doc/requirements.txt tests/releases/osc105.txt
	@echo 'Installing python-openstackclient, the plugin and its test tools into $(VENVS)/test (about a minute)...'
	@$(PYTHON) -c 'import sys; sys.exit("The tests need Python 3.11 or newer. Choose one with PYTHON=<path>.") if sys.version_info < (3, 11) else None'
	@rm -rf $(VENVS)/test
	@$(PYTHON) -m venv $(VENVS)/test
	@$(BIN)/python $(PIP) install -c tests/releases/osc105.txt -r requirements.txt -r test-requirements.txt -r tests/lint-requirements.txt -r doc/requirements.txt
	@touch $@

# OSC finds the entry points of setup.cfg only after they are installed.
$(VENVS)/test/plugin: $(VENVS)/test/installed setup.cfg pyproject.toml
	@$(BIN)/python $(PIP) install -c tests/releases/osc105.txt --editable .
	@touch $@

# OSC without the plugin, which the functional tests compare with.
$(VENVS)/osc/installed: requirements.txt tests/releases/osc105.txt
	@echo "Installing python-openstackclient alone into $(VENVS)/osc (about half a minute)..."
	@rm -rf $(VENVS)/osc
	@$(PYTHON) -m venv $(VENVS)/osc
	@$(VENVS)/osc/bin/python $(PIP) install -c tests/releases/osc105.txt python-openstackclient
	@touch $@

$(VENVS)/tox/installed:
	@$(PYTHON) -m venv $(VENVS)/tox
	@$(VENVS)/tox/bin/python $(PIP) install tox==4.67.15
	@touch $@

$(VENVS)/dist/installed: tests/packaging/requirements.txt
	@rm -rf $(VENVS)/dist
	@$(PYTHON) -m venv $(VENVS)/dist
	@$(VENVS)/dist/bin/python $(PIP) install -r tests/packaging/requirements.txt
	@touch $@

clean:
	rm -rf $(VENVS) .tox .sandbox .stestr .hypothesis .mypy_cache .ruff_cache build dist doc/build
