"""The one script that AWS Glue and this machine run: read, transform, audit, publish.

glue_main.py --job silver --run_id 20260101T060000Z --lake s3://bucket/lake
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from importlib import import_module

from contract import defaults
from contract.errors import ChurnError, LakeError, VersionMismatchError
from contract.jobs import JOBS
from contract.log import LOGGER
from contract.version import source_version
from jobs.context import JobContext
from jobs.damage import READ_ERRORS, raise_if_damaged
from jobs.delta import Lake
from jobs.session import get_session
from lake.erasure.staging import Staging
from lake.exports import TableVersion
from lake.rebuild import RebuildRequest
from lake.results import JobResult, Results
from lake.storage import open_folder


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments as AWS Glue passes them; unknown ones (Glue adds its own) are left alone."""
    parser = argparse.ArgumentParser(prog="glue_main.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--job", choices=JOBS, required=True)
    parser.add_argument("--run_id", required=True)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--command_options", default="", help="options of the commands that results advise")
    parser.add_argument("--source_version", default="", help="sources of the orchestrator; not compared where absent")
    parser.add_argument("--raw", default="", help="bronze: where raw files are")
    parser.add_argument("--full_refresh", choices=("true", "false"), default="false")
    parser.add_argument("--max_quarantined_share", type=float, default=defaults.MAX_QUARANTINED_SHARE)
    parser.add_argument(
        "--has_warehouse", choices=("true", "false"), default="true", help="export: whether one is loaded"
    )
    parser.add_argument("--warehouse_version", default="", help="export: the version that the warehouse has")
    parser.add_argument("--day", type=date.fromisoformat, help="bronze: only files of that day")
    parser.add_argument(
        "--verify", choices=("true", "false"), default="false", help="bronze: read large known files again to compare"
    )
    parser.add_argument("--month", default="", help="review: the month, YYYY-MM")
    parser.add_argument("--retention_days", type=int, default=defaults.RETENTION_DAYS, help="maintenance")
    parser.add_argument("--moment", type=datetime.fromisoformat, help="restore: ISO time with its offset")
    return parser.parse_known_args(argv)[0]


def main(argv: Sequence[str]) -> list[JobResult]:
    """Run one job and return its results, which are also written to `<lake>/_runs/<run_id>/`. Raises ChurnError."""
    options = parse_arguments(argv)
    _check_version(options.source_version)
    root = open_folder(options.lake)
    root.check_writable()
    rebuild = RebuildRequest(root).read() if options.job in ("silver", "gold") else None
    full_refresh = options.full_refresh == "true" or rebuild is not None
    context = JobContext(
        job=options.job,
        lake=Lake(get_session(), root, options.run_id if full_refresh else None),
        run_id=options.run_id,
        started_at=datetime.now(UTC),
        max_quarantined_share=options.max_quarantined_share,
        command_options=options.command_options,
        raw=options.raw,
        full_refresh=full_refresh,
        after_repair=rebuild is not None and bool(rebuild.tables),
        has_warehouse=options.has_warehouse == "true",
        warehouse_version=TableVersion.parse(options.warehouse_version),
        day=options.day,
        verify=options.verify == "true",
        month=options.month,
        retention_days=options.retention_days,
        moment=options.moment,
    )
    if Staging(root).finish():  # what an erasure has left to do that was ended early
        context.lake.forget_logs()
    # Imported here so that each job loads what it needs, and no more.
    run: Callable[[JobContext], list[JobResult]] = import_module(f"jobs.{options.job}").run
    try:
        return _run(run, context)
    except OSError as error:
        raise LakeError(
            f"{error.filename or root.uri()}: {error.strerror or error}. Check space and permissions."
        ) from error
    finally:
        # A session may serve several jobs: what this one persisted is of no use to the next.
        context.lake.session.catalog.clearCache()


def _run(run: Callable[[JobContext], list[JobResult]], context: JobContext) -> list[JobResult]:
    """Run a job; where it fails because of a damaged or lost file of a table, say so. Raises DamagedTableError."""
    try:
        return run(context)
    except (FileNotFoundError, *READ_ERRORS) as error:
        raise_if_damaged(context.lake, error)
        raise


def _check_version(orchestrator: str) -> None:
    """An argument that another version does not know would be ignored, in silence."""
    if orchestrator not in ("", source_version()):
        raise VersionMismatchError(
            f"the Glue script has the sources {source_version()}, the orchestrator that started it {orchestrator}: they must "
            "be of one version. churn deploy uploads the script of the version that it is of"
        )


def run_script(argv: Sequence[str]) -> None:
    """Run one job as a process of its own: its error is recorded beside the lake, for its caller."""
    options = parse_arguments(argv)
    results = Results(open_folder(options.lake))
    try:
        results.clear_failure(options.run_id, options.job)
        main(argv)
    except ChurnError as error:
        try:
            results.write_failure(options.run_id, options.job, error)
        except LakeError as second:
            LOGGER.warning("the error could not be recorded: %s", second)
        raise


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    LOGGER.setLevel(logging.INFO)
    run_script(sys.argv[1:])
