"""The warehouse: loads connect to it with redshift_connector, queries as the block says."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import redshift_connector
from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field, SecretStr, model_validator
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from blocks.aws import aws_client
from blocks.saved import renamed
from contract.errors import PlatformError, WarehouseError
from infrastructure.aws.calls import aws_errors_as
from infrastructure.aws.data_api import DataApi, Rows
from infrastructure.aws.logins import read_login
from serving.warehouse.sql import search_path
from serving.warehouse.statements import check_reads, error_text, execute, read

_CONNECT_SECONDS = 60


class RedshiftWarehouse(Block):
    """A Redshift database, or the local stand-in that speaks its protocol.

    It logs in with `user` and `password`; or the secret that `secret_arn` names; or IAM, with
    a temporary password for the serverless `workgroup` or the provisioned `cluster`. Loads connect
    to `host`. Queries of people do so too, or go through the Data API, which needs no network path
    to the warehouse, but the name of its `workgroup` or `cluster`.
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
        default="",
        title="Workgroup",
        description="Serverless workgroup, for the Data API, and to log in with IAM where there is no secret.",
    )
    cluster: str = Field(
        default="",
        title="Cluster",
        description="Provisioned cluster, for the Data API, and to log in with IAM where there is no secret.",
    )
    query_route: Literal["connection", "data-api"] = Field(
        default="connection",
        title="Query route",
        description="How people's queries reach the warehouse: a connection to the host, or AWS's Data API.",
    )
    reader_secret_arn: str = Field(
        default="",
        title="Reader's secret",
        description="Secret of the user that queries through the Data API; that of the loader where empty.",
    )
    query_timeout_seconds: float = Field(
        default=900.0,
        title="Query timeout",
        description="Seconds after which a query through the Data API is cancelled.",
    )
    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="For the secret or the IAM login."
    )
    schema_name: str = Field(
        default="public", title="Schema", description="Schema of the tables; created where it is missing."
    )
    iam_role: str = Field(title="IAM role", description="ARN of the role with which COPY reads the export.")
    bi_group: str = Field(
        default="", title="BI group", description="Group that may read the table and its views; empty for none."
    )
    ssl: bool = Field(default=True, title="TLS", description="Off for the local stand-in only.")
    connect_timeout_seconds: float = Field(
        default=180.0, title="Connect timeout", description="Seconds to try connecting while an idle workgroup starts."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_first_release(cls, given: Any) -> Any:
        """Rename the field `patience_seconds` of blocks that release 0.1.0 saved."""
        return renamed(given, patience_seconds="connect_timeout_seconds")

    @property
    def login(self) -> str:
        """Return how a person logs in, without the password."""
        if self.secret_arn:
            return f"secret {self.secret_arn}"
        return "IAM" if self.workgroup or self.cluster else f"user {self.user}"

    def read(self, sql: str, on_progress: Callable[[str], None] = lambda _: None) -> Rows:
        """Execute one reading statement; return the names of the columns and the rows. Names without a schema are ours.

        It can change nothing on either route: it must begin as a statement that reads, and runs in a read-only
        transaction. `on_progress` gets lines of a long one. Raises QueryError; WarehouseError where the warehouse
        cannot be reached; PlatformError where the block names none.
        """
        check_reads(sql)
        settings = search_path(self.schema_name)
        if self.query_route == "data-api":
            return self._data_api(on_progress).read(sql, before=[settings])
        with self.connection() as connection:
            execute(connection, settings)
            connection.commit()
            return read(connection, sql)

    @contextlib.contextmanager
    def connection(self) -> Iterator[redshift_connector.Connection]:
        """Yield a connection with autocommit off; rolled back and closed at the end.

        Raises WarehouseError, also where the connection breaks while it is used.
        """
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
        except (redshift_connector.Error, OSError) as error:
            raise WarehouseError(f"the connection to {self.host}:{self.port} broke: {error_text(error)}") from error
        finally:
            with contextlib.suppress(redshift_connector.Error, OSError):
                opened.close()

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(_is_unreachable),
            wait=wait_random_exponential(multiplier=0.5, max=15),
            stop=stop_after_delay(self.connect_timeout_seconds),
            reraise=True,
        )

    def _connect(self, user: str, password: str) -> redshift_connector.Connection:
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
        """User and password, fetched for each connection: they may be rotated or short-lived."""
        if self.secret_arn:
            found = read_login(aws_client(self.credentials, "secretsmanager"), self.secret_arn)
            return found.user, found.password
        if self.workgroup:
            with aws_errors_as(f"logging in to the workgroup {self.workgroup}", WarehouseError):
                client = aws_client(self.credentials, "redshift-serverless")
                given = client.get_credentials(workgroupName=self.workgroup, dbName=self.database)
            return given["dbUser"], given["dbPassword"]
        if self.cluster:
            with aws_errors_as(f"logging in to the cluster {self.cluster}", WarehouseError):
                client = aws_client(self.credentials, "redshift")
                given = client.get_cluster_credentials(
                    ClusterIdentifier=self.cluster,
                    DbName=self.database,
                    DbUser=self.user or "churn_loader",
                    AutoCreate=True,
                )
            return given["DbUser"], given["DbPassword"]
        return self.user, self.password.get_secret_value()

    def _data_api(self, on_progress: Callable[[str], None]) -> DataApi:
        if not self.workgroup and not self.cluster:
            raise PlatformError(
                f"the warehouse {self.host} is queried through the Data API, and its block names no workgroup or cluster. "
                "Fill in one of them, or set the query route to connection"
            )
        secret = self.reader_secret_arn or self.secret_arn
        target = {
            "WorkgroupName": self.workgroup,
            "ClusterIdentifier": "" if self.workgroup else self.cluster,
            "Database": self.database,
            "SecretArn": secret,
            # A workgroup knows who calls; a cluster has to be told, unless a secret does.
            "DbUser": "" if secret or self.workgroup else self.user,
        }
        named = {name: value for name, value in target.items() if value}
        return DataApi(aws_client(self.credentials, "redshift-data"), named, self.query_timeout_seconds, on_progress)


def _is_unreachable(error: BaseException) -> bool:
    """Whether the server did not respond; a refused password is a response."""
    return isinstance(error, OSError | redshift_connector.OperationalError) or (
        isinstance(error, redshift_connector.InterfaceError) and "communication error" in str(error)
    )
