"""Weekly care of the tables: small files merged, files that nobody needs deleted."""

from prefect import flow

from blocks.platform import Platform
from tasks.glue import run_glue_job
from tasks.report import publish_tables
from tasks.runs import new_run_id, only_writer
from transforms.results import JobResult


@flow(name="table-maintenance", flow_run_name="table-maintenance", persist_result=False)
def table_maintenance(platform: Platform, retention_days: int = 45) -> list[JobResult]:
    """OPTIMIZE and VACUUM every table, keeping what `retention_days` need.

    The retention must be longer than the longest outage: consumers of a change feed go on
    where they stopped. Raises LakeError when it is shorter than a week.
    """
    with only_writer(platform):
        results = run_glue_job(platform, "maintenance", new_run_id(), {"retention_days": str(retention_days)})
    publish_tables(results)
    return results
