"""Checksums of a table that Spark and the warehouse compute alike (ADR 19): SQL for both, and their comparison.

Of every column the number of values, of numbers also the sum; of all columns together the sum of a hash per row. Which
engine casts to text how, and how it reads a hexadecimal number, is all that differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from contract.schema import Field
from lake.exports import ExportColumn

ROWS, ROW_HASH = "rows", "row_hash"
_SEPARATOR, _NULL = "|", "~"


@dataclass(frozen=True)
class Engine:
    """What an engine calls text, and its function that reads a hexadecimal number, with `{}` for the digits."""

    text: str
    from_hex: str


SPARK = Engine("STRING", "CAST(CONV({}, 16, 10) AS BIGINT)")
REDSHIFT = Engine("VARCHAR", "STRTOL({}, 16)")


def checksum_sql(columns: Sequence[Field | ExportColumn], engine: Engine) -> list[str]:
    """Return the aggregates over the rows of a table, in the order that `checksums` reads them."""
    texts = [_text(column, engine) for column in columns]
    row = f" || '{_SEPARATOR}' || ".join(f"COALESCE({text}, '{_NULL}')" for text in texts if text)
    digits = f"SUBSTRING(MD5({row}), 1, 8)"
    return [
        "COUNT(*)",
        f"SUM({engine.from_hex.format(digits)})",
        *(f"COUNT({column.name})" for column in columns),
        *(f"SUM({column.name})" for column in columns if _is_exact(column)),
    ]


def checksums(columns: Sequence[Field | ExportColumn], values: Sequence[Any]) -> dict[str, str]:
    """Return the values of `checksum_sql` by what they are of: rows, row_hash, `<column>`, `<column>.sum`."""
    names = [ROWS, ROW_HASH, *(c.name for c in columns), *(f"{c.name}.sum" for c in columns if _is_exact(c))]
    return {name: _plain(value) for name, value in zip(names, values, strict=True)}


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return what differs, the rows first; empty where nothing does."""
    return [name for name, value in expected.items() if found.get(name) != value]


def _is_exact(column: Field | ExportColumn) -> bool:
    return column.type in ("int", "bigint") or column.type.startswith("decimal")


def _text(column: Field | ExportColumn, engine: Engine) -> str:
    """A value as text that is the same in both engines; empty for a type whose text is not."""
    if column.type == "string":
        return column.name
    if _is_exact(column):
        return f"CAST({column.name} AS {engine.text})"
    if column.type == "boolean":
        return f"CASE WHEN {column.name} THEN '1' WHEN NOT {column.name} THEN '0' END"
    if column.type == "double":  # in millionths: the shortest text of a double is not the same everywhere
        return f"CAST(CAST(FLOOR({column.name} * 1000000 + 0.5) AS BIGINT) AS {engine.text})"
    return ""


def _plain(value: Any) -> str:
    """A number without trailing zeros, zero for the sum of nothing."""
    number = Decimal(value or 0)
    return format(number.normalize() if number else Decimal(0), "f")
