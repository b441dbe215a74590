# Two commands do everything on a fresh machine: `make failover` (the main job on the embedded AWS) and `make test`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
SHELL_FILES := scripts/setup scripts/rehearse scripts/sanity .ci/run

.PHONY: help failover failback drill status stop test lint sanity bench build clean

help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1@/p' $(MAKEFILE_LIST) | column -t -s @

failover: .venv/.run ## Rehearse the failover of the sample estate on the embedded AWS
	@scripts/rehearse failover

failback: .venv/.run ## Rehearse the way home: a failover, then the failback of the sample estate
	@scripts/rehearse failback

drill: .venv/.run ## The same in test mode: isolated network, then clean-up
	@scripts/rehearse drill

status: .venv/.run ## Show what is in the embedded AWS
	@$(BIN)/python -m emulator status

stop: .venv/.run ## Stop the embedded AWS and forget everything in it
	@$(BIN)/python -m emulator stop

test: .venv/.test ## Run the tests
	@$(BIN)/python -m pytest -n $$(($$(nproc) + 1)) --dist loadgroup --no-loadscope-reorder

lint: .venv/.lint ## Run every static check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy plugins/module_utils plugins/modules plugins/action plugins/filter plugins/plugin_utils roles/orchestrator/files/functions emulator scripts tests/support
	$(BIN)/yamllint -s .
	$(BIN)/python scripts/validate_state_machines.py
	$(BIN)/shellcheck $(SHELL_FILES)
	@for target in failover failback drill status stop test sanity bench build clean; do \
		$(MAKE) --dry-run --warn-undefined-variables $$target 2>&1 >/dev/null | { ! grep . ; } ; done
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint
	$(BIN)/antsibull-changelog lint
	GIT_CEILING_DIRECTORIES=$(CURDIR) PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent .
	@scripts/sanity

sanity: .venv/.lint ## Run ansible-test sanity alone (part of lint)
	@scripts/sanity

bench: .venv/.test ## Run the benchmarks, JSON to standard output
	@PYTHONPATH=collections $(BIN)/python -m tests.benchmarks

build: .venv/.run ## Build the collection's archive into dist/
	@$(BIN)/ansible-galaxy collection build --force --output-path dist

clean: ## Remove everything that these targets made
	rm -rf .venv .cache .ansible collections dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.run: scripts/setup requirements.txt requirements-run.txt emulator/requirements.txt
	@scripts/setup run

.venv/.test: .venv/.run requirements-test.txt requirements-aws-cli.txt
	@scripts/setup test

.venv/.lint: .venv/.test requirements-lint.txt
	@scripts/setup lint
