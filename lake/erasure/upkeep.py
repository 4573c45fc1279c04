"""That the warehouse is to be vacuumed after an erasure: `<lake>/_control/erasure/warehouse.json`."""

from dataclasses import dataclass

from lake.documents import Documents
from lake.erasure.request import FOLDER
from lake.storage import Folder

_NAME = "warehouse"


@dataclass(frozen=True)
class _Upkeep:
    is_due: bool


class WarehouseUpkeep:
    """What is due in the warehouse of one lake, from an erasure until the next load is complete."""

    def __init__(self, lake: Folder) -> None:
        self._documents = Documents(lake / FOLDER, _Upkeep)

    def ask(self) -> None:
        """Note that it is due. Raises LakeError."""
        self._documents.write(_NAME, _Upkeep(is_due=True))

    def is_due(self) -> bool:
        """Return whether it is due. Raises DamagedDocumentError."""
        return self._documents.exists(_NAME) and self._documents.read(_NAME).is_due

    def close(self) -> None:
        """Note that it is done. Raises LakeError."""
        self._documents.write(_NAME, _Upkeep(is_due=False))
