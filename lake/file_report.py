"""What the results of the bronze job say about files that were not ingested, or not as one would expect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lake.landing import Arrivals
from lake.names import printable
from lake.results import FileNote
from lake.set_aside import SetAside

_SHOWN = 20
"""How many files of one kind a note names; `churn files` names all."""


@dataclass(frozen=True)
class FileReport:
    """Typed facts about files, and the same in words."""

    set_aside: tuple[FileNote, ...]
    waiting: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Return the fields of a JobResult."""
        return {"set_aside": self.set_aside, "waiting": self.waiting}


def report(arrivals: Arrivals, recorded: Iterable[SetAside], run_id: str, repaired: Sequence[str] = ()) -> FileReport:
    """Return what is to be said; `recorded` is the list of files set aside, with the runs that found them first."""
    found = {file.uri for file in arrivals.set_aside}
    set_aside = tuple(
        FileNote(printable(file.path), file.reason, file.run_id == run_id) for file in recorded if file.uri in found
    )
    waiting = tuple(printable(name) for name in arrivals.waiting)
    notes = (
        *repaired,
        *_first([f"left for the next run, empty or still being written: {name}" for name in waiting], "left as well"),
        *_first([f"set aside: {file.file}: {file.reason}" for file in set_aside if file.is_new], "set aside as well"),
        *_first(
            [f"{printable(file.path)}: {file.note}" for file in arrivals.new if file.note], "read with a note as well"
        ),
    )
    old = sum(not file.is_new for file in set_aside)
    if old:
        notes = (
            *notes,
            f"set aside before and not changed since: {old:,} {'file' if old == 1 else 'files'} (churn files)",
        )
    return FileReport(set_aside, waiting, notes)


def _first(notes: Sequence[str], others: str) -> list[str]:
    """The first notes of one kind, and a last one that counts the `others`; notes are read in any order."""
    more = len(notes) - _SHOWN
    return [*notes[:_SHOWN], f"{others}: {more:,} more (churn files)"] if more > 0 else list(notes)
