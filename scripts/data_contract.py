"""docs/data_contract/: silver and gold as documents of the Open Data Contract Standard: make docs

`python -m scripts.data_contract 0.2.0` writes those of a release, with which later ones are compared.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    Description,
    SchemaObject,
    SchemaProperty,
    Server,
    ServiceLevelAgreementProperty,
)
from open_data_contract_standard.model import OpenDataContractStandard as Contract

from contract.defaults import MAX_GOLD_AGE_HOURS, RETENTION_DAYS
from contract.schema import UNBOUNDED, Field
from contract.tables import TABLES, Table
from infrastructure.aws.warehouse_users import SCHEMA
from infrastructure.local.redshift.account import DATABASE
from lake.exports import export_columns
from serving.warehouse.sql import TARGET, column_type

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "data_contract"
RELEASED = "released"
SUFFIX = ".odcs.yaml"
UNRELEASED = "unreleased"

# Names of custom properties: the standard has none for these.
UNIT, REDSHIFT_TYPE, MAY_GROW = "unit", "redshiftType", "valuesMayGrow"
VALID_VALUES = "validValues"

_STACK = "churn-lakehouse"
_LOGICAL_TYPES = {
    "string": "string",
    "boolean": "boolean",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "decimal": "number",
    "date": "date",
    "timestamp": "timestamp",
    "array": "array",
    "map": "object",
}


def contracts(version: str = UNRELEASED) -> dict[str, Contract]:
    """Return the contract of every table of silver and gold, by the table's name."""
    return {table.name: _contract(table, version) for table in TABLES.values() if table.layer != "bronze"}


def render(version: str = UNRELEASED) -> dict[str, str]:
    """Return the contracts as YAML, by the name of the file."""
    return {f"{name}{SUFFIX}": contract.to_yaml() for name, contract in contracts(version).items()}


def release(folder: Path, version: str) -> None:
    """Write the present contracts as those of a release, with which later ones are compared."""
    write(folder / RELEASED / version, render(version))


def write(folder: Path, documents: dict[str, str]) -> None:
    """Write the documents, and remove those of tables that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"*{SUFFIX}"):
        path.unlink()
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")


def _contract(table: Table, version: str) -> Contract:
    return Contract(
        version=version,
        kind="DataContract",
        apiVersion="v3.1.0",
        id=f"{_STACK}.{table.name}",
        name=table.name,
        status="draft" if version == UNRELEASED else "active",
        servers=_servers(table),
        dataProduct=_STACK,
        description=Description(
            purpose=table.meaning,
            usage="Name the columns that you select: a new one is no breaking change, wherever it stands.",
        ),
        domain="customer churn",
        schema=[_table(table)],
        slaProperties=_promises(table),
    )


def _servers(table: Table) -> list[Server]:
    database = f"{_STACK.replace('-', '_')}_{table.layer}"
    servers = [
        Server(
            server="local",
            type="local",
            description="Delta table on this machine; CHURN_HOME moves .churn.",
            path=f".churn/lake/{table.path}",
            format="delta",
        ),
        Server(
            server="athena",
            type="athena",
            description="Its names begin with that of the stack.",
            catalog="awsdatacatalog",
            schema=database,
            workgroup=_STACK,
        ),
    ]
    if table.short_name == TARGET:
        servers.append(
            Server(
                server="redshift",
                type="redshift",
                description="What Tableau reads, through views that have all of its columns.",
                database=DATABASE,
                schema=SCHEMA,
            )
        )
    return servers


def _table(table: Table) -> SchemaObject:
    compound = len(table.key) > 1
    return SchemaObject(
        name=table.short_name,
        physicalName=table.short_name,
        physicalType="table",
        logicalType="object",
        description=table.meaning,
        properties=[_column(table, field) for field in table.schema],
        quality=[_no_duplicates(table.key)] if compound else None,
    )


def _column(table: Table, field: Field) -> SchemaProperty:
    kind = field.type.split("(")[0].split("<")[0]
    is_key = field.name in table.key
    limits = {
        name: limit for name, limit in zip(("minimum", "maximum"), field.bounds, strict=True) if limit is not None
    }
    return SchemaProperty(
        name=field.name,
        logicalType=_LOGICAL_TYPES[kind],
        logicalTypeOptions=limits or None,
        physicalType=field.type,
        description=field.comment,
        required=not field.nullable,
        primaryKey=is_key or None,
        primaryKeyPosition=table.key.index(field.name) + 1 if is_key else None,
        unique=table.key == (field.name,) or None,
        classification=field.sensitivity,
        customProperties=list(_custom_properties(table, field)) or None,
        quality=list(_rules(table, field)) or None,
        items=SchemaProperty(name="item", logicalType="string", physicalType="string") if kind == "array" else None,
    )


def _custom_properties(table: Table, field: Field) -> Iterable[CustomProperty]:
    if field.unit:
        yield CustomProperty(property=UNIT, value=field.unit)
    if table.short_name == TARGET:
        (column,) = (column for column in export_columns(table.schema) if column.name == field.name)
        yield CustomProperty(property=REDSHIFT_TYPE, value=column_type(column))
    if field.may_grow:
        yield CustomProperty(property=MAY_GROW, value=True)


def _rules(table: Table, field: Field) -> Iterable[DataQuality]:
    """What is true of every published row: a batch that breaks it is stopped, or the record was quarantined."""
    if table.key == (field.name,):
        yield _no_duplicates()
    if field.values:
        yield _no_row("known values", "conformity", metric="invalidValues", arguments={VALID_VALUES: [*field.values]})
    if field.bounds != UNBOUNDED:
        limits = zip(("<", ">"), field.bounds, strict=True)
        outside = " OR ".join(f"{field.name} {sign} {limit}" for sign, limit in limits if limit is not None)
        query = f"SELECT COUNT(*) FROM {table.short_name} WHERE {outside}"
        yield _no_row("within bounds", "conformity", type="sql", query=query)


def _no_duplicates(columns: Sequence[str] = ()) -> DataQuality:
    where = {"arguments": {"properties": [*columns]}} if columns else {}
    return _no_row("one row per key", "uniqueness", metric="duplicateValues", **where)


def _no_row(name: str, dimension: str, **breaks: object) -> DataQuality:
    """No row breaks the rule."""
    return DataQuality.model_validate(
        {"name": name, "dimension": dimension, "severity": "error", "mustBe": 0, **breaks}
    )


def _promises(table: Table) -> list[ServiceLevelAgreementProperty]:
    kept = ServiceLevelAgreementProperty(
        property="retention",
        value=RETENTION_DAYS,
        unit="d",
        element=table.short_name,
        description="Days for which every version of the table can be read.",
    )
    fresh = ServiceLevelAgreementProperty(
        property="latency",
        value=MAX_GOLD_AGE_HOURS,
        unit="h",
        element=table.short_name,
        description="Hours since gold was last updated, at most, while raw files arrive every day.",
    )
    return [kept, fresh] if table.layer == "gold" else [kept]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Write the data contract of a release.")
    arguments.add_argument("version", help="e.g. 0.2.0")
    release(FOLDER, arguments.parse_args().version)
