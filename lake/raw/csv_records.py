"""Records of a CSV file: its rows, fitted to its header."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from contract.errors import DamagedFileError
from contract.feeds import column_for_header
from lake.raw.csv_rows import csv_rows
from lake.raw.layout import TextLayout
from lake.raw.records import Fault, Limits, fault


def csv_records(
    parts: Iterable[bytes], layout: TextLayout, required: Collection[str], limits: Limits
) -> Iterator[list[str] | Fault]:
    """Yield every record, with a field for each header, or its fault.

    Blank fields behind the last header are dropped. Fields that are missing at the end of a record are blank, unless one
    is of a `required` column: then the record may have been cut off. The header is dropped wherever it occurs, as in
    files that were put together; another header raises DamagedFileError.
    """
    width, least = len(layout.headers), _least_width(layout.headers, required)
    header = [_meaning(name) for name in layout.headers]
    spellings = {name.strip().casefold() for name in layout.headers}
    for found in islice(csv_rows(parts, layout.delimiter, limits), layout.head_rows, None):
        if isinstance(found, Fault):
            yield found
            continue
        row, lines = found
        if row[0].strip().casefold() in spellings and _is_header(row, header):
            continue
        if len(row) == width:
            yield row
        elif row != ["sep=", ""]:  # the line that says so itself, of a file put behind another
            yield _fitted(row, width, least) or fault(_misfit(row, width), b"".join(lines))


def _least_width(headers: Sequence[str], required: Collection[str]) -> int:
    """How many fields a record must have to contain all required columns."""
    return max((number for number, header in enumerate(headers, 1) if column_for_header(header) in required), default=1)


def _meaning(header: str) -> str:
    return column_for_header(header) or header.strip().casefold()


def _is_header(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row whose first field is a header is the header again. Raises DamagedFileError for another header."""
    names = [_meaning(field) for field in row]
    if names == header:
        return True
    named = [name for name in names if name]
    if len(named) > 1 and set(named) <= set(header):
        raise DamagedFileError("has several headers that differ. Deliver its parts as files of their own.")
    return False


def _fitted(row: list[str], width: int, least: int) -> list[str] | None:
    if len(row) > width:
        return None if any(field.strip() for field in row[width:]) else row[:width]
    return row + [""] * (width - len(row)) if len(row) >= least else None


def _misfit(row: Sequence[str], width: int) -> str:
    return f"{len(row)} {'field' if len(row) == 1 else 'fields'}, the header has {width}"
