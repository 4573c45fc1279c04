"""bronze.<feed> to silver.customers and silver.quarantine: the batches since the last run."""

from collections.abc import Collection, Mapping, Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.feeds import FEEDS, GROUPS, Feed
from contract.tables import TABLES
from jobs.audit import Audit, audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.publish import publish
from jobs.quarantine_gate import judge, settle
from jobs.session import tune
from lake.file_report import held_files, held_notes
from lake.register import FileEntry
from lake.results import JobResult
from transforms import silver
from transforms.deliveries import without

CUSTOMERS = TABLES["silver.customers"]
QUARANTINE = TABLES["silver.quarantine"]
_BYTES_PER_QUARANTINED_ROW = 1024
_EXAMPLES = 20


def run(context: JobContext) -> list[JobResult]:
    """Conform new bronze rows, merge them and return a result per table.

    Quarantined rows are stored before accepted ones: silver.customers has the
    watermark, so a crash in between repeats both writes, and both are idempotent.
    """
    timer = Timer()
    passed_until = context.lake.watermark(CUSTOMERS)
    last_batch = -1 if context.full_refresh else passed_until
    target_batch = context.manifests.committed_number()
    files = [file for batch in context.manifests.between(last_batch, target_batch) for file in batch.files]
    feeds = [FEEDS[name] for name in sorted({file.feed for file in files})]
    if not feeds:
        return [_nothing_new(context)]
    fresh_bytes = _fresh_bytes(context, files, feeds)
    tune(context.lake.session, fresh_bytes + context.lake.bytes(CUSTOMERS))
    discarded = {d.key for d in context.deliveries.read() if d.state == "discarded"}
    typed = {feed.name: _typed(context, feed, last_batch, target_batch, discarded).persist() for feed in feeds}
    judgement = judge(context, typed, passed_until)
    held = held_files(judgement.held, context.run_id)
    delivered = {file.path: file.batch for file in files if (file.batch, file.path) not in discarded}
    accepted = {name: without(rows, judgement.left_out) for name, rows in typed.items()}
    latest = {feed.name: silver.latest(accepted[feed.name], feed) for feed in feeds}
    batch = silver.combine(latest, {feed.name: feed for feed in feeds}).persist()
    quarantined = judgement.quarantined
    quarantined_rows = _quarantined_rows(typed, feeds) if quarantined else context.lake.empty(QUARANTINE)
    quarantined_rows.persist()
    is_first = context.full_refresh or not context.lake.exists(CUSTOMERS)

    measured = {column: group.event_column for group in GROUPS for column in group.columns}
    audited = audit(
        context, CUSTOMERS, batch, input_bytes=fresh_bytes, held_files=len(held), null_rate_columns=measured
    )
    audited_quarantine = audit(
        context, QUARANTINE, quarantined_rows, input_bytes=quarantined * _BYTES_PER_QUARANTINED_ROW
    )
    results = []
    if audited.passed:
        results.append(
            _publish_quarantine(
                context, audited_quarantine, quarantined_rows, batch, quarantined, delivered, target_batch, timer
            )
        )
    if all(not result.is_stopped for result in results):
        results.append(
            publish(
                context,
                CUSTOMERS,
                audited,
                lambda: _merge_customers(context, batch, target_batch),
                timer,
                rows_read=judgement.rows,
                rows_quarantined=quarantined,
                quarantined_examples=_examples(quarantined_rows) if quarantined else (),
                notes=held_notes(held),
                held=held,
                count_incomplete=lambda: _incomplete(batch if is_first else context.lake.read(CUSTOMERS)),
            )
        )
    if any(result.is_published and result.table == CUSTOMERS.name for result in results):
        settle(context, judgement)
    return results


def _nothing_new(context: JobContext) -> JobResult:
    held = held_files((d for d in context.deliveries.read() if d.state == "held"), context.run_id)
    return context.unchanged("no new batch in bronze", *held_notes(held), table=CUSTOMERS, held=held)


