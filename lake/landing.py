"""The files in the raw folder: which of them are new, which wait, and which cannot be ingested.

What was ingested before says the register of the batch manifests (`lake.manifests`): its size follows the number of
files, not of rows.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from contract.errors import LakeError, LayoutError, UnreadableFileError
from contract.sources import source_of
from lake.event_time import EventTime, TimeSource, event_time
from lake.manifests import Manifests
from lake.names import is_text, printable
from lake.raw.container import read_parts
from lake.raw_folder import RawFolder, list_raw, open_raw, refusal
from lake.register import FileEntry, Register
from lake.set_aside import SetAside, reader_version
from lake.snapshots import Proof, doubt, find_proof, is_snapshot
from lake.sniff import sniff
from lake.storage import Folder
from lake.walk import StoredFile

# Nearly always enough to know what a file is, by one request: bzip2 gives nothing before the end of a block, of up to 900 KB.
_HEAD_BYTES = 1024 * 1024
TRUSTED_BYTES = 64 * 1024 * 1024
"""Up to this size a file's content is compared with what was ingested; for larger ones size and time are proof enough."""


@dataclass(frozen=True)
class RawFile:
    """One content of one file; `path` is relative to the raw root, times are UTC.

    `event_from` says where the event time comes from, `note` what is unexpected about the file. `lacks` are the optional
    columns of its feed that the file does not have, None before it has been read. `marker`, `told_rows` and `erased`: see FileEntry.
    """

    path: str
    uri: str
    size: int
    modified_ns: int
    checksum: str
    event_at: str
    feed: str
    event_from: TimeSource = "path"
    note: str = ""
    lacks: tuple[str, ...] | None = None
    marker: str = ""
    told_rows: tuple[int, ...] = ()
    erased: int = 0

    def entry(self) -> FileEntry:
        """Return its entry in the register."""
        return FileEntry(
            path=self.path,
            feed=self.feed,
            checksum=self.checksum,
            event_at=self.event_at,
            event_from=self.event_from,
            uri=self.uri,
            size=self.size,
            modified_ns=self.modified_ns,
            lacks=self.lacks,
            marker=self.marker,
            told_rows=self.told_rows,
            erased=self.erased,
        )

    def refused(self, reason: str) -> SetAside:
        """Return the file as one whose content was read in vain; `reason` has nothing of its content."""
        return SetAside(
            self.path, self.uri, self.size, self.modified_ns, reason, checksum=self.checksum, reader=reader_version()
        )


@dataclass(frozen=True)
class Arrivals:
    """Files to ingest now, files left for the next run, files that cannot be ingested, and files ingested before.

    `hidden` counts files whose name or folder starts with a dot or an underscore. `folder` is where all of them are,
    `left_out` are the addresses of files of other days.
    """

    new: tuple[RawFile, ...]
    waiting: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    ingested: tuple[FileEntry, ...]
    folder: RawFolder
    left_out: frozenset[str] = frozenset()

    def after_reading(self, new: Iterable[RawFile], refused: Iterable[SetAside]) -> "Arrivals":
        """Return the arrivals with the files that could be read to their end, and those that could not, set aside."""
        return replace(self, new=tuple(new), set_aside=(*self.set_aside, *refused))

    @property
    def known(self) -> int:
        """Return how many files were ingested before."""
        return len(self.ingested)

    @property
    def hidden(self) -> int:
        """Return how many files are not looked at."""
        return self.folder.hidden

    def is_out_of_sight(self, file: SetAside) -> bool:
        """Return whether a file was not looked at: it is elsewhere, or of another day."""
        return file.uri in self.left_out or not self.folder.contains(file.uri)


