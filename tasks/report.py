"""What people read after a run: table artifacts, the quality report, the business review."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from blocks.platform import Platform
from lake.results import JobResult, accounts_of, total
from lake.reviews import Month, Reviews
from serving.business_review import summary, write_review
from serving.dashboard.page import write_dashboard
from serving.quality_report import write_report
from tasks.defaults import TAGS

_FILES_SHOWN = 200
"""How many files of a run its table of records names; the results beside the lake have all."""


@task(name="publish-report", task_run_name="report", tags=TAGS, persist_result=False)
def publish_report(platform: Platform, results: Sequence[JobResult]) -> str:
    """Write the quality report of the lake and publish the run's tables and a link to it; return its place."""
    place = write_report(platform.folder())
    _tables(results)
    create_link_artifact(key="quality-report", link=_link(place), link_text="Quality report")
    return place


@task(name="publish-dashboard", task_run_name="dashboard", tags=TAGS, persist_result=False)
def publish_dashboard(platform: Platform) -> str | None:
    """Write the browser dashboard beside the reports and publish a link to it; return its place, None before gold has a customer. Raises LakeError."""
    place = write_dashboard(platform.folder(), platform.customer_ids)
    if place:
        create_link_artifact(key="dashboard", link=_link(place), link_text="Dashboard")
    return place


@task(name="publish-tables", task_run_name="tables", tags=TAGS, persist_result=False)
def publish_tables(results: Sequence[JobResult]) -> None:
    """Publish what a run did to each table."""
    _tables(results)


@task(name="publish-review", task_run_name="review {month}", tags=TAGS, persist_result=False)
def publish_review(platform: Platform, month: Month) -> str:
    """Write the business review of a month as HTML, as PDF where there is a browser, publish it and return its place."""
    review = Reviews(platform.folder()).read(str(month))
    place = write_review(platform.folder(), review)
    create_markdown_artifact(key="business-review", markdown=summary(review), description=f"Business review {month}")
    create_link_artifact(key="business-review-page", link=_link(place), link_text=f"Business review {month}")
    return place


def _tables(results: Sequence[JobResult]) -> None:
    create_table_artifact(key="tables", table=[_row(r) for r in results], description="Tables of this run")
    if accounts := accounts_of(results):
        table = [{"file": a.file, "batch": a.batch, "received": a.received, **a.kinds} for a in accounts[:_FILES_SHOWN]]
        create_table_artifact(
            key="records", table=table, description=f"Records of this run: {total(accounts).counts()}"
        )


def _link(place: str) -> str:
    return place if "://" in place else Path(place).as_uri()


def _row(result: JobResult) -> dict[str, object]:
    return {
        "table": result.name,
        "outcome": result.outcome,
        "version": result.version_after,
        "read": result.rows_read,
        "written": result.rows_written,
        "quarantined": result.rows_quarantined,
        "seconds": result.seconds,
        "notes": "; ".join(result.notes),
    }
