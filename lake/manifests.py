"""Numbered ingest batches: the files of each one, and what became of it.

A batch is recorded before any of its rows is committed and marked as committed afterwards. One that is still open
was interrupted: `recover` keeps the feeds whose rows were committed, and discovery finds the other files again.
A number is never given twice: what was discarded keeps its manifest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from contract.errors import DamagedDocumentError, LakeError
from contract.feeds import FEEDS, column_for_header
from lake.documents import Documents
from lake.register import FileEntry, Register
from lake.storage import Folder

Item = TypeVar("Item")
BatchState = Literal["open", "committed", "discarded"]

CHECKPOINT_INTERVAL = 20
"""After how many batches the register is written as a whole, so that no more manifests than that are read."""

_READERS = 16
_REMEDY = "Rebuild it from bronze: churn repair"


@dataclass(frozen=True)
class Batch:
    """One ingest batch; a discarded one was stopped or interrupted before bronze had a row of it.

    `is_rebuilt` says that its manifest was lost and has been rebuilt from bronze.
    `has_null_for_blank` says that bronze has null where a file of the batch is blank, as release 0.1.0 wrote it.
    """

    number: int
    state: BatchState
    started_at: str = ""
    files: tuple[FileEntry, ...] = ()
    is_rebuilt: bool = False
    has_null_for_blank: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """The register as it was after batch `number`."""

    number: int
    entries: tuple[FileEntry, ...] = ()


class Manifests:
    """The batches of one lake, in `<lake>/_control/batches`, and checkpoints of its register, in `<lake>/_control/register`."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_control/batches"
        self._batches = Documents(self.folder, Batch, _from_first_release)
        self._checkpoints = Documents(lake / "_control/register", Checkpoint)

    def numbers(self, after: int = 0) -> list[int]:
        """Return the numbers greater than `after` of all batches, ascending."""
        return _numbers(self._batches.names(_name(after) if after > 0 else ""))

    def register(self) -> Register:
        """Return the register of ingested files. Raises DamagedDocumentError."""
        checkpoint = self._checkpoint()
        return Register([*checkpoint.entries, *_entries(self._read_all(self.numbers(checkpoint.number)))])

    def last(self) -> Batch | None:
        """Return the newest batch, whatever became of it, None before the first."""
        numbers = self._newest_numbers()
        return self._read(numbers[-1]) if numbers else None

    def committed_number(self) -> int:
        """Return the number of the newest committed batch, 0 before the first."""
        newest = self._newest_numbers()
        found = self._last_committed(newest)
        return found if found or not newest else self._last_committed(self.numbers())

    def between(self, after: int, until: int) -> list[Batch]:
        """Return the committed batches with numbers `after` < n <= `until`.

        Raises DamagedDocumentError where a manifest is missing or damaged: its rows would be left out in silence.
        """
        numbers = _until(self.numbers(after), until)
        missing = sorted(set(range(max(after, 0) + 1, max(numbers, default=0))) - set(numbers))
        if missing:
            raise DamagedDocumentError(f"{self._place(missing[0])} is missing. {_REMEDY}")
        return [batch for batch in self._read_all(numbers) if batch.state == "committed"]

    def history(self, newest: int | None = None) -> list[Batch]:
        """Return every batch, or the `newest` ones, oldest first."""
        numbers = self.numbers()
        return self._read_all(numbers if newest is None else numbers[-newest:])

    def open(self, files: Sequence[FileEntry], started_at: datetime, watermark: int = 0) -> int:
        """Record the next batch before any of its rows is committed and return its number.

        It is greater than that of any batch, and than `watermark`, the greatest number in bronze: Delta leaves out an
        append whose number it knows.
        """
        number = max([*self._newest_numbers(), self._checkpoint_number(), watermark]) + 1
        entries = tuple(replace(file, batch=number) for file in files)
        self.write(Batch(number, "open", started_at.isoformat(), entries))
        return number

    def commit(self, number: int, rows: Mapping[str, int] | None = None) -> None:
        """Mark a batch whose rows are all committed; `rows` counts them by path.

        Raises LakeError when another run has found the batch open and taken it over.
        """
        batch = self._read(number)
        if batch.state != "open":
            raise LakeError(
                f"batch {number} is {batch.state} already: another run has taken it over. Check that only one "
                "runs at a time, and run again: what is missing is ingested then"
            )
        counted = batch.files if rows is None else tuple(replace(f, rows=rows.get(f.path, 0)) for f in batch.files)
        self.write(replace(batch, state="committed", files=counted))
        self._write_checkpoint_if_due(number)

    def discard(self, number: int) -> None:
        """Mark a batch that is not to be used. Its files are not ingested; its number stays taken."""
        self.write(replace(self._read(number), state="discarded"))
        self._write_checkpoint_if_due(number)

    def recover(self, is_committed: Callable[[str, int], bool]) -> None:
        """Commit or discard an interrupted batch; `is_committed` says whether the rows of a feed are in bronze."""
        batch = self.last()
        if batch is None or batch.state != "open":
            return
        feeds = {feed for feed in {file.feed for file in batch.files} if is_committed(feed, batch.number)}
        if feeds:
            kept = tuple(file for file in batch.files if file.feed in feeds)
            self.write(replace(batch, state="committed", files=kept))
        else:
            self.discard(batch.number)

    def lost(self, watermark: int, *, since_checkpoint: bool = True) -> list[int]:
        """Return the numbers up to `watermark`, or the newest batch, whose manifest is missing or damaged.

        Only those after the checkpoint, which the register needs; with `since_checkpoint` off, all.
        """
        after = self._checkpoint().number if since_checkpoint else 0
        numbers = self.numbers(after)
        readable = {
            number for number, is_readable in zip(numbers, _map(self._is_readable, numbers), strict=True) if is_readable
        }
        return [number for number in range(after + 1, max([*numbers, watermark]) + 1) if number not in readable]

    def write(self, batch: Batch) -> None:
        """Write or replace a manifest. Raises LakeError."""
        self._batches.write(_name(batch.number), batch)

    def write_checkpoint(self, number: int) -> None:
        """Write the register as it was after batch `number`, from every manifest, and remove other checkpoints."""
        self._replace_checkpoints(number, Register(_entries(self._read_all(_until(self.numbers(), number)))))

    def checkpoint_is_right(self) -> bool:
        """Return whether the newest checkpoint says what the manifests say; it does where there is none."""
        names = self._checkpoints.names()
        if not names:
            return True
        with suppress(DamagedDocumentError):
            checkpoint = self._checkpoints.read(names[-1])
            entries = _entries(self._read_all(_until(self.numbers(), checkpoint.number)))
            return checkpoint.entries == Register(entries).condensed()
        return False

    def _write_checkpoint_if_due(self, number: int) -> None:
        if number - self._checkpoint().number < CHECKPOINT_INTERVAL or self.lost(number):
            return
        self._replace_checkpoints(number, self.register())

    def _replace_checkpoints(self, number: int, register: Register) -> None:
        self._checkpoints.write(_name(number), Checkpoint(number, register.condensed()))
        for name in self._checkpoints.names():
            if name != _name(number):
                self._checkpoints.delete(name)

    def _checkpoint(self) -> Checkpoint:
        """The newest checkpoint that can be read; the manifests say the same, so a damaged one is no loss."""
        for name in reversed(self._checkpoints.names()):
            with suppress(DamagedDocumentError):
                return self._checkpoints.read(name)
        return Checkpoint(0)

    def _checkpoint_number(self) -> int:
        return max(_numbers(self._checkpoints.names()), default=0)

    def _newest_numbers(self) -> list[int]:
        """The numbers of the batches from the checkpoint's on."""
        return self.numbers(self._checkpoint_number() - 1)

    def _last_committed(self, numbers: Sequence[int]) -> int:
        return next((number for number in reversed(numbers) if self._read(number).state == "committed"), 0)

    def _is_readable(self, number: int) -> bool:
        try:
            self._read(number)
        except DamagedDocumentError:
            return False
        return True

    def _place(self, number: int) -> str:
        return self.folder.uri(f"{_name(number)}.json")

    def _read(self, number: int) -> Batch:
        damaged = f"{self._place(number)} is damaged. {_REMEDY}"
        try:
            batch = self._batches.read(_name(number))
        except DamagedDocumentError as error:
            raise DamagedDocumentError(damaged) from error
        if batch.number != number:  # a copy of another manifest
            raise DamagedDocumentError(damaged)
        return batch

    def _read_all(self, numbers: Iterable[int]) -> list[Batch]:
        return _map(self._read, numbers)


