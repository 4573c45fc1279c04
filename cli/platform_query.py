"""`churn query` through a platform: its warehouse, and its lake through Athena."""

import sys
from typing import Any

from cli.platforms import load_platform, platform_or_local
from contract.errors import QueryError, WarehouseError
from serving.lake_sql import for_athena
from serving.warehouse.statements import execute_with_columns

Found = tuple[list[str], list[tuple[Any, ...]]]


def query_athena(sql: str, platform: str) -> Found:
    """Return the names of the columns and the rows; progress and cost go to standard error. Raises QueryError."""
    found = load_platform(platform)
    if found.athena is None or found.catalog is None:
        raise QueryError(f"the platform {platform} has no Athena. Fill in its block, or deploy the stack again.")
    result = found.athena.query(for_athena(sql, found.catalog.prefix), lambda line: print(line, file=sys.stderr))
    print(f"{result.scanned_bytes:,} bytes scanned, about ${result.usd:.6f}", file=sys.stderr)
    return result.columns, list(result.rows)


def query_warehouse(sql: str, platform: str | None) -> Found:
    """Return the names of the columns and the rows. Raises QueryError, WarehouseError where it cannot be reached."""
    with platform_or_local(platform).warehouse.connection() as connection:
        try:
            return execute_with_columns(connection, sql)
        except WarehouseError as error:
            raise QueryError(str(error)) from error
