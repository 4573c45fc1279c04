"""The customer's row in the warehouse: what to ask for, and what the answer says."""

from collections.abc import Sequence
from typing import Any

from contract.columns import KEY
from serving.trace.customer import InWarehouse
from serving.trace.rows import Row
from serving.warehouse.sql import TARGET

# What a server may read in two ways, or what ends a statement: see `serving.warehouse.statements`.
_SPECIAL = "'\\$;"


PROBE = f"SELECT {KEY} FROM {TARGET} LIMIT 0"
"""SQL that fails where there is no table."""


def customer_sql(customer_id: str) -> str:
    """Return SQL of the customer's row."""
    return f"SELECT * FROM {TARGET} WHERE {KEY} = {_text(customer_id)}"


def _text(value: str) -> str:
    """SQL of a text that has no character in quotes that ends them."""
    parts = (f"' || CHR({ord(c)}) || '" if c in _SPECIAL else c for c in value)
    return f"'{''.join(parts)}'"


def in_warehouse(columns: Sequence[str], rows: Sequence[Sequence[Any]], gold: Row | None) -> InWarehouse:
    """Return the row that was found, if any, and in which columns it differs from gold's."""
    if not rows:
        return InWarehouse("not there")
    row = dict(zip(columns, rows[0], strict=True))
    differs = tuple(name for name in row if gold is not None and name in gold and row[name] != gold[name])
    return InWarehouse("there", row, differs)


def not_asked(reason: str) -> InWarehouse:
    """Return that the warehouse could not be asked."""
    return InWarehouse(note=reason)
