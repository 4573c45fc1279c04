"""Tableau Server or Cloud: publish a workbook, refresh its extract."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from contract.errors import TableauError

if TYPE_CHECKING:
    import tableauserverclient as tsc


class TableauServer(Block):
    """A site of Tableau Server or Tableau Cloud, and the project that the workbook belongs to."""

    _block_type_name = "Churn Tableau Server"
    _block_type_slug = "churn-tableau-server"
    _description = "Publishes the churn workbook and refreshes its extract."

    url: str = Field(title="URL", description="Address of the server, e.g. https://eu-west-1a.online.tableau.com.")
    site: str = Field(default="", title="Site", description="Name of the site in addresses; empty for the default one.")
    token_name: str = Field(title="Token name", description="Name of the personal access token.")
    token: SecretStr = Field(title="Token", description="The personal access token itself.")
    project: str = Field(default="default", title="Project", description="Project that the workbook goes to.")
    warehouse_user: str = Field(
        default="",
        title="Warehouse user",
        description="User that queries Redshift; empty leaves the workbook's connection alone.",
    )
    warehouse_password: SecretStr = Field(
        default=SecretStr(""), title="Warehouse password", description="Password of that user, kept by the server."
    )
    timeout_seconds: float = Field(default=1800.0, title="Timeout", description="Seconds to wait for a refresh.")

    def publish(self, workbook: Path, name: str, warehouse: str) -> str:
        """Publish, overwriting an earlier version, and return the workbook's id. `warehouse` is the address of its connection.

        Raises TableauError.
        """
        with self._signed_in("publishing") as (client, server):
            projects = [p for p in server.projects.filter(name=self.project) if p.name == self.project]
            if not projects:
                raise TableauError(
                    f"there is no project {self.project!r} on {self.url}. Create it, or name another in the block."
                )
            item = client.WorkbookItem(projects[0].id, name=name)
            connections = [self._connection(client, warehouse)] if self.warehouse_user else None
            published = server.workbooks.publish(
                item, str(workbook), client.Server.PublishMode.Overwrite, connections=connections,
                skip_connection_check=True,
            )  # fmt: skip
            return str(published.id)

    def refresh(self, workbook_id: str) -> None:
        """Refresh the extract and wait for it. Raises TableauError."""
        with self._signed_in("refreshing") as (client, server):
            try:
                job = server.workbooks.refresh(workbook_id)
                if job is not None:
                    server.jobs.wait_for_job(job, timeout=self.timeout_seconds)
            except client.JobFailedException as error:
                notes = "; ".join(filter(None, error.notes)) or "the server gave no reason"
                raise TableauError(f"the refresh on {self.url} failed: {notes}") from error
            except client.server.exceptions.TimeoutError as error:
                raise TableauError(
                    f"the refresh on {self.url} was not done after {self.timeout_seconds:.0f} s"
                ) from error

    def _connection(self, client: "Any", warehouse: str) -> "tsc.ConnectionItem":
        host, _, port = warehouse.partition(":")
        connection = client.ConnectionItem()
        connection.server_address, connection.server_port = host, port
        connection.connection_credentials = client.ConnectionCredentials(
            self.warehouse_user, self.warehouse_password.get_secret_value(), embed=True
        )
        return connection

    @contextmanager
    def _signed_in(self, doing: str) -> "Iterator[tuple[Any, tsc.Server]]":
        client = _tableau_client()
        auth = client.PersonalAccessTokenAuth(self.token_name, self.token.get_secret_value(), site_id=self.site)
        try:
            server = client.Server(self.url, use_server_version=True)
            with server.auth.sign_in(auth):
                yield client, server
        except TableauError:
            raise
        except Exception as error:  # noqa: BLE001 (the client lets through whatever its parts raise)
            # Without `from`: requests to sign in carry the token.
            raise TableauError(f"{doing} on {self.url}: {type(error).__name__}: {error}") from None


def _tableau_client() -> Any:
    """Tableau's client library, an extra. Raises TableauError."""
    try:
        return import_module("tableauserverclient")
    except ImportError as error:
        raise TableauError("publishing needs Tableau's client: pip install 'churn-lakehouse[tableau]'") from error
