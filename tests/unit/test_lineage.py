"""Where every column comes from: declared for each, of columns that are there, down to raw files or to what is given."""

import re

import pytest

from contract.feeds import FEEDS
from contract.lineage import DERIVATIONS, Source, givens, raw_files, row_conditions, sources_of, trail
from contract.metrics import MEASURES
from contract.schemas.gold import ANALYSIS
from contract.tables import RAW, TABLES
from serving.lineage.datasets import DATASETS, EXPORT, WAREHOUSE, column_sources, columns, reads

NAME = "gold.customer_churn_analysis"
EACH_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


@EACH_TABLE
def test_every_column_is_declared(table):
    declared = DERIVATIONS.get(table.name, {})
    assert sorted(declared) == sorted(table.schema.names), "add what is missing to contract/lineage.py"


@EACH_TABLE
def test_column_comes_from_columns_that_are_there(table):
    sources = {source for name in table.schema.names for source in sources_of(table.name, name)}
    for source in sources | set(row_conditions(table.name)):
        assert source.column in [field.name for field in columns(source.table)], source
        assert source.table in reads(table.name), source


@EACH_TABLE
def test_column_ends_in_raw_files_or_in_what_is_given(table):
    for name in table.schema.names:
        steps = list(trail(table.name, name))
        ends = [step for step in steps if step.table.startswith(f"{RAW}.")]
        assert ends or givens(table.name, name), name
        assert all(givens(step.table, step.column) for step in steps if not _goes_on(step)), name
        assert len(steps) == len(set(steps)), name


def _goes_on(step):
    return step.table not in TABLES or bool(sources_of(step.table, step.column))


@pytest.mark.parametrize("dataset", [name for name in DATASETS if not name.startswith(f"{RAW}.")])
def test_what_is_written_is_read_from_something(dataset):
    assert reads(dataset)
    used = {source.table for sources in column_sources(dataset).values() for source in sources}
    assert used <= set(reads(dataset))


def test_each_feed_s_files_lead_to_its_own_table():
    assert {feed: reads(f"bronze.{feed}") for feed in FEEDS} == {feed: (raw_files(feed),) for feed in FEEDS}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
def test_measure_comes_from_what_its_sql_reads(measure):
    read = set(re.findall(r"\w+", measure.row_expression)) & set(ANALYSIS.names)
    declared = {source.column for source in sources_of("gold.churn_breakdown", measure.name)}
    assert declared == (read if measure.column else read | {"customer_id"})


def _uses(table, column):
    return {source.column: use for source, use in sources_of(table, column).items()}


def test_derived_columns_go_through_those_of_their_own_table():
    assert _uses(NAME, "cltv") == {"monthly_charges": "transformation", "tenure_months": "transformation"}
    assert _uses(NAME, "risk_segment") == {
        "monthly_charges": "transformation", "tenure_months": "transformation", "churn": "condition",
    }  # fmt: skip
    rate = _uses("gold.churn_breakdown", "churn_rate")
    assert rate == {"churn_flag": "condition", "customer_id": "aggregation"}


def test_value_comes_from_every_feed_that_has_it():
    found = list(trail(NAME, "monthly_charges"))
    assert found[0] == Source("silver.customers", "monthly_charges")
    assert {source.table for source in found[1:]} == {
        "bronze.billing", "bronze.customers", "raw.billing", "raw.customers",
    }  # fmt: skip


def test_warehouse_has_what_was_exported():
    assert set(column_sources(WAREHOUSE)) == set(ANALYSIS.names)
    assert column_sources(WAREHOUSE)["cltv"] == {Source(EXPORT, "cltv"): "identity"}
    assert reads(EXPORT) == (NAME,)
