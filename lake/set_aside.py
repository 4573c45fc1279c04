"""Files below the raw folder that cannot be ingested, in `<lake>/_control/set_aside.json`, each with its reason.

A file leaves the list by itself: when it has been removed, replaced, or can be read after all.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from contract.columns import COLUMNS, OTHER_ALIASES
from contract.errors import DamagedDocumentError
from contract.feeds import FEEDS
from contract.metrics import fingerprint
from contract.sources import SOURCES
from lake.documents import Documents
from lake.names import printable
from lake.storage import Folder

_NAME = "set_aside"
# Raise it when files that could not be read to their end may be readable now: after a change of sniffing or parsing.
_READER = 3


@dataclass(frozen=True)
class SetAside:
    """One content of a file that cannot be ingested; `reason` says why and what to do, without any of its content.

    `reader` is the version that has read the content in vain, empty where it was not read: for its name or time, or without
    permission. Those are looked at in every run, the others when their content or the reader has changed. `since` and `run_id` say when it was found first, empty until that is recorded.
    """

    path: str
    uri: str
    size: int
    modified_ns: int
    reason: str
    checksum: str = ""
    reader: str = ""
    since: str = ""
    run_id: str = ""

    def is_named(self, names: Collection[str]) -> bool:
        """Return whether the file is among `names`: paths, as printed or not, or addresses."""
        return not {self.path, printable(self.path), self.uri}.isdisjoint(names)

    def is_same(self, other: "SetAside") -> bool:
        """Return whether both are about the same content of the same file, for the same reason."""
        return replace(self, since="", run_id="") == replace(other, since="", run_id="")


@dataclass(frozen=True)
class SetAsideList:
    """All files that are set aside."""

    files: tuple[SetAside, ...] = ()


class SetAsideFiles:
    """The files of one lake that are set aside."""

    def __init__(self, lake: Folder) -> None:
        self._documents = Documents(lake / "_control", SetAsideList)

    def read(self) -> tuple[SetAside, ...]:
        """Return the list. A damaged one is empty: every file is found again, and named as new once more."""
        with suppress(FileNotFoundError, DamagedDocumentError):
            return self._documents.read(_NAME).files
        return ()

    def write(self, files: Sequence[SetAside]) -> None:
        """Replace the list. Raises LakeError."""
        self._documents.write(_NAME, SetAsideList(tuple(files)))


def updated(
    before: Iterable[SetAside],
    found: Iterable[SetAside],
    *,
    is_out_of_sight: Callable[[SetAside], bool],
    at: datetime,
    run_id: str,
) -> tuple[SetAside, ...]:
    """Return the list after a run that has `found` files; what it did not look at stays on it."""
    known = {file.uri: file for file in before}
    kept = {uri: file for uri, file in known.items() if is_out_of_sight(file)}
    for file in found:
        last = known.get(file.uri)
        kept[file.uri] = last if last and file.is_same(last) else replace(file, since=at.isoformat(), run_id=run_id)
    return tuple(sorted(kept.values(), key=lambda file: (file.path, file.uri)))


def reader_version() -> str:
    """Return what changes when a file that could not be read may be readable now, also with a new column or alias."""
    return f"{_READER}-{fingerprint(repr((COLUMNS, OTHER_ALIASES, FEEDS, SOURCES)))}"
