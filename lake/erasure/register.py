"""Who has been erased, so that no later delivery brings him back: keyed hashes of ids, and the key, beside the lake.

Without the key a hash says nothing; with it, whether a certain id has been erased.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import pyarrow as pa

from contract.columns import KEY
from contract.errors import DamagedDocumentError
from lake.documents import Documents
from lake.erasure.ids import SHORTEST_IN_TEXT, canonical_id
from lake.erasure.secrecy import readable_by_owner
from lake.storage import Folder

Found = TypeVar("Found")
_NAME, _KEY = "register", "key"
_WORD = re.compile(r"[^\s,;|:\"'{}\[\]]+")


@dataclass(frozen=True)
class _Hashes:
    """The day of each erasure (ISO, UTC) by the hash of its id."""

    customers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasedCustomers:
    """Who is left out when raw files are read."""

    key: str = ""
    hashes: frozenset[str] = frozenset()

    def has(self, received: str | None) -> bool:
        """Return whether a key as received is that of an erased customer."""
        return received is not None and _hash(self.key, received) in self.hashes

    def without(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of a raw file (see `lake.raw.rows`) without those of erased customers.

        A record that could not be parsed has no key: it is left out where one of its words, if it is no short one, is the id
        of one.
        """
        if not self.hashes:
            return rows
        keys, faults, texts = (rows[name].to_pylist() for name in (KEY, "_parse_error", "_rescued_data"))
        named = (
            any(map(self.has, _words(text or ""))) if fault else self.has(key)
            for key, fault, text in zip(keys, faults, texts, strict=True)
        )
        return rows.filter(pa.array([not is_his for is_his in named], pa.bool_()))


NOBODY = ErasedCustomers()


class ErasureRegister:
    """The register of one lake, in `<lake>/_control/erased`."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_control/erased"
        self._hashes = Documents(self.folder, _Hashes)

    def read(self) -> ErasedCustomers:
        """Return who has been erased.

        Raises DamagedDocumentError where the register is damaged, or it or its key is missing, LakeError where one may not
        be read.
        """
        hashes = self._read()
        return ErasedCustomers(self._key(), frozenset(hashes)) if hashes else NOBODY

    def add(self, ids: Iterable[str], at: datetime) -> None:
        """Note that customers are erased; one who is known keeps his day. Raises LakeError."""
        if not self.folder.exists(_KEY) and not self._read():
            self._hashes.write(_NAME, _Hashes())  # first: a key without a register is a register that was lost
            self.folder.write_secret(_KEY, secrets.token_hex(32))
        key = self._key()
        new = {_hash(key, text): at.date().isoformat() for text in ids}
        self._hashes.write(_NAME, _Hashes(new | self._read()))

    def lift(self, ids: Iterable[str]) -> int:
        """Let deliveries of customers count again and return of how many the erasure was lifted. Raises LakeError."""
        known = self._read()
        if not known:
            return 0
        key = self._key()
        lifted = {_hash(key, text) for text in ids} & set(known)
        self._hashes.write(_NAME, _Hashes({text: day for text, day in known.items() if text not in lifted}))
        return len(lifted)

    def _read(self) -> dict[str, str]:
        if not self._hashes.exists(_NAME) and not self.folder.exists(_KEY):
            return {}
        return self._restorable(lambda: self._hashes.read(_NAME).customers)

    def _key(self) -> str:
        return self._restorable(lambda: self.folder.read_bytes(_KEY).decode("ascii"))

    def _restorable(self, read: Callable[[], Found]) -> Found:
        try:
            with readable_by_owner(self.folder.uri()):
                return read()
        except (DamagedDocumentError, FileNotFoundError, UnicodeDecodeError) as error:
            raise DamagedDocumentError(
                f"{self.folder.uri()} is damaged or incomplete. Restore it from a backup: without it, the next delivery brings "
                "erased customers back. Where that is meant, remove it"
            ) from error


def _words(text: str) -> Iterator[str]:
    """The words that may be ids: a shorter one is an ordinary number or word."""
    return (word for word in _WORD.findall(text) if len(canonical_id(word)) >= SHORTEST_IN_TEXT)


def _hash(key: str, received: str) -> str:
    return hmac.new(key.encode(), canonical_id(received).encode(), "sha256").hexdigest()
