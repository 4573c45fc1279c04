"""OpenLineage events of a run of the pipeline: one job per table, made from the results that the run has left."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from openlineage.client import set_producer
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.serde import Serde

from contract.errors import BrokenCheckError, ChurnError, GateError, OutageError
from contract.jobs import JOBS
from contract.tables import TABLES
from lake.results import DASHBOARD_STEP, WAREHOUSE_STEP, JobResult
from serving.lineage import facets
from serving.lineage.datasets import DASHBOARD, EXPORT, WAREHOUSE, Places, reads

PIPELINE = "churn-pipeline"
_PRODUCER = "urn:churn-lakehouse"
_EXPORTED = {DASHBOARD_STEP: DASHBOARD, WAREHOUSE_STEP: EXPORT}


@dataclass(frozen=True)
class FinishedRun:
    """What is known of a run at its end.

    `results` are all that it has left, `completed_jobs` the jobs that did not raise. `error` is what ended the run,
    `missing` what it did without; `is_loaded` is false where loading the warehouse is missing. `loaded_rows` rows of
    version `loaded_version` of gold were loaded. `day` is the day whose files it took, None where it took all. Times are UTC.
    """

    run_id: str
    namespace: str
    places: Places
    started_at: datetime
    ended_at: datetime
    results: Sequence[JobResult]
    completed_jobs: frozenset[str]
    error: BaseException | None = None
    missing: Sequence[str] = ()
    is_loaded: bool = True
    loaded_rows: int = 0
    loaded_version: int | None = None
    day: date | None = None


@dataclass(frozen=True)
class _JobRun:
    """What one job did to one dataset; `error` is empty where it succeeded. `result` is None where it left none."""

    name: str
    dataset: str
    started_at: datetime
    ended_at: datetime
    error: str = ""
    result: JobResult | None = None
    version: int | None = None
    rows: int | None = None


def run_events(run: FinishedRun) -> list[str]:
    """Return the events of a run as JSON: START and COMPLETE, FAIL or ABORT of the pipeline and of every job that worked.

    A job that had nothing to do has none. No event has a value of a customer: of an error its kind, of a check what was
    expected and the share of rows that fail.
    """
    set_producer(_PRODUCER)  # the library keeps it, for all its objects
    events = [_pipeline_event(run, run.started_at, RunState.START)]
    for done in _job_runs(run):
        events += _job_events(run, done)
    events.append(_pipeline_event(run, _rest(run)[1], _end(run), _pipeline_error(run)))
    return [Serde.to_json(event) for event in events]


def describe_error(kind: type[BaseException]) -> str:
    """Return what kind of error it is. Its message is left out: it may quote what somebody has sent."""
    if not issubclass(kind, ChurnError):
        return kind.__name__
    return f"{kind.code}: {(kind.__doc__ or '').strip().splitlines()[0]}"


# The pipeline


def _pipeline_event(run: FinishedRun, at: datetime, state: RunState, error: str = "") -> RunEvent:
    found = Run(_run_uuid(run, PIPELINE), facets=facets.nominal_time(run.day) | facets.error(error))
    return RunEvent(eventTime=at.isoformat(), eventType=state, run=found, job=Job(run.namespace, PIPELINE))


def _pipeline_error(run: FinishedRun) -> str:
    if run.error is not None:
        return describe_error(type(run.error))
    return f"{describe_error(OutageError)} Missing: {', '.join(run.missing)}." if run.missing else ""


def _end(run: FinishedRun) -> RunState:
    if run.error is not None and not isinstance(run.error, Exception):
        return RunState.ABORT  # cancelled, or interrupted
    return RunState.FAIL if run.error is not None or run.missing else RunState.COMPLETE


# Its jobs


def _job_runs(run: FinishedRun) -> list[_JobRun]:
    """What jobs did, in the order of the work; then what the job that raised has left undone."""
    done = [_finished(result, dataset) for result in run.results if (dataset := _worked_on(result))]
    return [*done, *_unfinished(run), *_warehouse_load(run)]


def _worked_on(result: JobResult) -> str | None:
    """The dataset that a result is about, None where there was nothing to do."""
    return None if result.outcome == "unchanged" else _dataset(result)


def _dataset(result: JobResult) -> str | None:
    return result.table if result.is_batch else _EXPORTED.get(result.step)


def _finished(result: JobResult, dataset: str) -> _JobRun:
    kind = BrokenCheckError if result.outcome == "broken" else GateError
    return _JobRun(
        name=result.name,
        dataset=dataset,
        started_at=datetime.fromisoformat(result.started_at),
        ended_at=_end_of_work(result),
        error=describe_error(kind) if result.is_stopped else "",
        result=result,
        version=None if result.is_stopped else result.version_after,
        rows=None if result.is_stopped else result.rows_written,
    )


def _unfinished(run: FinishedRun) -> list[_JobRun]:
    """What the first job that is not complete has left no result of, where an error ended the run: it was that job's."""
    if run.error is None or any(result.is_stopped for result in run.results):
        return []
    job = next(job for job in JOBS if job not in run.completed_jobs)
    names = {dataset: f"export.{step}" for step, dataset in _EXPORTED.items()} if job == "export" else {}
    names |= {table.name: table.name for table in TABLES.values() if table.layer == job}
    left = {_dataset(result) for result in run.results}
    began, ended = _rest(run)
    error = describe_error(type(run.error))
    return [_JobRun(name, dataset, began, ended, error) for dataset, name in names.items() if dataset not in left]


