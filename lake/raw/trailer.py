"""The last line of a snapshot that says how many records come before it."""

import re
from collections.abc import Iterable, Iterator

from lake.raw.records import Fault

_TRAILER = re.compile(r'"?TRAILER"?[,;|\t]"?(\d+)"?[,;|\t"]*|#\s*rows\s*=\s*(\d+)', re.IGNORECASE | re.ASCII)


class TrailedRows:
    """The records of a CSV file without its trailer; `told` is how many that says there are, once all are taken.

    A trailer is `TRAILER,<rows>` (with the delimiter of the file) or `#rows=<rows>`, and nothing comes behind it: any other
    line of that kind is a record.
    """

    def __init__(self, rows: Iterable[list[str] | Fault]) -> None:
        self._rows = rows
        self.told: int | None = None

    def __iter__(self) -> Iterator[list[str] | Fault]:
        """Yield the records, to be taken once."""
        kept: tuple[list[str] | Fault, int] | None = None
        for row in self._rows:
            if kept:
                yield kept[0]
            told = _told(row)
            kept = (row, told) if told is not None else None
            if kept is None:
                yield row
        self.told = kept[1] if kept else None


def _told(row: list[str] | Fault) -> int | None:
    """The number in a record that may be a trailer; blank fields behind it are those that the header has more."""
    first = row.received if isinstance(row, Fault) else row[0]
    if first.lstrip('" ')[:1] not in ("T", "t", "#"):
        return None
    text = first if isinstance(row, Fault) else ",".join(row).rstrip(",")
    found = _TRAILER.fullmatch(text.strip())
    return int(found[1] or found[2]) if found else None
