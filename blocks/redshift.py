"""The warehouse, reached with redshift_connector."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import redshift_connector
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from transforms.errors import WarehouseError


class RedshiftWarehouse(Block):
    """A Redshift database, or the local stand-in that speaks its protocol."""

    _block_type_name = "Redshift Warehouse"
    _block_type_slug = "redshift-warehouse"
    _description = "Where the gold churn table is loaded for Tableau."

    host: str = Field(title="Host", description="Host name of the cluster or workgroup.")
    port: int = Field(default=5439, title="Port", description="TCP port.")
    database: str = Field(default="telecom_churn", title="Database", description="Database name.")
    user: str = Field(title="User", description="User that owns the tables.")
    password: SecretStr = Field(title="Password", description="Password of that user.")
    schema_name: str = Field(default="public", title="Schema", description="Schema of the tables.")
    iam_role: str = Field(title="IAM role", description="ARN of the role with which COPY reads the export.")
    ssl: bool = Field(default=True, title="TLS", description="Off for the local stand-in only.")

    @contextlib.contextmanager
    def connection(self) -> Iterator["redshift_connector.Connection"]:
        """A connection with autocommit off; rolled back and closed at the end."""
        try:
            opened = redshift_connector.connect(
                host=self.host,
                port=self.port,
                database=self.database,
                user=self.user,
                password=self.password.get_secret_value(),
                ssl=self.ssl,
                sslmode="verify-full",
                timeout=60,
            )
        except (redshift_connector.Error, OSError) as error:
            raise WarehouseError(
                f"cannot connect to {self.host}:{self.port}/{self.database} as {self.user}: {error_text(error)}"
            ) from error
        try:
            yield opened
        finally:
            with contextlib.suppress(redshift_connector.Error, OSError):
                opened.close()


def run(connection: "redshift_connector.Connection", sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Execute one statement; its rows, if it has any. WarehouseError carries the server's words."""
    return run_with_columns(connection, sql, parameters)[1]


def run_with_columns(
    connection: "redshift_connector.Connection", sql: str, parameters: Sequence[Any] = ()
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Like `run`, with the names of the columns."""
    cursor = connection.cursor()
    try:
        cursor.execute(sql, tuple(parameters))
        columns = [_text(column[0]) for column in cursor.description or []]
        return columns, [tuple(row) for row in cursor.fetchall()] if columns else []
    except (redshift_connector.Error, OSError) as error:
        raise WarehouseError(f"{error_text(error)} (in: {' '.join(sql.split())[:120]})") from error


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def error_text(error: BaseException) -> str:
    """The message of a driver's error: the driver gives the server's fields as a dict."""
    fields = error.args[0] if error.args else ""
    return str(fields.get("M", fields)) if isinstance(fields, dict) else str(error)
