"""Raw files -> bronze tables: one batch for all new files, each feed appended exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contract.errors import LakeError, RawPathError
from contract.feeds import FEEDS
from contract.log import LOGGER
from contract.tables import TABLES, Table
from jobs.audit import Audit, audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.publish import publish
from jobs.quarantine_gate import recover
from jobs.raw_reader import Received, receive
from jobs.repair import bronze_watermarks, rebuild_lost
from jobs.session import tune
from lake.erasure.register import ErasureRegister
from lake.file_report import FileReport, report
from lake.landing import Arrivals, RawFile, discover, unchanged_since
from lake.results import JobResult
from lake.set_aside import SetAside, updated

_STAGING = "_control/staging"


@dataclass(frozen=True)
class _Batch:
    """What is ingested of one feed, and since when its work has taken time."""

    table: Table
    received: Received
    audited: Audit
    timer: Timer


def run(context: JobContext) -> list[JobResult]:
    """Ingest new files below the raw path; return a result per feed with rows.

    Files that cannot be ingested are set aside, and stop none of the others. Raises RawPathError, and LakeError when
    another run writes to the lake at the same time.
    """
    if not context.raw:
        raise RawPathError("the bronze job needs --raw")
    manifests, watermarks = context.manifests, bronze_watermarks(context.lake)
    repaired = (*rebuild_lost(context.lake, manifests, watermarks), *recover(context))
    manifests.recover(lambda feed, number: watermarks[feed] >= number)
    judged = context.set_aside.read()
    arrivals = discover(
        context.raw, manifests, context.day, at=context.started_at, verify=context.verify, judged=judged
    )
    received = _receive(context, context.raw, arrivals.new)
    arrivals = arrivals.after_reading(
        [file for feed in received for file in feed.readable],
        [file for feed in received for file in feed.set_aside],
    )
    reported = _report(context, arrivals, judged, (*repaired, *_erased_note(received)))
    if not arrivals.new:
        return [_nothing_new(context, arrivals, reported)]
    results = _ingest(context, [feed for feed in received if feed.readable], max(watermarks.values()), reported)
    context.lake.root.delete(_STAGING)
    return results


def _receive(context: JobContext, raw: str, files: Sequence[RawFile]) -> list[Received]:
    """Read the files, those of each feed together, leaving out those that change meanwhile."""
    context.lake.root.delete(_STAGING)  # what a run left that was killed
    tune(context.lake.session, sum(file.size for file in files))
    erased = ErasureRegister(context.lake.root).read()
    received = [
        receive(
            context.lake.session,
            FEEDS[feed],
            [file for file in files if file.feed == feed],
            context.lake.root / _STAGING / feed,
            erased,
        )
        for feed in sorted({file.feed for file in files})
    ]
    same = unchanged_since(raw, files)
    return received if len(same) == len(files) else _receive(context, raw, same)


def _report(context: JobContext, arrivals: Arrivals, before: Sequence[SetAside], repaired: Sequence[str]) -> FileReport:
    """What the results say about files; the list of those set aside is brought up to date."""
    after = updated(
        before,
        arrivals.set_aside,
        is_out_of_sight=arrivals.is_out_of_sight,
        at=context.started_at,
        run_id=context.run_id,
    )
    if after != before:
        context.set_aside.write(after)
    reported = report(arrivals, after, context.run_id, repaired)
    for note in reported.notes:
        LOGGER.info("%s", note)
    return reported


def _erased_note(received: Sequence[Received]) -> tuple[str, ...]:
    count = sum(feed.erased for feed in received)
    return (f"left out, as their customers are erased: {count:,} records",) if count else ()


def _ingest(context: JobContext, received: Sequence[Received], watermark: int, reported: FileReport) -> list[JobResult]:
    manifests = context.manifests
    files = sorted((file for feed in received for file in feed.readable), key=lambda file: file.path)
    number = manifests.open([file.entry() for file in files], context.started_at, watermark)
    batches = [_audit(context, feed, number, sum(file.size for file in files)) for feed in received]
    # No feed is published unless every feed of the batch passed.
    passed = all(batch.audited.passed for batch in batches)
    if not passed:
        manifests.discard(number)
    results = [_publish(context, batch, number, reported, is_allowed=passed) for batch in batches]
    if passed:
        manifests.commit(number, {path: rows for feed in received for path, rows in feed.records_by_file.items()})
    return results


def _audit(context: JobContext, received: Received, number: int, input_bytes: int) -> _Batch:
    table, timer = TABLES[f"bronze.{received.feed.name}"], Timer()
    audited = audit(context, table, received.rows(number, context.started_at), input_bytes=input_bytes)
    counted = replace(audited.statistics, files=len(received.readable))
    batch = _Batch(table, received, replace(audited, statistics=counted), timer)
    _require_every_record(context, batch, number, audited.rows, "read")
    return batch


def _publish(context: JobContext, batch: _Batch, number: int, reported: FileReport, *, is_allowed: bool) -> JobResult:
    if not is_allowed and batch.audited.passed:
        why = "not published: another feed of the batch failed"
        return context.unchanged(why, *reported.notes, table=batch.table, **reported.facts)
    return publish(
        context,
        batch.table,
        batch.audited,
        lambda: _append(context, batch, number),
        batch.timer,
        rows_read=batch.audited.rows,
        notes=reported.notes,
        **reported.facts,
    )


def _append(context: JobContext, batch: _Batch, number: int) -> Commit:
    """Add the rows. Raises LakeError when Delta has left them out, as it does with a number that it knows."""
    commit = context.lake.append(batch.table, batch.received.rows(number, context.started_at), number)
    _require_every_record(context, batch, number, commit.rows_written, f"written as batch {number}")
    return commit


def _require_every_record(context: JobContext, batch: _Batch, number: int, rows: int, done: str) -> None:
    if rows != batch.received.records:
        context.manifests.discard(number)
        raise LakeError(
            f"{batch.table.name}: {batch.received.records:,} records were received, but {rows:,} were {done}: "
            "another run writes to this lake at the same time. End it and run again: nothing is lost."
        )


def _nothing_new(context: JobContext, arrivals: Arrivals, reported: FileReport) -> JobResult:
    return context.unchanged(f"no new file ({arrivals.known} known)", *reported.notes, **reported.facts)
