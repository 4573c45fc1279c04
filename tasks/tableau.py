"""The churn workbook to Tableau's server."""

from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task

from blocks.platform import Platform
from blocks.tableau import TableauServer
from contract.log import LOGGER
from serving.tableau.extract import build_workbooks, fetch
from serving.tableau.workbook import DASHBOARD, Server
from tasks.defaults import RETRY_ON_OUTAGE, TAGS


def workbook_server(platform: Platform) -> Server:
    """Return where the workbook finds the warehouse. Raises PlatformError where the platform has none."""
    warehouse = platform.required_warehouse()
    return Server(warehouse.host, warehouse.port, warehouse.database, warehouse.schema_name, warehouse.user)


def write_workbooks(platform: Platform, out: Path) -> list[Path]:
    """Write the live workbook and the one with an extract of the warehouse into `out` and return their paths.

    Raises TableauError, WarehouseError, PlatformError where the platform has no warehouse.
    """
    warehouse = platform.required_warehouse()
    with warehouse.connection() as connection:
        rows = fetch(connection, warehouse.schema_name)
    return build_workbooks(out, workbook_server(platform), rows)


@task(name="publish-workbook", task_run_name="publish workbook", tags=TAGS, **RETRY_ON_OUTAGE, persist_result=False)
def publish_workbook(platform: Platform, tableau: TableauServer, live: bool = False) -> str:
    """Publish the workbook with an extract of the warehouse, or the `live` one; return its id. Raises TableauError."""
    with TemporaryDirectory(prefix="churn-workbook-") as folder:
        twb, twbx = write_workbooks(platform, Path(folder))
        server = workbook_server(platform)
        workbook_id = tableau.publish(twb if live else twbx, DASHBOARD, f"{server.host}:{server.port}")
    LOGGER.info("tableau: published %s to %s", DASHBOARD, tableau.url)
    return workbook_id


@task(name="refresh-workbook", task_run_name="refresh workbook", tags=TAGS, persist_result=False)
def refresh_workbook(tableau: TableauServer, workbook_id: str) -> None:
    """Refresh the extract on the server from the warehouse, and wait for it. Raises TableauError."""
    tableau.refresh(workbook_id)
    LOGGER.info("tableau: extract refreshed")
