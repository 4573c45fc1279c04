"""AWS's Data API over the Redshift stand-in, as strict as AWS: asynchronous, paged, with typed fields and limits.

A batch is SUBMITTED and STARTED before it ends. In the mode TRANSACTION the API has a transaction of its own around the
statements, in which a BEGIN READ ONLY of theirs does nothing; in AUTO_COMMIT each statement stands alone, and the next
one is executed also after one that failed. An error is a text, without a code.
"""

import contextlib
import json
import threading
import time
import uuid
from datetime import date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

import redshift_connector

from tests.cloud.stand_in import AwsError, Cloud

MAX_BYTES = 100 * 1024
PAGE_ROWS = 3
TYPES = {
    16: "bool", 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "varchar", 700: "float4", 701: "float8", 1042: "bpchar",
    1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 1266: "timetz", 1700: "numeric",
}  # fmt: skip


class DataApiService:
    """The operations of redshift-data, added to a cloud; logins are secrets of its Secrets Manager."""

    def __init__(self, cloud: Cloud, port: int, admin: tuple[str, str], workgroup: str = "churn-1a") -> None:
        self.cloud, self.port, self.admin, self.workgroup = cloud, port, admin, workgroup
        self.batches: dict[str, Batch] = {}
        cloud.services |= {
            "RedshiftData.BatchExecuteStatement": self.execute,
            "RedshiftData.DescribeStatement": lambda asked: self._batch(asked["Id"]).describe(),
            "RedshiftData.GetStatementResult": self.result,
            "RedshiftData.CancelStatement": self.cancel,
        }

    def execute(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("WorkgroupName") != self.workgroup:
            raise AwsError("ValidationException", "Redshift endpoint doesn't exist in this region.")
        if any(len(sql.encode()) > MAX_BYTES for sql in asked["Sqls"]):
            raise AwsError("ValidationException", "Cannot exceed query statement size of 100KB")
        batch = Batch(self, asked)
        self.batches[batch.id] = batch
        return {"Id": batch.id, "Database": asked["Database"]}

    def connect(self, database: str, user: str, password: str) -> redshift_connector.Connection:
        given = {"host": "127.0.0.1", "port": self.port, "database": database, "user": user, "password": password}
        return redshift_connector.connect(**given, ssl=False)

    def login(self, secret: str) -> tuple[str, str]:
        text = self.cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        content = json.loads(text)
        return content["username"], content["password"]

    def result(self, asked: dict[str, Any]) -> dict[str, Any]:
        batch = self._batch(asked["Id"].partition(":")[0])
        (part,) = [part for part in batch.parts if part["Id"] == asked["Id"]] or [{}]
        if batch.status != "FINISHED" or not part.get("HasResultSet"):
            raise AwsError("ResourceNotFoundException", "Query does not have result. Please check query status.")
        columns, rows = batch.results[part["Id"]]
        first = int(asked.get("NextToken", 0))
        more = {"NextToken": str(first + PAGE_ROWS)} if first + PAGE_ROWS < len(rows) else {}
        page = {"ColumnMetadata": columns, "Records": rows[first : first + PAGE_ROWS], "TotalNumRows": len(rows)}
        return page | more

    def cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        batch = self._batch(asked["Id"])
        if not batch.thread.is_alive():
            raise AwsError("ValidationException", f"Could not cancel a query that is already in {batch.status} state")
        batch.cancel()
        return {"Status": True}

    def _batch(self, batch_id: str) -> "Batch":
        if batch_id not in self.batches:
            raise AwsError("ResourceNotFoundException", "Query does not exist.")
        return self.batches[batch_id]


class Batch:
    """The statements of one call, executed in a thread."""

    def __init__(self, service: DataApiService, asked: dict[str, Any]) -> None:
        self.service, self.asked, self.id = service, asked, str(uuid.uuid4())
        self.parts: list[dict[str, Any]] = [
            {"Id": f"{self.id}:{number}", "QueryString": sql, "Status": "SUBMITTED", "HasResultSet": False}
            for number, sql in enumerate(asked["Sqls"], 1)
        ]
        self.results: dict[str, tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]] = {}
        self.status, self.error, self.looks, self.process = "STARTED", "", 0, 0
        self.is_cancelled = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def describe(self) -> dict[str, Any]:
        self.looks += 1
        if self.looks == 1:
            return {"Id": self.id, "Status": "SUBMITTED"}
        if self.looks == 2 or self.thread.is_alive():
            return {"Id": self.id, "Status": "STARTED"}
        error = {"Error": self.error} if self.error else {}
        has_result = any(part["HasResultSet"] for part in self.parts)
        return {"Id": self.id, "Status": self.status, "HasResultSet": has_result, "SubStatements": self.parts, **error}

    def cancel(self) -> None:
        self.is_cancelled = True
        while self.thread.is_alive() and not self.process:
            time.sleep(0.01)
        with contextlib.closing(self.service.connect(self.asked["Database"], *self.service.admin)) as connection:
            connection.cursor().execute(f"SELECT pg_terminate_backend({self.process})")
        self.thread.join(timeout=10)

    def _run(self) -> None:
        try:
            login = self.service.login(self.asked["SecretArn"])
            connection = self.service.connect(self.asked["Database"], *login)
        except (redshift_connector.Error, OSError) as error:
            self.status, self.error = "FAILED", _text(error)
            for part in self.parts:
                part.update(Status="ABORTED", Error="Connection or an prior query failed.")
            return
        with contextlib.closing(connection):
            self._execute_all(connection)

    def _execute_all(self, connection: redshift_connector.Connection) -> None:
        alone = self.asked.get("ExecutionMode") == "AUTO_COMMIT"
        connection.autocommit = True
        self.process = _fetched(connection, "SELECT pg_backend_pid()")[1][0][0]
        if not alone:
            _fetched(connection, "BEGIN")
        for part in self.parts:
            if self.status == "FAILED" and not alone:
                part.update(Status="ABORTED", Error="Connection or an prior query failed.")
            elif not alone and part["QueryString"].startswith("BEGIN"):
                part.update(Status="FINISHED")
            else:
                self._execute(connection, part)
        if not alone:
            _fetched(connection, "ROLLBACK" if self.error else "COMMIT")
        self.status = "ABORTED" if self.is_cancelled else "FAILED" if self.error else "FINISHED"

    def _execute(self, connection: redshift_connector.Connection, part: dict[str, Any]) -> None:
        try:
            columns, rows = _fetched(connection, part["QueryString"])
        except (redshift_connector.Error, OSError) as error:
            self.status, self.error = "FAILED", self.error or _text(error)
            part.update(Status="FAILED", Error=_text(error))
            return
        part.update(Status="FINISHED", HasResultSet=bool(columns))
        self.results[part["Id"]] = (columns, [[_field(value) for value in row] for row in rows])


def _fetched(connection: redshift_connector.Connection, sql: str) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    cursor = connection.cursor()
    cursor.execute(sql)
    columns = [
        {"name": column[0], "label": column[0], "typeName": TYPES[column[1]], "nullable": 1}
        for column in cursor.description or ()
    ]
    return columns, [tuple(row) for row in cursor.fetchall()] if columns else []


def _field(value: Any) -> dict[str, Any]:
    """Numbers and booleans are typed, everything else is text, as Redshift writes it."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, datetime):
        plain = str(value.replace(tzinfo=None))
        fraction = plain.rstrip("0") if "." in plain else plain
        return {"stringValue": fraction + ("+00" if value.tzinfo else "")}
    assert isinstance(value, str | Decimal | date | time_of_day), type(value)
    return {"stringValue": str(value)}


def _text(error: BaseException) -> str:
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {"M": str(error)}
    return f"ERROR: {fields['M']}"
