"""Weekly maintenance of the tables: merge small files, delete unreferenced ones."""

from prefect import flow

from blocks.platform import Platform
from contract import defaults
from lake.results import JobResult
from tasks.glue import run_glue_job
from tasks.report import publish_tables
from tasks.runs import lake_write_lock, new_run_id


@flow(name="table-maintenance", flow_run_name="table-maintenance", persist_result=False)
def table_maintenance(platform: Platform, retention_days: int = defaults.RETENTION_DAYS) -> list[JobResult]:
    """OPTIMIZE and VACUUM every table, keeping what `retention_days` need; return a result per table.

    The retention must be longer than the longest outage: consumers of a change feed resume
    where they stopped. Raises LakeError when it is shorter than a week.
    """
    with lake_write_lock(platform):
        results = run_glue_job(platform, "maintenance", new_run_id(), {"retention_days": str(retention_days)})
    publish_tables(results)
    return results
