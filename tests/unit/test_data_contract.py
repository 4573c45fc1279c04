"""The documents of the data contract: valid, complete, and true of what the declarations say."""

import json
import sqlite3

import jsonschema
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from contract.columns import KEY
from contract.defaults import MAX_GOLD_AGE_HOURS, RETENTION_DAYS
from contract.tables import TABLES
from scripts.check_contract import read_contracts
from scripts.data_contract import FOLDER, RELEASED, SUFFIX, contracts, render, write
from serving.warehouse.sql import TARGET
from tests.support.released import released_tables

CONTRACTS = contracts()
SCHEMA = json.loads(OpenDataContractStandard.json_schema())
FILES = sorted(FOLDER.rglob(f"*{SUFFIX}"))
EACH = pytest.mark.parametrize("name", CONTRACTS)


def _columns(contract):
    (table,) = contract.schema_
    return {column.name: column for column in table.properties}


def test_every_table_that_people_read_has_a_contract():
    assert set(CONTRACTS) == {table.name for table in TABLES.values() if table.layer in ("silver", "gold")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_document_follows_the_standard(path):
    contract = OpenDataContractStandard.from_file(str(path))
    document = contract.model_dump(exclude_none=True, by_alias=True)
    jsonschema.Draft201909Validator(SCHEMA).validate(document)
    assert contract.to_yaml() == path.read_text(encoding="utf-8"), "the library reads all that is written"


def test_standard_refuses_an_invalid_document():
    document = CONTRACTS["gold.churn_kpis"].model_dump(exclude_none=True, by_alias=True)
    document["schema"][0]["properties"][0]["logicalType"] = "text"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(SCHEMA).validate(document)


@EACH
def test_columns_are_the_declared_ones(name):
    table, columns = TABLES[name], _columns(CONTRACTS[name])
    assert [(c.name, c.physicalType, c.description, c.required) for c in columns.values()] == [
        (field.name, field.type, field.comment, not field.nullable) for field in table.schema
    ]
    keys = sorted((column for column in columns.values() if column.primaryKey), key=lambda c: c.primaryKeyPosition)
    assert tuple(column.name for column in keys) == table.key


@EACH
def test_what_identifies_a_customer_is_restricted(name):
    columns = _columns(CONTRACTS[name])
    restricted = {column for column, stated in columns.items() if stated.classification == "restricted"}
    identifying = {KEY, "latitude", "longitude", "zip_code", "raw_record", "reasons"}
    assert restricted == identifying & set(columns)


def test_no_figure_of_one_customer_is_internal():
    of_one = _columns(CONTRACTS["gold.customer_churn_analysis"])
    assert {column.classification for column in of_one.values()} == {"restricted", "confidential"}


@EACH
def test_promises_are_those_of_the_defaults(name):
    promised = {promise.property: (promise.value, promise.unit) for promise in CONTRACTS[name].slaProperties}
    fresh = {"latency": (MAX_GOLD_AGE_HOURS, "h")} if name.startswith("gold.") else {}
    assert promised == {"retention": (RETENTION_DAYS, "d")} | fresh


@EACH
def test_warehouse_has_the_analysis_only(name):
    servers = [server.type for server in CONTRACTS[name].servers]
    assert servers == ["local", "athena", *(["redshift"] if name.endswith(TARGET) else [])]


def _bounded():
    for name, contract in CONTRACTS.items():
        for column in _columns(contract).values():
            for rule in column.quality or ():
                if rule.type == "sql":
                    yield pytest.param(TABLES[name], column, rule, id=f"{name}.{column.name}")


@pytest.mark.parametrize(("table", "column", "rule"), _bounded())
def test_sql_rule_counts_what_is_out_of_bounds(table, column, rule):
    lowest, highest = table.schema[column.name].bounds
    inside = [limit for limit in (lowest, highest) if limit is not None]
    outside = [limit + step for limit, step in ((lowest, -1), (highest, 1)) if limit is not None]
    assert list(column.logicalTypeOptions.values()) == inside
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE {table.short_name} ({column.name} REAL)")
        insert = f"INSERT INTO {table.short_name} VALUES (?)"
        database.executemany(insert, [(value,) for value in (*inside, None)])
        assert database.execute(rule.query).fetchone()[0] == rule.mustBe == 0
        database.executemany(insert, [(value,) for value in outside])
        assert database.execute(rule.query).fetchone()[0] == len(outside)


def test_released_contract_is_what_the_release_wrote(tmp_path):
    released = read_contracts(FOLDER / RELEASED / "0.1.0")
    written = {table.name: table for table in released_tables(tmp_path)}
    assert released.keys() == written.keys()
    for name, table in written.items():
        columns = _columns(released[name])
        assert [(c.name, c.physicalType, c.description) for c in columns.values()] == [
            (field.name, field.type, field.comment) for field in table.schema
        ]
        values = {c: rule.arguments["validValues"] for c in columns for rule in columns[c].quality or ()}
        assert values == {field.name: list(field.values) for field in table.schema if field.values}


def test_document_of_a_table_that_is_gone_is_removed(tmp_path):
    (tmp_path / f"gold.gone{SUFFIX}").write_text("kind: DataContract")
    (tmp_path / "accepted.yaml").write_text("[]")
    write(tmp_path, render())
    assert {path.name for path in tmp_path.iterdir()} == {*render(), "accepted.yaml"}
