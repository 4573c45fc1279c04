"""`churn query` on a local lake."""

from pathlib import Path

from cli.rows import Rows
from infrastructure.local.paths import lake_folder
from serving.lake_sql import query


def query_lake(sql: str, lake: Path | None) -> Rows:
    """Return the names of the columns and the rows. Raises QueryError."""
    return query(lake or lake_folder(), sql)
