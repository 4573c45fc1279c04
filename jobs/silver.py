"""bronze.<feed> to silver.customers and silver.quarantine: the batches since the last run."""

from dataclasses import replace
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
from jobs.session import tune
from lake.column_drift import LOOK_BACK, drift_check, lost_columns
from lake.results import JobResult
from transforms import silver

CUSTOMERS = TABLES["silver.customers"]
QUARANTINE = TABLES["silver.quarantine"]
_BYTES_PER_QUARANTINED_ROW = 1024
_EXAMPLES = 20


def run(context: JobContext) -> list[JobResult]:
    """Conform new bronze rows, merge them and return a result per table.

    Quarantined rows are stored before accepted ones: silver.customers has the
    watermark, so a crash in between repeats both writes, and both are idempotent. Without a watermark, so at
    first, after a change of the definition and for a full refresh, both tables are built from all of bronze.
    """
    timer = Timer()
    last_batch = -1 if context.full_refresh else context.lake.watermark(CUSTOMERS)
    is_rebuild = last_batch < 0
    target_batch = context.manifests.committed_number()
    batches = context.manifests.between(last_batch - LOOK_BACK, target_batch)
    files = [file for batch in batches if batch["batch"] > last_batch for file in batch["files"]]
    if not files:
        return [context.unchanged("no new batch in bronze", table=CUSTOMERS)]
    feeds = [FEEDS[name] for name in sorted({file["feed"] for file in files})]
    fresh_bytes = sum(int(file["size"]) for file in files)
    lost = lost_columns(batches, last_batch)
    is_redefined = is_rebuild and not context.full_refresh and context.lake.exists(CUSTOMERS)
    rebuilt = ("built again from all of bronze, by the rules of this release",) if is_redefined else ()
    tune(context.lake.session, fresh_bytes + context.lake.bytes(CUSTOMERS))
    typed = {feed.name: _typed(context, feed, last_batch, target_batch).persist() for feed in feeds}
    latest = {feed.name: silver.latest(typed[feed.name], feed) for feed in feeds}
    batch = silver.combine(latest, {feed.name: feed for feed in feeds}).persist()
    read, quarantined = _count(list(typed.values()))
    quarantined_rows = _quarantined_rows(typed, feeds) if quarantined else context.lake.empty(QUARANTINE)
    quarantined_rows.persist()
    measured = {column: group.event_column for group in GROUPS for column in group.columns}
    audited = audit(
        context, CUSTOMERS, batch, input_bytes=fresh_bytes, quarantined=quarantined, null_rate_columns=measured
    )
    audited = replace(audited, checks=(*audited.checks, drift_check(lost)))
    audited_quarantine = audit(
        context, QUARANTINE, quarantined_rows, input_bytes=quarantined * _BYTES_PER_QUARANTINED_ROW
    )
    results = []
    if audited.passed:
        results.append(
            _publish_quarantine(
                context,
                audited_quarantine,
                quarantined_rows,
                batch,
                quarantined,
                target_batch,
                timer,
                is_rebuild=is_rebuild,
            )
        )
    if all(not result.is_stopped for result in results):
        results.append(
            publish(
                context,
                CUSTOMERS,
                audited,
                lambda: _write_customers(context, batch, target_batch, is_rebuild=is_rebuild),
                timer,
                rows_read=read,
                rows_quarantined=quarantined,
                notes=(*rebuilt, *(one.sentence() for one in lost)),
                quarantined_examples=_examples(quarantined_rows) if quarantined else (),
                count_incomplete=lambda: _incomplete(batch if is_rebuild else context.lake.read(CUSTOMERS)),
            )
        )
    return results


