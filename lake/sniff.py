"""Find out what a raw file is from its first bytes: format, delimiter, headers, feed."""

import csv
import io
import json
import zlib
from dataclasses import dataclass

from contract.errors import LayoutError
from contract.feeds import Feed, closest_feed, column_for_header, match_feed, missing_columns

SAMPLE_BYTES = 256 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_GZIP = 31  # zlib: a gzip header, the largest window
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Layout:
    """How to read a file: `headers` as received, `delimiter` empty for JSON."""

    feed: str
    format: str
    delimiter: str
    headers: tuple[str, ...]


def sniff(head: bytes, name: str, folder: str | None, *, is_whole: bool) -> Layout:
    """Return the layout of a file whose first bytes are `head`.

    `name` is what messages call the file, `folder` the first folder below the raw
    root, which decides the feed when it is named after one; `is_whole` says that `head`
    is the whole file. Raises LayoutError when the file is of no known layout.
    """
    sample, whole = _unpacked(head, name, is_whole=is_whole) if name.endswith(".gz") else (head, is_whole)
    text = _decode(sample, name)
    start = text.lstrip()[:1]
    if start == "[":
        file_format, delimiter, headers = "json_array", "", _json_keys(_array_objects(text))
    elif start == "{":
        lines = text.splitlines() if whole else text.splitlines()[:-1] or [text]
        file_format, delimiter, headers = "json_lines", "", _json_keys(_line_objects(lines))
    else:
        file_format = "csv"
        delimiter, headers = _csv_header(text)
    if not headers:
        raise LayoutError(
            f"{name}: no valid record found at the start of the file. "
            "JSON must be one object a line, or one array of objects."
        )
    return Layout(_feed(name, headers, folder).name, file_format, delimiter, headers)


def _unpacked(head: bytes, name: str, *, is_whole: bool) -> tuple[bytes, bool]:
    """The first bytes inside a gzip file, and whether they are all of it."""
    reader = zlib.decompressobj(_GZIP)
    try:
        sample = reader.decompress(head, SAMPLE_BYTES)
        if is_whole and not reader.eof and not reader.unconsumed_tail:
            raise zlib.error("it ends too early")
    except zlib.error as error:
        raise LayoutError(f"{name}: cannot be read ({error}). Deliver it again or remove it.") from error
    return sample, reader.eof


def _decode(sample: bytes, name: str) -> str:
    if sample.startswith(_UTF16):
        raise LayoutError(f"{name}: is UTF-16. Convert it to UTF-8 (iconv -f UTF-16 -t UTF-8).")
    return sample.decode("utf-8-sig", errors="replace")


def _csv_header(text: str) -> tuple[str, tuple[str, ...]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    candidates = [(d, tuple(next(csv.reader(io.StringIO(first), delimiter=d), []))) for d in _DELIMITERS]
    return max(candidates, key=lambda c: sum(column_for_header(header) is not None for header in c[1]))


def _line_objects(lines: list[str]) -> list[dict[str, object]]:
    objects = []
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            objects.append(value)
    return objects


def _array_objects(text: str) -> list[dict[str, object]]:
    decoder = json.JSONDecoder()
    objects: list[dict[str, object]] = []
    position = text.index("[") + 1
    while True:
        position += len(text[position:]) - len(text[position:].lstrip(" \t\r\n,"))
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError:
            return objects
        if isinstance(value, dict):
            objects.append(value)


def _json_keys(objects: list[dict[str, object]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for item in objects for key in item))


def _feed(name: str, headers: tuple[str, ...], folder: str | None) -> Feed:
    feed = match_feed(headers, folder)
    if feed is None:
        closest = closest_feed(headers, folder)
        missing = ", ".join(missing_columns(closest, headers))
        raise LayoutError(
            f"{name}: unknown layout. Found: {', '.join(headers)}. "
            f"Closest feed: {closest.name}, which lacks: {missing}. "
            "Add the columns, put the file below a folder named after its feed, or add the header as an alias in contract/columns.py."
        )
    _refuse_double_columns(name, headers)
    return feed


def _refuse_double_columns(name: str, headers: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for header in headers:
        column = column_for_header(header)
        if column is not None and column in seen:
            raise LayoutError(
                f"{name}: the columns {seen[column]!r} and {header!r} both mean {column}. Remove one of them."
            )
        if column is not None:
            seen[column] = header
