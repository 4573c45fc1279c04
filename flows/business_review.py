"""The monthly business review: the facts of a month, and the page that a manager reads."""

from datetime import UTC, datetime

from prefect import flow

from blocks.platform import Platform
from tasks.glue import run_glue_job
from tasks.report import publish_review
from tasks.runs import name_run, new_run_id
from transforms.review import Month


@flow(name="business-review", flow_run_name="business-review", persist_result=False)
def business_review(platform: Platform, month: str = "") -> str:
    """Write the review of `month` (YYYY-MM, the last whole month where it is empty); its place.

    Raises LakeError for what is no month.
    """
    reviewed = Month.parse(month) if month else Month.of(datetime.now(UTC)).before(1)
    name_run(f"business-review {reviewed}")
    run_glue_job(platform, "review", new_run_id(), {"month": str(reviewed)})
    return publish_review(platform, reviewed)
