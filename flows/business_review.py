"""The monthly business review: the facts of a month, and the page that a manager reads."""

from datetime import UTC, datetime

from prefect import flow

from blocks.platform import Platform
from lake.reviews import Month
from tasks.glue import run_glue_job
from tasks.report import publish_review
from tasks.runs import new_run_id, rename_flow_run


@flow(name="business-review", flow_run_name="business-review", persist_result=False)
def business_review(platform: Platform, month: str = "") -> str:
    """Write the review of `month` (YYYY-MM, the last whole month where it is empty) and return its place.

    Raises LakeError for an invalid month.
    """
    reviewed = Month.parse(month) if month else Month.containing(datetime.now(UTC)).before(1)
    rename_flow_run(f"business-review {reviewed}")
    run_glue_job(platform, "review", new_run_id(), {"month": str(reviewed)})
    return publish_review(platform, reviewed)
