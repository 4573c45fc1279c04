"""`churn query --on warehouse`."""

from cli.platforms import platform_or_local
from cli.rows import Rows
from serving.warehouse.statements import check_reads, read


def query_warehouse(sql: str, platform: str | None) -> Rows:
    """Return the names of the columns and the rows. Raises QueryError, WarehouseError where it cannot be reached,
    PlatformError where there is none.
    """
    check_reads(sql)
    with platform_or_local(platform).required_warehouse().connection() as connection:
        return read(connection, sql)
