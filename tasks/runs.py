"""Runs among runs: one writer at a time, one run for all that wait, names that tell."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
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
from tasks.defaults import TAGS
from transforms.results import JobResult

_LEASE_SECONDS = 60  # the shortest that Prefect allows: how long a dead run keeps others waiting
_log = logging.getLogger("churn")


def new_run_id() -> str:
    """What names a run in the lake; ids sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


@contextmanager
def only_writer(platform: Platform) -> Iterator[None]:
    """Wait until no other run writes to the platform's lake, whichever deployment it is of."""
    name = "churn-writer-" + re.sub(r"[^a-z0-9]+", "-", platform.lake.lower()).strip("-")
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(name, 1)
    with concurrency(name, occupy=1, strict=True, lease_duration=_LEASE_SECONDS):
        yield


@task(name="absorb-waiting-runs", task_run_name="waiting runs", tags=TAGS, persist_result=False)
def absorb_waiting_runs() -> int:
    """Cancel runs of this deployment that are due and wait with the same parameters; how many.

    This run lists the raw folder after they were asked for, so it does their work: a burst of
    arrivals, or the days that a schedule missed, become one run.
    """
    deployment_id = deployment.get_id()
    if not deployment_id:
        return 0
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    own, now, absorbed = UUID(flow_run.get_id()), datetime.now(UTC), 0
    with get_client(sync_client=True) as client:
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[UUID(deployment_id)]))
        parameters = client.read_flow_run(own).parameters
        for run in client.read_flow_runs(flow_run_filter=waiting, deployment_filter=ours):
            is_due = run.expected_start_time is None or run.expected_start_time <= now
            if is_due and run.id != own and run.parameters == parameters:
                reason = f"{flow_run.get_name()} does its work: it lists the raw files itself"
                client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
                absorbed += 1
    if absorbed:
        _log.info("%d waiting runs are done by this one", absorbed)
    return absorbed


def name_run(name: str) -> None:
    """Give the current flow run a name that tells what it is about."""
    run_id = flow_run.get_id()
    if run_id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(run_id), name=name)


def files_in_words(results: list[JobResult]) -> str:
    """How many files bronze brought in."""
    count = int(sum(result.metrics.get("files", 0) for result in results))
    return "1 file" if count == 1 else f"{count:,} files"
