"""`churn query --platform`: the lake, through Athena."""

import sys

from cli.platforms import load_platform
from cli.rows import Rows
from contract.errors import QueryError
from serving.as_of import Past
from serving.lake_sql import for_athena


def query_athena(sql: str, platform: str, past: Past | None = None) -> Rows:
    """Return the names of the columns and the rows; progress and cost go to standard error. Raises QueryError."""
    found = load_platform(platform)
    if found.athena is None or found.catalog is None:
        raise QueryError(f"the platform {platform} has no Athena. Fill in its block, or deploy the stack again.")
    result = found.athena.query(for_athena(sql, found.catalog.prefix, past), lambda line: print(line, file=sys.stderr))
    print(f"{result.scanned_bytes:,} bytes scanned, about ${result.usd:.6f}", file=sys.stderr)
    return result.columns, list(result.rows)
