"""`churn query --on warehouse`."""

from cli.platforms import platform_or_local
from cli.rows import Rows
from serving.warehouse.sql import search_path
from serving.warehouse.statements import check_reads, execute, read


def query_warehouse(sql: str, platform: str | None) -> Rows:
    """Return the names of the columns and the rows; tables without a schema are ours.

    Raises QueryError, WarehouseError where the warehouse cannot be reached, PlatformError where there is none.
    """
    check_reads(sql)
    warehouse = platform_or_local(platform).required_warehouse()
    with warehouse.connection() as connection:
        execute(connection, search_path(warehouse.schema_name))
        connection.commit()
        return read(connection, sql)