def discover(
    raw: str,
    manifests: Manifests,
    day: date | None = None,
    *,
    at: datetime | None = None,
    verify: bool = False,
    judged: Iterable[SetAside] = (),
    s3: Any = None,
) -> Arrivals:
    """Compare the files below `raw` (a folder, an S3 prefix, or one file) with the register; return what arrived.

    A file is new when its content differs from the last content ingested of it. Files above `TRUSTED_BYTES` of a local
    folder whose size and time are unchanged count as unchanged, unless `verify` is on. Empty and unfinished files
    wait; one that cannot be ingested is set aside, and the others go on. `judged` are files that were set aside before:
    the same content is not read again. `day` leaves out what is of another day; `at` is the time of arrival, by default
    now; `s3` is the client for a place on S3. Raises RawPathError.
    """
    folder, now = list_raw(raw, s3), at or datetime.now(UTC)
    looked_at = [file for file in folder.files if day is None or _event_time(file, now).at.date() == day]
    refusals = {file: reason for file in looked_at if (reason := _refusal(file, now))}
    candidates = [file for file in looked_at if file not in refusals]
    unfinished = folder.root.still_being_written(candidates)
    ready = [file for file in candidates if file.size and file.name not in unfinished]
    look = _Look(folder, manifests.register(), now, verify, {file.uri: file for file in judged})
    found = [look.at(file) for file in ready]
    vanished = {file.name for file, result in zip(ready, found, strict=True) if result is None}
    passing = unfinished | vanished
    return Arrivals(
        new=_in_order([file for file in found if isinstance(file, RawFile)], look.register),
        waiting=tuple(file.name for file in candidates if not file.size or file.name in passing),
        set_aside=(
            *(_set_aside(folder.root, file, reason) for file, reason in refusals.items()),
            *(file for file in found if isinstance(file, SetAside)),
        ),
        ingested=tuple(file for file in found if isinstance(file, FileEntry)),
        folder=folder,
        left_out=frozenset(folder.root.uri(file.name) for file in set(folder.files) - set(looked_at)),
    )


def files_by_day(raw: str, s3: Any = None, at: datetime | None = None) -> dict[date, list[str]]:
    """Return the names of the files below `raw` that may be data by their day, the oldest first. Raises RawPathError."""
    days: dict[date, list[str]] = {}
    for file in list_raw(raw, s3).files:
        now = at or datetime.now(UTC)
        if not _refusal(file, now):
            days.setdefault(_event_time(file, now).at.date(), []).append(file.name)
    return dict(sorted(days.items()))


def unchanged_since(raw: str, files: Sequence[RawFile]) -> list[RawFile]:
    """Return the files that have not changed since `discover` listed them."""
    root, _ = open_raw(raw)
    return [file for file in files if _is_unchanged(root, file)]


def _is_unchanged(root: Folder, file: RawFile) -> bool:
    try:
        seen = root.stat(file.path)
        return seen is not None and _has_content(root, seen, file)
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class _Look:
    """What is known when a file is looked at."""

    folder: RawFolder
    register: Register
    now: datetime
    verify: bool
    judged: Mapping[str, SetAside]

    def at(self, file: StoredFile) -> FileEntry | RawFile | SetAside | None:
        """What a file is: ingested before, new, or set aside; None for one that has vanished since it was listed."""
        root = self.folder.root
        try:
            last = self.register.last(root.uri(file.name), file.name)
            if last and _has_content(root, file, last, verify=self.verify) and not self._is_proven_now(last, file.name):
                return replace(last, path=file.name, uri=root.uri(file.name))
            return self._judged(file) or self._read(file)
        except FileNotFoundError:
            return None
        except (OSError, UnreadableFileError) as error:
            return _set_aside(root, file, f"it cannot be read: {getattr(error, 'strerror', None) or error}")
        except LakeError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a content does to a parser, the other files go on)
            return _set_aside(
                root, file, f"it cannot be read ({type(error).__name__}). Check that it is CSV, JSON or Parquet."
            )

    def _is_proven_now(self, last: FileEntry, name: str) -> bool:
        """Whether a snapshot that was not known to be whole has got what shows it: it counts as delivered again."""
        return is_snapshot(name) and doubt([last]) != "" and find_proof(self.folder.root, name).is_news_to(last)

    def _judged(self, file: StoredFile) -> SetAside | None:
        """The verdict of this reader on the same content, if there is one: reading it again may take long, and changes nothing."""
        found = _set_aside(self.folder.root, file, "")
        verdict = self.judged.get(found.uri)
        if verdict is None or verdict.reader != reader_version():
            return None
        is_same = _has_content(self.folder.root, file, verdict, verify=self.verify)
        return replace(verdict, path=found.path, modified_ns=file.modified_ns) if is_same else None

    def _read(self, file: StoredFile) -> RawFile | SetAside:
        """A file by its beginning; one that is no data stays set aside until its content or the reader changes."""
        checksum = self.folder.root.checksum(file)  # first: a content that takes its place meanwhile is another one
        try:
            return _describe(self.folder, file, self.now, checksum)
        except LayoutError as error:
            found = _set_aside(self.folder.root, file, str(error))
            return replace(found, checksum=checksum, reader=reader_version())


