"""Lineage of a run: OpenLineage events beside the lake, sent where the platform has a receiver."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from prefect import task

from blocks.lineage import DEFAULT_NAMESPACE
from blocks.platform import Platform
from contract.log import LOGGER
from lake.lineage import LineageEvents
from lake.results import JobResult, Results
from serving.lineage.datasets import Address, Places, redshift_table
from serving.warehouse.sql import TARGET
from tasks.defaults import RETRY_ON_OUTAGE, TAGS
from tasks.outages import WAREHOUSE
from tasks.runs import run_started_at
from tasks.warehouse import Load


def publish_lineage(
    platform: Platform,
    run_id: str,
    files: Mapping[str, str],
    completed: Sequence[JobResult],
    load: Load,
    missing: Sequence[str],
    error: BaseException | None,
) -> None:
    """Write the events of a run that ends, and send what the platform's receiver does not have.

    `files` are the bronze job's arguments, `completed` the results of the jobs that did not raise, `missing` what the run
    went on without, `error` what ends it, None for nothing. Raises LakeError, and PlatformError where sending fails: the
    next run sends it.
    """
    # Imported here: the library takes half a second, in which a run can begin.
    from serving.lineage.events import FinishedRun, run_events

    run = FinishedRun(
        run_id=run_id,
        namespace=platform.lineage.namespace if platform.lineage else DEFAULT_NAMESPACE,
        places=Places(files["raw"], platform.lake, _warehouse(platform)),
        started_at=run_started_at(run_id),
        ended_at=datetime.now(UTC),
        # Also what a job has left that raised later.
        results=list(
            {result.name: result for result in (*completed, *Results(platform.folder()).for_run(run_id))}.values()
        ),
        completed_jobs=frozenset(result.job for result in completed),
        error=error,
        missing=missing,
        is_loaded=WAREHOUSE not in missing,
        loaded_rows=load.rows_loaded,
        loaded_version=load.version,
        day=date.fromisoformat(files["day"]) if "day" in files else None,
    )
    place = LineageEvents(platform.folder()).write(run_id, run_events(run))
    LOGGER.info("lineage: %s", place)
    if platform.lineage:
        send_lineage(platform)


@task(
    name="send-lineage",
    task_run_name="lineage",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=300,
    persist_result=False,
)
def send_lineage(platform: Platform) -> int:
    """Send the events of this and of earlier runs that have not been sent; return how many. Raises PlatformError."""
    receiver, events, count = platform.lineage, LineageEvents(platform.folder()), 0
    if receiver is None:
        return count
    for run_id in events.unsent():
        count += receiver.send(events.read(run_id))
        events.mark_sent(run_id)
    return count


def _warehouse(platform: Platform) -> Address | None:
    block = platform.warehouse
    return redshift_table(block.host, block.port, block.database, block.schema_name, TARGET) if block else None
