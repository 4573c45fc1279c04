"""Flow runs: one writer at a time, one run instead of all that wait, descriptive names."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from uuid import UUID

from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.concurrency.sync import concurrency
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled

from blocks.platform import Platform
from contract.log import LOGGER, reported_wait
from lake.results import JobResult
from lake.write_lock import write_lock
from tasks.defaults import TAGS

_RUN_ID = "%Y%m%dT%H%M%S%fZ"
_LEASE_SECONDS = 60  # the minimum that Prefect allows: how long a dead run blocks others
_MAX_WAIT_SECONDS = 24 * 3600.0
_WAIT_SAID_AFTER_SECONDS = 2.0  # a free slot is taken sooner


def new_run_id() -> str:
    """Return the id of a run in the lake; ids sort by time."""
    return f"{datetime.now(UTC):{_RUN_ID}}"


def run_started_at(run_id: str) -> datetime:
    """Return when a run began, UTC."""
    return datetime.strptime(run_id, _RUN_ID).replace(tzinfo=UTC)


@contextmanager
def lake_write_lock(platform: Platform) -> Iterator[None]:
    """Wait until no other run writes to the platform's lake, of any deployment, and keep others waiting.

    A global concurrency limit orders the runs of one Prefect server; the lock of the lake itself also keeps apart
    runs of two servers on one machine. Raises LakeError when the lake's lock is not free after a day.
    """
    name = "churn-writer-" + re.sub(r"[^a-z0-9]+", "-", platform.lake.lower()).strip("-")
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(name, 1)
    what = f"waiting until no other run writes to {platform.lake}; one that has died blocks it for up to a minute"
    with ExitStack() as held:
        with reported_wait(what, after_seconds=_WAIT_SAID_AFTER_SECONDS):
            held.enter_context(concurrency(name, occupy=1, strict=True, lease_duration=_LEASE_SECONDS))
        held.enter_context(write_lock(platform.folder(), wait_seconds=_MAX_WAIT_SECONDS))
        yield


@task(name="cancel-superseded-runs", task_run_name="waiting runs", tags=TAGS, persist_result=False)
def cancel_superseded_runs() -> int:
    """Cancel runs of this deployment that are due and wait with the same parameters; return how many.

    This run lists the raw folder after they were asked for, so it does their work: a burst of
    arrivals, or the days that a schedule missed, become one run.
    """
    deployment_id = deployment.get_id()
    if not deployment_id:
        return 0
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    own, now, cancelled = UUID(flow_run.get_id()), datetime.now(UTC), 0
    with get_client(sync_client=True) as client:
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[UUID(deployment_id)]))
        parameters = client.read_flow_run(own).parameters
        for run in client.read_flow_runs(flow_run_filter=waiting, deployment_filter=ours):
            is_due = run.expected_start_time is None or run.expected_start_time <= now
            if is_due and run.id != own and run.parameters == parameters:
                reason = f"{flow_run.get_name()} does its work: it lists the raw files itself"
                client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
                cancelled += 1
    if cancelled:
        LOGGER.info("%d waiting runs cancelled: this run does their work", cancelled)
    return cancelled


def rename_flow_run(name: str) -> None:
    """Rename the current flow run to say what it is about."""
    run_id = flow_run.get_id()
    if run_id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(run_id), name=name)


def format_file_count(results: list[JobResult]) -> str:
    """Return how many files bronze ingested, in words."""
    count = sum(result.statistics.files or 0 for result in results)
    return "1 file" if count == 1 else f"{count:,} files"
