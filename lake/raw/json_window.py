"""The text of a JSON file, a part at a time, and where a value ends that cannot be decoded."""

import codecs
import re
from collections.abc import Iterable, Iterator

from lake.raw.encoding import BYTE_ORDER_MARK, UTF8

_LINE_END = re.compile(r"[\r\n]")
_NOT_BLANK = re.compile(f"[^ \\t\\r\\n{BYTE_ORDER_MARK}]")


class Window:
    """The part of a file that is being parsed: `text` from `at` on is unread. Bytes that are not UTF-8 are surrogates."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts: Iterator[bytes] = iter(parts)
        self._decoder = codecs.getincrementaldecoder(UTF8)("surrogateescape")
        self.text = ""
        self.at = 0
        self.is_last = False
        self._searched = 0  # no line ends between `at` and here

    @property
    def unread(self) -> int:
        """Return how many characters are unread."""
        return len(self.text) - self.at

    def grow(self) -> None:
        """Double the unread text: parsing it again after each step then costs its length twice, not its square."""
        pieces, size, wanted = [self.text[self.at :]], self.unread, 2 * self.unread + 1
        while size < wanted and not self.is_last:
            part = next(self._parts, None)
            self.is_last = part is None
            pieces.append(self._decoder.decode(part or b"", final=self.is_last))
            size += len(pieces[-1])
        self._searched -= self.at
        self.text, self.at = "".join(pieces), 0

    def peek(self) -> str:
        """Move to the next character that is not blank and return it, empty at the end of the file."""
        while not (found := _NOT_BLANK.search(self.text, self.at)):
            self.at = len(self.text)
            if self.is_last:
                return ""
            self.grow()
        self.at = found.start()
        return found[0]

    def line_end(self, limit: int) -> int | None:
        """Return the position where the line ends, None where more than `limit` characters of it are unread."""
        while True:
            stop = self.at + limit + 1
            if found := _LINE_END.search(self.text, max(self.at, self._searched), stop):
                self._searched = found.start()
                return found.start()
            self._searched = min(len(self.text), stop)
            if self.unread > limit:
                return None
            if self.is_last:
                return len(self.text)
            self.grow()


class ValueEnd:
    """Finds the end of a JSON value by its brackets and quotes alone, in text that comes in pieces.

    `within_line` ends a value at the end of its line at the latest.
    """

    def __init__(self, *, within_line: bool) -> None:
        ends = r"\r\n" if within_line else ""
        self._outside_quotes = re.compile(rf'["{{}}\[\]{ends}]')
        self._inside_quotes = re.compile(rf'["\\{ends}]')
        self._depth = 0
        self._is_quoted = False
        self._is_escaped = False

    def find(self, text: str, start: int, end: int) -> int | None:
        """Return the position behind the value (before a line's end), None where it goes on behind `end`."""
        at = start
        while at < end:
            if self._is_escaped:
                self._is_escaped = False
                at += 1
                continue
            found = (self._inside_quotes if self._is_quoted else self._outside_quotes).search(text, at, end)
            if not found:
                return None
            if found[0] in "\r\n":
                return found.start()
            at = found.end()
            if self._is_value_closed(found[0]):
                return at
        return None

    def _is_value_closed(self, sign: str) -> bool:
        if sign == "\\":
            self._is_escaped = True
            return False
        if sign == '"':
            self._is_quoted = not self._is_quoted
        else:
            self._depth += 1 if sign in "{[" else -1
        return self._depth <= 0 and not self._is_quoted

    def skip(self, window: Window) -> bool:
        """Move the window behind the value, wherever that is; return whether it ends before the file does."""
        while (end := self.find(window.text, window.at, len(window.text))) is None:
            window.at = len(window.text)
            if window.is_last:
                return False
            window.grow()
        window.at = end
        return True
