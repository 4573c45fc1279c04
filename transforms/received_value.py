r"""What received text means, one value at a time: the rules of `received_text` and `row_rules` for who reads without Spark.

tests/spark/test_received_value.py holds both to the same answers.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from contract.columns import NULL_WORDS
from transforms.received_text import CARRIED_CHARACTERS, CUT, compositions

_JAVA_SPACES = " \t\n\x0b\f\r"
_BLANKS = f"{_JAVA_SPACES}\x00"
_NUMBER_WITH_POINT = re.compile(r"([0-9]+)\.0")
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
# As Spark casts text to a timestamp: a zone stands behind seconds only.
_TIME = re.compile(
    r"""
    ([0-9]{4}) - ([0-9]{1,2}) - ([0-9]{1,2})
    (?: [T ] ([0-9]{1,2}) (?: : ([0-9]{1,2}) (?: : ([0-9]{1,2}) (?: \. ([0-9]*) )? ([^0-9.].*)? )? )? )?
    """,
    re.VERBOSE,
)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(?:([0-9]{1,2})(?::([0-9]{1,2}))?|([0-9]{2})([0-9]{2}))")
_LARGEST_OFFSET = timedelta(hours=18)
_NO_ORDER = re.compile(r"[0-9.]+[eE][-+]?[0-9]+|[0-9]{1,3}(,[0-9]{3})+")
_PART_LENGTH = 64


def carried(received: str | None) -> str | None:
    """Return what silver carries of a text, as `carried_sql`."""
    if received is None or len(received) <= CARRIED_CHARACTERS:
        return received
    return received[:CARRIED_CHARACTERS] + CUT


def customer_key(received: str | None) -> str | None:
    """Return the customer id that equal-looking ones have in common, as `key_sql`; None where it says nothing."""
    seen = "".join(map(_key_character, received or "")).strip(" ")
    composed = _composed(seen)
    found = _NUMBER_WITH_POINT.fullmatch(composed)
    return _valued(found[1] if found else composed)


def event_time(received: str | None) -> datetime | None:
    """Return the time in UTC, as `event_time_sql`; None where it is not a full date with or without a time."""
    text = _trimmed(received or "")
    day = _DAY.fullmatch(text)
    found = _TIME.fullmatch("-".join(day.groups()) if day else text)
    if found is None:
        return None
    year, month, date, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    microsecond = int((found[7] or "").ljust(6, "0")[:6])
    try:
        at = datetime(year, month, date, hour, minute, second, microsecond, tzinfo=_zone((found[8] or "").strip()))
        return at.astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, hour or zone
        return None


def is_blank(received: str | None) -> bool:
    """Return whether a text says nothing: it has only what cannot be seen, or a word for no value."""
    return _valued(_trimmed(received or "")) is None


def sequence(received: str | None) -> str | None:
    """Return a text that orders the changes of one source as its log does, as `sequence_sql`; None where it is no number."""
    text = _valued((received or "").strip(" "))
    if text is None or not re.search("[0-9]", text) or _NO_ORDER.fullmatch(text):
        return None
    parts = re.findall("[0-9A-F]+", (received or "").upper())
    return "/".join(part.rjust(_PART_LENGTH, "0")[:_PART_LENGTH] for part in parts)


def _valued(text: str) -> str | None:
    return None if text.lower() in ("", *NULL_WORDS) else text


def _key_character(character: str) -> str:
    if character in _JAVA_SPACES:
        return " "
    kind = unicodedata.category(character)
    return "" if kind in ("Cf", "Cc") else " " if kind.startswith("Z") else character


def _composed(text: str) -> str:
    """The text with every letter and the mark behind it as one letter, where there is one."""
    known, done = compositions(), ""
    for character in text:
        pair = done[-1:] + character
        done = done[:-1] + known.get(pair, pair)
    return done


def _trimmed(text: str) -> str:
    if not text.isascii():
        kinds = ((character, unicodedata.category(character)) for character in text)
        text = "".join(" " if kind == "Cc" or kind.startswith("Z") else c for c, kind in kinds if kind != "Cf")
    return text.strip(_BLANKS)


def _zone(name: str) -> tzinfo:
    """The zone that a text names, UTC for none. Raises ValueError where there is no such zone."""
    if name in ("", "Z"):
        return UTC
    found = _OFFSET.fullmatch(name)
    if found is None:
        return _region(name)
    hours, minutes = int(found[2] or found[4]), int(found[3] or found[5] or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes >= 60 or offset > _LARGEST_OFFSET:
        raise ValueError(name)
    return timezone(-offset if found[1] == "-" else offset)


def _region(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:
        raise ValueError(name) from error
