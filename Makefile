# Two commands are enough: make run, make test.
.DEFAULT_GOAL := help
.PHONY: help run test nightly glue5 glue6 check docs bench package format setup lock upgrade sample clean
PYTHON := .venv/bin/python
CHURN := $(PYTHON) -m cli
# tests/conftest.py says which tests run together, the longest first.
PYTEST_OPTIONS := -n 2 --dist loadscope --no-loadscope-reorder
# All jobs of the script, and what works on pandas, numpy and pyarrow without Spark.
GLUE_TESTS := tests/spark tests/upgrade/test_first_release.py tests/unit/test_checkpoint.py tests/unit/test_suites.py \
	tests/unit/test_dashboard_data.py tests/unit/test_sniff.py $(wildcard tests/unit/test_raw_*.py)
# Prefect and Great Expectations take three times as long to import without their compiled files.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this help
	@grep -E '^[a-z0-9]+:.*##' Makefile | sed -E 's/^([a-z0-9]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: setup ## Set up, make sample data if there is none, run the pipeline
	@test -d data/raw || $(CHURN) generate
	@$(CHURN) run

test: setup ## Set up and run the tests
	@sh scripts/browser.sh
	@$(PYTHON) -m pytest $(PYTEST_OPTIONS) -m "not nightly"

nightly: setup ## Set up and run everything, the long stories included
	@sh scripts/browser.sh
	@$(PYTHON) -m pytest $(PYTEST_OPTIONS)

glue5: setup ## Run the Glue script's tests on the Python modules that Glue 5.1 has
	@sh scripts/glue_tests.sh 5.1 -m "not nightly" $(GLUE_TESTS)

glue6: setup ## Run the Spark tests on Spark 4.1 and Delta 4.2, as Glue 6.0 has them
	@sh scripts/glue_tests.sh 6.0 -m "not nightly" tests/spark

bench: setup ## Measure the pipeline against a bare script, write docs/performance.md (about 10 minutes)
	@$(PYTHON) -m benchmarks.pipeline

check: setup ## Format, lint, types, import contracts, lock file, breaking changes of tables
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo
	@sh scripts/lock.sh --check
	@$(PYTHON) -m scripts.check_contract

docs: setup ## Write the documents that derive from the contract
	@$(PYTHON) -m scripts.docs

package: setup ## Build what AWS Glue runs, and the wheel, in dist/
	@$(CHURN) package
	@.venv/bin/uv build --quiet --wheel --no-build-isolation --python $(PYTHON)

format: setup ## Format and fix what can be fixed
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

setup: .venv/ready

.venv/ready: requirements.lock scripts/setup.sh
	@sh scripts/setup.sh
	@touch .venv/ready

lock: setup ## Write the lock file after a change of pyproject.toml
	@sh scripts/lock.sh

upgrade: setup ## Move everything in the lock file to its newest version
	@sh scripts/lock.sh --upgrade

sample: setup ## Make data/raw again
	@rm -rf data/raw
	@$(CHURN) generate --customers 7000 --compress

clean: setup ## Stop the servers, remove all state (in .churn, or where CHURN_HOME says)
	@$(CHURN) down --delete-state --yes
