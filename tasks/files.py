"""What is said to operators about files that are held or set aside, and what operators decide about them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task

from blocks.platform import Platform
from contract.log import LOGGER
from lake.deliveries import Deliveries, decide
from lake.file_notices import FileNotices
from lake.file_report import held_files
from lake.names import printable
from lake.results import HeldFile, JobResult, files_held, files_set_aside
from lake.set_aside import SetAside, SetAsideFiles
from tasks.defaults import RETRY_ON_OUTAGE, TAGS
from tasks.operators import deliver

_NAMED = 20


@task(
    name="notify-about-files",
    task_run_name="files",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=300,
    persist_result=False,
)
def notify_about_files(platform: Platform) -> int:
    """Notify the operators of files that are held or set aside, of each once; return the number of new ones.

    The message has names of files and reasons, and nothing of a customer. Raises NotifyError.
    """
    lake = platform.folder()
    held, set_aside = _held(platform), SetAsideFiles(lake).read()
    notices, current = FileNotices(lake), _notices(held, set_aside)
    new = notices.new(current)
    subject = f"Churn pipeline: {_counted(len(held), len(set_aside))}"
    if new and not deliver(platform, subject, _body(new)):
        LOGGER.warning("no notifier: %s", subject)
    notices.record(current)
    return len(new)


@task(name="decide-on-files", task_run_name="decisions", tags=TAGS, **RETRY_ON_OUTAGE, persist_result=False)
def decide_on_files(
    platform: Platform,
    discard: Sequence[str],
    retry: Sequence[str],
    retry_held: bool,
    limit: float,
    missing_limit: float | None = None,
) -> bool:
    """Record which files or batches are discarded, or judged again by a share of quarantined rows; the silver job acts on it.

    `missing_limit` is the share of missing customers up to which snapshots are taken as they are.

    Return whether there was anything to record. Raises RawPathError.
    """
    if not (discard or retry or retry_held):
        return False
    decided = decide(
        platform.folder(),
        discard=discard,
        retry=retry,
        retry_held=retry_held,
        limit=limit,
        missing_limit=missing_limit,
        at=datetime.now(UTC),
    )
    for note in decided:
        LOGGER.info("%s", note)
    return True


def format_files(results: Sequence[JobResult]) -> str:
    """Return how many files of a run are held and set aside, in words; empty where there are none."""
    return _counted(len(files_held(results)), len(files_set_aside(results)))


def _counted(held: int, set_aside: int) -> str:
    counts = {"held": held, "set aside": set_aside}
    found = [f"{count:,} {'file' if count == 1 else 'files'} {what}" for what, count in counts.items() if count]
    return " and ".join(found)


def _held(platform: Platform) -> tuple[HeldFile, ...]:
    recorded = Deliveries(platform.folder()).read()
    return held_files((delivery for delivery in recorded if delivery.state == "held"), "", platform.run_options)


def _notices(held: Sequence[HeldFile], set_aside: Sequence[SetAside]) -> dict[str, str]:
    """A line per file, by what tells a new problem from a known one."""
    of_held = {f"held {f.batch} {f.file}": f"held: {f.file} of batch {f.batch}: {f.reason}" for f in held}
    names = {file: printable(file.path) for file in set_aside}
    return of_held | {f"set aside {n} {f.reason}": f"set aside: {n}: {f.reason}" for f, n in names.items()}


def _body(new: Sequence[str]) -> str:
    more = [f"and {len(new) - _NAMED:,} more: churn files"] if len(new) > _NAMED else []
    return "\n".join(["All other files were used.", "", *new[:_NAMED], *more])
