"""Raw files of which bronze has lost rows: nothing is lost in silence, the next run reads them again."""

from dataclasses import replace

from contract.feeds import FEEDS
from contract.tables import TABLES
from jobs.context import JobContext
from lake.manifests import Batch

_NAMES_SHOWN = 3


def reopen_files(context: JobContext) -> tuple[str, ...]:
    """Let the raw files of which bronze lacks rows count as not ingested; return what that means, in words.

    Every manifest must be readable. Raises DamagedDocumentError.
    """
    return tuple(note for feed in FEEDS for note in _reopen(context, feed))


def _reopen(context: JobContext, feed: str) -> list[str]:
    table, manifests = TABLES[f"bronze.{feed}"], context.manifests
    held = context.lake.read(table).groupBy("_batch_id", "_source_file").count().collect()
    rows = {(row["_batch_id"], row["_source_file"]): row["count"] for row in held}
    lost: list[str] = []
    for batch in manifests.history():
        lacking = {
            file.path
            for file in batch.files
            if file.feed == feed and _lacks_rows(file.rows, rows.get((batch.number, file.path), 0))
        }
        if batch.state == "committed" and lacking:
            lost += sorted(lacking)
            manifests.write(_without(batch, feed, lacking))
    if not lost:
        return []
    newest = manifests.last()
    assert newest is not None
    manifests.write_checkpoint(newest.number)
    names = ", ".join(lost[:_NAMES_SHOWN]) + (" …" if len(lost) > _NAMES_SHOWN else "")
    return [
        f"{table.name}: rows of {len(lost)} raw files are gone. The next run ingests these files again; they must be in the "
        f"raw folder: {names}"
    ]


def _lacks_rows(recorded: int | None, held: int) -> bool:
    """Whether rows of a file are gone; where release 0.1.0 did not count them, whether all are."""
    return held < recorded if recorded is not None else held == 0


def _without(batch: Batch, feed: str, paths: set[str]) -> Batch:
    kept = tuple(file for file in batch.files if file.feed != feed or file.path not in paths)
    return replace(batch, files=kept, state="committed" if kept else "discarded", is_rebuilt=True)
