"""`churn query` on a local lake."""

from pathlib import Path

from cli.rows import Rows
from contract.errors import QueryError
from infrastructure.local.paths import lake_folder
from serving.as_of import Past, moment
from serving.lake_sql import query


def query_lake(sql: str, lake: Path | None, past: Past | None = None) -> Rows:
    """Return the names of the columns and the rows, as they were in the `past`. Raises QueryError."""
    return query(lake or lake_folder(), sql, past)


def past(as_of: str | None, known_at: str | None) -> Past | None:
    """Return the state that a query asks for by its options, None for today's. Raises QueryError."""
    if as_of is None:
        if known_at is not None:
            raise QueryError("--known-at says what was known of an earlier state: give that with --as-of")
        return None
    return Past(moment(as_of), None if known_at is None else moment(known_at))
