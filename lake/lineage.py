"""Lineage events as they were made: a run's in `<lake>/_lineage/<run id>.ndjson`, one event a line."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from contract.errors import DamagedDocumentError
from lake.documents import Documents
from lake.storage import Folder

_SUFFIX, _SENT = ".ndjson", "_sent"


@dataclass(frozen=True)
class _Sent:
    """The newest run whose events have all been sent, and so have those of the runs before it."""

    run_id: str = ""


class LineageEvents:
    """The lineage events of one lake, and which of them have been sent."""

    def __init__(self, lake: Folder) -> None:
        self._folder = lake / "_lineage"
        self._sent = Documents(self._folder, _Sent)

    def write(self, run_id: str, events: Sequence[str]) -> str:
        """Write the events of a run, each a line of JSON, and return their place. Raises LakeError."""
        name = run_id + _SUFFIX
        self._folder.write_text(name, "".join(f"{event}\n" for event in events))
        return self._folder.uri(name)

    def read(self, run_id: str) -> list[str]:
        """Return the events of a run in their order. Raises FileNotFoundError."""
        return self._folder.read_bytes(run_id + _SUFFIX).decode().splitlines()

    def unsent(self) -> list[str]:
        """Return the runs whose events have not been sent, oldest first (ids sort by time)."""
        names = self._folder.names(start_after=self._newest_sent() + _SUFFIX)
        return [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]

    def mark_sent(self, run_id: str) -> None:
        """Record that the events of this run, and of all before it, have been sent. Raises LakeError."""
        self._sent.write(_SENT, _Sent(run_id))

    def _newest_sent(self) -> str:
        """A damaged record is empty: an event twice changes nothing for its receiver."""
        with suppress(FileNotFoundError, DamagedDocumentError):
            return self._sent.read(_SENT).run_id
        return ""
