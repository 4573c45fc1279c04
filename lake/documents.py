"""JSON documents of one kind beside the tables: what a job writes for tasks, reports and the next run."""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from contract.errors import DamagedDocumentError
from lake.storage import Folder

Item = TypeVar("Item")
_SUFFIX = ".json"


def _as_is(content: dict[str, Any]) -> dict[str, Any]:
    return content


@lru_cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Kept: making one takes longer than reading a document."""
    return TypeAdapter(kind)


class Documents(Generic[Item]):
    """Documents of one dataclass, `<folder>/<name>.json`.

    `upgrade` turns the content of a document that an earlier release has written into today's.
    """

    def __init__(
        self, folder: Folder, kind: type[Item], upgrade: Callable[[dict[str, Any]], dict[str, Any]] = _as_is
    ) -> None:
        self.folder = folder
        self._adapter: TypeAdapter[Item] = _adapter(kind)  # type: ignore[arg-type]
        self._upgrade = upgrade

    def write(self, name: str, item: Item) -> None:
        """Write or replace a document. Raises LakeError."""
        self.folder.write_json(name + _SUFFIX, asdict(item))  # type: ignore[call-overload]

    def read(self, name: str) -> Item:
        """Return a document. Raises FileNotFoundError; DamagedDocumentError names one that is damaged or of another release."""
        content = self.folder.read_json(name + _SUFFIX)
        try:
            return self._adapter.validate_python(self._upgrade(content))
        except (ValidationError, KeyError, TypeError, AttributeError) as error:
            place = self.folder.uri(name + _SUFFIX)
            raise DamagedDocumentError(
                f"{place} was written by another version. Remove it and run again: churn run"
            ) from error

    def exists(self, name: str) -> bool:
        """Return whether there is a document of that name."""
        return self.folder.exists(name + _SUFFIX)

    def names(self, start_after: str = "") -> list[str]:
        """Return the names of the documents right below the folder that come after `start_after`, sorted."""
        found = self.folder.names(start_after + _SUFFIX if start_after else "")
        return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))

    def delete(self, name: str) -> None:
        """Remove a document; no error when there is none."""
        self.folder.delete(name + _SUFFIX)
