"""Columns and schemas as declared: order, look-up, and what a table derives from its name."""

import pytest

from contract.columns import BYTES_PER_CHARACTER, COLUMNS, MAX_TEXT_LENGTH, columns_in
from contract.feeds import FEEDS, PARTS
from contract.metrics import CONDITIONS, MEASURES, METRICS, METRICS_BY_DIMENSION
from contract.schema import DEFAULT_MAX_BYTES, Field, Schema, required
from contract.schemas.bronze import LINEAGE, bronze_schema
from contract.schemas.gold import ANALYSIS, ANALYSIS_VIEW, BREAKDOWN, KPIS, MOVEMENTS
from contract.schemas.silver import CUSTOMERS
from contract.tables import LAYERS, TABLES

SCHEMA = Schema((required("id", "string", "Key"), Field("price", "decimal(10,2)", "Price, USD")))


def test_fields_are_found_by_name():
    assert SCHEMA["price"] is SCHEMA.fields[1]
    with pytest.raises(KeyError, match="colour"):
        SCHEMA["colour"]


def test_schema_keeps_its_order():
    assert SCHEMA.names == ["id", "price"] == [field.name for field in SCHEMA]
    assert len(SCHEMA) == 2


@pytest.mark.parametrize(("kind", "answer"), [("decimal(10,2)", True), ("double", False), ("string", False)])
def test_decimals_are_recognised(kind, answer):
    assert Field("x", kind, "X").is_decimal is answer


def test_required_column_is_never_null():
    assert not SCHEMA["id"].nullable
    assert SCHEMA["price"].nullable
    assert SCHEMA["id"].max_bytes == DEFAULT_MAX_BYTES


def test_free_text_fits_the_warehouse():
    for column in COLUMNS:
        limit = MAX_TEXT_LENGTH * BYTES_PER_CHARACTER if column.is_free_text else DEFAULT_MAX_BYTES
        assert CUSTOMERS[column.name].max_bytes == limit
        longest = max((len(value.encode()) for value in column.values), default=0)
        assert longest <= limit


@pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))
def test_bronze_begins_with_lineage(feed):
    schema = bronze_schema(feed)
    assert schema.names == [*(field.name for field in LINEAGE), *feed.columns]
    assert TABLES[f"bronze.{feed.name}"].schema == schema


def test_parts_share_all_columns():
    assert [column for part in PARTS for column in columns_in(part)] == list(COLUMNS)
    assert columns_in("no such part") == []


def test_view_adds_every_condition():
    added = ANALYSIS_VIEW.names[len(ANALYSIS) :]
    assert added == [condition.column for condition in CONDITIONS]
    assert ANALYSIS_VIEW.names[: len(ANALYSIS)] == ANALYSIS.names
    assert {ANALYSIS_VIEW[name].type for name in added} == {"boolean"}


def test_breakdown_has_every_measure():
    assert set(MEASURES) <= set(BREAKDOWN.names)
    counted = {name for name, measure in MEASURES.items() if not measure.column}
    assert {name for name in MEASURES if BREAKDOWN[name].type == "bigint"} == counted


def test_every_kpi_has_a_name_that_is_known_beforehand():
    grouped = {name for name in KPIS["kpi"].values if ":" in name}
    assert set(KPIS["kpi"].values) - grouped == set(METRICS)
    assert {name.split(":")[0] for name in grouped} == set(METRICS_BY_DIMENSION), "its dimension has no listed values"


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_unit_is_in_the_comment(table):
    stated = [field for field in table.schema if field.unit and field.unit != "customers"]
    assert [field.name for field in stated if field.unit not in field.comment] == []


def test_movements_carry_gold_types():
    shared = set(MOVEMENTS.names) & set(ANALYSIS.names)
    assert shared >= {"customer_id", "city", "cltv", "churn_score"}
    assert all(MOVEMENTS[name].type == ANALYSIS[name].type for name in shared)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_table_lies_below_its_layer(table):
    assert table.layer in LAYERS
    assert table.path == f"{table.layer}/{table.short_name}"
    assert f"{table.layer}.{table.short_name}" == table.name


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_statistics_are_of_declared_columns(table):
    named = table.properties["delta.dataSkippingStatsColumns"].split(",")
    assert set(named) <= set(table.schema.names)


def test_layers_read_only_layers_below():
    for table in TABLES.values():
        levels = [LAYERS.index(TABLES[name].layer) for name in table.reads if name in TABLES]
        assert all(level <= LAYERS.index(table.layer) for level in levels)


def test_column_maxima_fit_their_types():
    for column in COLUMNS:
        if column.type.startswith("decimal"):
            precision, scale = (int(part) for part in column.type[8:-1].split(","))
            assert column.bounds[1] < 10 ** (precision - scale)
        if column.type == "int":
            assert column.bounds[1] < 2**31
