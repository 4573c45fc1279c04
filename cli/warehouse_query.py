"""`churn query --on warehouse`."""

import sys

from cli.platforms import platform_or_local
from cli.rows import Rows
from serving.warehouse.statements import check_reads


def query_warehouse(sql: str, platform: str | None) -> Rows:
    """Return the names of the columns and the rows; progress goes to standard error.

    Raises QueryError, WarehouseError where the warehouse cannot be reached, PlatformError where there is none.
    """
    check_reads(sql)  # before anything is started
    warehouse = platform_or_local(platform).required_warehouse()
    return warehouse.read(sql, lambda line: print(line, file=sys.stderr))
