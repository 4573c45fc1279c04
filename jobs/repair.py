"""A damaged lake: tables back to their last good state, manifests that were lost rebuilt from bronze, which knows the files."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from pyspark.sql import functions as F

from contract.errors import DamagedDocumentError
from contract.feeds import FEEDS
from contract.tables import TABLES
from jobs.context import JobContext, Timer
from jobs.damage import stored_tables
from jobs.delta import Lake
from jobs.lost_rows import reopen_files
from jobs.quarantine_gate import recover
from jobs.table_repair import repair_tables
from lake.manifests import Batch, Manifests
from lake.register import FileEntry
from lake.results import JobResult
from lake.storage import Folder

_NUMBERS_SHOWN = 10
# What the next run finds out again, or says once more.
_FOUND_AGAIN = ("_control/set_aside.json", "_control/file_notices.json")
_ISO = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"


def run(context: JobContext) -> list[JobResult]:
    """Repair damaged tables, rebuild control files; return one result, unchanged where all are well. Raises DamagedTableError.

    In this order: manifests are rebuilt from tables, and tell which rows the tables have lost.
    """
    timer, manifests = Timer(), context.manifests
    if not stored_tables(context.lake) and not manifests.numbers():
        return [context.unchanged("the lake has no table and no batch yet")]
    of_tables = repair_tables(context)
    watermarks = bronze_watermarks(context.lake)
    of_manifests = rebuild_lost(context.lake, manifests, watermarks, since_checkpoint=False)
    done = of_tables + of_manifests + reopen_files(context) + recover(context) + _remove_damaged(context.lake.root)
    newest = manifests.last()
    if newest and not manifests.checkpoint_is_right():
        manifests.write_checkpoint(newest.number)
        done = (
            *done,
            f"the checkpoint of the register was wrong or damaged and has been written again, as of batch {newest.number}",
        )
    if not done:
        return [context.unchanged("every table and control file is there and can be read")]
    return [context.record("passed", timer, notes=done)]


def _remove_damaged(root: Folder) -> tuple[str, ...]:
    notes = []
    for name in _FOUND_AGAIN:
        try:
            root.read_json(name)
        except FileNotFoundError:
            continue
        except DamagedDocumentError:
            root.delete(name)
            notes.append(f"{root.uri(name)} was damaged and has been removed: the next run writes it again")
    return tuple(notes)


def bronze_watermarks(lake: Lake) -> dict[str, int]:
    """Return the number of the newest batch in bronze by feed, -1 for a feed without rows."""
    return {feed: lake.watermark(TABLES[f"bronze.{feed}"]) for feed in FEEDS}


def rebuild_lost(
    lake: Lake, manifests: Manifests, watermarks: Mapping[str, int], *, since_checkpoint: bool = True
) -> tuple[str, ...]:
    """Rebuild the manifests that are missing or damaged, and return what was done, in words.

    Only those that the register needs; with `since_checkpoint` off, all of them. A batch of which bronze has no row
    counts as discarded: a file without rows is ingested again, which adds nothing.
    """
    lost = manifests.lost(max(watermarks.values()), since_checkpoint=since_checkpoint)
    if not lost:
        return ()
    for batch in _rebuilt(lake, lost):
        manifests.write(batch)
    return (f"the control files of {_in_words(lost)} were missing or damaged and have been rebuilt from bronze",)


def _rebuilt(lake: Lake, numbers: Collection[int]) -> list[Batch]:
    files: dict[int, list[FileEntry]] = defaultdict(list)
    started: dict[int, str] = {}
    for feed in FEEDS:
        for started_at, entry in _ingested(lake, feed, min(numbers), max(numbers)):
            files[entry.batch].append(entry)
            started[entry.batch] = min(started_at, started.get(entry.batch, started_at))
    return [
        Batch(
            number, "committed" if files[number] else "discarded", started.get(number, ""), tuple(files[number]), True
        )
        for number in sorted(numbers)
    ]


def _ingested(lake: Lake, feed: str, first: int, last: int) -> list[tuple[str, FileEntry]]:
    """The files of one feed in batches `first` to `last`, and when each batch was read."""
    table = TABLES[f"bronze.{feed}"]
    rows = lake.read(table).where(F.col("_batch_id").between(first, last))
    found = rows.groupBy("_batch_id", "_source_file", "_source_checksum").agg(
        F.count(F.lit(1)).alias("rows"),
        F.date_format(F.min("_file_event_at"), _ISO).alias("event_at"),
        F.date_format(F.min("_ingested_at"), _ISO).alias("started_at"),
    )
    return [
        (
            row["started_at"],
            FileEntry(
                path=row["_source_file"],
                feed=feed,
                checksum=row["_source_checksum"],
                event_at=row["event_at"],
                rows=row["rows"],
                batch=row["_batch_id"],
            ),
        )
        for row in found.collect()
    ]


def _in_words(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"batch {numbers[0]}"
    if len(numbers) <= _NUMBERS_SHOWN:
        return f"batches {', '.join(map(str, numbers))}"
    return f"{len(numbers):,} batches between {numbers[0]} and {numbers[-1]}"
