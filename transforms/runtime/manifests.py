"""Numbered ingest batches: which files each one brought, and whether it is committed.

A batch is written down before any of its rows is committed and marked afterwards.
A batch without a mark was interrupted: `recover` cuts it to the feeds whose commit
made it, and discovery finds the other files again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from transforms.runtime.storage import read_json, write_json

FileEntry = dict[str, Any]


class Manifests:
    """The batches of one lake, in `<lake>/_control/batches`."""

    def __init__(self, lake: Path) -> None:
        self.folder = lake / "_control" / "batches"

    def numbers(self) -> list[int]:
        """Numbers of all batches, rising."""
        return sorted(int(path.stem) for path in self.folder.glob("*.json")) if self.folder.exists() else []

    def register(self) -> dict[str, FileEntry]:
        """The last committed content of every file, by its path below the raw root."""
        batches = (read_json(self._path(number)) for number in self.numbers())
        return {file["path"]: file for batch in batches if batch["committed"] for file in batch["files"]}

    def last(self) -> dict[str, Any] | None:
        """The newest batch, committed or not."""
        numbers = self.numbers()
        return read_json(self._path(numbers[-1])) if numbers else None

    def committed_number(self) -> int:
        """Number of the newest committed batch, 0 before the first."""
        last = self.last()
        if last is None:
            return 0
        return int(last["batch"]) if last["committed"] else int(last["batch"]) - 1

    def between(self, done: int, until: int) -> list[dict[str, Any]]:
        """The committed batches with numbers `done` < n <= `until`."""
        return [read_json(self._path(number)) for number in self.numbers() if done < number <= until]

    def open(self, files: Sequence[FileEntry], started_at: datetime) -> int:
        """Write down the next batch before any of its rows is committed; its number."""
        number = self.committed_number() + 1
        self._write(number, files, started_at.isoformat(), committed=False)
        return number

    def commit(self, number: int) -> None:
        """Mark a batch whose rows are all committed."""
        batch = read_json(self._path(number))
        self._write(number, batch["files"], batch["started_at"], committed=True)

    def discard(self, number: int) -> None:
        """Forget a batch of which no row was committed."""
        self._path(number).unlink(missing_ok=True)

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

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.json"

    def _write(self, number: int, files: Sequence[FileEntry], started_at: str, *, committed: bool) -> None:
        content = {"batch": number, "committed": committed, "started_at": started_at, "files": list(files)}
        write_json(self._path(number), content)
