"""The churn workbook to Tableau's server."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task

from blocks.platform import Platform
from blocks.tableau import TableauServer
from tableau.extract import build, fetch
from tableau.workbook import DASHBOARD, Server
from tasks.defaults import PATIENT, TAGS

_log = logging.getLogger("churn")


def server_of(platform: Platform) -> Server:
    """Where the workbook finds the warehouse."""
    warehouse = platform.warehouse
    return Server(warehouse.host, warehouse.port, warehouse.database, warehouse.schema_name, warehouse.user)


@task(name="publish-workbook", task_run_name="publish workbook", tags=TAGS, **PATIENT, persist_result=False)
def publish_workbook(platform: Platform, tableau: TableauServer, live: bool = False) -> str:
    """Publish the workbook with an extract of the warehouse, or the `live` one; its id."""
    with TemporaryDirectory(prefix="churn-workbook-") as folder:
        twb, twbx = build(Path(folder), server_of(platform), fetch(platform.warehouse))
        address = f"{platform.warehouse.host}:{platform.warehouse.port}"
        workbook_id = tableau.publish(twb if live else twbx, DASHBOARD, address)
    _log.info("tableau: published %s to %s", DASHBOARD, tableau.url)
    return workbook_id


@task(name="refresh-workbook", task_run_name="refresh workbook", tags=TAGS, persist_result=False)
def refresh_workbook(tableau: TableauServer, workbook_id: str) -> None:
    """Have the server refresh the extract from the warehouse, and wait for it."""
    tableau.refresh(workbook_id)
    _log.info("tableau: extract refreshed")
