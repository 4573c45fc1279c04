"""Raw files of which bronze has lost rows: nothing is lost in silence, the next run reads again what is still there."""

from collections.abc import Sequence
from dataclasses import replace

from contract.feeds import FEEDS
from contract.tables import TABLES, Table
from jobs.context import JobContext
from lake.manifests import Batch
from lake.register import FileEntry, Register

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
    history = [batch for batch in manifests.history() if batch.state == "committed"]
    lost: list[FileEntry] = []
    for batch in history:
        lacking = [
            file
            for file in batch.files
            if file.feed == feed and _lacks_rows(file.rows, rows.get((batch.number, file.path), 0))
        ]
        if lacking:
            lost += lacking
            manifests.write(_without(batch, feed, {file.path for file in lacking}))
    if not lost:
        return []
    newest = manifests.last()
    assert newest is not None
    manifests.write_checkpoint(newest.number)
    return notes(table, lost, Register(file for batch in history for file in batch.files))


def notes(table: Table, lost: Sequence[FileEntry], register: Register) -> list[str]:
    """Say which `lost` files are ingested again, and which are not: `register` has a later content at their address."""
    again = [file for file in lost if register.last(file.uri, file.path) == file]
    gone = [file for file in lost if file not in again]
    found = []
    if again:
        found.append(
            f"{table.name}: rows of {len(again)} raw files are gone. The next run ingests these files again; they must be in "
            f"the raw folder: {_names(again)}"
        )
    if gone:
        found.append(
            f"{table.name}: rows of {len(gone)} raw files are gone for good: a later delivery has replaced each of these files, "
            f"and its content stays: {_names(gone)}"
        )
    return found


def _names(files: Sequence[FileEntry]) -> str:
    named = [f"{file.path} (batch {file.batch})" for file in files[:_NAMES_SHOWN]]
    return ", ".join(named) + (" …" if len(files) > _NAMES_SHOWN else "")


def _lacks_rows(recorded: int | None, held: int) -> bool:
    """Whether rows of a file are gone; where release 0.1.0 did not count them, whether all are."""
    return held < recorded if recorded is not None else held == 0


def _without(batch: Batch, feed: str, paths: set[str]) -> Batch:
    kept = tuple(file for file in batch.files if file.feed != feed or file.path not in paths)
    return replace(batch, files=kept, state="committed" if kept else "discarded", is_rebuilt=True)