def _warehouse_load(run: FinishedRun) -> list[_JobRun]:
    """The load of the warehouse, where there was something to load."""
    is_exported = any(result.step == WAREHOUSE_STEP for result in run.results)
    if not is_exported or run.places.warehouse is None or (run.is_loaded and not run.loaded_rows):
        return []
    if not run.is_loaded:
        return [_JobRun(WAREHOUSE, WAREHOUSE, *_rest(run), describe_error(OutageError))]
    return [_JobRun(WAREHOUSE, WAREHOUSE, *_rest(run), version=run.loaded_version, rows=run.loaded_rows)]


def _rest(run: FinishedRun) -> tuple[datetime, datetime]:
    """From the end of the last result to that of the run: the times of work that has left none, as far as they are known.

    The clock of a job may be ahead of ours.
    """
    began = max((_end_of_work(result) for result in run.results), default=run.started_at)
    return began, max(began, run.ended_at)


def _end_of_work(result: JobResult) -> datetime:
    return datetime.fromisoformat(result.started_at) + timedelta(seconds=result.seconds)


def _job_events(run: FinishedRun, done: _JobRun) -> list[RunEvent]:
    """The beginning and the end of one job's run; what it read and wrote is described at its end."""
    job, run_id = Job(run.namespace, f"{PIPELINE}.{done.name}"), _run_uuid(run, done.name)
    parent = facets.parent(_run_uuid(run, PIPELINE), run.namespace, PIPELINE)
    return [
        RunEvent(
            eventTime=done.started_at.isoformat(),
            eventType=RunState.START,
            run=Run(run_id, facets=parent),
            job=job,
            inputs=[InputDataset(*_address(run, name)) for name in reads(done.dataset)],
            outputs=[OutputDataset(*_address(run, done.dataset))],
        ),
        RunEvent(
            eventTime=done.ended_at.isoformat(),
            eventType=RunState.FAIL if done.error else RunState.COMPLETE,
            run=Run(run_id, facets=parent | facets.error(done.error)),
            job=job,
            inputs=[_input(run, name) for name in reads(done.dataset)],
            outputs=[_output(run, done)],
        ),
    ]


def _input(run: FinishedRun, dataset: str) -> InputDataset:
    """A dataset that is read, and its version where this run has written it."""
    written = [result.version_after for result in run.results if _worked_on(result) == dataset]
    described = facets.schema(dataset) | facets.version(written[-1] if written else None)
    return InputDataset(*_address(run, dataset), facets=described)


def _output(run: FinishedRun, done: _JobRun) -> OutputDataset:
    described = facets.schema(done.dataset) | facets.column_lineage(run.places, done.dataset)
    measured = facets.version(done.version) | facets.quality(done.result)
    return OutputDataset(
        *_address(run, done.dataset), facets=described | measured, outputFacets=facets.statistics(done.rows)
    )


def _address(run: FinishedRun, dataset: str) -> tuple[str, str]:
    found = run.places.address(dataset)
    return found.namespace, found.name


def _run_uuid(run: FinishedRun, name: str) -> str:
    """The same for the same run and job: an event that is sent again says nothing new."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.places.lake}/{run.run_id}/{name}"))
