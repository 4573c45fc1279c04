"""What Delta's log says of the rows of a data file, after some have left it."""

from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from contract.columns import KEY
from lake.erasure.ids import CustomerIds
from lake.erasure.parquet import FREE_TEXT

_LONGEST_TEXT = 32
"""Delta shortens a longer value in a way of its own; one that is left out says nothing."""


def corrected(statistics: dict[str, Any], rows: pa.Table) -> dict[str, Any]:
    """Return the statistics of the `rows` of a file, for the columns that `statistics` are of.

    A least or greatest value that cannot be written as Delta does is left out, and so is what is said of the fields of a
    structure.
    """
    after = {**statistics, "numRecords": rows.num_rows}
    for name, find in (("minValues", pc.min), ("maxValues", pc.max)):
        if name in statistics:
            found = {column: _written(find(rows[column]).as_py()) for column in _columns(statistics[name], rows)}
            after[name] = {column: value for column, value in found.items() if value is not None}
    if "nullCount" in statistics:
        columns = _columns(statistics["nullCount"], rows)
        after["nullCount"] = {column: rows[column].null_count for column in columns}
    return after


def without_named(statistics: dict[str, Any], ids: CustomerIds) -> dict[str, Any]:
    """Return statistics without the least and greatest values that name a customer."""
    bounds: dict[str, dict[str, Any]] = {n: statistics[n] for n in ("minValues", "maxValues") if statistics.get(n)}
    kept = {name: {c: v for c, v in values.items() if not _names(c, v, ids)} for name, values in bounds.items()}
    return {**statistics, **kept}


def _names(column: str, value: Any, ids: CustomerIds) -> bool:
    if not isinstance(value, str):
        return False
    return ids.has(value) if column == KEY else column in FREE_TEXT and ids.are_in(value)


def _columns(values: dict[str, Any], rows: pa.Table) -> list[str]:
    return [name for name, value in values.items() if not isinstance(value, dict) and name in rows.column_names]


def _written(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str | date):
        return None
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else None
    return value if isinstance(value, int) else value.isoformat() if type(value) is date else None
