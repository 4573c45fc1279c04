"""The Glue Data Catalog: how Athena finds the lake's tables."""

from collections.abc import Mapping
from typing import Any

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.aws import aws_client
from contract.tables import Table
from infrastructure.aws.calls import aws_errors_as

_SEQUENCE = "org.apache.hadoop.mapred.SequenceFileInputFormat"
_HIVE_SEQUENCE = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat"
_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


class GlueCatalog(Block):
    """Registers silver and gold as native Delta tables, one database per layer."""

    _block_type_name = "Churn Glue Catalog"
    _block_type_slug = "churn-glue-catalog"
    _description = "Registers the lake's tables in the Glue Data Catalog, for Athena."

    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the catalog."
    )
    prefix: str = Field(
        default="churn_", title="Database prefix", description="Put before the layer: churn_ gives churn_gold."
    )

    def database(self, layer: str) -> str:
        """Return the catalog's name of a layer."""
        return f"{self.prefix}{layer}"

    def register(self, table: Table, location: str) -> list[str]:
        """Create the table's entry, or bring it in line with the declared schema; return a line per change. Raises PlatformError."""
        glue = aws_client(self.credentials, "glue")
        wanted, name = table_input(table, location), f"{self.database(table.layer)}.{table.short_name}"
        with aws_errors_as(f"registering {name} in the catalog"):
            try:
                present = glue.get_table(DatabaseName=self.database(table.layer), Name=table.short_name)["Table"]
            except glue.exceptions.EntityNotFoundException:
                glue.create_table(DatabaseName=self.database(table.layer), TableInput=wanted)
                return [f"{name}: registered"]
            differences = compare(present, wanted)
            if differences:
                glue.update_table(DatabaseName=self.database(table.layer), TableInput=wanted)
        return [f"{name}: {difference}" for difference in differences]


def table_input(table: Table, location: str) -> dict[str, Any]:
    """Return the catalog's entry of a Delta table. Athena reads `table_type`, Trino the SerDe's `path`."""
    return {
        "Name": table.short_name,
        "Description": f"{table.name} of the churn lakehouse",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "delta",
            "table_type": "DELTA",
            "spark.sql.sources.provider": "delta",
        },
        "StorageDescriptor": {
            "Location": location,
            "Columns": [{"Name": f.name, "Type": f.type, "Comment": f.comment[:255]} for f in table.schema],
            "InputFormat": _SEQUENCE,
            "OutputFormat": _HIVE_SEQUENCE,
            "SerdeInfo": {
                "SerializationLibrary": _SERDE,
                "Parameters": {"path": location, "serialization.format": "1"},
            },
        },
    }


def compare(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return a line per difference between an entry and the wanted one."""
    return [
        *compare_columns(_columns(present, "Type"), _columns(wanted, "Type")),
        *(f"comment of {n} changed" for n in _changed(_columns(present, "Comment"), _columns(wanted, "Comment"))),
        *(["moved"] if _place(present) != _place(wanted) else []),
        *(["not a native Delta table"] if not _has_parameters(present, wanted) else []),
    ]


def compare_columns(present: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return a line per difference between columns (name to type) and the wanted ones."""
    return [
        *(f"column {name} {kind} added" for name, kind in wanted.items() if name not in present),
        *(f"column {name} removed" for name in present if name not in wanted),
        *(f"column {name} was {present[name]}, is {wanted[name]}" for name in _changed(present, wanted)),
    ]


def _changed(present: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    return [name for name in wanted if name in present and present[name] != wanted[name]]


def _columns(entry: Mapping[str, Any], what: str) -> dict[str, str]:
    return {column["Name"]: column.get(what, "") for column in entry["StorageDescriptor"].get("Columns", ())}


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    storage = entry["StorageDescriptor"]
    return storage.get("Location", ""), storage.get("SerdeInfo", {}).get("Parameters", {}).get("path", "")


def _has_parameters(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(present.get("Parameters", {}).get(name) == value for name, value in wanted["Parameters"].items())
