"""Who is to be erased by the next run: `<lake>/_control/erasure/request.json`, which has the ids until that is done."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from contract.errors import DamagedDocumentError
from lake.documents import Documents
from lake.erasure.ids import CustomerIds
from lake.erasure.secrecy import readable_by_owner
from lake.storage import Folder

FOLDER = "_control/erasure"
REQUEST = f"{FOLDER}/request.json"
_NAME = "request"


@dataclass(frozen=True)
class _Request:
    """`number` is another one with each change."""

    number: str
    customer_ids: tuple[str, ...]


@dataclass(frozen=True)
class Requested:
    """Who is to be erased; `number` tells the request from later ones."""

    number: str
    ids: CustomerIds


class ErasureRequest:
    """The request of one lake. It is no argument of a job or flow: those are kept by who runs them."""

    def __init__(self, lake: Folder) -> None:
        self._folder = lake / FOLDER
        self._documents = Documents(self._folder, _Request)

    def exists(self) -> bool:
        """Return whether customers are to be erased."""
        return self._documents.exists(_NAME)

    def read(self) -> Requested:
        """Return who is to be erased, nobody where there is no request.

        Raises DamagedDocumentError, LakeError where it may not be read.
        """
        found = self._read()
        return Requested(found.number, CustomerIds.of(found.customer_ids))

    def add(self, ids: Iterable[str]) -> int:
        """Ask for the erasure of customers, beside those of an open request; return how many these are. Raises LakeError."""
        wanted = CustomerIds.of(ids)
        self._write(wanted.ids | self.read().ids.ids)
        return len(wanted)

    def withdraw(self, ids: Iterable[str]) -> int:
        """Take customers out of an open request and return how many of them it had. Raises LakeError."""
        asked = self.read().ids.ids
        withdrawn = asked & CustomerIds.of(ids).ids
        if withdrawn == asked:
            self._documents.delete(_NAME)
        elif withdrawn:
            self._write(asked - withdrawn)
        return len(withdrawn)

    def _write(self, ids: Iterable[str]) -> None:
        request = {"number": uuid4().hex, "customer_ids": sorted(ids)}
        self._folder.write_secret(f"{_NAME}.json", json.dumps(request))

    def close(self, number: str) -> None:
        """Remove the request with this number: it is fulfilled. A later one stays."""
        if number and self._read().number == number:
            self._documents.delete(_NAME)

    def _read(self) -> _Request:
        try:
            with readable_by_owner(self._folder.uri(f"{_NAME}.json")):
                return self._documents.read(_NAME)
        except FileNotFoundError:
            return _Request("", ())
        except DamagedDocumentError:
            place = self._folder.uri(f"{_NAME}.json")
            # What it comes from has ids.
            raise DamagedDocumentError(f"{place} is damaged. Remove it, then: churn forget") from None