def _publish_quarantine(
    context: JobContext,
    audited: Audit,
    quarantined_rows: DataFrame,
    batch: DataFrame,
    quarantined: int,
    delivered: Mapping[str, int],
    target_batch: int,
    timer: Timer,
) -> JobResult:
    exists = context.lake.exists(QUARANTINE)
    if exists and not quarantined and not context.lake.read(QUARANTINE).where("status = 'open'").head(1):
        return context.unchanged("no quarantined row, none open", table=QUARANTINE)
    changes = (
        _quarantine_changes(context, quarantined_rows, batch, delivered) if exists or quarantined else quarantined_rows
    )
    return publish(
        context,
        QUARANTINE,
        audited,
        lambda: _merge_quarantine(context, changes, target_batch),
        timer,
        rows_read=quarantined,
    )


def _incomplete(customers: DataFrame) -> int:
    return customers.where("NOT is_complete").count()


def _fresh_bytes(context: JobContext, files: Sequence[FileEntry], feeds: Sequence[Feed]) -> int:
    """The size of the files; where a rebuilt manifest does not have it, of their whole tables."""
    if all(file.size for file in files):
        return sum(file.size for file in files)
    return sum(context.lake.bytes(TABLES[f"bronze.{feed.name}"]) for feed in feeds)


def _typed(
    context: JobContext, feed: Feed, last_batch: int, target_batch: int, discarded: Collection[tuple[int, str]]
) -> DataFrame:
    rows = context.lake.read(TABLES[f"bronze.{feed.name}"])
    unread = rows.where(F.col("_batch_id").between(last_batch + 1, target_batch))
    return silver.conform(without(unread, discarded), feed)


def _quarantined_rows(typed: dict[str, DataFrame], feeds: list[Feed]) -> DataFrame:
    return reduce(DataFrame.unionByName, (silver.quarantine(typed[feed.name], feed) for feed in feeds))


def _examples(quarantined_rows: DataFrame) -> tuple[str, ...]:
    """Describe a few quarantined rows, one per combination of reasons."""
    first = quarantined_rows.groupBy("reasons").agg(F.min(F.struct("source_file", KEY)).alias("row")).limit(_EXAMPLES)
    return tuple(
        f"{r['row'][KEY] or 'no id'} in {r['row']['source_file']}: {'; '.join(r['reasons'])}" for r in first.collect()
    )


def _quarantine_changes(
    context: JobContext, quarantined_rows: DataFrame, batch: DataFrame, delivered: Mapping[str, int]
) -> DataFrame:
    """New quarantined rows, and open ones that newer values or the next delivery of their file resolve."""
    known = context.lake.read(QUARANTINE).where("status = 'open'")
    pending = known.join(quarantined_rows.select("record_id"), on="record_id", how="left_anti").unionByName(
        quarantined_rows
    )
    times = [group.event_column for group in GROUPS]
    keys = pending.select(KEY).distinct()
    present = (
        context.lake.read(CUSTOMERS).select(KEY, "_batch_id", *times).join(F.broadcast(keys), on=KEY, how="left_semi")
    )
    arriving = batch.select(KEY, "_batch_id", *times).join(F.broadcast(keys), on=KEY, how="left_semi")
    newest = [F.max(column).alias(column) for column in ("_batch_id", *times)]
    after = present.unionByName(arriving).groupBy(KEY).agg(*newest)
    resolved = silver.resolve(pending, after, list(FEEDS.values()), delivered)
    fresh = quarantined_rows.join(resolved.select("record_id"), on="record_id", how="left_anti")
    return fresh.select(*QUARANTINE.schema.names).unionByName(resolved)


def _merge_quarantine(context: JobContext, changes: DataFrame, target_batch: int) -> Commit:
    return context.lake.merge(
        QUARANTINE, changes, target_batch, update_when="t.status = 'open' AND s.status = 'resolved'"
    )


def _merge_customers(context: JobContext, batch: DataFrame, target_batch: int) -> Commit:
    if context.full_refresh:
        return context.lake.overwrite(CUSTOMERS, batch, target_batch)
    return context.lake.merge(
        CUSTOMERS, batch, target_batch, update_when=silver.merge_condition(), update_set=silver.merge_assignments()
    )
