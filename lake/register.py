"""The register of ingested files: which content of which file is in bronze."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class FileEntry:
    """One content of one file in one batch; `rows` is what bronze holds of it, None where that was not counted.

    `path` is below the raw root. `uri`, `size` (bytes) and `modified_ns` are empty or 0 where the entry was rebuilt from
    bronze, which does not have them. `event_at` is the event time of its records without one, `event_from` where
    that comes from (see `lake.event_time`). `lacks` are the optional columns of its feed that the file does not have,
    None where that is not known. Of snapshots, `marker` is the file beside it that says that it is whole, `told_rows` are the
    numbers of rows that this and its last line tell; `erased` records of it are in bronze no more, or never were.
    """

    path: str
    feed: str
    checksum: str = ""
    event_at: str = ""
    event_from: str = ""
    uri: str = ""
    size: int = 0
    modified_ns: int = 0
    rows: int | None = None
    batch: int = 0
    lacks: tuple[str, ...] | None = None
    marker: str = ""
    told_rows: tuple[int, ...] = ()
    erased: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """Return its identity in the lake: batch and path."""
        return self.batch, self.path


class Register:
    """The last entry of every file and the first of every content, from the `entries` of all batches in any order."""

    def __init__(self, entries: Iterable[FileEntry]) -> None:
        self._by_address: dict[str, FileEntry] = {}
        self._by_path: dict[str, FileEntry] = {}
        self._by_content: dict[str, FileEntry] = {}
        for entry in sorted(entries, key=lambda entry: entry.key):
            self._by_address[entry.uri or entry.path] = entry
            self._by_path[entry.path] = entry
            self._by_content.setdefault(entry.checksum, entry)

    def __iter__(self) -> Iterator[FileEntry]:
        """Yield the last entry of every file."""
        return iter(self._by_address.values())

    def last(self, uri: str, path: str) -> FileEntry | None:
        """Return the last entry of a file, None for one that was never ingested.

        A file is its address. One whose address is not known is the one with the same path: the raw folder has been
        moved, or the entry was rebuilt from bronze.
        """
        same_address, same_path = self._by_address.get(uri), self._by_path.get(path)
        if same_address is None or same_path is None:
            return same_address or same_path
        is_rebuilt_later = not same_path.uri and same_path.batch > same_address.batch
        return same_path if is_rebuilt_later else same_address

    def delivered_again(self, key: tuple[int, str]) -> bool:
        """Return whether a newer content of the same file has come since the entry with that `key`.

        Files at two addresses with one path below their raw folders are two files.
        """
        batch, path = key
        newest = self._by_path.get(path)
        if newest is None or newest.batch <= batch:
            return False
        return not any(entry.key == key and entry.uri for entry in self)

    def shared_paths(self) -> set[str]:
        """Return the paths that several files have, each below a raw folder of its own."""
        return {path for path, files in Counter(entry.path for entry in self).items() if files > 1}

    def first(self, checksum: str) -> FileEntry | None:
        """Return the entry with which a content was first ingested, under whatever name; None for new content."""
        return self._by_content.get(checksum)

    def condensed(self) -> tuple[FileEntry, ...]:
        """Return the entries that make the same register as all of them, oldest first."""
        return tuple(sorted({*self._by_content.values(), *self._by_address.values()}, key=lambda entry: entry.key))
