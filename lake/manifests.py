"""Numbered ingest batches: the files of each one, and whether it is committed.

A batch is recorded before any of its rows is committed and marked as committed afterwards.
A batch without the mark was interrupted: `recover` keeps the feeds whose rows were
committed, and discovery finds the other files again.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from lake.storage import Folder

FileEntry = dict[str, Any]
_READERS = 16


class Manifests:
    """The batches of one lake, in `<lake>/_control/batches`."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_control/batches"

    def numbers(self) -> list[int]:
        """Return the numbers of all batches, ascending."""
        return sorted(int(name.removesuffix(".json")) for name in self.folder.names() if name.endswith(".json"))

    def register(self) -> dict[str, FileEntry]:
        """Return the last committed entry of every file, by its path below the raw root."""
        batches = self._read_all(self.numbers())
        return {file["path"]: file for batch in batches if batch["committed"] for file in batch["files"]}

    def last(self) -> dict[str, Any] | None:
        """Return the newest batch, committed or not, None before the first."""
        numbers = self.numbers()
        return self._read(numbers[-1]) if numbers else None

    def committed_number(self) -> int:
        """Return the number of the newest committed batch, 0 before the first."""
        last = self.last()
        if last is None:
            return 0
        return int(last["batch"]) if last["committed"] else int(last["batch"]) - 1

    def between(self, after: int, until: int) -> list[dict[str, Any]]:
        """Return the committed batches with numbers `after` < n <= `until`."""
        return self._read_all(number for number in self.numbers() if after < number <= until)

    def open(self, files: Sequence[FileEntry], started_at: datetime) -> int:
        """Record the next batch before any of its rows is committed and return its number."""
        number = self.committed_number() + 1
        self._write(number, files, started_at.isoformat(), committed=False)
        return number

    def commit(self, number: int) -> None:
        """Mark a batch whose rows are all committed."""
        batch = self._read(number)
        self._write(number, batch["files"], batch["started_at"], committed=True)

    def discard(self, number: int) -> None:
        """Remove a batch of which no row was committed."""
        self.folder.delete(_name(number))

    def recover(self, is_committed: Callable[[str, int], bool]) -> None:
        """Commit or discard an interrupted batch; `is_committed` says whether the rows of a feed are in bronze."""
        last = self.last()
        if last is None or last["committed"]:
            return
        number = int(last["batch"])
        feeds = {feed for feed in {file["feed"] for file in last["files"]} if is_committed(feed, number)}
        if feeds:
            kept = [file for file in last["files"] if file["feed"] in feeds]
            self._write(number, kept, last["started_at"], committed=True)
        else:
            self.discard(number)

    def _read(self, number: int) -> dict[str, Any]:
        return dict(self.folder.read_json(_name(number)))

    def _read_all(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """Read concurrently: on S3 each takes a round trip."""
        with ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(self._read, numbers))

    def _write(self, number: int, files: Sequence[FileEntry], started_at: str, *, committed: bool) -> None:
        content = {"batch": number, "committed": committed, "started_at": started_at, "files": list(files)}
        self.folder.write_json(_name(number), content)


def _name(number: int) -> str:
    return f"{number:08d}.json"
