"""What lies in the raw folder and what of it is new.

The register of ingested files is the sequence of committed batch manifests
(`_control/batches/<number>.json`): its size follows the number of files, not of rows.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from transforms.errors import RawPathError
from transforms.feeds import FEEDS
from transforms.runtime.manifests import Manifests
from transforms.runtime.sniff import Layout, sniff

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
_DATE = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_RECENT_SECONDS = 5.0
_SETTLE_SECONDS = 0.25


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
        return asdict(self)


@dataclass(frozen=True)
class Arrivals:
    """Files to ingest now, files left for the next run, and files of no known kind."""

    new: tuple[RawFile, ...]
    waiting: tuple[str, ...]
    ignored: tuple[str, ...]
    known: int

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.new)


def discover(raw: Path, manifests: Manifests) -> Arrivals:
    """Compare the files below `raw` (a folder or one file) with the register.

    A file is new when its content differs from the last content ingested under its
    path. Size and time unchanged since then count as content unchanged. Empty and
    growing files wait. Raises RawPathError and LayoutError.
    """
    root, paths = _listing(raw)
    ignored = [p for p in paths if not _is_data(p)]
    candidates = [p for p in paths if _is_data(p)]
    growing = _growing(candidates)
    register = manifests.register()
    new, waiting, known = [], [], 0
    for path in candidates:
        name = path.relative_to(root).as_posix()
        stat = path.stat()
        last = register.get(name)
        if stat.st_size == 0 or path in growing:
            waiting.append(name)
        elif (last and (last["size"], last["modified_ns"]) == (stat.st_size, stat.st_mtime_ns)) or (
            last and last["checksum"] == (checksum := _checksum(path))
        ):
            known += 1
        else:
            new.append(_describe(path, name, checksum if last else _checksum(path)))
    return Arrivals(tuple(new), tuple(waiting), tuple(_names(root, ignored)), known)


def is_unchanged(file: RawFile) -> bool:
    """Whether the file still is what `discover` saw."""
    try:
        stat = Path(file.uri).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size, file.modified_ns)


def _listing(raw: Path) -> tuple[Path, list[Path]]:
    if not raw.exists():
        raise RawPathError(f"{raw} does not exist. Give --raw a folder or a file, or make data with: churn generate")
    if raw.is_file():
        return raw.parent.resolve(), [raw.resolve()]
    root = raw.resolve()
    files = sorted(path for path in root.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(root)))
    if not files:
        raise RawPathError(f"{raw} holds no file. Put CSV or JSON files there, or make some with: churn generate")
    return root, files


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith((".", "_")) for part in relative.parts)


def _is_data(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def _names(root: Path, paths: Iterable[Path]) -> Iterator[str]:
    return (path.relative_to(root).as_posix() for path in paths)


def _growing(paths: list[Path]) -> set[Path]:
    """Files touched in the last seconds whose size or time moves while we look twice."""
    now = time.time()
    recent = {path: path.stat() for path in paths}
    recent = {path: stat for path, stat in recent.items() if now - stat.st_mtime < _RECENT_SECONDS}
    if not recent:
        return set()
    time.sleep(_SETTLE_SECONDS)
    again = {path: path.stat() for path in recent}
    return {p for p, s in recent.items() if (s.st_size, s.st_mtime_ns) != (again[p].st_size, again[p].st_mtime_ns)}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _describe(path: Path, name: str, checksum: str) -> RawFile:
    folder = next((part for part in Path(name).parts[:-1] if part in FEEDS), None)
    layout: Layout = sniff(path, name, folder)
    stat = path.stat()
    return RawFile(
        path=name,
        uri=str(path),
        size=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        checksum=checksum,
        event_at=_event_time(name, stat.st_mtime).isoformat(),
        feed=layout.feed,
        format=layout.format,
        delimiter=layout.delimiter,
        headers=layout.headers,
    )


def _event_time(name: str, modified: float) -> datetime:
    """The last date in the path, else the file's own time."""
    for match in reversed(_DATE.findall(name)):
        try:
            year, month, day = (int(part) for part in match)
            return datetime(year, month, day, tzinfo=UTC)
        except ValueError:
            continue
    return datetime.fromtimestamp(modified, tz=UTC)
