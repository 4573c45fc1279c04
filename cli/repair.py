"""`churn repair`: damaged tables back to their last good state, control files rebuilt from the tables."""

import json
from pathlib import Path

from blocks.glue import LocalGlueJob
from cli.platforms import load_platform
from contract.errors import LakeError
from infrastructure.local.paths import lake_folder
from infrastructure.local.spark_client import release_workers
from lake.results import JobResult
from lake.storage import open_folder
from lake.write_lock import write_lock
from tasks.runs import lake_write_lock, new_run_id

_JOB = "repair"


def repair_locally(lake: Path | None, *, as_json: bool) -> None:
    """Repair a lake of this machine and print what was done. Raises LakeError where there is none, or it is in use."""
    root = (lake or lake_folder()).resolve()
    if not root.is_dir():
        raise LakeError(f"there is no lake at {root}. Give its folder with --lake")
    try:
        with write_lock(open_folder(root)):
            run = LocalGlueJob(arguments={"job": _JOB, "run_id": new_run_id(), "lake": str(root)}).trigger()
            run.wait_for_completion()
            _show(run.fetch_result(), as_json=as_json)
    finally:
        release_workers()


def repair_on_platform(name: str, *, as_json: bool) -> None:
    """Repair the lake of a saved platform and print what was done. Raises PlatformError, JobError."""
    platform = load_platform(name)
    with lake_write_lock(platform):
        run = platform.jobs.with_arguments(job=_JOB, run_id=new_run_id(), lake=platform.lake).trigger()
        run.wait_for_completion()
        _show(run.fetch_result(), as_json=as_json)


def _show(results: list[JobResult], *, as_json: bool) -> None:
    notes = [note for result in results for note in result.notes]
    if as_json:
        print(
            json.dumps({"repaired": any(result.outcome != "unchanged" for result in results), "notes": notes}, indent=2)
        )
    else:
        print("\n".join(notes))
