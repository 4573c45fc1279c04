"""`churn query --on warehouse`."""

from cli.platforms import platform_or_local
from cli.rows import Rows
from contract.errors import QueryError, WarehouseError
from serving.warehouse.statements import execute_with_columns


def query_warehouse(sql: str, platform: str | None) -> Rows:
    """Return the names of the columns and the rows. Raises QueryError, WarehouseError where it cannot be reached."""
    with platform_or_local(platform).warehouse.connection() as connection:
        try:
            return execute_with_columns(connection, sql)
        except WarehouseError as error:
            raise QueryError(str(error)) from error
