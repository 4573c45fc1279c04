"""Raw files to bronze.<feed>: every new file once, all feeds of a run as one batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame

from contract.errors import LakeError, RawPathError
from contract.feeds import FEEDS
from contract.log import LOGGER
from contract.tables import TABLES, Table
from jobs.audit import Audit, audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.publish import publish
from jobs.raw_reader import read_feed
from jobs.repair import bronze_watermarks, rebuild_lost
from jobs.session import tune
from lake.file_report import FileReport, report
from lake.landing import Arrivals, RawFile, discover, unchanged_since
from lake.results import JobResult
from lake.set_aside import SetAside, updated


@dataclass(frozen=True)
class _Batch:
    table: Table
    files: Sequence[RawFile]
    rows: DataFrame
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
    repaired = rebuild_lost(context.lake, manifests, watermarks)
    manifests.recover(lambda feed, number: watermarks[feed] >= number)
    judged = context.set_aside.read()
    arrivals = discover(
        context.raw, manifests, context.day, at=context.started_at, verify=context.verify, judged=judged
    )
    reported = _report(context, arrivals, judged, repaired)
    if not arrivals.new:
        return [_nothing_new(context, arrivals, reported)]
    return _ingest(context, arrivals, arrivals.new, reported)


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


def _ingest(context: JobContext, arrivals: Arrivals, files: Sequence[RawFile], reported: FileReport) -> list[JobResult]:
    manifests = context.manifests
    input_bytes = sum(file.size for file in files)
    tune(context.lake.session, input_bytes)
    watermark = max(bronze_watermarks(context.lake).values())
    number = manifests.open([file.entry() for file in files], context.started_at, watermark)
    batches = [_read(context, feed, files, number, input_bytes) for feed in sorted({f.feed for f in files})]
    same = unchanged_since(context.raw, files)
    if len(same) < len(files):
        manifests.discard(number)
        return _ingest(context, arrivals, same, reported) if same else [_nothing_new(context, arrivals, reported)]
    # No feed is published unless every feed of the batch passed.
    passed = all(batch.audited.passed for batch in batches)
    if not passed:
        manifests.discard(number)
    results = [_publish(context, batch, number, reported, is_allowed=passed) for batch in batches]
    if passed:
        manifests.commit(number, {path: rows for batch in batches for path, rows in _rows_by_file(batch).items()})
    return results


def _read(context: JobContext, feed: str, files: Sequence[RawFile], number: int, input_bytes: int) -> _Batch:
    timer = Timer()
    table = TABLES[f"bronze.{feed}"]
    feed_files = [file for file in files if file.feed == feed]
    rows = read_feed(context.lake.session, FEEDS[feed], feed_files, number, context.started_at).persist()
    audited = audit(context, table, rows, input_bytes=input_bytes)
    counted = replace(audited.statistics, files=len(feed_files))
    return _Batch(table, feed_files, rows, replace(audited, statistics=counted), timer)


def _rows_by_file(batch: _Batch) -> dict[str, int]:
    if len(batch.files) == 1:
        return {batch.files[0].path: batch.audited.rows}
    return {row["_source_file"]: row["count"] for row in batch.rows.groupBy("_source_file").count().collect()}


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
    commit = context.lake.append(batch.table, batch.rows, number)
    if commit.rows_written != batch.audited.rows:
        context.manifests.discard(number)
        raise LakeError(
            f"{batch.table.name}: {batch.audited.rows:,} rows were read and {commit.rows_written:,} written as batch "
            f"{number}: another run writes to this lake at the same time. End it and run again: nothing is lost."
        )
    return commit


def _nothing_new(context: JobContext, arrivals: Arrivals, reported: FileReport) -> JobResult:
    return context.unchanged(f"no new file ({arrivals.known} known)", *reported.notes, **reported.facts)
