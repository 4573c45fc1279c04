"""Customer ids as they stand in rows and in texts."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from contract.errors import LakeError
from contract.feeds import column_for_header
from lake.storage import open_folder

ERASED = "erased"
"""What stands for the id in a text that is about something else."""

SHORTEST_IN_TEXT = 6
"""A shorter id is an ordinary number or word in many a text, and is looked for in key columns only."""

_WORD = re.compile(r"[0-9A-Za-z_-]+")
_JSON_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_IDS_IN_PATTERN = 1000
_OF_TABLES = ',;"\t'


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

    @cached_property
    def _words(self) -> frozenset[str]:
        """Those that are one word: a text has few, whom a set knows at once, however many are sought."""
        return frozenset(text for text in self.in_text if _WORD.fullmatch(text))

    @cached_property
    def _others(self) -> list[re.Pattern[str]]:
        """Patterns of the few others."""
        others = [re.escape(text) for text in self.in_text if text not in self._words]
        starts = range(0, len(others), _IDS_IN_PATTERN)
        parts = ("|".join(others[start : start + _IDS_IN_PATTERN]) for start in starts)
        return [re.compile(f"(?<![0-9A-Za-z_-])(?:{part})(?![0-9A-Za-z_-])") for part in parts]

    def are_in(self, text: str | None) -> bool:
        """Return whether a text names one of them."""
        if not text:
            return False
        is_word = bool(self._words) and any(found.group() in self._words for found in _WORD.finditer(text))
        return is_word or any(pattern.search(text) for pattern in self._others)

    def masked(self, text: str) -> str:
        """Return a text with `ERASED` for each of them."""
        for pattern in self._others:
            text = pattern.sub(ERASED, text)
        if not self._words:
            return text
        return _WORD.sub(lambda found: ERASED if found.group() in self._words else found.group(), text)

    def masked_json(self, text: str) -> str:
        """Return a JSON text with `ERASED` for each of them in its strings: a number is never an id."""
        return _JSON_STRING.sub(self._masked_string, text)

    def _masked_string(self, found: re.Match[str]) -> str:
        before = json.loads(found.group(), strict=False)
        after = self.masked(before)
        return found.group() if after == before else json.dumps(after)


def read_ids(file: str, s3: object = None) -> Sequence[str]:
    """Return the ids of a list, one a line: a path, or s3://bucket/key.

    Raises LakeError where there are none, and for a line that is no id alone.
    """
    folder, _, name = file.rpartition("/")
    try:
        lines = open_folder(folder or ("/" if file.startswith("/") else "."), s3).read_bytes(name).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        # Its text may have what the file contains.
        raise LakeError(f"{file} cannot be read as a list of customer ids ({type(error).__name__})") from None
    found = [line.strip() for line in lines.splitlines() if line.strip()]
    wrong = next((number for number, line in enumerate(lines.splitlines(), 1) if _is_no_id(line)), None)
    if wrong:
        raise LakeError(f"line {wrong} of {file} is not one customer id. Write ids alone, one a line, without a header")
    if not found:
        raise LakeError(f"{file} has no customer id. Write one on each line")
    return found


def _is_no_id(line: str) -> bool:
    return column_for_header(line) is not None or any(mark in line.strip() for mark in _OF_TABLES)
