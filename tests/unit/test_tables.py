"""Rules that every declared table keeps."""

import re

import pytest

from contract.errors import SchemaMismatchError
from contract.feeds import FEEDS, GROUPS
from contract.schema import Field, Schema
from contract.tables import TABLES
from jobs.delta import check_schema
from transforms.spark_schema import spark_schema

ALL = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
_MONEY = re.compile(r"charges|revenue|(?<!source_)\bcltv$")


@ALL
def test_every_column_says_what_it_means(table):
    assert all(field.comment for field in table.schema)


@ALL
def test_names_are_snake_case_and_unique(table):
    assert all(re.fullmatch(r"_?[a-z][a-z0-9_]*", name) for name in table.schema.names)
    assert len(set(table.schema.names)) == len(table.schema.names)


@ALL
def test_keys_are_columns_that_are_never_null(table):
    assert all(not table.schema[column].nullable for column in table.key)
    assert bool(table.key) == (table.mode == "merge")


@ALL
def test_sources_are_tables_or_raw_files(table):
    assert table.reads
    assert all(source == "raw" or source in TABLES for source in table.reads)
    assert table.name not in table.reads


@ALL
def test_money_is_decimal(table):
    if table.layer != "bronze":
        money = [field for field in table.schema if _MONEY.search(field.name)]
        assert all(field.is_decimal for field in money)


@ALL
def test_what_athena_and_redshift_read_has_no_deletion_vectors(table):
    if table.layer == "gold":
        assert table.properties["delta.enableDeletionVectors"] == "false"
        assert "delta.columnMapping.mode" not in table.properties


def test_what_drives_the_next_table_has_a_change_feed():
    for name in ("silver.customers", "gold.customer_churn_analysis"):
        assert TABLES[name].properties["delta.enableChangeDataFeed"] == "true"


def test_every_feed_has_a_bronze_table_of_strings():
    for feed in FEEDS.values():
        schema = TABLES[f"bronze.{feed.name}"].schema
        assert {schema[column].type for column in feed.columns} == {"string"}


def test_silver_has_every_group_and_its_event_time():
    names = TABLES["silver.customers"].schema.names
    assert {column for group in GROUPS for column in (*group.columns, group.event_column)} <= set(names)


def test_a_difference_to_the_declared_schema_is_named():
    table = TABLES["gold.churn_kpis"]
    wrong = spark_schema(Schema((*table.schema.fields[:-1], Field("colour", "string", "Colour"))))
    with pytest.raises(SchemaMismatchError, match=r"Missing: unit string\. Not declared: colour string"):
        check_schema(table, wrong)
    check_schema(table, spark_schema(table.schema))