def _map(read: Callable[[int], Item], numbers: Iterable[int]) -> list[Item]:
    """Read concurrently: on S3 each takes a round trip."""
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(read, numbers))


def _entries(batches: Iterable[Batch]) -> list[FileEntry]:
    return [file for batch in batches if batch.state == "committed" for file in batch.files]


def _until(numbers: Iterable[int], last: int) -> list[int]:
    return [number for number in numbers if number <= last]


def _name(number: int) -> str:
    return f"{number:08d}"


def _numbers(names: Iterable[str]) -> list[int]:
    return sorted(int(name) for name in names if name.isdecimal())


def _from_first_release(content: dict[str, Any]) -> dict[str, Any]:
    """Turn a manifest of release 0.1.0, which was committed or open, into today's."""
    if "number" in content:
        return content
    number = content["batch"]
    files = [{**file, "batch": number, "lacks": _lacking(file)} for file in content["files"]]
    state = "committed" if content["committed"] else "open"
    return {**content, "number": number, "state": state, "files": files, "has_null_for_blank": True}


def _lacking(file: dict[str, Any]) -> list[str]:
    """The optional columns that a file of release 0.1.0 does not have."""
    known = {column_for_header(header) for header in file["headers"]}
    return [column for column in FEEDS[file["feed"]].optional if column not in known]
