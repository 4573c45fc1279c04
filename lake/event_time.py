"""When the content of a raw file is from: the date in its path, else the file's own time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from contract.columns import EARLIEST_EVENT_DAY, MAX_DAYS_AHEAD

TimeSource = Literal["path", "file", "arrival", "first delivery"]

EARLIEST = datetime.fromisoformat(EARLIEST_EVENT_DAY).replace(tzinfo=UTC)
TOLERANCE = timedelta(days=MAX_DAYS_AHEAD)
"""How far after its arrival a file may be dated: clocks and time zones of senders differ."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
# 2026-01-04, 20260104, 2026_01_04, and a time of day behind it: T10:15:00, _101500, -101500123, T10, with a zone or in UTC.
_WRITTEN = re.compile(
    rf"""
    (?<!\d) (?P<year>\d{{4}}) (?P<dash>[-_.]?) (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
    (?: (?P<joint>[T_\- ]?) (?P<hour>{_HOUR})
        (?: (?P<sign>[:\-_.]?) (?P<minute>{_SIXTY})
            (?: (?P=sign) (?P<second>{_SIXTY}) (?: [.,]? (?P<fraction>\d{{3}}(?:\d{{3}}){{0,2}}) )? )?
        )?
        (?P<zone> [+](?:0\d|1[0-4]):?{_SIXTY} | -(?:0\d|1[0-4]):{_SIXTY} )?
    )? (?!\d)
    """,
    re.ASCII | re.VERBOSE,
)
_FOLDERS = re.compile(r"(?:^|/)(\d{4})/(\d{1,2})/(\d{1,2})(?:/(\d{2}))?(?=/)", re.ASCII)
_PARTITION = re.compile(r"(?:^|/)(year|month|day|hour)=(\d{1,4})(?=/)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class EventTime:
    """The event time (UTC) of a file, where it comes from, and a note where that is not what one would expect.

    `fault` says what is wrong with a path that names a day that cannot be: whatever counted instead would be a guess.
    """

    at: datetime
    source: TimeSource
    note: str = ""
    fault: str = ""


class _Stamp(NamedTuple):
    """A moment that a path names. `precision` counts from 0 (day) to 4 (fractions of a second).

    Eight digits in a row may be a number that looks like a day: only what is written as a day `is_day`.
    """

    precision: int
    position: int
    at: datetime
    is_day: bool = True


def event_time(path: str, modified_ns: int, arrived_at: datetime) -> EventTime:
    """Return the event time of a file by its path, its own time (ns since 1970) and its arrival.

    The most precise moment in the path counts, of two equally precise ones the last; a day counts from midnight UTC.
    What is before 1970, or more than a day after the arrival, is not a moment: then the file's own time counts, and
    where that is not possible either, the arrival. A path that names a day in the future, and no other, is a fault.
    """
    latest = arrived_at + TOLERANCE
    stamps = list(_stamps(path))
    possible = [stamp for stamp in stamps if EARLIEST <= stamp.at <= latest]
    if possible:
        return EventTime(max(possible).at, "path")
    future = max((stamp for stamp in stamps if stamp.at > latest), key=lambda stamp: stamp.is_day, default=None)
    if future and future.is_day:
        fault = f"the date {future.at:%Y-%m-%d} in its path is in the future. Correct it, or the clock of this machine."
        return EventTime(arrived_at, "arrival", fault=fault)
    note = f"the date {future.at:%Y-%m-%d} in its path is in the future and does not count" if future else ""
    own = _moment(modified_ns)
    if own is not None and EARLIEST <= own <= latest:
        return EventTime(own, "file", note)
    wrong = f"its file time {'cannot be read' if own is None else f'is {own:%Y-%m-%d}'}: its arrival counts instead"
    return EventTime(arrived_at, "arrival", f"{note}; {wrong}" if note else wrong)


def is_dated(path: str) -> bool:
    """Return whether a path names a moment, in whatever past or future."""
    return any(True for _ in _stamps(path))


def _moment(modified_ns: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=modified_ns // 1000)
    except OverflowError:
        return None


def _stamps(path: str) -> Iterator[_Stamp]:
    """Every moment that the path names."""
    parts = {match[1].lower(): match for match in _PARTITION.finditer(path)}
    hour = parts.get("hour")
    if {"year", "month", "day"} <= parts.keys():
        yield from _at(parts["day"].start(), [parts[n][2] for n in ("year", "month", "day", "hour") if n in parts])
    for match in _FOLDERS.finditer(path):
        yield from _at(match.start(), [text for text in match.groups() if text])
    for match in _WRITTEN.finditer(path):
        yield from _written(match)
        if hour and match.end() <= hour.start():
            yield from _at(match.start(), [*match.group("year", "month", "day"), hour[2]])


def _at(position: int, numbers: list[str]) -> Iterator[_Stamp]:
    """The moment that year, month, day and maybe hour give; none where there is no such day, a day where no such hour."""
    year, month, day, *hour = (int(number) for number in numbers)
    try:
        at = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return
    if hour and hour[0] < 24:
        yield _Stamp(1, position, at.replace(hour=hour[0]))
    else:
        yield _Stamp(0, position, at)


def _written(match: re.Match[str]) -> Iterator[_Stamp]:
    """The moment that a text names. A few digits behind a date and a sign (2026-01-04_10) are a number, not a time."""
    clock = list(match.group("hour", "minute", "second", "fraction"))
    if match["joint"] in ("_", "-", " ") and not match["second"]:
        clock = [None] * 4
    hour, minute, second = (int(text or 0) for text in clock[:3])
    microsecond = int((clock[3] or "").ljust(6, "0")[:6])
    year, month, day = (int(text) for text in match.group("year", "month", "day"))
    try:
        at = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC) - _offset(match["zone"])
    except (ValueError, OverflowError):
        return
    yield _Stamp(sum(text is not None for text in clock), match.start(), at, match["dash"] != "")


def _offset(zone: str | None) -> timedelta:
    """How far a zone (+02:00) is before UTC; a moment without one is in UTC."""
    sign, digits = (zone or "+0000")[0], (zone or "+0000")[1:].replace(":", "")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -distance if sign == "-" else distance
