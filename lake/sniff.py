"""Find out what a raw file is from its first bytes: format, delimiter, headers, feed. Its name decides nothing."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from contract.columns import COLUMNS, KEY, NO, YES
from contract.errors import DamagedFileError, LayoutError
from contract.feeds import (
    FEEDS,
    closest_feed,
    column_for_header,
    match_feed,
    missing_columns,
    normalize_header,
)
from contract.sources import APPEND, SOURCES, Source, is_operation
from lake.raw.container import unpacked
from lake.raw.json_records import JsonRecord
from lake.raw.layout import SAMPLE_BYTES
from lake.raw.reader import read_records
from lake.raw.records import DEFAULT_LIMITS, Fault

_MOST_BYTES = 4 * DEFAULT_LIMITS.length  # of content: the limit of a JSON record is in characters, of up to four bytes
_MOST_RECORDS = 1000  # that say nothing, of a sample that is extended
_NUMBER = re.compile(r"[+-]?\d[\d.,:/ -]*")
_SPELLINGS = {spelling for column in COLUMNS for value, more in column.values.items() for spelling in (value, *more)}
_VALUES = {*YES, *NO, *map(normalize_header, _SPELLINGS)}
_SHOWN_POSITIONS = 10


@dataclass(frozen=True)
class Layout:
    """What a file is: `headers` as received, `delimiter` empty for JSON."""

    feed: str
    format: str
    delimiter: str
    headers: tuple[str, ...]


def sniff(received: Iterator[bytes], folder: str | None, source: Source = APPEND) -> Layout:
    """Return the layout of a file; of the bytes that are `received` of it, no more are taken than that needs.

    These are `SAMPLE_BYTES` of its content, more where no record ends in them. `folder` is the feed that the file's
    folders name, `source` what they say of all files there. Raises LayoutError for a file of no known layout, or damaged
    where it can be seen so early. Nothing that the file contains is in the message but names of columns that the contract
    knows: a file without a header has personal data in its place.
    """
    start = _Beginning(unpacked(received))
    found = read_records(start, source=source)
    headers = found.layout.headers or _keys(found.objects or (), start)
    feed = _feed(headers, folder, found.layout.format, source)
    return Layout(feed, found.layout.format, found.layout.delimiter, headers)


class _Beginning:
    """The beginning of a file's content: `SAMPLE_BYTES`, then up to `_MOST_BYTES` while these are not enough."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content = content
        self._taken: list[bytes] = []
        self._bytes = 0
        self.is_enough = False
        self.is_cut = False

    @property
    def is_extended(self) -> bool:
        """Return whether more than `SAMPLE_BYTES` have been taken."""
        return self._bytes > SAMPLE_BYTES

    def __call__(self) -> Iterator[bytes]:
        """Yield the content from its beginning; after the first call, only what has been taken already."""
        return iter(tuple(self._taken)) if self._taken else self._take()

    def _take(self) -> Iterator[bytes]:
        for part in self._content:
            self._taken.append(part)
            self._bytes += len(part)
            yield part
            if (self._bytes >= SAMPLE_BYTES and self.is_enough) or self._bytes >= _MOST_BYTES:
                self.is_cut = True
                return


def _keys(objects: Iterable[JsonRecord | Fault], start: _Beginning) -> tuple[str, ...]:
    """The keys of all objects at the start of the file, which may be cut anywhere."""
    keys: dict[str, None] = {}
    reason = ""
    try:
        for number, record in enumerate(objects, 1):
            if isinstance(record, Fault):
                reason = reason or f" ({record.reason})"
            else:
                keys |= dict.fromkeys(record)
            start.is_enough = bool(keys)
            if not keys and start.is_extended and number >= _MOST_RECORDS:
                break
    except DamagedFileError:
        if not start.is_cut:
            raise
        reason = reason or f" (none ends in its first {_MOST_BYTES:,} bytes)"
    if not keys:
        raise LayoutError(
            f"no valid record found at the start of the file{reason}. "
            "JSON must be one object a line, or one array of objects."
        )
    return tuple(keys)


def _feed(headers: Sequence[str], folder: str | None, file_format: str, source: Source) -> str:
    """The name of the feed that has these columns. Raises LayoutError."""
    feed = match_feed(headers, folder)
    if feed is None and source.kind == "cdc" and folder and KEY in map(column_for_header, headers):
        feed = FEEDS[folder]  # of a deletion some sources give the key alone
    if feed is None:
        if file_format == "csv" and _is_data(headers):
            raise LayoutError("the first line looks like data: the file has no header. Deliver it with a header.")
        closest = closest_feed(headers, folder)
        move = "" if folder else ", put the file below a folder named after its feed"
        raise LayoutError(
            f"unknown layout. {_described(headers)} "
            f"Closest feed: {closest.name}, which lacks: {', '.join(missing_columns(closest, headers))}. "
            f"Add the columns{move}, or add their headers as aliases in contract/columns.py."
        )
    _refuse_double_columns(headers)
    if source.kind != "cdc":
        _refuse_operations(headers)
    return feed.name


def _is_data(headers: Sequence[str]) -> bool:
    """Whether the first line has no known header, but a value."""
    is_known = any(column_for_header(header) for header in headers)
    return not is_known and any(_NUMBER.fullmatch(h.strip()) or normalize_header(h) in _VALUES for h in headers)


def _described(headers: Sequence[str]) -> str:
    """What the headers are, by position where their text may be a value."""
    known = [column for header in headers if (column := column_for_header(header))]
    unknown = [str(number) for number, header in enumerate(headers, 1) if not column_for_header(header)]
    more = ", …" if len(unknown) > _SHOWN_POSITIONS else ""
    positions = f" (number {', '.join(unknown[:_SHOWN_POSITIONS])}{more})" if unknown else ""
    return f"Found: {', '.join(known) or 'no known column'}; unknown columns: {len(unknown)}{positions}."


def _refuse_operations(headers: Sequence[str]) -> None:
    """Each record counts as a state of its customer: a deletion would bring him back."""
    number = next((number for number, header in enumerate(headers, 1) if is_operation(header)), None)
    if number is not None:
        folders = " or ".join(source.folder for source in SOURCES if source.kind == "cdc")
        raise LayoutError(
            f"column number {number} ({normalize_header(headers[number - 1])}) says what happened to a record: inserted, "
            "updated or deleted, but here every record counts as a state of its customer, and a deleted one would stay. Put "
            f"change files below a folder named {folders}, or deliver the present state of the customers without this column."
        )


def _refuse_double_columns(headers: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for number, header in enumerate(headers, 1):
        column = column_for_header(header)
        if column is not None and column in seen:
            raise LayoutError(f"columns number {seen[column]} and {number} both mean {column}. Remove one of them.")
        if column is not None:
            seen[column] = number
