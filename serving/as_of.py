"""Tables as they were at an earlier time, as far as was known then or is known now: SQL over silver.customer_history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlglot
from sqlglot import exp

from contract.churn import ANALYSIS_SQL, RISK_SEGMENT_SQL
from contract.columns import KEY
from contract.errors import QueryError
from contract.schemas.gold import ANALYSIS
from contract.schemas.silver import CUSTOMERS, HISTORY

_HISTORY = "silver.customer_history"
_CUSTOMERS, _ANALYSIS = "silver.customers", "gold.customer_churn_analysis"


@dataclass(frozen=True)
class Moment:
    """A time (UTC), or the end of a day: the start of the next one, which `is_included` says is not part of it."""

    at: datetime
    is_included: bool = True

    def has_reached(self, column: str) -> str:
        """Return SQL of whether the time in a column is not after it."""
        # Athena rounds a fraction of a second to milliseconds: the last microsecond of a day would be in the next one.
        return (
            f"{column} {'<=' if self.is_included else '<'} CAST('{self.at:%Y-%m-%d %H:%M:%S.%f}+00:00' AS timestamptz)"
        )


@dataclass(frozen=True)
class Past:
    """An earlier state: as it was at `as_of`, by what was known at `known_at`, or by what is known now."""

    as_of: Moment
    known_at: Moment | None = None


def moment(text: str) -> Moment:
    """Return what a day or a time (ISO 8601, UTC where no zone is given) names. Raises QueryError."""
    try:
        if len(text) <= len("2026-01-31"):
            return Moment(
                datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1), is_included=False
            )
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"{text!r} is not a date such as 2026-01-31, nor a time such as 2026-01-31T10:15:00"
        ) from error
    return Moment(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))


def in_the_past(tree: exp.Expression, past: Past) -> exp.Expression:
    """Return the query over the tables as they were. Raises QueryError where it asks for a table without a past."""
    for table in list(tree.find_all(exp.Table)):
        if not table.db:
            continue
        name = f"{table.db}.{table.name}"
        if name not in (_CUSTOMERS, _ANALYSIS):
            raise QueryError(f"{name} has no history: with --as-of only {_CUSTOMERS} and {_ANALYSIS} can be queried")
        sql = _customers(past) if name == _CUSTOMERS else _analysis(past)
        subquery = exp.Subquery(this=sqlglot.parse_one(sql, read="postgres"))
        table.replace(exp.alias_(subquery, table.alias or table.name, table=True))
    return tree


def _customers(past: Past) -> str:
    """The rows of silver.customers, each with when its values had begun instead of when they were told last."""
    columns = ", ".join(name for name in CUSTOMERS.names if name in HISTORY.names and name != "_batch_id")
    known = "recorded_to IS NULL"
    if past.known_at is not None:
        recorded, ended = (past.known_at.has_reached(f"recorded_{side}") for side in ("from", "to"))
        known = f"{recorded} AND (recorded_to IS NULL OR NOT ({ended}))"
    newest = f"row_number() OVER (PARTITION BY {KEY} ORDER BY valid_from DESC) AS place"
    found = f"SELECT *, {newest} FROM {_HISTORY} WHERE {known} AND {past.as_of.has_reached('valid_from')}"
    return f"SELECT {columns} FROM ({found}) AS versions WHERE place = 1 AND change NOT IN ('deleted', 'absent')"


def _analysis(past: Past) -> str:
    carried = [name for name in ANALYSIS.names if name not in ANALYSIS_SQL and name != "risk_segment"]
    computed = ", ".join((*carried, *(f"{sql} AS {name}" for name, sql in ANALYSIS_SQL.items())))
    analysed = f"SELECT {computed} FROM ({_customers(past)}) AS customers WHERE is_complete"
    names = ", ".join(f"{RISK_SEGMENT_SQL} AS {n}" if n == "risk_segment" else n for n in ANALYSIS.names)
    return f"SELECT {names} FROM ({analysed}) AS analysed"
