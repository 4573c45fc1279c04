"""How the records of a file are written, found out from the beginning of its content."""

import re
from dataclasses import dataclass
from itertools import islice

from contract.errors import LayoutError
from contract.feeds import column_for_header
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


def find_layout(sample: bytes, limits: Limits, encoding: str = "") -> TextLayout:
    """Return how content that begins with `sample` is written, in `encoding` where that is known.

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
    delimiter = max(rows, key=lambda candidate: _known_headers(rows[candidate]))
    header = rows[delimiter]
    if isinstance(header, Fault):
        raise LayoutError(f"its header cannot be read: {header.reason}.")
    return TextLayout("csv", encoding, delimiter, header, before + 1)


def _text(sample: bytes, encoding: str) -> str:
    """The text of a sample without blanks before it."""
    return sample.decode(encoding, "replace").lstrip(f" \t\r\n{BYTE_ORDER_MARK}")


def _row(text: str, delimiter: str, number: int, limits: Limits) -> tuple[str, ...] | Fault:
    rows = csv_rows([text.encode(UTF8, "replace")], delimiter, limits)
    found = next(islice(rows, number, None), Fault("it is not there", ""))
    return found if isinstance(found, Fault) else tuple(found[0])


def _known_headers(row: tuple[str, ...] | Fault) -> int:
    return -1 if isinstance(row, Fault) else sum(column_for_header(header) is not None for header in row)
