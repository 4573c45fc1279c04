"""How the records of a file are written, found out from the beginning of its content."""

import re
from dataclasses import dataclass
from itertools import islice

from contract.errors import LayoutError
from contract.feeds import column_for_header
from contract.sources import APPEND, OPERATION_HEADER, Source, is_known_operation
from lake.raw.csv_rows import csv_rows
from lake.raw.encoding import BYTE_ORDER_MARK, UTF8, find_encoding
from lake.raw.records import Fault, Limits

SAMPLE_BYTES = 256 * 1024
"""How much of a file's content decides its layout, unless a record begins or its header ends only behind it."""

_DELIMITERS = (",", ";", "\t", "|")
_LINE_END = re.compile(r"[\r\n]")
SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?[\r\n]', re.IGNORECASE)  # what Excel writes, and reads, as first line


@dataclass(frozen=True)
class TextLayout:
    """How a file is written: format (csv, json_lines or json_array) and encoding.

    Of CSV also the delimiter, the headers as received, and how many rows come before the records.
    """

    format: str
    encoding: str
    delimiter: str = ""
    headers: tuple[str, ...] = ()
    head_rows: int = 0


def shows_layout(sample: bytes) -> bool:
    """Return whether `find_layout` needs no more of the content: in `sample` JSON begins, or a line of CSV ends."""
    text = _text(sample, find_encoding(sample))
    separator = SEPARATOR_LINE.match(text)
    return text.startswith(("[", "{")) or _LINE_END.search(text, separator.end() if separator else 0) is not None


def find_layout(sample: bytes, limits: Limits, encoding: str = "", source: Source = APPEND) -> TextLayout:
    """Return how content that begins with `sample` is written, in `encoding` where that is known.

    Where the first row is no header, those that `source` declares count.

    Raises LayoutError where there is no record, and for a header that cannot be parsed.
    """
    encoding = encoding or find_encoding(sample)
    text = _text(sample, encoding)
    if not text and len(sample) > limits.length:
        raise LayoutError(f"has nothing but blanks in its first {limits.length:,} bytes. Remove them, or the file.")
    if not text:
        raise LayoutError("is empty: it has no record. Deliver it again or remove it.")
    if text[0] in "[{":
        return TextLayout("json_array" if text[0] == "[" else "json_lines", encoding)
    separator = SEPARATOR_LINE.match(text)
    delimiters, before = (separator[1], 1) if separator else (_DELIMITERS, 0)
    rows = {delimiter: _row(text, delimiter, before, limits) for delimiter in delimiters}
    delimiter = max(rows, key=lambda candidate: _likeness(rows[candidate], source))
    header = rows[delimiter]
    if isinstance(header, Fault):
        raise LayoutError(f"its header cannot be read: {header.reason}.")
    declared = _declared(header, source)
    if declared and not _known_headers(header):
        return TextLayout("csv", encoding, delimiter, declared, before)
    return TextLayout("csv", encoding, delimiter, header, before + 1)


def _text(sample: bytes, encoding: str) -> str:
    """The text of a sample without blanks before it."""
    return sample.decode(encoding, "replace").lstrip(f" \t\r\n{BYTE_ORDER_MARK}")


def _row(text: str, delimiter: str, number: int, limits: Limits) -> tuple[str, ...] | Fault:
    rows = csv_rows([text.encode(UTF8, "replace")], delimiter, limits)
    found = next(islice(rows, number, None), Fault("it is not there", ""))
    return found if isinstance(found, Fault) else tuple(found[0])


def _likeness(row: tuple[str, ...] | Fault, source: Source) -> tuple[int, bool]:
    """How much a row looks like a header, or like a record without one."""
    return (-1, False) if isinstance(row, Fault) else (_known_headers(row), bool(_declared(row, source)))


def _known_headers(row: tuple[str, ...]) -> int:
    return sum(column_for_header(header) is not None for header in row)


def _declared(row: tuple[str, ...], source: Source) -> tuple[str, ...]:
    """The headers of a file that has none, whose first record is `row`; none where it is no record of the source."""
    if source.columns and len(row) == len(source.columns):
        return source.columns
    is_change = len(row) == len(source.columns) + 1 and is_known_operation(row[0])
    return (OPERATION_HEADER, *source.columns) if source.columns and is_change else ()
