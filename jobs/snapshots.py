"""Snapshots in the silver job: one that may not be whole is held, and who is missing in the others is deleted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.feeds import FEEDS, Feed
from contract.sources import source_of
from contract.tables import TABLES
from jobs.context import JobContext
from jobs.quarantine_gate import Judgement, record
from jobs.session import from_micros, persisted
from lake.deliveries import Delivery
from lake.names import printable
from lake.register import FileEntry
from lake.snapshots import Snapshot, counted, doubt, is_snapshot, snapshots
from transforms import snapshots as transform
from transforms.deliveries import without

CUSTOMERS = TABLES["silver.customers"]
HISTORY = TABLES["silver.customer_history"]


@dataclass(frozen=True)
class Pictures:
    """The snapshots that delete whom they lack, the oldest first: `new` are of the files that a run reads.

    `notes` say which of the others delete nobody, and why.
    """

    new: tuple[Snapshot, ...] = ()
    earlier: tuple[Snapshot, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exist(self) -> bool:
        """Return whether anybody may be deleted."""
        return bool(self.new or self.earlier)

    def feeds(self) -> list[Feed]:
        """Return the feeds that they are of."""
        return [FEEDS[name] for name in sorted({one.feed for one in (*self.new, *self.earlier)})]


@dataclass(frozen=True)
class _Run:
    """What a run of silver reads; `typed` are its conformed rows by feed, a rebuild reads all of bronze."""

    context: JobContext
    files: Sequence[FileEntry]
    typed: Mapping[str, DataFrame]
    passed_until: int
    is_rebuild: bool

    def has_read(self, snapshot: Snapshot) -> bool:
        """Whether the rows are those of a snapshot too."""
        return {file.key for file in self.files}.issuperset(snapshot.keys)


def judge_snapshots(
    context: JobContext,
    files: Sequence[FileEntry],
    typed: Mapping[str, DataFrame],
    judgement: Judgement,
    *,
    passed_until: int,
    is_rebuild: bool,
) -> tuple[Judgement, Pictures]:
    """Hold the snapshots that may not be whole; return all that is decided, and those that count.

    What nothing shows to be whole is held, and what lacks too many of the customers known before. What has passed until
    the batch `passed_until` is not judged again; files from before there were snapshots are states, and delete nobody.
    """
    run = _Run(context, files, typed, passed_until, is_rebuild)
    known = {delivery.key: delivery for delivery in judgement.deliveries}
    notes: list[str] = []
    for snapshot, parts in snapshots(files):
        if _is_open(run, [known.get(key) for key in snapshot.keys], snapshot):
            known |= {delivery.key: delivery for delivery in _judged(run, snapshot, parts, known, notes)}
    after = tuple(known.values())
    if after != judgement.deliveries:
        judgement = replace(judgement, deliveries=record(context, judgement.deliveries, after))
    found = counted(judgement.deliveries)
    new = tuple(one for one in found if run.has_read(one))
    earlier = () if is_rebuild else tuple(one for one in found if one not in new)
    return judgement, Pictures(new, earlier, tuple(notes))


def _is_open(run: _Run, recorded: Sequence[Delivery | None], snapshot: Snapshot) -> bool:
    """Whether it is to be judged: no part is left out, and some part was not judged, or is to be judged again."""
    if any(part is not None and part.is_left_out for part in recorded):
        return False
    is_new = snapshot.batch > run.passed_until
    return any(is_new if part is None else part.state == "retry" and (is_new or not part.snapshot) for part in recorded)


def _judged(
    run: _Run,
    snapshot: Snapshot,
    parts: Sequence[FileEntry],
    known: Mapping[tuple[int, str], Delivery],
    notes: list[str],
) -> list[Delivery]:
    """The records of its parts: held, or parts of a snapshot that counts; none where it counts and deletes nobody."""
    limit = run.context.max_quarantined_share
    new = {p.key: Delivery(p.path, p.feed, p.batch, "retry", p.rows or 0, limit=limit) for p in parts}
    recorded = [
        replace(known.get(key, delivery), snapshot=snapshot.place, event_at=snapshot.at.isoformat())
        for key, delivery in new.items()
    ]
    present = persisted(transform.members(run.typed[snapshot.feed], [snapshot]))
    missing, before = _missing(_known_before(run, snapshot, known.values()), present)
    if reason := _reason(parts, recorded, missing, before):
        at, run_id = run.context.started_at.isoformat(), run.context.run_id
        return [
            replace(part, state="held", doubt=reason, missing=missing, known=before, since=at, run_id=run_id)
            for part in recorded
        ]
    nameless = present.where(F.col(KEY).isNull()).count()
    if nameless:
        which = f"{printable(snapshot.place)} of batch {snapshot.batch}"
        notes.append(f"{which} deletes nobody: {nameless:,} of its records do not tell whose they are")
    return [] if nameless else recorded


def _reason(parts: Sequence[FileEntry], recorded: Sequence[Delivery], missing: int, before: int) -> str:
    """Why a snapshot is held, empty where it is not: what an operator allows outranks what shows that it is whole."""
    allowed = max((part.missing_limit for part in recorded if part.missing_limit is not None), default=None)
    reason = doubt(parts) if allowed is None else ""
    limit = source_of(parts[0].path).max_missing_share if allowed is None else allowed
    if not reason and missing <= limit * before:
        return ""
    share = f"{missing / max(1, before):.1%}" + ("" if reason else f", limit {limit:.1%}")
    counts = f"{missing:,} of the {before:,} customers known before are not in it ({share})" if before else ""
    return "; ".join(filter(None, (reason, counts)))


def _known_before(run: _Run, snapshot: Snapshot, deliveries: Collection[Delivery]) -> DataFrame:
    """The keys of the customers before a snapshot: by the one before it in this run, or by all that is known."""
    feed, counting = FEEDS[snapshot.feed], [one for one in counted(deliveries) if run.has_read(one)]
    older = [one for one in counting if one.feed == snapshot.feed and one.order < snapshot.order]
    if older:
        return transform.members(run.typed[feed.name], older[-1:]).select(KEY)
    left_out = {delivery.key for delivery in deliveries if delivery.is_left_out}
    judged = {key for one in counting for key in one.keys}
    unjudged = {file.key for file in run.files if is_snapshot(file.path)} - judged
    rows = {name: without(frame, left_out | unjudged) for name, frame in run.typed.items()}
    known = transform.known_in_rows(rows, feed)
    if not run.is_rebuild:
        known = known.unionByName(transform.known_in_table(run.context.lake.read_declared(CUSTOMERS), feed))
    return known.where(F.col(transform.SINCE) < F.lit(snapshot.at)).select(KEY)


def _missing(known: DataFrame, present: DataFrame) -> tuple[int, int]:
    """How many of the known customers are not there, and how many are known."""
    there = present.select(KEY).distinct().withColumn("_is_there", F.lit(True))
    counts = (
        known.where(F.col(KEY).isNotNull())
        .distinct()
        .join(there, on=KEY, how="left")
        .agg(F.count(F.lit(1)).alias("known"), F.count("_is_there").alias("there"))
        .first()
    )
    return (counts["known"] - counts["there"], counts["known"]) if counts else (0, 0)


def with_absences(
    context: JobContext, rows: Mapping[str, DataFrame], pictures: Pictures, *, is_rebuild: bool
) -> dict[str, DataFrame]:
    """Return conformed rows by feed with a deletion of everybody whom a snapshot lacks.

    New snapshots delete whom the table has, or the rows; earlier ones whom the rows have, of a time before theirs: what comes
    late is deleted as if it had come in time.
    """
    found = dict(rows)
    for feed in pictures.feeds():
        if not any(transform.are_related(FEEDS[name], feed) for name in rows):
            continue
        known = persisted(transform.known_in_rows(rows, feed))
        new, earlier = ([one for one in some if one.feed == feed.name] for some in (pictures.new, pictures.earlier))
        absent = [frame] if (frame := _of_earlier(context, known, earlier, feed)) is not None else []
        if new:
            table = [] if is_rebuild else [_known_to_silver(context, new, earlier, feed)]
            everybody = reduce(DataFrame.unionByName, table, known)
            read_at = _read_at(rows[feed.name], new)
            present = transform.members(rows[feed.name], new)
            # The history is written before other tables that they are for.
            absent.append(persisted(transform.absences(everybody, present, new, feed, read_at)))
        received = [found[feed.name]] if feed.name in found else []
        if absent:
            found[feed.name] = reduce(_with_more, [*received, *absent])
    return found


def _known_to_silver(
    context: JobContext, new: Sequence[Snapshot], earlier: Sequence[Snapshot], feed: Feed
) -> DataFrame:
    """The customers whom new snapshots may lack, and since when they are known.

    Who is gone need not be deleted again, unless a snapshot is older than others: he may have been there since.
    """
    known = transform.known_in_history(context.lake.read_declared(HISTORY), feed)
    if earlier and min(one.at for one in new) < max(one.at for one in earlier):
        return known
    return known.join(context.lake.read_declared(CUSTOMERS).select(KEY), KEY, "left_semi")


def _read_at(rows: DataFrame, snapshots: Sequence[Snapshot]) -> dict[int, datetime]:
    """When the batches of snapshots were read."""
    of_batches = rows.where(F.col("_batch_id").isin(*{one.batch for one in snapshots})).groupBy("_batch_id")
    found = of_batches.agg(F.unix_micros(F.max("_ingested_at")).alias("at")).collect()
    return {row["_batch_id"]: from_micros(row["at"]) for row in found}


def _with_more(rows: DataFrame, deletions: DataFrame) -> DataFrame:
    return rows.unionByName(deletions, allowMissingColumns=True)


def _of_earlier(context: JobContext, known: DataFrame, earlier: Sequence[Snapshot], feed: Feed) -> DataFrame | None:
    """The deletions by snapshots of earlier runs, which are read from bronze; None where nothing is as old as they are."""
    oldest = known.agg(F.unix_micros(F.min(transform.SINCE)).alias("at")).first() if earlier else None
    if oldest is None or oldest["at"] is None:
        return None
    later = [one for one in earlier if one.at >= from_micros(oldest["at"])]
    bronze = context.lake.read_declared(TABLES[f"bronze.{feed.name}"])
    whole = _with_all_rows(context, bronze, later)
    if not whole:
        return None
    late = known.where(F.col(transform.SINCE) <= F.lit(whole[-1].at))
    present = transform.members(transform.with_keys(bronze), whole).join(late, on=KEY, how="left_semi")
    return transform.absences(late, present, whole, feed)


def _with_all_rows(context: JobContext, bronze: DataFrame, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Those of which bronze has lost no row: the others would delete whom it has lost.

    Manifests know which rows are gone because customers were erased, unless they were rebuilt from bronze.
    """
    if not snapshots:
        return []
    numbers = {one.batch for one in snapshots}
    batches = [batch for number in numbers for batch in context.manifests.between(number - 1, number)]
    kept = {file.key: file.rows for batch in batches if not batch.is_rebuilt for file in batch.files}
    counts = bronze.where(F.col("_batch_id").isin(*numbers)).groupBy("_batch_id", "_source_file").count().collect()
    rows = {(row["_batch_id"], row["_source_file"]): row["count"] for row in counts}

    def is_whole(one: Snapshot) -> bool:
        found = [(rows.get(key, 0), kept.get(key)) for key in one.keys]
        return sum(count for count, _ in found) == one.rows or all(count == expected for count, expected in found)

    return [one for one in snapshots if is_whole(one)]
