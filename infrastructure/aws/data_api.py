"""SQL on Redshift through AWS's Data API: the caller needs permissions, and no network path to the warehouse."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from contract.errors import QueryError, WarehouseError
from infrastructure.aws.calls import aws_errors_as, error_code, poll_intervals

Rows = tuple[list[str], list[tuple[Any, ...]]]
Log = Callable[[str], None]

MAX_STATEMENT_BYTES = 100 * 1024
_ENDED = ("FINISHED", "FAILED", "ABORTED")
_BUSY = ("ActiveStatementsExceededException",)
_UNAVAILABLE = ("ValidationException", "ResourceNotFoundException")
_FIRST_POLL_SECONDS, _MAX_POLL_SECONDS = 0.1, 3.0
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.5, 15.0
_PROGRESS_SECONDS = 30


@dataclass(frozen=True)
class DataApi:
    """One database and login of a warehouse.

    `client` is a boto3 client of redshift-data; `target` are its arguments that name the warehouse (WorkgroupName or
    ClusterIdentifier), Database, and SecretArn or DbUser. `on_progress` gets a line when the state changes, and every
    30 seconds. What takes longer than `timeout_seconds` is cancelled.
    """

    client: Any
    target: Mapping[str, str]
    timeout_seconds: float = 300.0
    on_progress: Log = lambda _: None

    def transact(self, statements: Sequence[str]) -> Rows:
        """Execute statements in one transaction; return the rows of the last one that has any.

        Raises QueryError where one fails, with the server's message alone; WarehouseError where AWS refuses the call.
        """
        return self._run(statements, "TRANSACTION")

    def read(self, sql: str, before: Sequence[str] = ()) -> Rows:
        """Execute one statement in a read-only transaction, after the settings in `before`; return its rows.

        Raises QueryError, WarehouseError.
        """
        # The API's own transaction would be around ours: BEGIN READ ONLY does nothing there, and it commits at the end.
        return self._run([*before, "BEGIN READ ONLY", sql, "ROLLBACK"], "AUTO_COMMIT")

    def _run(self, statements: Sequence[str], mode: Literal["TRANSACTION", "AUTO_COMMIT"]) -> Rows:
        _check_sizes(statements)
        deadline = time.monotonic() + self.timeout_seconds
        with aws_errors_as(f"querying the warehouse {self._place}", WarehouseError):
            batch = self._submit(deadline, Sqls=list(statements), ExecutionMode=mode)
            try:
                ended = self._wait(batch, deadline)
            except BaseException:
                self._cancel(batch)
                raise
            if ended["Status"] != "FINISHED":
                raise QueryError(_failure(ended))
            answered = [part["Id"] for part in ended["SubStatements"] if part.get("HasResultSet")]
            return self._rows(answered[-1]) if answered else ([], [])

    @property
    def _place(self) -> str:
        return self.target.get("WorkgroupName") or self.target["ClusterIdentifier"]

    def _submit(self, deadline: float, **statements: Any) -> str:
        """Submit a batch and return its id. botocore sends a token with it: repeated, it is not executed twice."""
        pauses = poll_intervals(_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS)
        while True:
            try:
                return str(self.client.batch_execute_statement(**self.target, **statements)["Id"])
            except ClientError as error:
                if error_code(error) in _UNAVAILABLE:
                    raise WarehouseError(self._unavailable(error)) from error
                pause = next(pauses)
                if error_code(error) not in _BUSY or time.monotonic() + pause > deadline:
                    raise
            self.on_progress("warehouse: too many active statements, trying again")
            time.sleep(pause)

    def _unavailable(self, error: ClientError) -> str:
        look = (
            f"redshift-serverless get-workgroup --workgroup-name {self._place}"
            if "WorkgroupName" in self.target
            else f"redshift describe-clusters --cluster-identifier {self._place}"
        )
        return (
            f"the warehouse {self._place} takes no statement: {error.response['Error'].get('Message', error)}. "
            f"See whether it is there, available and not paused: aws {look}"
        )

    def _wait(self, batch: str, deadline: float) -> dict[str, Any]:
        """Return the description of a batch that has ended. Raises QueryError after the deadline."""
        began, shown = time.monotonic(), ("", 0)
        pauses = poll_intervals(_FIRST_POLL_SECONDS, _MAX_POLL_SECONDS)
        while True:
            found: dict[str, Any] = self.client.describe_statement(Id=batch)
            elapsed = time.monotonic() - began
            if shown != (shown := (found["Status"], int(elapsed // _PROGRESS_SECONDS))):
                self.on_progress(f"warehouse: {found['Status'].lower()}, {elapsed:.0f} s")
            if found["Status"] in _ENDED:
                return found
            if time.monotonic() >= deadline:
                raise QueryError(
                    f"the query was cancelled after {self.timeout_seconds:g} seconds. Ask for less, or raise the query "
                    "timeout of the warehouse's block"
                )
            time.sleep(next(pauses))

    def _cancel(self, batch: str) -> None:
        with contextlib.suppress(ClientError, BotoCoreError):  # the reason why it is cancelled is what is to be told
            self.client.cancel_statement(Id=batch)

    def _rows(self, statement: str) -> Rows:
        columns: list[dict[str, Any]] = []
        rows: list[tuple[Any, ...]] = []
        for page in self.client.get_paginator("get_statement_result").paginate(Id=statement):
            columns = columns or page["ColumnMetadata"]
            kinds = [column["typeName"] for column in columns]
            rows += [tuple(map(typed_value, record, kinds)) for record in page["Records"]]
        return [column.get("label") or column["name"] for column in columns], rows


def _check_sizes(statements: Sequence[str]) -> None:
    longest = max(len(sql.encode()) for sql in statements)
    if longest > MAX_STATEMENT_BYTES:
        raise QueryError(
            f"the statement has {longest:,} bytes, and the Data API takes {MAX_STATEMENT_BYTES:,}. Shorten it, or set the "
            "query route of the warehouse's block to connection, inside the warehouse's network"
        )


def _failure(ended: Mapping[str, Any]) -> str:
    """The server's message: that of the first statement that failed, else that of the batch, which could not begin."""
    failed = [part for part in ended.get("SubStatements", ()) if part["Status"] == "FAILED"]
    text = str((failed or [ended])[0].get("Error") or f"the query ended as {ended['Status']}")
    return text.removeprefix("ERROR: ")


def typed_value(field: Mapping[str, Any], kind: str) -> Any:
    """Return a field of a result as redshift_connector would give it; `kind` is the type's name in Redshift.

    The API gives numbers and booleans as themselves and all other types as text. A date that Python has no value for
    (infinity, years before Christ) stays text.
    """
    if field.get("isNull"):
        return None
    (found,) = field.values()
    try:
        return _PARSERS[kind](found) if kind in _PARSERS else found
    except ValueError:
        return found


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "numeric": Decimal,
    "float4": float,  # JSON has 2.0 as 2, and no NaN
    "float8": float,
    "date": date.fromisoformat,
    "time": time_of_day.fromisoformat,
    "timetz": time_of_day.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamptz": _utc,
}
