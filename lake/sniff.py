"""Find out what a raw file is from its first bytes: format, delimiter, headers, feed. Its name decides nothing."""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contract.columns import COLUMNS, NO, YES
from contract.errors import DamagedFileError, LayoutError
from contract.feeds import closest_feed, column_for_header, match_feed, missing_columns, normalize_header
from lake.raw.container import beginning, content
from lake.raw.json_records import JsonRecord
from lake.raw.layout import SAMPLE_BYTES as CONTENT_BYTES
from lake.raw.reader import read_records
from lake.raw.records import Fault

SAMPLE_BYTES = 1024 * 1024
"""How many bytes of a file are needed: bzip2 gives nothing before the end of a block, of up to 900 KB."""

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


def sniff(head: bytes, folder: str | None, *, is_whole: bool) -> Layout:
    """Return the layout of a file that begins with `head`: its first `SAMPLE_BYTES`, or all of it.

    `folder` is the feed that the file's folders name; `is_whole` says that `head` is the whole file. Raises LayoutError for a file of no known layout,
    or damaged where it can be seen so early. Nothing that the file contains is in the message but names of columns that
    the contract knows: a file without a header has personal data in its place.
    """
    sample = beginning(content(io.BytesIO(head), is_whole=is_whole), CONTENT_BYTES + 1)
    found = read_records(lambda: iter([sample[:CONTENT_BYTES]]))
    headers = found.layout.headers or _keys(found.objects or (), is_whole=is_whole and len(sample) <= CONTENT_BYTES)
    feed = _feed(headers, folder, found.layout.format)
    return Layout(feed, found.layout.format, found.layout.delimiter, headers)


def _keys(objects: Iterable[JsonRecord | Fault], *, is_whole: bool) -> tuple[str, ...]:
    """The keys of all objects. The beginning of a longer file may end anywhere."""
    keys: dict[str, None] = {}
    try:
        for record in objects:
            if not isinstance(record, Fault):
                keys |= dict.fromkeys(record)
    except DamagedFileError:
        if is_whole:
            raise
    if not keys:
        raise LayoutError(
            "no valid record found at the start of the file. JSON must be one object a line, or one array of objects."
        )
    return tuple(keys)


def _feed(headers: Sequence[str], folder: str | None, file_format: str) -> str:
    """The name of the feed that has these columns. Raises LayoutError."""
    feed = match_feed(headers, folder)
    if feed is None:
        if file_format == "csv" and _is_data(headers):
            raise LayoutError("the first line looks like data: the file has no header. Deliver it with a header.")
        closest = closest_feed(headers, folder)
        raise LayoutError(
            f"unknown layout. {_described(headers)} "
            f"Closest feed: {closest.name}, which lacks: {', '.join(missing_columns(closest, headers))}. "
            "Add the columns, put the file below a folder named after its feed, or add the header as an alias in contract/columns.py."
        )
    _refuse_double_columns(headers)
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


def _refuse_double_columns(headers: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for number, header in enumerate(headers, 1):
        column = column_for_header(header)
        if column is not None and column in seen:
            raise LayoutError(f"columns number {seen[column]} and {number} both mean {column}. Remove one of them.")
        if column is not None:
            seen[column] = number
