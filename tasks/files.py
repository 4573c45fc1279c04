"""What is said to operators about files that are held or set aside, and what operators decide about them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task

from blocks.platform import Platform
from contract.log import LOGGER
from lake.deliveries import decide
from lake.file_notices import FileNotices
from lake.results import JobResult, files_held, files_set_aside
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
def notify_about_files(platform: Platform, results: Sequence[JobResult]) -> int:
    """Tell the operators of files that are held or set aside, of each once; return of how many. Raises NotifyError.

    The message has names of files and reasons, and nothing of a customer.
    """
    notices, current = FileNotices(platform.folder()), _notices(results)
    new = notices.new(current)
    if new and not deliver(platform, _subject(results), _body(new)):
        LOGGER.warning("no notifier: %s", _subject(results))
    notices.record(current)
    return len(new)


@task(name="decide-on-files", task_run_name="decisions", tags=TAGS, persist_result=False)
def decide_on_files(platform: Platform, discard: Sequence[str], retry: Sequence[str]) -> None:
    """Record which files or batches are discarded or judged again; the silver job acts on it. Raises RawPathError."""
    for note in decide(platform.folder(), discard=discard, retry=retry, at=datetime.now(UTC)):
        LOGGER.info("%s", note)


def format_files(results: Sequence[JobResult]) -> str:
    """Return how many files are held and set aside, in words; empty where there are none."""
    counts = {"held": len(files_held(results)), "set aside": len(files_set_aside(results))}
    found = [f"{count:,} {'file' if count == 1 else 'files'} {what}" for what, count in counts.items() if count]
    return " and ".join(found)


def _notices(results: Sequence[JobResult]) -> dict[str, str]:
    """A line per file, by what tells a new problem from a known one."""
    held = {f"held {f.batch} {f.file}": f"held: {f.file} of batch {f.batch}: {f.reason}" for f in files_held(results)}
    aside = {f"set aside {f.file} {f.reason}": f"set aside: {f.file}: {f.reason}" for f in files_set_aside(results)}
    return held | aside


def _subject(results: Sequence[JobResult]) -> str:
    return f"Churn pipeline: {format_files(results)}"


def _body(new: Sequence[str]) -> str:
    more = [f"and {len(new) - _NAMED:,} more: churn files"] if len(new) > _NAMED else []
    return "\n".join(["All other files were used.", "", *new[:_NAMED], *more])
