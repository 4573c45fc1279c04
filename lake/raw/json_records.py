"""Records of a JSON file: objects on lines, or the elements of an array."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from contract.errors import DamagedFileError
from lake.raw.encoding import UTF8
from lake.raw.json_window import ValueEnd, Window
from lake.raw.records import INVALID_TEXT, Fault, Limits, fault, too_long

JsonRecord = dict[str, str | None]
_NO_OBJECT = "not a JSON object"
_BEHIND = re.compile(r"[^ \t]")
_UNDECODABLE = -1


class _Number(str):
    """A number as received, which has no quotes inside a nested value."""

    __slots__ = ()


class _TooDeepError(Exception):
    """A value is nested deeper than the limit."""


class _BrokenError(Exception):
    """The array cannot be read any further."""


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number)


def json_line_records(parts: Iterable[bytes], limits: Limits) -> Iterator[JsonRecord | Fault]:
    """Yield the objects of a file of JSON lines; values are text as received, nested ones JSON, null is None.

    A line may hold several objects: files put together without a line end between them. What is no object is a fault
    up to the end of its line, and so is an object with anything but another object behind it.
    """
    window = Window(parts)
    while window.peek():
        yield _object_on_line(window, limits)


def json_array_records(parts: Iterable[bytes], limits: Limits) -> Iterator[JsonRecord | Fault]:
    """Yield the elements of a JSON array, or of several arrays one behind the other. Raises DamagedFileError.

    Nothing says where the record behind a broken one begins, so a file whose array is broken or cut off is damaged.
    """
    window, count = Window(parts), 0
    try:
        while window.peek():
            for record in _elements(window, limits):
                yield record
                count += 1
    except _BrokenError as error:
        raise DamagedFileError(
            f"its JSON array is broken or cut off behind record {count:,}. Deliver it again."
        ) from error


def _object_on_line(window: Window, limits: Limits) -> JsonRecord | Fault:
    line_end = window.line_end(limits.length)
    value, end = _decode(window)
    if isinstance(value, dict) and _is_alone(window, end, line_end, limits):
        return _taken(window, value, end, limits)
    value_end = ValueEnd(within_line=True)
    if line_end is None:
        line_end = value_end.find(window.text, window.at, window.at + limits.length)
    if line_end is not None:
        return fault(_reason(value, limits), _take(window, line_end))
    beginning = _take(window, window.at + limits.length)
    value_end.skip(window)
    return too_long(limits, beginning)


def _is_alone(window: Window, end: int, line_end: int | None, limits: Limits) -> bool:
    """Whether a decoded object is within the limit and its line, and only another one is behind it there."""
    stop = window.at + limits.length if line_end is None else line_end
    behind = _BEHIND.search(window.text, end, stop)
    return end <= stop and (behind is None or behind[0] == "{")


def _elements(window: Window, limits: Limits) -> Iterator[JsonRecord | Fault]:
    if window.peek() != "[":
        raise _BrokenError
    window.at += 1
    if window.peek() == "]":
        window.at += 1
        return
    sign = ","
    while sign == ",":
        window.peek()
        yield _element(window, limits)
        sign = window.peek()
        if sign not in (",", "]"):
            raise _BrokenError
        window.at += 1


def _element(window: Window, limits: Limits) -> JsonRecord | Fault:
    value, end = _decode(window)
    # A number that ends where the text so far does may go on.
    while not (0 <= end < len(window.text) or window.is_last or window.unread > limits.length):
        window.grow()
        value, end = _decode(window)
    if end != _UNDECODABLE and end - window.at <= limits.length:
        return _taken(window, value, end, limits)
    value_end = ValueEnd(within_line=False)
    stop = min(window.at + limits.length, len(window.text))
    found = value_end.find(window.text, window.at, stop)
    if found is not None and value is _TooDeepError:
        return fault(_reason(value, limits), _take(window, found))
    if found is not None or window.unread <= limits.length:
        raise _BrokenError
    beginning = _take(window, stop)
    if not value_end.skip(window):
        raise _BrokenError
    return too_long(limits, beginning)


def _decode(window: Window) -> tuple[Any, int]:
    """The value at the window's position and where it ends; `_UNDECODABLE` where it is none or goes on."""
    try:
        return _DECODER.raw_decode(window.text, window.at)
    except RecursionError:
        return _TooDeepError, _UNDECODABLE
    except ValueError:
        return None, _UNDECODABLE


def _reason(value: Any, limits: Limits) -> str:
    return f"nested deeper than {limits.depth} levels" if value is _TooDeepError else _NO_OBJECT


def _take(window: Window, end: int) -> bytes:
    """The bytes up to `end`, as received; the window is moved there."""
    text = window.text[window.at : end]
    window.at = end
    return text.encode(UTF8, "surrogateescape")


def _taken(window: Window, value: Any, end: int, limits: Limits) -> JsonRecord | Fault:
    """The record of a decoded value; the window is moved behind it."""
    received = _take(window, end)
    if not isinstance(value, dict):
        return fault(_NO_OBJECT, received)
    try:
        received.decode(UTF8)
        record = {name: item if type(item) is str else _text(item, limits.depth) for name, item in value.items()}
        if b"\\u" in received:
            json.dumps(record, ensure_ascii=False).encode(UTF8)
    except _TooDeepError:
        return fault(_reason(_TooDeepError, limits), received)
    except UnicodeEncodeError:
        return fault("half of a surrogate pair", received)
    except UnicodeDecodeError:
        return fault(INVALID_TEXT, received)
    return record


def _text(value: Any, levels: int) -> str | None:
    """A value as text: a number as received, a nested value as JSON. Raises _TooDeepError."""
    if value is None or isinstance(value, _Number):
        return value
    return _json(value, levels - 1)


def _json(value: Any, levels: int) -> str:
    """Compact JSON with the numbers as received. Raises _TooDeepError for a value of more than `levels` levels."""
    if isinstance(value, _Number):
        return value
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if levels == 0:
        raise _TooDeepError
    if isinstance(value, list):
        return f"[{','.join(_json(item, levels - 1) for item in value)}]"
    return f"{{{','.join(f'{_json(name, 0)}:{_json(item, levels - 1)}' for name, item in value.items())}}}"
