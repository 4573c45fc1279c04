"""Run one Glue job and wait for its results."""

from datetime import timedelta

from prefect import task
from prefect.tasks import exponential_backoff

from blocks.platform import Platform
from contract.log import LOGGER
from lake.results import JobResult
from tasks.defaults import TAGS, is_worth_retrying


@task(
    name="run-glue-job",
    task_run_name="{job}",
    tags=TAGS,
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=5),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_worth_retrying,
    timeout_seconds=timedelta(hours=2).total_seconds(),
    persist_result=False,
)
def run_glue_job(platform: Platform, job: str, run_id: str, arguments: dict[str, str]) -> list[JobResult]:
    """Run the Glue script's `job` and return what it did, a result per table or step. Raises the job's own error."""
    LOGGER.info("%s: running", job)
    given = {"run_id": run_id, "lake": platform.lake, "command_options": platform.run_options}
    run = platform.jobs.with_arguments(job=job, **given, **arguments).trigger()
    run.wait_for_completion()
    results = run.fetch_result()
    for result in results:
        LOGGER.info("%s", _line(result))
    return results


def _line(result: JobResult) -> str:
    if result.outcome == "unchanged":
        return f"{result.name}: nothing to do, {'; '.join(result.notes)}"
    quarantined = f", {result.rows_quarantined:,} quarantined" if result.rows_quarantined else ""
    return (
        f"{result.name}: {result.rows_written:,} rows written{quarantined}, {result.outcome} ({result.seconds:.1f} s)"
    )
