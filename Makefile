# SPDX-License-Identifier: Apache-2.0
# The two commands are `make demo` and `make test`; everything they need is installed below .venvs.

PYTHON ?= python3
VENVS := .venvs
BIN := $(VENVS)/test/bin
# Each functional test waits for a real Cinder most of the time.
JOBS ?= 3
PIP := -m pip --quiet --disable-pip-version-check
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint types unit docs functional matrix functional-matrix dist test-dist test-deb test-rpm nightly benchmark pictures sandbox sandbox-down clean

demo: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.sandbox demo

test: lint types unit docs functional
	@echo 'All tests passed.'

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
	@echo '== functional tests, on a real Cinder'
	@$(BIN)/python -m tests.sandbox install
	@TEST_PATH=./tests/functional $(BIN)/stestr run --concurrency $(JOBS)

# Every release line of OSC, each with the libraries of its time; the newest is what all else uses.
matrix: $(VENVS)/tox/installed
	@echo '== unit tests, with each release line of OSC'
	@$(VENVS)/tox/bin/tox -q -m matrix -- --concurrency $(JOBS)

# The oldest, and the one of Debian 13.
functional-matrix: $(VENVS)/test/plugin $(VENVS)/tox/installed
	@echo '== functional tests on a real Cinder, with older releases of OSC'
	@$(BIN)/python -m tests.sandbox install
	@$(VENVS)/tox/bin/tox -q -m functional-matrix -- --concurrency $(JOBS)

# The sdist and the wheel of what is committed, the same bytes each time: from a checkout of its own,
# with the commit's time. setuptools writes the time of day into an sdist, so that it is packed anew.
DIST ?= dist
dist: $(VENVS)/dist/installed
	@rm -rf build/checkout && umask 022 && git clone --quiet . build/checkout && mkdir -p $(DIST)
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) && export SOURCE_DATE_EPOCH && umask 022 && \
	$(VENVS)/dist/bin/python -m build --no-isolation --outdir build/checkout/dist build/checkout >build/dist.log && \
	cp build/checkout/dist/*.whl $(DIST) && \
	for sdist in build/checkout/dist/*.tar.gz; do \
		tar --extract --file $$sdist --directory build/checkout/dist && \
		name=$$(basename $$sdist .tar.gz) && \
		tar --create --directory build/checkout/dist --sort=name --mtime=@$$SOURCE_DATE_EPOCH \
			--owner=0 --group=0 --numeric-owner --format=ustar $$name | gzip -9n >$(DIST)/$$name.tar.gz; \
	done
	@rm -rf build/checkout

test-dist: $(VENVS)/test/plugin $(VENVS)/dist/installed
	@echo '== sdist and wheel'
	@TEST_PATH=./tests/packaging $(BIN)/stestr run --concurrency 1

# Packages for distributions, in chroots: needs root and apt. IF_POSSIBLE=1 goes without.
SUITES ?= bookworm trixie
test-deb: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.packaging deb $(SUITES)

test-rpm: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.packaging rpm

# Random histories by the hundred thousand instead of by the hundred.
nightly: $(VENVS)/test/plugin
	@HISTORIES=100000 $(BIN)/python -m unittest tests.unit.core.test_retention tests.unit.core.test_chains tests.unit.core.test_select

benchmark: $(VENVS)/test/plugin $(VENVS)/osc/installed
	@echo '== benchmark, on a real Cinder (about half an hour; leave the machine alone meanwhile)'
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.benchmark $(BENCHMARK)

pictures: $(VENVS)/test/plugin $(VENVS)/osc/installed
	@echo '== pictures of terminals for the documentation, on a real Cinder (about a minute)'
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.pictures

sandbox: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.sandbox install
	@$(BIN)/python -m tests.sandbox up
	@echo 'Copy the two lines above into your shell, then: $(BIN)/openstack volume backup list'
	@echo 'It runs until `make sandbox-down`.'

sandbox-down: $(VENVS)/test/plugin
	@$(BIN)/python -m tests.sandbox down

$(VENVS)/test/installed: requirements.txt test-requirements.txt tests/lint-requirements.txt doc/requirements.txt tests/releases/osc105.txt
	@echo 'Installing python-openstackclient, the plugin and its test tools into $(VENVS)/test (about a minute)...'
	@$(PYTHON) -c 'import sys; sys.exit("make needs Python 3.11 or newer: name one with PYTHON=...") if sys.version_info < (3, 11) else None'
	@rm -rf $(VENVS)/test
	@$(PYTHON) -m venv $(VENVS)/test
	@$(BIN)/python $(PIP) install -c tests/releases/osc105.txt -r requirements.txt -r test-requirements.txt -r tests/lint-requirements.txt -r doc/requirements.txt
	@touch $@

# The entry points of setup.cfg count only once they are installed.
$(VENVS)/test/plugin: $(VENVS)/test/installed setup.cfg pyproject.toml
	@$(BIN)/python $(PIP) install -c tests/releases/osc105.txt --editable .
	@touch $@

# OSC without the plugin: what the functional tests compare with.
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
