"""Raw files to bronze.<feed>: every new file once, all feeds of a run as one batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contract.errors import LakeError, RawPathError
from contract.feeds import FEEDS
from contract.tables import TABLES, Table
from jobs.audit import Audit, audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.publish import publish
from jobs.raw_reader import FeedRows, read_feed
from jobs.session import tune
from lake.landing import Arrivals, RawFile, discover, unchanged_since
from lake.raw.encoding import WINDOWS_1252
from lake.results import JobResult

_STAGING = "_control/staging"


@dataclass(frozen=True)
class _Batch:
    """What was received of one feed, and when its work began."""

    table: Table
    received: FeedRows
    timer: Timer


def run(context: JobContext) -> list[JobResult]:
    """Ingest new files below the raw path; return a result per feed with rows. Raises RawPathError, LayoutError."""
    if not context.raw:
        raise RawPathError("the bronze job needs --raw")
    manifests = context.manifests
    manifests.recover(lambda feed, number: context.lake.watermark(TABLES[f"bronze.{feed}"]) >= number)
    arrivals = discover(context.raw, manifests, context.day)
    if not arrivals.new:
        return [_nothing_new(context, arrivals)]
    return _ingest(context, arrivals, arrivals.new)


def _ingest(context: JobContext, arrivals: Arrivals, files: Sequence[RawFile]) -> list[JobResult]:
    manifests = context.manifests
    context.lake.root.delete(_STAGING)  # what a run left that was killed
    input_bytes = sum(file.size for file in files)
    tune(context.lake.session, input_bytes)
    number = manifests.open([file.as_json() for file in files], context.started_at)
    batches = [_read(context, feed, files, number) for feed in sorted({f.feed for f in files})]
    same = unchanged_since(context.raw, files)
    if len(same) < len(files):
        manifests.discard(number)
        return _ingest(context, arrivals, same) if same else [_nothing_new(context, arrivals)]
    notes = [*_notes(arrivals), *(note for batch in batches for note in _file_notes(batch.received))]
    readable = [file for file in files if not any(file.path in batch.received.faults for batch in batches)]
    if len(readable) < len(files):
        manifests.discard(number)
        if not readable:
            return [context.unchanged("no file that can be read", *notes)]
        number = manifests.open([file.as_json() for file in readable], context.started_at)  # the same number
        batches = [batch for batch in batches if batch.received.files]
    audits = [_audit(context, batch, input_bytes) for batch in batches]
    # No feed is published unless every feed of the batch passed.
    passed = all(audited.passed for audited in audits)
    if not passed:
        manifests.discard(number)
    results = [
        _publish(context, batch, audited, number, notes, is_allowed=passed)
        for batch, audited in zip(batches, audits, strict=True)
    ]
    if passed:
        manifests.commit(number)
    context.lake.root.delete(_STAGING)
    return results


def _read(context: JobContext, feed: str, files: Sequence[RawFile], number: int) -> _Batch:
    timer = Timer()
    feed_files = [file for file in files if file.feed == feed]
    staging = context.lake.root / _STAGING / feed
    received = read_feed(context.lake.session, FEEDS[feed], feed_files, number, context.started_at, staging)
    return _Batch(TABLES[f"bronze.{feed}"], received, timer)


def _audit(context: JobContext, batch: _Batch, input_bytes: int) -> Audit:
    audited = audit(context, batch.table, batch.received.rows, input_bytes=input_bytes)
    _require_every_record(batch, audited.rows, "read")
    return replace(audited, statistics=replace(audited.statistics, files=batch.received.files))


def _append(context: JobContext, batch: _Batch, number: int) -> Commit:
    """Write a batch. Raises LakeError unless every record received is in the table: Delta skips a number that it knows."""
    commit = context.lake.append(batch.table, batch.received.rows, number)
    if commit.rows_written != batch.received.records:
        context.manifests.discard(number)
    _require_every_record(batch, commit.rows_written, f"written as batch {number}")
    return commit


def _require_every_record(batch: _Batch, rows: int, done: str) -> None:
    if rows != batch.received.records:
        raise LakeError(
            f"{batch.table.name}: {batch.received.records:,} records were received, but {rows:,} were {done}. "
            "The files stay new. If the table or _control/batches was restored, restore the other from the same day."
        )


def _publish(
    context: JobContext, batch: _Batch, audited: Audit, number: int, notes: Sequence[str], *, is_allowed: bool
) -> JobResult:
    if not is_allowed and audited.passed:
        return context.unchanged("not published: another feed of the batch failed", *notes, table=batch.table)
    return publish(
        context,
        batch.table,
        audited,
        lambda: _append(context, batch, number),
        batch.timer,
        rows_read=audited.rows,
        notes=tuple(notes),
    )


def _nothing_new(context: JobContext, arrivals: Arrivals) -> JobResult:
    return context.unchanged(f"no new file ({arrivals.known} known)", *_notes(arrivals))


def _notes(arrivals: Arrivals) -> tuple[str, ...]:
    waiting = [f"left for the next run, empty or still being written: {name}" for name in arrivals.waiting]
    ignored = [f"ignored, neither CSV nor JSON: {name}" for name in arrivals.ignored]
    return (*waiting, *ignored)


def _file_notes(received: FeedRows) -> list[str]:
    aside = [f"set aside: {path}: {fault}" for path, fault in received.faults.items()]
    guessed = [account.path for account in received.accounts if account.encoding == WINDOWS_1252]
    return aside + [f"read as Windows-1252, as it is not UTF-8: {path}" for path in guessed]
