"""Athena: SQL over the lake on S3."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.aws import aws_client
from contract.errors import QueryError
from infrastructure.aws.calls import aws_errors_as, poll_intervals

_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
_MIN_BILLED_BYTES = 10 * 1024**2
_TERABYTE = 1024**4
_FIRST_POLL_SECONDS, _MAX_POLL_SECONDS = 0.2, 3.0


@dataclass(frozen=True)
class QueryResult:
    """The result of a query: names of the columns, rows as text (None for null), and what it cost."""

    columns: list[str]
    rows: list[tuple[str | None, ...]]
    scanned_bytes: int
    usd: float


class Athena(Block):
    """Runs queries in one workgroup, whose own limit on scanned bytes applies."""

    _block_type_name = "Churn Athena"
    _block_type_slug = "churn-athena"
    _description = "Queries the lake on S3 through Athena."

    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the workgroup."
    )
    workgroup: str = Field(title="Workgroup", description="Athena workgroup; it says where results go.")
    usd_per_terabyte: float = Field(
        default=5.0, title="Price", description="US dollars for a terabyte scanned in this region."
    )

    def query(self, sql: str, on_progress: Callable[[str], None] = lambda _: None) -> QueryResult:
        """Run `sql` to its end and return its result; `on_progress` gets a line whenever the state changes.

        Raises QueryError with Athena's own message.
        """
        athena = aws_client(self.credentials, "athena")
        with aws_errors_as(f"querying Athena's workgroup {self.workgroup}", QueryError):
            query_id = athena.start_query_execution(QueryString=sql, WorkGroup=self.workgroup)["QueryExecutionId"]
            try:
                ended = self._wait(athena, query_id, on_progress)
            except BaseException:
                athena.stop_query_execution(QueryExecutionId=query_id)
                raise
            columns, rows = _results(athena, query_id)
        scanned = int(ended.get("Statistics", {}).get("DataScannedInBytes", 0))
        billed = max(scanned, _MIN_BILLED_BYTES) if scanned else 0
        return QueryResult(columns, rows, scanned, billed / _TERABYTE * self.usd_per_terabyte)

    def _wait(self, athena: Any, query_id: str, on_progress: Callable[[str], None]) -> dict[str, Any]:
        last = ""
        waits = poll_intervals(_FIRST_POLL_SECONDS, _MAX_POLL_SECONDS)
        while True:
            execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            state = execution["Status"]["State"]
            if state != last:
                on_progress(f"Athena: {state.lower()}")
            if state == "SUCCEEDED":
                return execution
            if state in _ENDED:
                reason = execution["Status"].get("StateChangeReason", "no reason given")
                raise QueryError(f"Athena: {state.lower()}: {reason}")
            last = state
            time.sleep(next(waits))


def _results(athena: Any, query_id: str) -> tuple[list[str], list[tuple[str | None, ...]]]:
    """Every page; the first row of the first page repeats the names of the columns."""
    columns: list[str] = []
    rows: list[tuple[str | None, ...]] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        found = page["ResultSet"]
        columns = columns or [c["Name"] for c in found.get("ResultSetMetadata", {}).get("ColumnInfo", ())]
        rows += [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in found["Rows"]]
    return columns, rows[1:] if rows and list(rows[0]) == columns else rows
