"""The one script that AWS Glue and the laptop run: read, transform, audit, publish.

glue_main.py --job silver --run_id 20260101T060000Z --lake s3://bucket/lake
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from importlib import import_module

from transforms.errors import LakeError
from transforms.exports import TableVersion
from transforms.jobs.context import JobContext
from transforms.results import JobResult
from transforms.runtime.delta_io import Lake
from transforms.runtime.session import get_session
from transforms.runtime.storage import open_folder

JOBS = ("bronze", "silver", "gold", "export", "maintenance", "review")
DEFAULT_MAX_QUARANTINED_SHARE = 0.05
DEFAULT_RETENTION_DAYS = 45


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Arguments as AWS Glue passes them; unknown ones (Glue adds its own) are left alone."""
    parser = argparse.ArgumentParser(prog="glue_main.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--job", choices=JOBS, required=True)
    parser.add_argument("--run_id", required=True)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--raw", default="")
    parser.add_argument("--full_refresh", choices=("true", "false"), default="false")
    parser.add_argument("--max_quarantined_share", type=float, default=DEFAULT_MAX_QUARANTINED_SHARE)
    parser.add_argument("--loaded", default="")
    parser.add_argument("--day", type=date.fromisoformat, help="bronze: only files of that day")
    parser.add_argument("--month", default="", help="review: the month, YYYY-MM")
    parser.add_argument("--retention_days", type=int, default=DEFAULT_RETENTION_DAYS, help="maintenance")
    return parser.parse_known_args(argv)[0]


def main(argv: Sequence[str]) -> list[JobResult]:
    """Run one job; its results are also written to `<lake>/_runs/<run_id>/`."""
    options = parse_arguments(argv)
    root = open_folder(options.lake)
    root.check_writable()
    full_refresh = options.full_refresh == "true"
    context = JobContext(
        lake=Lake(get_session(), root, options.run_id if full_refresh else None),
        run_id=options.run_id,
        started_at=datetime.now(UTC),
        max_quarantined_share=options.max_quarantined_share,
        raw=options.raw,
        full_refresh=full_refresh,
        loaded=TableVersion.parse(options.loaded),
        day=options.day,
        month=options.month,
        retention_days=options.retention_days,
    )
    # Imported here so that each job loads what it needs, and no more.
    run: Callable[[JobContext], list[JobResult]] = import_module(f"transforms.jobs.{options.job}").run
    try:
        return run(context)
    except OSError as error:
        raise LakeError(
            f"{error.filename or root.uri()}: {error.strerror or error}. Check space and permissions."
        ) from error
    finally:
        # A session may serve several jobs: what this one persisted is of no use to the next.
        context.lake.session.catalog.clearCache()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    logging.getLogger("churn").setLevel(logging.INFO)
    main(sys.argv[1:])
