"""Tables of a lake written without Spark, with the declared columns."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from contract.schema import decimal_size
from contract.tables import TABLES

_ARROW = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"), "date": pa.date32(), "array<string>": pa.list_(pa.string()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
}  # fmt: skip


def arrow_schema(table: str) -> pa.Schema:
    """The declared columns of a table."""
    kinds = {field.name: decimal_size(field.type) for field in TABLES[table].schema}
    return pa.schema(
        [(f.name, pa.decimal128(*size) if (size := kinds[f.name]) else _ARROW[f.type]) for f in TABLES[table].schema]
    )


def write_rows(lake: Path, table: str, *rows: dict[str, Any]) -> None:
    """Append rows; a column that a row does not have is null."""
    schema = arrow_schema(table)
    full = [dict.fromkeys(schema.names) | row for row in rows]
    write_deltalake(str(lake / TABLES[table].path), pa.Table.from_pylist(full, schema), mode="append")
