"""That silver and gold are to be rebuilt from bronze by the next run: `<lake>/_control/rebuild.json`."""

from dataclasses import dataclass

from contract.errors import DamagedDocumentError
from lake.documents import Documents
from lake.storage import Folder

_NAME = "rebuild"


@dataclass(frozen=True)
class Rebuild:
    """Why: the damaged tables, by name; none where operators have decided on files or asked for a full refresh."""

    tables: tuple[str, ...] = ()


class RebuildRequest:
    """The request of one lake, from a full refresh, the repair of a table or a decision on files until gold is complete."""

    def __init__(self, lake: Folder) -> None:
        self._requests = Documents(lake / "_control", Rebuild)

    def read(self) -> Rebuild | None:
        """Return what has been asked for and is not complete, None for nothing. A damaged request asks for the most."""
        try:
            return self._requests.read(_NAME)
        except FileNotFoundError:
            return None
        except DamagedDocumentError:
            return Rebuild(("a table that is not known",))

    def ask(self, tables: tuple[str, ...] = ()) -> None:
        """Ask for a rebuild, also because of these damaged tables. Raises LakeError."""
        asked = self.read()
        known = asked.tables if asked else ()
        self._requests.write(_NAME, Rebuild(tuple(dict.fromkeys((*known, *tables)))))

    def close(self) -> None:
        """Note that silver and gold are rebuilt."""
        self._requests.delete(_NAME)