def _publish_quarantine(
    context: JobContext,
    audited: Audit,
    quarantined_rows: DataFrame,
    batch: DataFrame,
    quarantined: int,
    target_batch: int,
    timer: Timer,
    *,
    is_rebuild: bool,
) -> JobResult:
    known = context.lake.empty(QUARANTINE) if is_rebuild else context.lake.read(QUARANTINE).where("status = 'open'")
    if not is_rebuild and not quarantined and not known.head(1):
        return context.unchanged("no quarantined row, none open", table=QUARANTINE)
    customers = context.lake.empty(CUSTOMERS) if is_rebuild else context.lake.read(CUSTOMERS)
    is_empty = is_rebuild and not quarantined
    changes = quarantined_rows if is_empty else _quarantine_changes(known, quarantined_rows, customers, batch)
    return publish(
        context,
        QUARANTINE,
        audited,
        lambda: _write_quarantine(context, changes, target_batch, is_rebuild=is_rebuild),
        timer,
        rows_read=quarantined,
    )


def _incomplete(customers: DataFrame) -> int:
    return customers.where("NOT is_complete").count()


def _typed(context: JobContext, feed: Feed, last_batch: int, target_batch: int) -> DataFrame:
    rows = context.lake.read(TABLES[f"bronze.{feed.name}"])
    return silver.conform(rows.where(F.col("_batch_id").between(last_batch + 1, target_batch)), feed)


def _count(typed: list[DataFrame]) -> tuple[int, int]:
    """Rows, and quarantined rows, of all feeds."""
    is_quarantined = (F.size("_violations") > 0).cast("int").alias("quarantined")
    flags = reduce(DataFrame.unionByName, (frame.select(is_quarantined) for frame in typed))
    found = flags.agg(F.count(F.lit(1)), F.coalesce(F.sum("quarantined"), F.lit(0))).first()
    assert found is not None
    return int(found[0]), int(found[1])


def _quarantined_rows(typed: dict[str, DataFrame], feeds: list[Feed]) -> DataFrame:
    return reduce(DataFrame.unionByName, (silver.quarantine(typed[feed.name], feed) for feed in feeds))


def _examples(quarantined_rows: DataFrame) -> tuple[str, ...]:
    """Describe a few quarantined rows, one per combination of reasons."""
    first = quarantined_rows.groupBy("reasons").agg(F.min(F.struct("source_file", KEY)).alias("row")).limit(_EXAMPLES)
    return tuple(
        f"{r['row'][KEY] or 'no id'} in {r['row']['source_file']}: {'; '.join(r['reasons'])}" for r in first.collect()
    )


def _quarantine_changes(
    known: DataFrame, quarantined_rows: DataFrame, customers: DataFrame, batch: DataFrame
) -> DataFrame:
    """New quarantined rows, and those of them and of `known` that newer valid values in `batch` or `customers` resolve."""
    pending = known.join(quarantined_rows.select("record_id"), on="record_id", how="left_anti").unionByName(
        quarantined_rows
    )
    times = [group.event_column for group in GROUPS if group.required]
    keys = F.broadcast(pending.select(KEY).distinct())
    present = customers.select(KEY, "_batch_id", *times).join(keys, on=KEY, how="left_semi")
    arriving = batch.select(KEY, "_batch_id", *times).join(keys, on=KEY, how="left_semi")
    newest = [F.max(column).alias(column) for column in ("_batch_id", *times)]
    after = present.unionByName(arriving).groupBy(KEY).agg(*newest)
    resolved = silver.resolve(pending, after, list(FEEDS.values()))
    fresh = quarantined_rows.join(resolved.select("record_id"), on="record_id", how="left_anti")
    return fresh.select(*QUARANTINE.schema.names).unionByName(resolved)


def _write_quarantine(context: JobContext, changes: DataFrame, target_batch: int, *, is_rebuild: bool) -> Commit:
    if is_rebuild:
        return context.lake.overwrite(QUARANTINE, changes, target_batch)
    return context.lake.merge(
        QUARANTINE, changes, target_batch, update_when="t.status = 'open' AND s.status = 'resolved'"
    )


def _write_customers(context: JobContext, batch: DataFrame, target_batch: int, *, is_rebuild: bool) -> Commit:
    if is_rebuild:
        return context.lake.overwrite(CUSTOMERS, batch, target_batch)
    return context.lake.merge(
        CUSTOMERS, batch, target_batch, update_when=silver.merge_condition(), update_set=silver.merge_assignments()
    )
