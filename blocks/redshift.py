"""The warehouse, reached with redshift_connector."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import redshift_connector
from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field, SecretStr
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from blocks.aws import client_of, explained
from transforms.errors import PlatformError, WarehouseError

_CONNECT_SECONDS = 60


class RedshiftWarehouse(Block):
    """A Redshift database, or the local stand-in that speaks its protocol.

    Who logs in: `user` and `password`; or the secret that `secret_arn` names; or IAM, with
    a temporary password for the serverless `workgroup` or the provisioned `cluster`.
    """

    _block_type_name = "Redshift Warehouse"
    _block_type_slug = "redshift-warehouse"
    _description = "Where the gold churn table is loaded for Tableau."

    host: str = Field(title="Host", description="Host name of the cluster or workgroup.")
    port: int = Field(default=5439, title="Port", description="TCP port.")
    database: str = Field(default="telecom_churn", title="Database", description="Database name.")
    user: str = Field(default="", title="User", description="User that owns the tables; empty with a secret or IAM.")
    password: SecretStr = Field(default=SecretStr(""), title="Password", description="Password of that user.")
    secret_arn: str = Field(
        default="", title="Secret", description="Secrets Manager secret with username and password; empty for none."
    )
    workgroup: str = Field(
        default="", title="Workgroup", description="Serverless workgroup to log in to with IAM; empty for none."
    )
    cluster: str = Field(
        default="", title="Cluster", description="Provisioned cluster to log in to with IAM; empty for none."
    )
    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="For the secret or the IAM login."
    )
    schema_name: str = Field(default="public", title="Schema", description="Schema of the tables.")
    iam_role: str = Field(title="IAM role", description="ARN of the role with which COPY reads the export.")
    bi_group: str = Field(
        default="", title="BI group", description="Group that may read the table and its view; empty for none."
    )
    ssl: bool = Field(default=True, title="TLS", description="Off for the local stand-in only.")
    patience_seconds: float = Field(
        default=180.0, title="Patience", description="Seconds to try connecting while an idle workgroup starts."
    )

    @property
    def login(self) -> str:
        """How a person logs in, without the password."""
        if self.secret_arn:
            return f"secret {self.secret_arn}"
        return "IAM" if self.workgroup or self.cluster else f"user {self.user}"

    @contextlib.contextmanager
    def connection(self) -> Iterator["redshift_connector.Connection"]:
        """A connection with autocommit off; rolled back and closed at the end. Raises WarehouseError."""
        user, password = self._login()
        try:
            for attempt in self._retrying():
                with attempt:
                    opened = self._connect(user, password)
        except (redshift_connector.Error, OSError) as error:
            raise WarehouseError(
                f"cannot connect to {self.host}:{self.port}/{self.database} as {user}: {error_text(error)}"
            ) from error
        try:
            yield opened
        finally:
            with contextlib.suppress(redshift_connector.Error, OSError):
                opened.close()

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(_is_unreachable),
            wait=wait_random_exponential(multiplier=0.5, max=15),
            stop=stop_after_delay(self.patience_seconds),
            reraise=True,
        )

    def _connect(self, user: str, password: str) -> "redshift_connector.Connection":
        return redshift_connector.connect(
            host=self.host,
            port=self.port,
            database=self.database,
            user=user,
            password=password,
            ssl=self.ssl,
            sslmode="verify-full",
            timeout=_CONNECT_SECONDS,
        )

    def _login(self) -> tuple[str, str]:
        """User and password, fetched anew for each connection: they may be rotated or short-lived."""
        if self.secret_arn:
            return self._secret()
        if self.workgroup:
            with explained(f"logging in to the workgroup {self.workgroup}", WarehouseError):
                client = client_of(self.credentials, "redshift-serverless")
                found = client.get_credentials(workgroupName=self.workgroup, dbName=self.database)
            return found["dbUser"], found["dbPassword"]
        if self.cluster:
            with explained(f"logging in to the cluster {self.cluster}", WarehouseError):
                client = client_of(self.credentials, "redshift")
                found = client.get_cluster_credentials(
                    ClusterIdentifier=self.cluster,
                    DbName=self.database,
                    DbUser=self.user or "churn_loader",
                    AutoCreate=True,
                )
            return found["DbUser"], found["DbPassword"]
        return self.user, self.password.get_secret_value()

    def _secret(self) -> tuple[str, str]:
        with explained(f"reading the secret {self.secret_arn}"):
            text = client_of(self.credentials, "secretsmanager").get_secret_value(SecretId=self.secret_arn)[
                "SecretString"
            ]
        try:
            content = json.loads(text)
            return content["username"], content["password"]
        except (ValueError, KeyError, TypeError):
            # Without `from`: the cause would show the secret.
            message = f"the secret {self.secret_arn} is no JSON with username and password, as Redshift's own are"
            raise PlatformError(message) from None


def _is_unreachable(error: BaseException) -> bool:
    """Whether nobody answered; a refused password is an answer."""
    return isinstance(error, OSError | redshift_connector.OperationalError) or (
        isinstance(error, redshift_connector.InterfaceError) and "communication error" in str(error)
    )


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
