"""`churn repair` and `churn restore`: tables back to their last good state, or to that of a moment."""

import json
from datetime import UTC, datetime
from pathlib import Path

import typer

from blocks.glue import LocalGlueJob
from blocks.platform import JobRunner
from cli.platforms import load_platform
from contract.errors import LakeError
from contract.log import reported_wait
from infrastructure.local.paths import lake_folder
from infrastructure.local.spark_client import release_workers
from lake.results import JobResult
from lake.storage import open_folder
from lake.write_lock import write_lock
from tasks.runs import lake_write_lock, new_run_id


def repair_locally(lake: Path | None, *, as_json: bool) -> None:
    """Repair a lake of this machine and print what was done. Raises LakeError where there is none, or it is in use."""
    _run_locally(lake, {"job": "repair"}, "repaired", as_json=as_json)


def repair_on_platform(name: str, *, as_json: bool) -> None:
    """Repair the lake of a saved platform and print what was done. Raises PlatformError, JobError."""
    _run_on_platform(name, {"job": "repair"}, "repaired", as_json=as_json)


def restore_locally(lake: Path | None, moment: datetime, *, as_json: bool, is_sure: bool) -> None:
    """Restore a lake of this machine to a moment and print what was done. Raises LakeError."""
    _run_locally(lake, _restoration(moment, is_sure=is_sure), "restored", as_json=as_json)


def restore_on_platform(name: str, moment: datetime, *, as_json: bool, is_sure: bool) -> None:
    """Restore the lake of a saved platform to a moment and print what was done. Raises PlatformError, LakeError."""
    _run_on_platform(name, _restoration(moment, is_sure=is_sure), "restored", as_json=as_json)


def _restoration(moment: datetime, *, is_sure: bool) -> dict[str, str]:
    """The job's arguments, after the question; a moment without an offset is in UTC."""
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not is_sure:
        typer.confirm(f"Restore every table to its state of {utc:%Y-%m-%d %H:%M:%S} UTC?", abort=True)
    return {"job": "restore", "moment": utc.isoformat()}


def _run_locally(lake: Path | None, arguments: dict[str, str], done: str, *, as_json: bool) -> None:
    root = (lake or lake_folder()).resolve()
    if not root.is_dir():
        raise LakeError(f"there is no lake at {root}. Give its folder with --lake")
    try:
        with write_lock(open_folder(root)):
            job = LocalGlueJob(arguments={**arguments, "run_id": new_run_id(), "lake": str(root)})
            _show(_run(job), done, as_json=as_json)
    finally:
        release_workers()


def _run_on_platform(name: str, arguments: dict[str, str], done: str, *, as_json: bool) -> None:
    platform = load_platform(name)
    with lake_write_lock(platform):
        job = platform.jobs.with_arguments(run_id=new_run_id(), lake=platform.lake, **arguments)
        _show(_run(job), done, as_json=as_json)


def _run(job: JobRunner) -> list[JobResult]:
    """Run the job to its end; a healthy lake gives it nothing to log, and reading every table takes a while."""
    with reported_wait(f"{job.arguments['job']}: running on {job.arguments['lake']}"):
        run = job.trigger()
        run.wait_for_completion()
    return run.fetch_result()


def _show(results: list[JobResult], done: str, *, as_json: bool) -> None:
    notes = [note for result in results for note in result.notes]
    if as_json:
        print(json.dumps({done: any(result.outcome != "unchanged" for result in results), "notes": notes}, indent=2))
    else:
        print("\n".join(notes))
