"""Which files that are held or set aside the operators have been notified of: `<lake>/_control/file_notices.json`."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from contract.errors import DamagedDocumentError
from lake.documents import Documents
from lake.storage import Folder

_NAME = "file_notices"


@dataclass(frozen=True)
class _Notified:
    notices: tuple[str, ...] = ()


class FileNotices:
    """The notices of one lake; a notice is one line about one content of a file."""

    def __init__(self, lake: Folder) -> None:
        self._documents = Documents(lake / "_control", _Notified)

    def new(self, notices: Mapping[str, str]) -> list[str]:
        """Return those of the current notices, by key, that nobody has been notified of."""
        known = self._notified()
        return [text for key, text in notices.items() if key not in known]

    def record(self, notices: Mapping[str, str]) -> None:
        """Record that the operators know the current notices; those that are no longer current are forgotten."""
        if set(notices) != self._notified():
            self._documents.write(_NAME, _Notified(tuple(sorted(notices))))

    def _notified(self) -> set[str]:
        """A damaged record is empty: a message twice is better than none."""
        with suppress(FileNotFoundError, DamagedDocumentError):
            return set(self._documents.read(_NAME).notices)
        return set()
