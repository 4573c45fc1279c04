"""The churn workbook to Tableau's server."""

from prefect import flow

from blocks.platform import Platform
from blocks.tableau import TableauServer
from tasks.tableau import publish_workbook, refresh_workbook


@flow(name="publish-tableau", flow_run_name="publish-tableau", persist_result=False)
def publish_tableau(platform: Platform, tableau: TableauServer, live: bool = False, refresh: bool = False) -> str:
    """Publish the workbook, `live` or with an extract that the server may `refresh`; return its id. Raises TableauError."""
    workbook_id = publish_workbook(platform, tableau, live)
    if refresh:
        refresh_workbook(tableau, workbook_id)
    return workbook_id