def _has_content(root: Folder, file: StoredFile, last: FileEntry | RawFile | SetAside, *, verify: bool = False) -> bool:
    """Whether a file holds what was ingested or described: tools that keep times make these no proof."""
    if last.size not in (0, file.size):
        return False
    is_untouched = (file.size, file.modified_ns) == (last.size, last.modified_ns)
    if is_untouched and file.size > TRUSTED_BYTES and not file.etag and not verify:
        return True
    return root.checksum(file) == last.checksum


def _describe(folder: RawFolder, file: StoredFile, now: datetime, checksum: str) -> RawFile:
    root, event = folder.root, _event_time(file, now)
    head = root.read_bytes(file.name, _HEAD_BYTES)
    layout = sniff(_received(root, file, head), folder.feed(file.name), source_of(file.name))
    proof = find_proof(root, file.name) if is_snapshot(file.name) else Proof()
    return RawFile(
        path=file.name,
        uri=root.uri(file.name),
        size=file.size,
        modified_ns=file.modified_ns,
        checksum=checksum,
        event_at=event.at.isoformat(),
        feed=layout.feed,
        event_from=event.source,
        note=event.note,
        marker=proof.marker,
        told_rows=() if proof.rows is None else (proof.rows,),
    )


def _received(root: Folder, file: StoredFile, head: bytes) -> Iterator[bytes]:
    """The bytes of a file that begins with `head`; the others are fetched only when they are asked for."""
    yield from read_parts(io.BytesIO(head))
    if file.size > len(head):
        with root.open(file.name) as stream:
            stream.read(len(head))
            yield from read_parts(stream)


def _in_order(files: Iterable[RawFile], register: Register) -> tuple[RawFile, ...]:
    """New files; an old content under a new name counts from when it was delivered first, so that it overwrites nothing.

    Only where the new name says nothing else: a date in the path is somebody's word, the time of a copy is not.
    """
    first: dict[str, FileEntry] = {}
    ordered = []
    for file in sorted(files, key=lambda file: (datetime.fromisoformat(file.event_at), file.path)):
        earlier = register.first(file.checksum) or first.setdefault(file.checksum, file.entry())
        ordered.append(file if file.event_from == "path" else _as_first_delivered(file, earlier))
    return tuple(sorted(ordered, key=lambda file: file.path))


def _as_first_delivered(file: RawFile, first: FileEntry) -> RawFile:
    is_copy = first.path != file.path and first.uri != file.uri and first.event_at != ""
    if not is_copy or datetime.fromisoformat(first.event_at) >= datetime.fromisoformat(file.event_at):
        return file
    note = (
        f"has the content of {printable(first.path)}, so it counts from {first.event_at[:19]}, as that does. "
        "If it is a new delivery, put its date into its name"
    )
    return replace(file, event_at=first.event_at, event_from="first delivery", note=note)


def _set_aside(root: Folder, file: StoredFile, reason: str) -> SetAside:
    name = file.name if is_text(file.name) else printable(file.name)
    return SetAside(name, root.uri(name), file.size, file.modified_ns, reason)


def _refusal(file: StoredFile, now: datetime) -> str:
    """Why a file is not looked into, empty for one that may be data."""
    return refusal(file) or _event_time(file, now).fault


def _event_time(file: StoredFile, now: datetime) -> EventTime:
    return event_time(file.name, file.modified_ns, now)
