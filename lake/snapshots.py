"""Snapshots: files with every customer of their feed, what shows that one is whole, and which belong together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from contract.errors import DamagedDocumentError
from contract.sources import source_of
from lake.deliveries import Delivery
from lake.event_time import is_dated
from lake.register import FileEntry
from lake.storage import Folder

_MARKERS = (".done", ".ok")
_MANIFEST = ".manifest.json"
_OF_FOLDER = "_SUCCESS"
_COUNTS = ("rows", "row_count", "records")


@dataclass(frozen=True)
class Proof:
    """The file beside a snapshot that says that it is whole, empty for none, and how many rows it tells."""

    marker: str = ""
    rows: int | None = None

    def is_news_to(self, entry: FileEntry) -> bool:
        """Return whether it says more about a file than was known when that was ingested."""
        return bool(self.marker) and (
            self.marker != entry.marker or (self.rows is not None and self.rows not in entry.told_rows)
        )


@dataclass(frozen=True)
class Snapshot:
    """One picture of a feed: a file, or all files of a folder that came together and have one date.

    `place` is the file or the folder, `at` (UTC) its event time, the newest one of its parts.
    """

    feed: str
    batch: int
    place: str
    at: datetime
    paths: tuple[str, ...]
    rows: int

    @property
    def keys(self) -> list[tuple[int, str]]:
        """Return its deliveries: batch and path."""
        return [(self.batch, path) for path in self.paths]

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Return how snapshots of a feed compare: the newest last."""
        return self.at, self.batch, self.place


def is_snapshot(path: str) -> bool:
    """Return whether a file has every customer of its feed."""
    return source_of(path).kind == "snapshot"


def is_marker(path: str) -> bool:
    """Return whether a file says something of a snapshot beside it, and has no records."""
    return is_snapshot(path) and path.lower().endswith((*_MARKERS, _MANIFEST))


def find_proof(root: Folder, path: str) -> Proof:
    """Return what is beside a snapshot: `<file>.manifest.json`, `<file>.done`, `<file>.ok`, or `_SUCCESS` in its folder.

    A manifest has the number of rows as `rows`, `row_count` or `records`; one without it says nothing.
    """
    rows = _told_by(root, path + _MANIFEST) if root.find(path + _MANIFEST) else None
    if rows is not None:
        return Proof(path + _MANIFEST, rows)
    folder = str(PurePosixPath(path).with_name(_OF_FOLDER))
    markers = (*(path + suffix for suffix in _MARKERS), folder)
    return Proof(next((marker for marker in markers if root.find(marker)), ""))


def _told_by(root: Folder, manifest: str) -> int | None:
    with suppress(FileNotFoundError, DamagedDocumentError):
        content = root.read_json(manifest)
        found = [content[name] for name in _COUNTS if name in content] if isinstance(content, dict) else []
        return next((rows for rows in found if isinstance(rows, int)), None)
    return None


def doubt(files: Sequence[FileEntry]) -> str:
    """Return why the files of a snapshot cannot be taken for whole, empty where they can."""
    for file in files:
        rows = (file.rows or 0) + file.erased
        told = next((told for told in file.told_rows if told != rows), None)
        if told is not None:
            return f"it is not whole: it has {rows:,} rows, and {told:,} are told"
        if not file.told_rows and not file.marker and source_of(file.path).needs_proof:
            return "nothing says that it is whole: no trailer, marker or manifest"
    return ""


def snapshots(entries: Iterable[FileEntry]) -> list[tuple[Snapshot, list[FileEntry]]]:
    """Return the snapshots among ingested files with their parts, the oldest first.

    Files of one feed, batch and folder are parts of one, unless their paths have different dates.
    """
    found: dict[tuple[int, str, str, str], list[FileEntry]] = defaultdict(list)
    for entry in entries:
        if is_snapshot(entry.path):
            dated = entry.event_at if is_dated(entry.path) else ""
            found[entry.batch, entry.feed, str(PurePosixPath(entry.path).parent), dated].append(entry)
    pairs = [(_united(folder, parts), parts) for (_, _, folder, _), parts in found.items()]
    return sorted(pairs, key=lambda pair: pair[0].order)


def _united(folder: str, parts: Sequence[FileEntry]) -> Snapshot:
    return Snapshot(
        feed=parts[0].feed,
        batch=parts[0].batch,
        place=parts[0].path if len(parts) == 1 else folder,
        at=max(datetime.fromisoformat(part.event_at) for part in parts),
        paths=tuple(sorted(part.path for part in parts)),
        rows=sum(part.rows or 0 for part in parts),
    )


def counted(deliveries: Iterable[Delivery]) -> list[Snapshot]:
    """Return the snapshots that delete whom they lack, the oldest first: those of which every recorded part counts."""
    found: dict[tuple[int, str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.snapshot:
            found[delivery.batch, delivery.feed, delivery.snapshot].append(delivery)
    return sorted(
        (
            Snapshot(
                feed=feed,
                batch=batch,
                place=place,
                at=max(datetime.fromisoformat(part.event_at) for part in parts),
                paths=tuple(sorted(part.path for part in parts)),
                rows=sum(part.rows for part in parts),
            )
            for (batch, feed, place), parts in found.items()
            if not any(part.is_left_out for part in parts)
        ),
        key=lambda snapshot: snapshot.order,
    )
