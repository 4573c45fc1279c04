"""The one reader of raw files: sniffing tries on a file's beginning what reading does with all of it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from contract.sources import APPEND, Source
from lake.raw.changes import is_marker, unwrapped
from lake.raw.container import beginning
from lake.raw.csv_records import csv_records
from lake.raw.encoding import UTF8, WINDOWS_1252, as_utf8, is_windows_1252
from lake.raw.json_records import JsonRecord, json_array_records, json_line_records
from lake.raw.layout import SAMPLE_BYTES, TextLayout, find_layout, shows_layout
from lake.raw.records import DEFAULT_LIMITS, Fault, Limits
from lake.raw.trailer import TrailedRows

_EXCEL_IN_EUROPE = ";"


@dataclass(frozen=True)
class Records:
    """How a file is written, and its records, to be taken once: `rows` of CSV or `objects` of JSON, with their faults."""

    layout: TextLayout
    rows: Iterable[list[str] | Fault] = ()
    objects: Iterable[JsonRecord | Fault] | None = None

    @property
    def told(self) -> int | None:
        """Return how many records the last line of a snapshot tells, once all are taken; None where it is a record."""
        return self.rows.told if isinstance(self.rows, TrailedRows) else None


def read_records(
    content: Callable[[], Iterator[bytes]],
    required: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    source: Source = APPEND,
) -> Records:
    """Return the records of a file; `content` gives its unpacked content, from the beginning each time.

    A CSV record that ends before a `required` column is a fault. Raises LayoutError for a file that has no record or no
    header that can be parsed; taking the records raises DamagedFileError where the file cannot be read any further. Of a
    `source` of changes, JSON objects are the records in their envelopes; a snapshot in CSV may end with its number of rows.
    """
    parts = content()
    sample = _sample(parts, limits)
    layout = find_layout(sample, limits, source=source)
    # Excel writes semicolons where it also writes Windows-1252, without a mark.
    if (layout.delimiter, layout.encoding) == (_EXCEL_IN_EUROPE, UTF8) and is_windows_1252(content()):
        layout = find_layout(sample, limits, WINDOWS_1252, source)
    text = as_utf8(chain([sample], parts), layout.encoding)
    if layout.format == "csv":
        rows = csv_records(text, layout, required, limits)
        return Records(layout, rows=TrailedRows(rows) if source.kind == "snapshot" else rows)
    read = json_array_records if layout.format == "json_array" else json_line_records
    objects = read(text, limits)
    is_change = source.kind == "cdc"
    return Records(
        layout, objects=(unwrapped(found) for found in objects if not is_marker(found)) if is_change else objects
    )


def _sample(parts: Iterator[bytes], limits: Limits) -> bytes:
    """The beginning of content that shows its layout; of blanks or a header without an end, more than a record may have."""
    sample = beginning(parts, SAMPLE_BYTES)
    while SAMPLE_BYTES <= len(sample) <= limits.length and not shows_layout(sample):
        more = beginning(parts, min(len(sample), limits.length + 1 - len(sample)))
        if not more:
            break
        sample += more
    return sample
