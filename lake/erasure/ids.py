"""Customer ids as they stand in rows and in texts."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from contract.errors import LakeError
from lake.storage import open_folder

ERASED = "erased"
"""What stands for the id in a text that is about something else."""

SHORTEST_IN_TEXT = 6
"""A shorter id is an ordinary number or word in many a text, and is looked for in key columns only."""

_NO_PART = r"[^0-9A-Za-z_-]"  # what cannot be a part of an id


def canonical_id(received: str) -> str:
    """Return the id that equal-looking ids have in common, as `transforms.received_text.key_sql` does."""
    seen = "".join(_visible(character) for character in received)
    return re.sub(r"^([0-9]+)\.0$", r"\1", unicodedata.normalize("NFC", seen.strip(" ")))


def _visible(character: str) -> str:
    if character in " \t\n\v\f\r":
        return " "
    category = unicodedata.category(character)
    return "" if category in ("Cf", "Cc") else " " if category.startswith("Z") else character


@dataclass(frozen=True)
class CustomerIds:
    """The ids of customers, each as `canonical_id` returns it."""

    ids: frozenset[str]

    @classmethod
    def of(cls, received: Iterable[str]) -> "CustomerIds":
        """Return the ids of a list, blank lines left out."""
        return cls(frozenset(filter(None, map(canonical_id, received))))

    def __len__(self) -> int:
        return len(self.ids)

    def has(self, received: str | None) -> bool:
        """Return whether a key as received is one of them."""
        return received is not None and canonical_id(received) in self.ids

    @property
    def in_text(self) -> list[str]:
        """Return those that are looked for in texts, sorted."""
        return sorted(text for text in self.ids if len(text) >= SHORTEST_IN_TEXT)

    @property
    def only_in_keys(self) -> int:
        """Return how many are too short to be looked for in texts."""
        return len(self.ids) - len(self.in_text)

    @property
    def regexp(self) -> str:
        """Return what finds one in a text, as RE2 has it; empty where none is looked for."""
        words = "|".join(map(re.escape, self.in_text))
        return f"(?:^|{_NO_PART})(?:{words})(?:{_NO_PART}|$)" if words else ""

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        words = "|".join(re.escape(text) for text in self.in_text)
        return re.compile(f"(?<![0-9A-Za-z_-])(?:{words})(?![0-9A-Za-z_-])") if words else None

    def are_in(self, text: str | None) -> bool:
        """Return whether a text names one of them."""
        return bool(text and self._pattern and self._pattern.search(text))

    def masked(self, text: str) -> str:
        """Return a text with `ERASED` for each of them."""
        return self._pattern.sub(ERASED, text) if self._pattern else text


def read_ids(file: str, s3: object = None) -> Sequence[str]:
    """Return the ids of a list, one a line: a path, or s3://bucket/key. Raises LakeError where there are none."""
    folder, _, name = file.rpartition("/")
    try:
        lines = open_folder(folder or ("/" if file.startswith("/") else "."), s3).read_bytes(name).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        # Its text may have what the file contains.
        raise LakeError(f"{file} cannot be read as a list of customer ids ({type(error).__name__})") from None
    found = [line.strip() for line in lines.splitlines() if line.strip()]
    if not found:
        raise LakeError(f"{file} has no customer id. Write one on each line")
    return found
