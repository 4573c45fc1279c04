"""Numbered ingest batches: which files each one brought, and whether it is committed.

A batch is written down before any of its rows is committed and marked afterwards.
A batch without a mark was interrupted: `recover` cuts it to the feeds whose commit
made it, and discovery finds the other files again.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from transforms.runtime.storage import Folder

FileEntry = dict[str, Any]
_READERS = 16


class Manifests:
    """The batches of one lake, in `<lake>/_control/batches`."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_control/batches"

    def numbers(self) -> list[int]:
        """Numbers of all batches, rising."""
        return sorted(int(name.removesuffix(".json")) for name in self.folder.names() if name.endswith(".json"))

    def register(self) -> dict[str, FileEntry]:
        """The last committed content of every file, by its path below the raw root."""
        batches = self._read_all(self.numbers())
        return {file["path"]: file for batch in batches if batch["committed"] for file in batch["files"]}

    def last(self) -> dict[str, Any] | None:
        """The newest batch, committed or not."""
        numbers = self.numbers()
        return self._read(numbers[-1]) if numbers else None

    def committed_number(self) -> int:
        """Number of the newest committed batch, 0 before the first."""
        last = self.last()
        if last is None:
            return 0
        return int(last["batch"]) if last["committed"] else int(last["batch"]) - 1

    def between(self, done: int, until: int) -> list[dict[str, Any]]:
        """The committed batches with numbers `done` < n <= `until`."""
        return self._read_all(number for number in self.numbers() if done < number <= until)

    def open(self, files: Sequence[FileEntry], started_at: datetime) -> int:
        """Write down the next batch before any of its rows is committed; its number."""
        number = self.committed_number() + 1
        self._write(number, files, started_at.isoformat(), committed=False)
        return number

    def commit(self, number: int) -> None:
        """Mark a batch whose rows are all committed."""
        batch = self._read(number)
        self._write(number, batch["files"], batch["started_at"], committed=True)

    def discard(self, number: int) -> None:
        """Forget a batch of which no row was committed."""
        self.folder.delete(_name(number))

    def recover(self, is_committed: Callable[[str, int], bool]) -> None:
        """Settle an interrupted batch, asking which feeds' rows are in bronze."""
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
        """Side by side: on S3 each takes a round trip."""
        with ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(self._read, numbers))

    def _write(self, number: int, files: Sequence[FileEntry], started_at: str, *, committed: bool) -> None:
        content = {"batch": number, "committed": committed, "started_at": started_at, "files": list(files)}
        self.folder.write_json(_name(number), content)


def _name(number: int) -> str:
    return f"{number:08d}.json"
