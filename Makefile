# Two commands are enough: make run, make test.
.DEFAULT_GOAL := help
.PHONY: help run test check bench package format setup lock sample clean
PYTHON := .venv/bin/python
CHURN := $(PYTHON) -m cli
# Prefect and Great Expectations take three times as long to import without their compiled files.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this help
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: setup ## Set up, make sample data if there is none, run the road
	@test -d data/raw || $(CHURN) generate
	@$(CHURN) run

test: setup ## Set up and run the whole test suite
	@sh scripts/browser.sh
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup ## Measure the road against a bare script, write docs/performance.md (about 10 minutes)
	@$(PYTHON) -m benchmarks.road

check: setup ## Format, lint, types, lock file
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@$(PYTHON) -m mypy
	@sh scripts/lock.sh --check

package: setup ## Build what AWS Glue runs, and the wheel, in dist/
	@$(CHURN) package
	@.venv/bin/uv build --quiet --wheel --no-build-isolation --python $(PYTHON)

format: setup ## Format and mend what can be mended
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

setup: .venv/ready

.venv/ready: requirements.lock scripts/setup.sh
	@sh scripts/setup.sh
	@touch .venv/ready

lock: setup ## Resolve the lock file again from pyproject.toml
	@sh scripts/lock.sh

sample: setup ## Make data/raw again
	@rm -rf data/raw
	@$(CHURN) generate --customers 7000 --compress

clean: ## Stop the servers, remove all state
	@test ! -x $(PYTHON) || $(CHURN) down
	@rm -rf .churn
