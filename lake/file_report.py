"""What the results of jobs say about files that were not ingested, are held, or are not as one would expect."""

import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lake.deliveries import Delivery
from lake.landing import Arrivals
from lake.names import printable
from lake.results import FileNote, HeldFile
from lake.set_aside import SetAside

_CORRECT = {
    False: ". Correct the file and deliver it again",
    True: ", and nobody is deleted. Deliver all of it, and what shows that it is whole,",
}
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
    return FileReport(set_aside, waiting, (*notes, *_known("set aside", set_aside)))


def held_files(held: Iterable[Delivery], run_id: str, command_options: str = "") -> tuple[HeldFile, ...]:
    """Return the deliveries that are held as facts of a JobResult; their commands have `command_options`."""
    return tuple(_held_file(delivery, command_options, is_new=delivery.run_id == run_id) for delivery in held)


def _held_file(delivery: Delivery, options: str, *, is_new: bool) -> HeldFile:
    file, summary = shlex.quote(printable(delivery.path)), delivery.sentence()
    retry = f"churn retry {file} {_limit_above(delivery)} {options}".rstrip()
    discard = f"churn discard {file} {options}".rstrip()
    return HeldFile(
        file=printable(delivery.path),
        feed=delivery.feed,
        batch=delivery.batch,
        rows=delivery.rows,
        quarantined=delivery.quarantined,
        reason=(
            f"{summary}. None of its rows is used{_CORRECT[bool(delivery.doubt)]} under the same name; "
            f"or take it as it is: {retry}; or drop it: {discard}"
        ),
        is_new=is_new,
        summary=summary,
        retry=retry,
        discard=discard,
    )


def held_notes(files: Sequence[HeldFile]) -> tuple[str, ...]:
    """Return the same in words."""
    new = [f"held: {file.file} of batch {file.batch}: {file.reason}" for file in files if file.is_new]
    return (*_first(new, "held as well"), *_known("held", files))


def _limit_above(delivery: Delivery) -> str:
    """The option with the share that lets a delivery pass, in whole percent."""
    if delivery.doubt:
        return f"--max-missing-share {_share_above(delivery.missing, delivery.known)}"
    return f"--max-quarantined-share {_share_above(delivery.quarantined, delivery.rows)}"


def _share_above(count: int, whole: int) -> str:
    return f"{math.ceil(100 * count / max(1, whole)) / 100:g}"


def _known(state: str, files: Sequence[FileNote | HeldFile]) -> tuple[str, ...]:
    old = sum(not file.is_new for file in files)
    return (
        (f"{state} before and not changed since: {old:,} {'file' if old == 1 else 'files'} (churn files)",)
        if old
        else ()
    )


def _first(notes: Sequence[str], others: str) -> list[str]:
    """The first notes of one kind, and a last one that counts the `others`; notes are read in any order."""
    more = len(notes) - _SHOWN
    return [*notes[:_SHOWN], f"{others}: {more:,} more (churn files)"] if more > 0 else list(notes)
