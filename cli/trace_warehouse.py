"""`churn trace`: what the warehouse has of the customer. A module of its own, as `churn query` works without delta-rs there."""

from dataclasses import replace

from cli.warehouse_query import query_warehouse
from contract.errors import ChurnError
from serving.trace.customer import Trace
from serving.trace.warehouse import PROBE, customer_sql, in_warehouse, not_asked


def with_warehouse(found: Trace, platform: str | None) -> Trace:
    """Return the trace with the customer's row in the warehouse, or with the reason why it could not be asked."""
    try:
        query_warehouse(PROBE, platform)  # databases log a statement that fails: not one with his id
        columns, rows = query_warehouse(customer_sql(found.customer_id), platform)
    except ChurnError as error:
        return replace(found, warehouse=not_asked(str(error)))
    return replace(found, warehouse=in_warehouse(columns, rows, found.gold))
