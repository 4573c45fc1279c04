"""The tables that release 0.1.0 wrote, as their Delta logs describe them."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from contract.schema import DEFAULT_MAX_BYTES, Field, Schema
from contract.tables import Table

ARCHIVE = Path(__file__).parents[1] / "data" / "lakes-0.1.0.tar.gz"
_SPARK_NAMES = {"long": "bigint", "integer": "int"}
# A row of these says which figure it has, and every release writes all of them.
_ROW_NAMES = {"gold.churn_kpis": "kpi", "gold.churn_breakdown": "dimension"}


def released_tables(folder: Path) -> Iterator[Table]:
    """Unpack the lake into `folder`; return its silver and gold tables without what a log does not say."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    for log in sorted((folder / "feeds" / "lake").glob("[gs]*/*/_delta_log")):
        name = f"{log.parent.parent.name}.{log.parent.name}"
        table = DeltaTable(str(log.parent))
        fields = json.loads(table.schema().to_json())["fields"]
        yield Table(name, Schema(tuple(_field(name, table, field) for field in fields)), (), "append")


def _field(name: str, table: DeltaTable, field: dict) -> Field:
    rows = table.to_pyarrow_table(columns=[field["name"]]) if _ROW_NAMES.get(name) == field["name"] else pa.table({})
    return Field(
        field["name"],
        _spark_type(field["type"]),
        field["metadata"]["comment"],
        max_bytes=field["metadata"].get("max_bytes", DEFAULT_MAX_BYTES),
        values=tuple(sorted(set(rows.column(0).to_pylist()))) if rows.num_columns else (),
        may_grow=bool(rows.num_columns),
    )


def _spark_type(kind: str | dict) -> str:
    if isinstance(kind, dict):
        return f"array<{_spark_type(kind['elementType'])}>"
    return _SPARK_NAMES.get(kind, kind)
