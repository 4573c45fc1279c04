"""Rows of a CSV file. Quoted fields may hold line ends; a quote that is never closed costs one line, not the file."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator

from lake.raw.records import INVALID_TEXT, Fault, Limits, fault, too_long

_MARK = b"\xef\xbb\xbf"
NOT_CLOSED = "a quote is not closed"


class _TooLongError(Exception):
    """The current record is longer than the limit."""


def split_lines(parts: Iterable[bytes], limit: int) -> Iterator[bytes]:
    r"""Yield lines with their ends (`\n`, `\r\n` or `\r`); of a line longer than `limit`, the first `limit` + 1 bytes."""
    rest = b""
    for part in parts:
        # A carriage return at the end may be half of a line end, or a whole one.
        is_ended = rest.endswith(b"\r")
        if len(rest) > limit and not is_ended and b"\n" not in part and b"\r" not in part:
            continue  # more of a line that is cut already
        lines = (rest + part).splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            yield line if len(line) <= limit else line[: limit + 1]
        rest = rest if rest.endswith(b"\r") else rest[: limit + 1]
    if rest:
        yield rest[: limit + 1]


class _Source:
    """Lines as text for csv.reader; `lines` are those of the current record, as received."""

    def __init__(self, lines: Iterator[bytes], limit: int) -> None:
        self._lines = lines
        self._again: deque[bytes] = deque()
        self._limit = limit
        self._size = 0
        self.lines: list[bytes] = []
        self.is_valid = True
        self.is_at_end = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, b"")
        if not line:
            self.is_at_end = True
            raise StopIteration
        self.lines.append(line)
        self._size += len(line)
        if self._size > self._limit:
            raise _TooLongError
        if line.startswith(_MARK) and len(self.lines) == 1:
            line = line[len(_MARK) :]
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.is_valid = False
            return line.decode(errors="replace")

    def begin_record(self) -> None:
        self.lines = []
        self._size = 0
        self.is_valid = True

    def give_back(self) -> bytes:
        """Return the first line of the record; the others will be read again, as records of their own."""
        self._again.extendleft(reversed(self.lines[1:]))
        self.is_at_end = False
        return self.lines[0]


def csv_rows(parts: Iterable[bytes], delimiter: str, limits: Limits) -> Iterator[tuple[list[str], list[bytes]] | Fault]:
    """Yield the fields of every record that is not blank with its lines as received, or its fault.

    Where a quoted field does not end as it should, the record's first line is the fault and reading resumes with the
    next line: a stray quote must not take in the records behind it. No line is read more than twice for that, because
    the next quote either closes the field or shows that it was stray.
    """
    csv.field_size_limit(max(csv.field_size_limit(), limits.length))
    source = _Source(split_lines(parts, limits.length), limits.length)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.begin_record()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            reason = NOT_CLOSED if source.is_at_end else "text behind a closing quote"
            yield fault(reason, source.give_back())
        except _TooLongError:
            line = source.give_back()
            yield too_long(limits, line) if len(line) > limits.length else fault(NOT_CLOSED, line)
        else:
            if not source.is_valid:
                yield fault(INVALID_TEXT, b"".join(source.lines))
            elif len(row) > 1 or (row and row[0].strip()):
                yield row, source.lines
