"""That silver and gold are to be rebuilt from bronze by the next run: `<lake>/_control/rebuild.json`."""

from dataclasses import dataclass

from lake.documents import Documents
from lake.storage import Folder

_NAME = "rebuild"


@dataclass(frozen=True)
class Rebuild:
    """Why: the damaged tables, by name."""

    tables: tuple[str, ...]


class RebuildRequest:
    """The request of one lake, from the repair of a table until gold is complete again."""

    def __init__(self, lake: Folder) -> None:
        self._requests = Documents(lake / "_control", Rebuild)

    def is_open(self) -> bool:
        """Return whether a rebuild has been asked for and is not complete."""
        return self._requests.exists(_NAME)

    def ask(self, tables: tuple[str, ...]) -> None:
        """Ask for a rebuild because of these tables. Raises LakeError."""
        self._requests.write(_NAME, Rebuild(tables))

    def close(self) -> None:
        """Note that silver and gold are rebuilt."""
        self._requests.delete(_NAME)
