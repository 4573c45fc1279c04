"""Raw files to bronze.<feed>: every new file once, all feeds of a run as one batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame

from contract.errors import RawPathError
from contract.feeds import FEEDS
from contract.tables import TABLES, Table
from jobs.audit import Audit, audit
from jobs.context import JobContext, Timer
from jobs.publish import publish
from jobs.raw_reader import read_feed
from jobs.session import tune
from lake.landing import Arrivals, RawFile, discover, unchanged_since
from lake.results import JobResult


@dataclass(frozen=True)
class _Batch:
    table: Table
    rows: DataFrame
    audited: Audit
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
    input_bytes = sum(file.size for file in files)
    tune(context.lake.session, input_bytes)
    number = manifests.open([file.as_json() for file in files], context.started_at)
    batches = [_read(context, feed, files, number, input_bytes) for feed in sorted({f.feed for f in files})]
    same = unchanged_since(context.raw, files)
    if len(same) < len(files):
        manifests.discard(number)
        return _ingest(context, arrivals, same) if same else [_nothing_new(context, arrivals)]
    # No feed is published unless every feed of the batch passed.
    passed = all(batch.audited.passed for batch in batches)
    if not passed:
        manifests.discard(number)
    results = [_publish(context, batch, number, arrivals, is_allowed=passed) for batch in batches]
    if passed:
        manifests.commit(number)
    return results


def _read(context: JobContext, feed: str, files: Sequence[RawFile], number: int, input_bytes: int) -> _Batch:
    timer = Timer()
    table = TABLES[f"bronze.{feed}"]
    feed_files = [file for file in files if file.feed == feed]
    rows = read_feed(context.lake.session, FEEDS[feed], feed_files, number, context.started_at).persist()
    audited = audit(context, table, rows, input_bytes=input_bytes)
    counted = replace(audited.statistics, files=len(feed_files))
    return _Batch(table, rows, replace(audited, statistics=counted), timer)


def _publish(context: JobContext, batch: _Batch, number: int, arrivals: Arrivals, *, is_allowed: bool) -> JobResult:
    notes = _notes(arrivals)
    if not is_allowed and batch.audited.passed:
        return context.unchanged("not published: another feed of the batch failed", *notes, table=batch.table)
    return publish(
        context,
        batch.table,
        batch.audited,
        lambda: context.lake.append(batch.table, batch.rows, number),
        batch.timer,
        rows_read=batch.audited.rows,
        notes=notes,
    )


def _nothing_new(context: JobContext, arrivals: Arrivals) -> JobResult:
    return context.unchanged(f"no new file ({arrivals.known} known)", *_notes(arrivals))


def _notes(arrivals: Arrivals) -> tuple[str, ...]:
    waiting = [f"left for the next run, empty or still being written: {name}" for name in arrivals.waiting]
    ignored = [f"ignored, neither CSV nor JSON: {name}" for name in arrivals.ignored]
    return (*waiting, *ignored)
