"""Snapshots in the silver job: one that may not be whole is held, and who is missing in the others is deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.feeds import FEEDS, Feed
from contract.sources import source_of
from contract.tables import TABLES
from jobs.context import JobContext
from jobs.quarantine_gate import Judgement, record
from jobs.session import persisted
from lake.deliveries import Delivery
from lake.register import FileEntry
from lake.snapshots import Snapshot, counted, doubt, snapshots
from transforms import snapshots as transform
from transforms.deliveries import without

CUSTOMERS = TABLES["silver.customers"]


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


def judge_snapshots(
    context: JobContext,
    files: Sequence[FileEntry],
    typed: Mapping[str, DataFrame],
    judgement: Judgement,
    *,
    passed_until: int,
    is_rebuild: bool,
) -> tuple[Judgement, Pictures]:
    """Hold the snapshots that may not be whole, and return what is decided with those that count.

    What nothing shows to be whole is held, and what lacks too many of the customers known before. What has passed until
    the batch `passed_until` is not judged again; before the first release with snapshots it was none.
    """
    run = _Run(context, files, typed, passed_until, is_rebuild)
    known = {delivery.key: delivery for delivery in judgement.deliveries}
    notes: list[str] = []
    for snapshot, parts in snapshots(files):
        if _is_open(run, [known.get(key) for key in snapshot.keys], snapshot):
            for delivery in _judged(run, snapshot, parts, known, notes):
                known[delivery.key] = delivery
    judgement = replace(judgement, deliveries=record(context, judgement.deliveries, list(known.values())))
    found = counted(judgement.deliveries)
    read = {file.key for file in files}
    new = tuple(one for one in found if read.issuperset(one.keys))
    earlier = () if is_rebuild else tuple(one for one in found if one not in new)
    return judgement, Pictures(new, earlier, tuple(notes))


def _is_open(run: _Run, recorded: Sequence[Delivery | None], snapshot: Snapshot) -> bool:
    """Whether it is to be judged: no part is left out, and some part was not judged, or is to be judged again."""
    if any(part is not None and part.state not in ("retry", "accepted") for part in recorded):
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
    recorded = [known.get(part.key) or _unrecorded(run, part) for part in parts]
    allowed = max((part.missing_limit for part in recorded if part.missing_limit is not None), default=None)
    present = persisted(transform.members(run.typed[snapshot.feed], [snapshot]))
    missing, before = _missing(_known_before(run, snapshot, list(known.values())), present)
    reason = doubt(parts) if allowed is None else ""
    limit = source_of(parts[0].path).max_missing_share if allowed is None else allowed
    if reason or missing > limit * before:
        shown = "" if reason else f", limit {limit:.1%}"
        counts = (
            f"{missing:,} of the {before:,} customers known before are not in it ({missing / before:.1%}{shown})"
            if before
            else ""
        )
        held = replace(
            _named(recorded[0], snapshot),
            state="held",
            doubt="; ".join(filter(None, (reason, counts))),
            missing=missing,
            known=before,
            since=run.context.started_at.isoformat(),
            run_id=run.context.run_id,
        )
        return [replace(held, path=part.path, rows=part.rows) for part in recorded]
    nameless = present.where(F.col(KEY).isNull()).count()
    if nameless:
        notes.append(
            f"{snapshot.place} of batch {snapshot.batch} deletes nobody: {nameless:,} of its records do not tell whose they are"
        )
        return []
    return [_named(part, snapshot) for part in recorded]


def _unrecorded(run: _Run, part: FileEntry) -> Delivery:
    limit = run.context.max_quarantined_share
    return Delivery(part.path, part.feed, part.batch, "retry", part.rows or 0, limit=limit)


def _named(part: Delivery, snapshot: Snapshot) -> Delivery:
    return replace(part, snapshot=snapshot.place, event_at=snapshot.at.isoformat())


def _known_before(run: _Run, snapshot: Snapshot, deliveries: Sequence[Delivery]) -> DataFrame:
    """The keys of the customers before a snapshot: by the one before it in this run, or by all that is known."""
    feed, read = FEEDS[snapshot.feed], {file.key for file in run.files}
    older = [
        one
        for one in counted(deliveries)
        if one.feed == snapshot.feed and one.order < snapshot.order and read.issuperset(one.keys)
    ]
    if older:
        return transform.members(run.typed[feed.name], older[-1:]).select(KEY)
    left_out = {d.key for d in deliveries if d.state not in ("retry", "accepted")}
    judged = {key for one in counted(deliveries) for key in one.keys}
    unjudged = {file.key for one, _ in snapshots(run.files) for file in _files_of(one, run.files)} - judged
    rows = {name: without(frame, left_out | unjudged) for name, frame in run.typed.items()}
    known = transform.known_in_rows(rows, feed)
    if not run.is_rebuild:
        known = known.unionByName(transform.known_in_table(run.context.lake.read_declared(CUSTOMERS), feed))
    return known.where(F.col(transform.SINCE) < F.lit(snapshot.at)).select(KEY)


def _files_of(snapshot: Snapshot, files: Sequence[FileEntry]) -> list[FileEntry]:
    return [file for file in files if file.key in snapshot.keys]


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
        known = persisted(transform.known_in_rows(rows, feed))
        new = [one for one in pictures.new if one.feed == feed.name]
        absent = [_of_earlier(context, known, [one for one in pictures.earlier if one.feed == feed.name], feed)]
        if new:
            everybody = known
            if not is_rebuild:
                table = transform.known_in_table(context.lake.read_declared(CUSTOMERS), feed)
                everybody = known.unionByName(table)
            absent.append(transform.absences(everybody, transform.members(rows[feed.name], new), new, feed))
        for deletions in (frame for frame in absent if frame is not None):
            before = found.get(feed.name)
            found[feed.name] = deletions if before is None else before.unionByName(deletions, allowMissingColumns=True)
    return found


def _of_earlier(context: JobContext, known: DataFrame, earlier: Sequence[Snapshot], feed: Feed) -> DataFrame | None:
    """The deletions by snapshots of earlier runs, which are read from bronze; None where nothing is as old as they are."""
    oldest = known.agg(F.min(transform.SINCE).alias("at")).first() if earlier else None
    if oldest is None or oldest["at"] is None:
        return None
    later = [one for one in earlier if one.at >= oldest["at"].astimezone(one.at.tzinfo)]
    bronze = context.lake.read_declared(TABLES[f"bronze.{feed.name}"])
    whole = _with_all_rows(bronze, later)
    if not whole:
        return None
    late = known.where(F.col(transform.SINCE) <= F.lit(whole[-1].at))
    present = transform.members(transform.with_keys(bronze), whole).join(late, on=KEY, how="left_semi")
    return transform.absences(late, present, whole, feed)


def _with_all_rows(bronze: DataFrame, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Those of which bronze has lost no row: the others would delete whom it has lost."""
    if not snapshots:
        return []
    batches = {one.batch for one in snapshots}
    counts = bronze.where(F.col("_batch_id").isin(*batches)).groupBy("_batch_id", "_source_file").count().collect()
    rows = {(row["_batch_id"], row["_source_file"]): row["count"] for row in counts}
    return [one for one in snapshots if sum(rows.get(key, 0) for key in one.keys) == one.rows]
