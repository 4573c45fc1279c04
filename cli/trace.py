"""`churn trace`: where the values of one customer come from."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from cli.console import console
from contract.errors import UnknownCustomerError
from infrastructure.local.paths import lake_folder
from lake.names import printable
from serving.trace.customer import Trace, trace
from serving.trace.text import text_lines


def trace_customer(lake: Path | None, customer_id: str) -> Trace:
    """Return the trace of a customer in this machine's lake, or another one, without the warehouse.

    Raises UnknownCustomerError for a blank id, QueryError, LakeError.
    """
    return trace(lake or lake_folder(), customer_id)


def show_trace(found: Trace, *, as_json: bool) -> None:
    """Print a trace. Raises UnknownCustomerError where there is nothing in it."""
    if found.is_unknown:
        raise UnknownCustomerError(
            f"there is no record and no row of the customer {printable(found.customer_id)}. Upper and lower case differ; "
            "files that are not ingested yet: churn files"
        )
    if as_json:
        print(json.dumps(found.as_dict(), indent=2, default=_json_value))
        return
    out = console()
    for line in text_lines(found, out.width):
        out.print(line, highlight=False, soft_wrap=True)


def _json_value(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)  # a datetime is a date
