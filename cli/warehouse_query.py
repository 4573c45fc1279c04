"""`churn query --on warehouse`, and what the warehouse has of a customer."""

import sys
from dataclasses import replace

from cli.platforms import platform_or_local
from cli.rows import Rows
from contract.errors import ChurnError
from serving.trace.customer import Trace
from serving.trace.warehouse import PROBE, customer_sql, in_warehouse, not_asked
from serving.warehouse.statements import check_reads


def query_warehouse(sql: str, platform: str | None) -> Rows:
    """Return the names of the columns and the rows; progress goes to standard error.

    Raises QueryError, WarehouseError where the warehouse cannot be reached, PlatformError where there is none.
    """
    check_reads(sql)  # before anything is started
    warehouse = platform_or_local(platform).required_warehouse()
    return warehouse.read(sql, lambda line: print(line, file=sys.stderr))


def with_warehouse(found: Trace, platform: str | None) -> Trace:
    """Return the trace with the customer's row in the warehouse, or with the reason why it could not be asked."""
    try:
        query_warehouse(PROBE, platform)  # databases log a statement that fails: not one with his id
        columns, rows = query_warehouse(customer_sql(found.customer_id), platform)
    except ChurnError as error:
        return replace(found, warehouse=not_asked(str(error)))
    return replace(found, warehouse=in_warehouse(columns, rows, found.gold))
