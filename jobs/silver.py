"""bronze.<feed> to silver.customers, their history, silver.tombstones and silver.quarantine: the batches since the last run."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.errors import DamagedDocumentError
from contract.feeds import FEEDS, GROUPS, Feed
from contract.sources import source_of
from contract.tables import TABLES
from jobs.account import Told, account
from jobs.audit import Audit, audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.from_bronze import lacking, newest_deliveries, records_of
from jobs.history import Changes, history_changes, publish_history
from jobs.publish import publish
from jobs.quarantine_gate import Judgement, judge, settle
from jobs.session import persisted, tune
from jobs.snapshots import Pictures, judge_snapshots, with_absences
from lake.column_drift import LOOK_BACK, LostColumns, drift_check, lost_columns
from lake.deliveries import NOTHING_JUDGED, inherited, without_values
from lake.file_report import held_files, held_notes
from lake.manifests import Batch
from lake.register import FileEntry
from lake.results import JobResult, RecordAccount
from transforms import silver
from transforms.blanks import with_blanks
from transforms.deliveries import without

CUSTOMERS = TABLES["silver.customers"]
TOMBSTONES = TABLES["silver.tombstones"]
QUARANTINE = TABLES["silver.quarantine"]
_BYTES_PER_QUARANTINED_ROW = 1024
_EXAMPLES = 20
_ID_SHOWN = 12


@dataclass(frozen=True)
class _Work:
    """What a run reads: the bronze batches after `last_batch`, up to `target_batch`.

    `batches` begins earlier, for the comparison of columns. A rebuild reads all of bronze and replaces both tables;
    `discarded` deliveries (batch, file) are left out. Earlier runs have judged what came until the batch `judged_until`.
    """

    last_batch: int
    target_batch: int
    batches: list[Batch]
    discarded: set[tuple[int, str]]
    judged_until: int
    timer: Timer

    @property
    def is_rebuild(self) -> bool:
        """Whether all of bronze is read and both tables are replaced."""
        return self.last_batch < 0

    @cached_property
    def files(self) -> list[FileEntry]:
        """The files of the batches that are read."""
        return [file for batch in self.batches if batch.number > self.last_batch for file in batch.files]

    @property
    def feeds(self) -> list[Feed]:
        """The feeds that these files are of."""
        return [FEEDS[name] for name in sorted({file.feed for file in self.files})]

    @property
    def has_changes(self) -> bool:
        """Whether some of the files say what happened to records, or who is there: some may be deleted."""
        return any(source_of(file.path).kind != "append" for file in self.files)

    @cached_property
    def lost_columns(self) -> list[LostColumns]:
        """What the files of this run lack that earlier ones had."""
        counted = [
            replace(batch, files=tuple(file for file in batch.files if file.key not in self.discarded))
            for batch in self.batches
        ]
        return lost_columns(counted, max(self.last_batch, self.judged_until))


def run(context: JobContext) -> list[JobResult]:
    """Conform new bronze rows, hold files with too many faulty ones, merge the others and return a result per table.

    Tombstones and quarantined rows are stored before accepted ones: silver.customers has the
    watermark, so a crash in between repeats all writes, and all are idempotent. Without a watermark, so at
    first, after a change of the definition and for a full refresh, the tables are built from all of bronze.
    """
    work = _work(context)
    if not work.files:
        return [_nothing_new(context)]
    input_bytes = _input_bytes(context, work)
    tune(context.lake.session, input_bytes + context.lake.bytes(CUSTOMERS))
    typed = {feed.name: persisted(_typed(context, feed, work)) for feed in work.feeds}
    judgement = judge(context, typed, work.judged_until)
    judgement, pictures = judge_snapshots(
        context, work.files, typed, judgement, passed_until=work.judged_until, is_rebuild=work.is_rebuild
    )
    counted = {name: without(rows, judgement.left_out) for name, rows in typed.items()}
    counted = with_absences(context, counted, pictures, is_rebuild=work.is_rebuild)
    may_delete = pictures.exist or _may_delete(context, work)
    batch = persisted(_decided(context, work, counted, may_delete=may_delete))
    quarantined = judgement.quarantined
    quarantined_rows = silver.all_quarantined(typed) if quarantined else context.lake.empty(QUARANTINE)
    quarantined_rows = persisted(quarantined_rows)
    audited = _audit(context, work, batch, judgement, input_bytes)
    audited_quarantine = audit(
        context, QUARANTINE, quarantined_rows, input_bytes=quarantined * _BYTES_PER_QUARANTINED_ROW
    )
    results, accounts = list[JobResult](), tuple[RecordAccount, ...]()
    if audited.passed:
        timer, changes = Timer(), _history_changes(context, work, counted, batch, pictures)
        used_until = context.lake.newest_watermark(CUSTOMERS)
        told = Told(work.files, counted, judgement, batch, changes.changed, used_until)
        accounts, checks = account(context, told, audited.rows)
        audited = replace(audited, checks=(*audited.checks, *checks))
        if audited.passed:
            results.append(
                publish_history(
                    context,
                    changes,
                    timer,
                    target_batch=work.target_batch,
                    input_bytes=input_bytes,
                    is_rebuild=work.is_rebuild,
                )
            )
    if audited.passed and may_delete and all(not result.is_stopped for result in results):
        results.append(_publish_tombstones(context, work, counted))
    if audited.passed and all(not result.is_stopped for result in results):
        results.append(_publish_quarantine(context, work, audited_quarantine, quarantined_rows, batch, quarantined))
    if all(not result.is_stopped for result in results):
        notes = pictures.notes
        results.append(_publish_customers(context, work, audited, quarantined_rows, batch, judgement, notes, accounts))
    return results


def _work(context: JobContext) -> _Work:
    timer = Timer()
    last_batch = -1 if context.full_refresh else context.lake.watermark(CUSTOMERS)
    target_batch = context.manifests.committed_number()
    earlier: list[Batch] = []
    with suppress(DamagedDocumentError):  # only the comparison of columns needs them
        earlier = context.manifests.between(last_batch - LOOK_BACK, last_batch)
    batches = [*earlier, *context.manifests.between(last_batch, target_batch)]
    work = _Work(last_batch, target_batch, batches, set(), _judged_until(context), timer)
    recorded = context.deliveries.read()
    if again := inherited(recorded, work.files):
        recorded = (*recorded, *again)
        context.deliveries.write(recorded)
    return replace(work, discarded={delivery.key for delivery in recorded if delivery.state == "discarded"})


def _judged_until(context: JobContext) -> int:
    """The newest batch that was judged; a lake of release 0.1.0 has judged what is in silver."""
    recorded = context.deliveries.judged_until()
    return -1 if recorded == NOTHING_JUDGED else max(context.lake.newest_watermark(CUSTOMERS), recorded)


def _nothing_new(context: JobContext) -> JobResult:
    held = held_files(
        (d for d in context.deliveries.read() if d.state == "held"), context.run_id, context.command_options
    )
    return context.unchanged("no new batch in bronze", *held_notes(held), table=CUSTOMERS, held=held)


def _input_bytes(context: JobContext, work: _Work) -> int:
    """The size of the files; where a rebuilt manifest does not have it, of their whole tables."""
    if all(file.size for file in work.files):
        return sum(file.size for file in work.files)
    return sum(context.lake.bytes(TABLES[f"bronze.{feed.name}"]) for feed in work.feeds)


def _typed(context: JobContext, feed: Feed, work: _Work) -> DataFrame:
    rows = context.lake.read_declared(TABLES[f"bronze.{feed.name}"])
    unread = rows.where(F.col("_batch_id").between(work.last_batch + 1, work.target_batch))
    # A rebuild accepts what was in the future of a clock that was wrong.
    judged_at = context.started_at if work.is_rebuild else None
    received = with_blanks(without(unread, work.discarded), feed, lacking(work.batches))
    return silver.conform(received, feed, judged_at, has_changes=work.has_changes)


def _history_changes(
    context: JobContext, work: _Work, counted: Mapping[str, DataFrame], batch: DataFrame, pictures: Pictures
) -> Changes:
    return history_changes(
        context,
        counted,
        batch.selectExpr(KEY, f"{silver.KNOWN}.*"),
        lambda customers, until: records_of(context, customers, until, pictures.earlier),
        _tombstones(context),
        last_batch=work.last_batch,
        target_batch=work.target_batch,
        is_rebuild=work.is_rebuild,
    )


def _may_delete(context: JobContext, work: _Work) -> bool:
    """Whether there is anything to say about deletions, new ones or, where all is built again, earlier ones."""
    return work.has_changes or (work.is_rebuild and context.lake.exists(TOMBSTONES))


def _decided(context: JobContext, work: _Work, counted: Mapping[str, DataFrame], *, may_delete: bool) -> DataFrame:
    """What the rows that count say of each customer, and what silver.customers takes of it; what was deleted later stays so."""
    feeds = {name: FEEDS[name] for name in counted}
    latest = {name: silver.latest(rows, feeds[name]) for name, rows in counted.items()}
    tombstones = None if work.is_rebuild else _tombstones(context)
    rows = silver.combine(latest, feeds, None if tombstones is None else silver.remembered(tombstones))
    customers = context.lake.empty(CUSTOMERS) if work.is_rebuild else context.lake.read_declared(CUSTOMERS)
    return silver.decided(rows, customers, has_changes=may_delete or tombstones is not None)


def _tombstones(context: JobContext) -> DataFrame | None:
    """The deletions that are remembered; None for a lake that has had no changes of databases."""
    return context.lake.read_declared(TOMBSTONES) if context.lake.exists(TOMBSTONES) else None


def _publish_tombstones(context: JobContext, work: _Work, counted: Mapping[str, DataFrame]) -> JobResult:
    rows = persisted(silver.all_deletions(counted))
    audited = audit(context, TOMBSTONES, rows, input_bytes=0)
    # Also a table without rows says something: the lake has changes of databases, whose logs count.
    if not audited.rows and not work.is_rebuild and context.lake.exists(TOMBSTONES):
        return context.unchanged("no deletion", table=TOMBSTONES)
    return publish(
        context,
        TOMBSTONES,
        audited,
        lambda: _write_tombstones(context, rows, work.target_batch, is_rebuild=work.is_rebuild),
        work.timer,
        rows_read=audited.rows,
    )


def _write_tombstones(context: JobContext, rows: DataFrame, target_batch: int, *, is_rebuild: bool) -> Commit:
    if is_rebuild:
        return context.lake.overwrite(TOMBSTONES, rows, target_batch)
    return context.lake.merge(TOMBSTONES, rows, target_batch, update_when=silver.is_newer_deletion())


def _audit(context: JobContext, work: _Work, batch: DataFrame, judgement: Judgement, input_bytes: int) -> Audit:
    audited = audit(
        context,
        CUSTOMERS,
        batch,
        input_bytes=input_bytes,
        held_files=len(judgement.held),
        null_rate_columns={column: group.event_column for group in GROUPS for column in group.columns},
    )
    return replace(audited, checks=(*audited.checks, drift_check(work.lost_columns)))


def _publish_customers(
    context: JobContext,
    work: _Work,
    audited: Audit,
    quarantined_rows: DataFrame,
    batch: DataFrame,
    judgement: Judgement,
    notes: Iterable[str],
    accounts: tuple[RecordAccount, ...],
) -> JobResult:
    is_redefined = work.is_rebuild and not context.full_refresh and context.lake.exists(CUSTOMERS)
    rebuilt = ("built again from all of bronze, by the rules of this release",) if is_redefined else ()
    held = held_files(judgement.held, context.run_id, context.command_options)
    lost = (columns.sentence() for columns in work.lost_columns)
    result = publish(
        context,
        CUSTOMERS,
        audited,
        lambda: _write_customers(context, work, batch),
        work.timer,
        rows_read=judgement.rows,
        rows_quarantined=judgement.quarantined,
        notes=(*rebuilt, *held_notes(held), *notes, *lost),
        held=held,
        accounts=accounts,
        quarantined_examples=_examples(quarantined_rows) if judgement.quarantined else (),
        count_incomplete=lambda: _incomplete(batch if work.is_rebuild else context.lake.read(CUSTOMERS)),
    )
    if result.is_published:
        settle(context, judgement, work.target_batch)
    return result


def _publish_quarantine(
    context: JobContext, work: _Work, audited: Audit, quarantined_rows: DataFrame, batch: DataFrame, quarantined: int
) -> JobResult:
    is_rebuild = work.is_rebuild
    known = None if is_rebuild else context.lake.read(QUARANTINE).where("status = 'open'")
    if known is not None and not quarantined and not known.head(1):
        return context.unchanged("no quarantined row, none open", table=QUARANTINE)
    changes = quarantined_rows
    if quarantined or known is not None:
        customers = None if is_rebuild else context.lake.read(CUSTOMERS)
        pending = quarantined_rows if known is None else known.select(KEY).unionByName(quarantined_rows.select(KEY))
        newest = silver.newest_values(customers, batch, _tombstones(context), pending)
        delivered = newest_deliveries(work.files, work.discarded, context.manifests.register())
        changes = silver.resolve(known, quarantined_rows, newest, list(FEEDS.values()), delivered)
    return publish(
        context,
        QUARANTINE,
        audited,
        lambda: _write_quarantine(context, changes, work.target_batch, is_rebuild=is_rebuild),
        work.timer,
        rows_read=quarantined,
    )


def _incomplete(customers: DataFrame) -> int:
    return customers.where("NOT is_complete").count()


def _examples(quarantined_rows: DataFrame) -> tuple[str, ...]:
    """Describe a few quarantined rows, one per combination of reasons, without a customer's id or values.

    The record id finds the row in silver.quarantine, which has both.
    """
    example = F.min(F.struct("source_file", "record_id")).alias("row")
    first = quarantined_rows.groupBy("reasons").agg(example).limit(_EXAMPLES)
    return tuple(
        f"record {r['row']['record_id'][:_ID_SHOWN]} in {r['row']['source_file']}: "
        f"{'; '.join(map(without_values, r['reasons']))}"
        for r in first.collect()
    )


def _write_quarantine(context: JobContext, changes: DataFrame, target_batch: int, *, is_rebuild: bool) -> Commit:
    if is_rebuild:
        return context.lake.overwrite(QUARANTINE, changes, target_batch)
    return context.lake.merge(
        QUARANTINE, changes, target_batch, update_when="t.status = 'open' AND s.status = 'resolved'"
    )


def _write_customers(context: JobContext, work: _Work, batch: DataFrame) -> Commit:
    if work.is_rebuild:
        return context.lake.overwrite(CUSTOMERS, batch.where(silver.IS_LEFT).drop(*silver.DECISIONS), work.target_batch)
    return context.lake.merge(
        CUSTOMERS,
        batch,
        work.target_batch,
        update_when=f"s.{silver.IS_NEWS}",
        update_set=silver.merge_assignments(),
        delete_when=f"s.{silver.IS_NEWS} AND NOT s.{silver.IS_LEFT}",
        insert_when=f"s.{silver.IS_LEFT}",
        not_stored=silver.DECISIONS,
    )
