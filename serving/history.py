"""The history of one customer, without Spark."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlglot import exp

from contract.columns import KEY
from contract.errors import QueryError, UnknownCustomerError
from contract.schemas.silver import HISTORY
from lake.names import printable
from serving.lake_sql import query, table_names

_TABLE = "silver.customer_history"


def history_of(lake: Path, customer_id: str) -> list[dict[str, Any]]:
    """Return the rows of silver.customer_history of a customer, by event time and then by when they were recorded.

    Raises UnknownCustomerError, QueryError where the lake has no history.
    """
    if _TABLE not in table_names(lake):
        raise QueryError(f"there is no {_TABLE} in {lake}. The next run makes it: churn run")
    wanted = exp.Literal.string(customer_id.strip()).sql(dialect="postgres")
    columns, rows = query(
        lake, f"SELECT {', '.join(HISTORY.names)} FROM {_TABLE} WHERE {KEY} = {wanted} ORDER BY valid_from, _batch_id"
    )
    if not rows:
        raise UnknownCustomerError(
            f"there is no history of the customer {printable(customer_id)}. Upper and lower case differ; records that were "
            "quarantined: churn trace"
        )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def display_rows(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Return rows for a person: since when, when recorded, what happened, and the changed values, with those before them.

    Before is the row before in time of those that are held to be true; one that no longer is has its values alone.
    """
    found: list[tuple[str, str, str, str]] = []
    before = None
    for row in rows:
        is_held = row["recorded_to"] is None
        recorded = _time(row["recorded_from"]) + ("" if is_held else f" until {_time(row['recorded_to'])}")
        found.append((_time(row["valid_from"]), recorded, row["change"], _values(row, before if is_held else None)))
        before = row if is_held else before
    return found


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _values(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    earlier = (f"{_text(before[name])} → " if before else "" for name in row["changed_columns"])
    return "; ".join(
        f"{name}: {was}{_text(row[name])}" for name, was in zip(row["changed_columns"], earlier, strict=True)
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)
