"""What people look at after a run: KPI and table artifacts, the quality report."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import create_link_artifact, create_table_artifact

from blocks.platform import Platform
from reports.quality import write_report
from tasks.defaults import TAGS
from transforms.results import JobResult


@task(name="publish-report", task_run_name="report", tags=TAGS, persist_result=False)
def publish_report(platform: Platform, results: Sequence[JobResult]) -> str:
    """Write the quality report of the lake and publish the run's tables and a link to it."""
    place = write_report(platform.folder())
    create_table_artifact(key="tables", table=[_row(r) for r in results], description="Tables of this run")
    create_link_artifact(key="quality-report", link=_link(place), link_text="Quality report")
    return place


def _link(place: str) -> str:
    return place if "://" in place else Path(place).as_uri()


def _row(result: JobResult) -> dict[str, object]:
    return {
        "table": result.table,
        "outcome": result.outcome,
        "version": result.version_after,
        "read": result.rows_read,
        "written": result.rows_written,
        "quarantined": result.rows_quarantined,
        "seconds": result.seconds,
    }
