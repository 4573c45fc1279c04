"""From a file's bytes to its content: gzip, bzip2 and Parquet are known by their first bytes, whatever the file is called."""

import bz2
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO, Protocol

from contract.errors import DamagedFileError, LayoutError

PART_BYTES = 256 * 1024
_GZIP_HEADER = 31  # zlib: a header and a checksum as gzip writes them, the largest window
_PARQUET = b"PAR1"
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"%PDF": "a PDF document",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"\xfd7zXZ\x00": "compressed with xz",
}


class _Member(Protocol):
    """One compressed stream of a file, as bz2.BZ2Decompressor is one."""

    @property
    def eof(self) -> bool:
        """Return whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """Return what follows the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes; the rest of `data` is kept for the next call."""


class _GzipMember:
    """One member of a gzip file."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_HEADER)

    @property
    def eof(self) -> bool:
        """Return whether the member has ended."""
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        """Return what follows the end of the member."""
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes; the rest of `data` is kept for the next call."""
        return self._member.decompress(self._member.unconsumed_tail + data, max_length)


_CONTAINERS: dict[bytes, Callable[[], _Member]] = {b"\x1f\x8b": _GzipMember, b"BZh": bz2.BZ2Decompressor}


def content(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a file in parts of at most `PART_BYTES`, unpacked. Raises as `read_parts` and `unpacked` do."""
    return unpacked(read_parts(stream))


def read_parts(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what `stream` has in parts of at most `PART_BYTES`. Raises DamagedFileError where it cannot be read."""
    try:
        while part := stream.read(PART_BYTES):
            yield part
    except OSError as error:
        raise DamagedFileError(f"cannot be read ({error.strerror}). Check its permissions and the disk.") from error


def unpacked(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content of a file from its bytes; no more of them are taken than a part of the content needs.

    Of a Parquet file these are lines of JSON. Raises LayoutError for a file of a known other kind, DamagedFileError for
    one that cannot be unpacked to its end.
    """
    first = next(parts, b"")
    if first.startswith(_PARQUET):
        from lake.raw.parquet import json_lines

        yield from json_lines(chain([first], parts))
        return
    kind = next((kind for magic, kind in _FOREIGN.items() if first.startswith(magic)), None)
    if kind is not None:
        raise LayoutError(f"is {kind}. Deliver CSV, JSON or Parquet; text may be packed with gzip or bzip2.")
    new_member = next((new for magic, new in _CONTAINERS.items() if first.startswith(magic)), None)
    everything = chain([first], parts)
    yield from everything if new_member is None else _members(everything, new_member)


def beginning(parts: Iterator[bytes], size: int) -> bytes:
    """Take parts until they are `size` bytes or more, or all there are, and return them."""
    taken = bytearray()
    while len(taken) < size and (part := next(parts, None)) is not None:
        taken += part
    return bytes(taken)


def _members(parts: Iterable[bytes], new_member: Callable[[], _Member]) -> Iterator[bytes]:
    """The content of all members, one after the other; zeros between and behind them are padding."""
    member, is_inside = new_member(), False
    try:
        # The empty part at the end asks for what a decompressor still holds.
        for part in chain(parts, [b""]):
            unread = part
            while True:
                unread = unread if is_inside else unread.lstrip(b"\0")
                is_inside = is_inside or bool(unread)
                data = member.decompress(unread, PART_BYTES)
                if data:
                    yield data
                if member.eof:
                    unread, member, is_inside = member.unused_data, new_member(), False
                elif not data:
                    break
                else:
                    unread = b""
    except (zlib.error, OSError) as error:
        raise DamagedFileError(f"cannot be read ({error}). Deliver it again or remove it.") from error
    if is_inside:
        raise DamagedFileError("cannot be read (its compressed content ends too early). Deliver it again or remove it.")
