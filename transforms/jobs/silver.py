"""bronze.<feed> to silver.customers and silver.quarantine: the batches since the last run."""

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms import silver
from transforms.feeds import FEEDS, GROUPS, KEY, Feed
from transforms.jobs.audit import Audit, audit
from transforms.jobs.context import JobContext
from transforms.jobs.publish import Stopwatch, publish
from transforms.results import JobResult
from transforms.runtime.delta_io import Commit
from transforms.runtime.session import tune
from transforms.tables import TABLES

CUSTOMERS = TABLES["silver.customers"]
QUARANTINE = TABLES["silver.quarantine"]
_BYTES_PER_REJECT = 1024
_EXAMPLES = 20


def run(context: JobContext) -> list[JobResult]:
    """Conform new bronze rows and merge them; results of both tables.

    Rejected rows are stored before accepted ones: the watermark lies in
    silver.customers, so a crash in between repeats both, and both are idempotent.
    """
    watch = Stopwatch()
    done = -1 if context.full_refresh else context.lake.watermark(CUSTOMERS)
    until = context.manifests.committed_number()
    feeds = _feeds_between(context, done, until)
    if not feeds:
        return [context.unchanged(CUSTOMERS.name, "no new batch in bronze")]
    fresh_bytes = _fresh_bytes(context, done, until)
    tune(context.lake.session, fresh_bytes + context.lake.bytes(CUSTOMERS))
    typed = {feed.name: _typed(context, feed, done, until).persist() for feed in feeds}
    latest = {feed.name: silver.latest(typed[feed.name], feed) for feed in feeds}
    batch = silver.combine(latest, {feed.name: feed for feed in feeds}).persist()
    read, quarantined = _count(list(typed.values()))
    rejected = _rejected(typed, feeds) if quarantined else context.lake.empty(QUARANTINE)
    rejected.persist()
    is_first = context.full_refresh or not context.lake.exists(CUSTOMERS)

    watched = {column: group.event_column for group in GROUPS for column in group.columns}
    audited = audit(context, CUSTOMERS, batch, input_bytes=fresh_bytes, quarantined=quarantined, measured_where=watched)
    audited_rejects = audit(context, QUARANTINE, rejected, input_bytes=quarantined * _BYTES_PER_REJECT)
    results = []
    if audited.passed:
        results.append(_publish_quarantine(context, audited_rejects, rejected, batch, quarantined, until, watch))
    if all(result.outcome not in ("failed", "broken") for result in results):
        results.append(
            publish(
                context,
                CUSTOMERS,
                audited,
                lambda: _merge_customers(context, batch, until),
                watch,
                rows_read=read,
                rows_quarantined=quarantined,
                rejects=_examples(rejected) if quarantined else (),
                count_incomplete=lambda: _incomplete(batch if is_first else context.lake.read(CUSTOMERS)),
            )
        )
    return results


def _publish_quarantine(
    context: JobContext,
    audited: Audit,
    rejected: DataFrame,
    batch: DataFrame,
    quarantined: int,
    until: int,
    watch: Stopwatch,
) -> JobResult:
    exists = context.lake.exists(QUARANTINE)
    if exists and not quarantined and not context.lake.read(QUARANTINE).where("status = 'open'").head(1):
        return context.unchanged(QUARANTINE.name, "no faulty row, none open")
    changes = _quarantine_changes(context, rejected, batch) if exists or quarantined else rejected
    return publish(
        context,
        QUARANTINE,
        audited,
        lambda: _merge_quarantine(context, changes, until),
        watch,
        rows_read=quarantined,
    )


def _incomplete(customers: DataFrame) -> int:
    return customers.where("NOT is_complete").count()


def _feeds_between(context: JobContext, done: int, until: int) -> list[Feed]:
    names = {file["feed"] for batch in context.manifests.between(done, until) for file in batch["files"]}
    return [FEEDS[name] for name in sorted(names)]


def _fresh_bytes(context: JobContext, done: int, until: int) -> int:
    return sum(int(file["size"]) for batch in context.manifests.between(done, until) for file in batch["files"])


def _typed(context: JobContext, feed: Feed, done: int, until: int) -> DataFrame:
    rows = context.lake.read(TABLES[f"bronze.{feed.name}"])
    return silver.conform(rows.where(F.col("_batch_id").between(done + 1, until)), feed)


def _count(typed: list[DataFrame]) -> tuple[int, int]:
    """Rows, and faulty rows, of all feeds."""
    is_faulty = (F.size("_faults") > 0).cast("int").alias("faulty")
    faulty = reduce(DataFrame.unionByName, (frame.select(is_faulty) for frame in typed))
    found = faulty.agg(F.count(F.lit(1)), F.coalesce(F.sum("faulty"), F.lit(0))).first()
    assert found is not None
    return int(found[0]), int(found[1])


def _rejected(typed: dict[str, DataFrame], feeds: list[Feed]) -> DataFrame:
    return reduce(DataFrame.unionByName, (silver.quarantine(typed[feed.name], feed) for feed in feeds))


def _examples(rejected: DataFrame) -> tuple[str, ...]:
    """A few rejected rows in words, one for each of different reasons first."""
    first = rejected.groupBy("reasons").agg(F.min(F.struct("source_file", KEY)).alias("row")).limit(_EXAMPLES)
    return tuple(
        f"{r['row'][KEY] or 'no id'} in {r['row']['source_file']}: {'; '.join(r['reasons'])}" for r in first.collect()
    )


def _quarantine_changes(context: JobContext, rejected: DataFrame, batch: DataFrame) -> DataFrame:
    """New rejected rows, and open ones that `batch` or the table has overtaken."""
    known = context.lake.read(QUARANTINE).where("status = 'open'")
    pending = known.join(rejected.select("record_id"), on="record_id", how="left_anti").unionByName(rejected)
    times = [group.event_column for group in GROUPS]
    keys = pending.select(KEY).distinct()
    present = (
        context.lake.read(CUSTOMERS).select(KEY, "_batch_id", *times).join(F.broadcast(keys), on=KEY, how="left_semi")
    )
    arriving = batch.select(KEY, "_batch_id", *times).join(F.broadcast(keys), on=KEY, how="left_semi")
    newest = [F.max(column).alias(column) for column in ("_batch_id", *times)]
    after = present.unionByName(arriving).groupBy(KEY).agg(*newest)
    resolved = silver.resolve(pending, after, list(FEEDS.values()))
    fresh = rejected.join(resolved.select("record_id"), on="record_id", how="left_anti")
    return fresh.select(*QUARANTINE.schema.names).unionByName(resolved)


def _merge_quarantine(context: JobContext, changes: DataFrame, until: int) -> Commit:
    return context.lake.merge(QUARANTINE, changes, until, update_when="t.status = 'open' AND s.status = 'resolved'")


def _merge_customers(context: JobContext, batch: DataFrame, until: int) -> Commit:
    if context.full_refresh:
        return context.lake.overwrite(CUSTOMERS, batch, until)
    return context.lake.merge(
        CUSTOMERS, batch, until, update_when=silver.merge_condition(), update_set=silver.merge_assignments()
    )
