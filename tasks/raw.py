"""Which days of a backfill have raw files."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from prefect import task
from prefect.artifacts import create_table_artifact

from blocks.platform import Platform
from contract.errors import RawPathError
from lake.landing import files_by_day
from tasks.defaults import RETRY_ON_OUTAGE, TAGS


@dataclass(frozen=True)
class Day:
    """One day of a backfill: its files in the raw folder, and the rows that bronze took from them, None if not known.

    They are not known of a day whose run lacked an external service.
    """

    day: date
    files: int
    rows: int | None


@task(
    name="days-with-files",
    task_run_name="days",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=600,
    persist_result=False,
)
def days_with_files(platform: Platform, raw: str, start: date, end: date) -> dict[date, int]:
    """Return how many data files each day from `start` to `end` has. Raises RawPathError."""
    if end < start:
        raise RawPathError(f"the backfill ends on {end}, before it starts on {start}: swap them")
    found = files_by_day(raw, platform.s3_client())
    return {day: len(names) for day, names in found.items() if start <= day <= end}


@task(name="publish-backfill", task_run_name="summary", tags=TAGS, persist_result=False)
def publish_backfill(days: Sequence[Day]) -> None:
    """Publish files and rows of each day as a table; days without files and with an outage are marked."""
    rows = [asdict(day) | {"day": str(day.day), "note": _note(day)} for day in days]
    missing = sum(not day.files for day in days)
    create_table_artifact(key="backfill", table=rows, description=f"{len(days)} days, {missing} of them without files")


def _note(day: Day) -> str:
    if not day.files:
        return "no files"
    return "an external service failed" if day.rows is None else ""
