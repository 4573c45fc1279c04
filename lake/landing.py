"""The files in the raw folder, and which of them are new.

The register of ingested files is the sequence of committed batch manifests
(`_control/batches/<number>.json`): its size follows the number of files, not of rows.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from contract.errors import RawPathError
from contract.feeds import FEEDS
from lake.manifests import FileEntry, Manifests
from lake.sniff import SAMPLE_BYTES, sniff
from lake.storage import Folder, StoredFile, open_folder

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
_DATE = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True)
class RawFile:
    """One content of one file; `path` is relative to the raw root, times are UTC."""

    path: str
    uri: str
    size: int
    modified_ns: int
    checksum: str
    event_at: str
    feed: str
    format: str
    delimiter: str
    headers: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return its entry in a manifest."""
        return asdict(self)


@dataclass(frozen=True)
class Arrivals:
    """Files to ingest now, files left for the next run, and files of no known kind."""

    new: tuple[RawFile, ...]
    waiting: tuple[str, ...]
    ignored: tuple[str, ...]
    known: int


def discover(raw: str, manifests: Manifests, day: date | None = None) -> Arrivals:
    """Compare the files below `raw` (a folder, an S3 prefix, or one file) with the register; return what arrived.

    A file is new when its content differs from the last content ingested under its
    path. Size and time unchanged since then count as content unchanged. Empty and
    unfinished files wait. `day` leaves out what is of another day. Raises RawPathError and LayoutError.
    """
    root, files = _listing(raw)
    if day is not None:
        files = [file for file in files if _day(file) == day]
    candidates = [file for file in files if _is_data(file.name)]
    unfinished = root.still_being_written(candidates)
    register = manifests.register()
    new, waiting, known = [], [], 0
    for file in candidates:
        last = register.get(file.name)
        if file.size == 0 or file.name in unfinished:
            waiting.append(file.name)
        elif last and _is_known(root, file, last):
            known += 1
        else:
            new.append(_describe(root, file))
    ignored = tuple(file.name for file in files if not _is_data(file.name))
    return Arrivals(tuple(new), tuple(waiting), ignored, known)


def files_by_day(raw: str, s3: Any = None) -> dict[date, list[str]]:
    """Return the names of the data files below `raw` by the day that they are of, the oldest day first. Raises RawPathError."""
    days: dict[date, list[str]] = {}
    for file in _listing(raw, s3)[1]:
        if _is_data(file.name):
            days.setdefault(_day(file), []).append(file.name)
    return dict(sorted(days.items()))


def _day(file: StoredFile) -> date:
    return _event_time(file.name, file.modified_ns / 1e9).date()


def _is_known(root: Folder, file: StoredFile, last: FileEntry) -> bool:
    is_untouched = (last["size"], last["modified_ns"]) == (file.size, file.modified_ns)
    return is_untouched or last["checksum"] == root.checksum(file)


def unchanged_since(raw: str, files: Sequence[RawFile]) -> list[RawFile]:
    """Return the files that have not changed since `discover` listed them."""
    root, _ = _open(raw)
    now = {file.path: root.stat(file.path) for file in files}
    return [f for f in files if (seen := now[f.path]) and (seen.size, seen.modified_ns) == (f.size, f.modified_ns)]


def _open(raw: str, s3: Any = None) -> tuple[Folder, str]:
    """The folder that file names start from, and the name of the file where `raw` is one."""
    place = open_folder(raw, s3)
    if place.stat("") is None:
        return place, ""
    parent, _, name = place.uri().rpartition("/")
    return open_folder(parent or "/", s3), name


def _listing(raw: str, s3: Any = None) -> tuple[Folder, list[StoredFile]]:
    root, only = _open(raw, s3)
    if only:
        return root, [file for file in [root.stat(only)] if file]
    files = [file for file in root.files() if not _is_hidden(file.name)]
    if not files:
        raise RawPathError(
            f"{raw} does not exist or is empty. Put CSV or JSON files there, or create some with: churn generate"
        )
    return root, files


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _is_data(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(SUFFIXES)


def _describe(root: Folder, file: StoredFile) -> RawFile:
    layout = sniff(
        root.read_bytes(file.name, SAMPLE_BYTES), file.name, folder_feed(file.name), is_whole=file.size <= SAMPLE_BYTES
    )
    return RawFile(
        path=file.name,
        uri=root.uri(file.name),
        size=file.size,
        modified_ns=file.modified_ns,
        checksum=root.checksum(file),
        event_at=_event_time(file.name, file.modified_ns / 1e9).isoformat(),
        feed=layout.feed,
        format=layout.format,
        delimiter=layout.delimiter,
        headers=layout.headers,
    )


def folder_feed(name: str) -> str | None:
    """Return the feed that a file's folders name, None for files of no feed's folder."""
    return next((part for part in PurePosixPath(name).parts[:-1] if part in FEEDS), None)


def _event_time(name: str, modified: float) -> datetime:
    """The last date in the path, else the file's own time."""
    for match in reversed(_DATE.findall(name)):
        try:
            year, month, day = (int(part) for part in match)
            return datetime(year, month, day, tzinfo=UTC)
        except ValueError:
            continue
    return datetime.fromtimestamp(modified, tz=UTC)
