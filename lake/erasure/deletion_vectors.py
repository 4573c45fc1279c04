"""Delta's deletion vectors: which rows of a data file do not count, by position.

The format is that of Delta's protocol: a file has a byte for its version, then vectors, each with its size before and its
CRC-32 behind it. A vector is a number, then 32-bit Roaring bitmaps, each with the upper half of its positions before it.
"""

import struct
import uuid
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.errors import LakeError

Positions = npt.NDArray[np.int64]

_VERSION = b"\x01"
_MAGIC = 1681511377
_PLAIN, _WITH_RUNS = 12346, 12347
_OFFSETS_FROM = 4  # containers from which on a bitmap with runs has their offsets
_ARRAY_LIMIT = 4096
_CHUNK = 1 << 16
_BASE85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_ID_CHARACTERS = 20


def vector_file(descriptor: Mapping[str, Any]) -> str:
    """Return the name, below its table, of the file that a descriptor of Delta's log points to. Raises LakeError."""
    if descriptor["storageType"] != "u":
        raise LakeError(
            "a deletion vector is stored in a way that this version does not write. Rewrite its files with: "
            "REORG TABLE ... APPLY (PURGE)"
        )
    text = descriptor["pathOrInlineDv"]
    prefix, encoded = text[:-_ID_CHARACTERS], text[-_ID_CHARACTERS:]
    groups = (encoded[start : start + 5] for start in range(0, _ID_CHARACTERS, 5))
    content = b"".join(struct.pack(">I", _base85(group)) for group in groups)
    name = f"deletion_vector_{uuid.UUID(bytes=content)}.bin"
    return f"{prefix}/{name}" if prefix else name


def _base85(group: str) -> int:
    value = 0
    for character in group:
        value = value * 85 + _BASE85.index(character)
    return value


def vectors(content: bytes) -> dict[int, bytes]:
    """Return the vectors of a file by their offsets, in order."""
    found, start = {}, len(_VERSION)
    while start < len(content):
        size = int.from_bytes(content[start : start + 4])
        found[start] = content[start + 4 : start + 4 + size]
        start += size + 8
    return found


def vector_content(found: Iterable[bytes]) -> tuple[bytes, list[int]]:
    """Return a file of vectors, and their offsets."""
    content, offsets = bytearray(_VERSION), []
    for vector in found:
        offsets.append(len(content))
        content += struct.pack(">I", len(vector)) + vector + struct.pack(">I", zlib.crc32(vector))
    return bytes(content), offsets


def decode(vector: bytes) -> Positions:
    """Return the positions of a vector, ascending. Raises LakeError."""
    magic, count = struct.unpack_from("<IQ", vector)
    if magic != _MAGIC:
        raise LakeError("a deletion vector has a format that this version does not know. Upgrade")
    start, found = 12, [np.empty(0, dtype=np.int64)]
    for _ in range(count):
        (upper,) = struct.unpack_from("<I", vector, start)
        values, start = _bitmap(vector, start + 4)
        found.append(values + (upper << 32))
    return np.concatenate(found)


def encode(positions: Positions) -> bytes:
    """Return a vector of ascending positions."""
    uppers = np.unique(positions >> 32)
    parts = [struct.pack("<IQ", _MAGIC, len(uppers))]
    for upper in uppers:
        values = positions[positions >> 32 == upper] & 0xFFFFFFFF
        parts += [struct.pack("<I", int(upper)), _encoded_bitmap(values)]
    return b"".join(parts)


def without_rows(positions: Positions, removed: Positions) -> Positions:
    """Return `positions` as they are after the rows at `removed`, ascending, have left the file."""
    kept = positions[~np.isin(positions, removed)]
    return kept - np.searchsorted(removed, kept)


def _bitmap(content: bytes, start: int) -> tuple[Positions, int]:
    """The values of a 32-bit Roaring bitmap, and where it ends."""
    (cookie,) = struct.unpack_from("<I", content, start)
    start += 4
    if cookie & 0xFFFF == _WITH_RUNS:
        count = (cookie >> 16) + 1
        runs = np.unpackbits(np.frombuffer(content, np.uint8, -(-count // 8), start), bitorder="little").astype(bool)
        start += -(-count // 8)
    else:
        (count,) = struct.unpack_from("<I", content, start)
        runs = np.zeros(count, dtype=bool)
        start += 4
    headers = np.frombuffer(content, "<u2", 2 * count, start).astype(np.int64)
    start += 4 * count
    start += 4 * count if cookie == _PLAIN or count >= _OFFSETS_FROM else 0
    found = [np.empty(0, dtype=np.int64)]
    for key, less_one, is_run in zip(headers[::2], headers[1::2], runs, strict=False):
        values, start = _container(content, start, int(less_one) + 1, is_run=bool(is_run))
        found.append(values + (key << 16))
    return np.concatenate(found), start


def _container(content: bytes, start: int, count: int, *, is_run: bool) -> tuple[Positions, int]:
    if is_run:
        (number,) = struct.unpack_from("<H", content, start)
        pairs = np.frombuffer(content, "<u2", 2 * number, start + 2).astype(np.int64)
        ranges = [np.arange(first, first + more + 1) for first, more in zip(pairs[::2], pairs[1::2], strict=True)]
        return np.concatenate(ranges), start + 2 + 4 * number
    if count <= _ARRAY_LIMIT:
        return np.frombuffer(content, "<u2", count, start).astype(np.int64), start + 2 * count
    bits = np.unpackbits(np.frombuffer(content, np.uint8, _CHUNK // 8, start), bitorder="little")
    return np.flatnonzero(bits).astype(np.int64), start + _CHUNK // 8


def _encoded_bitmap(values: Positions) -> bytes:
    keys, counts = np.unique(values >> 16, return_counts=True)
    chunks = [_encoded_container(values[values >> 16 == key] & 0xFFFF) for key in keys]
    headers = np.column_stack([keys, counts - 1]).astype("<u2").tobytes()
    first = 8 + len(headers) + 4 * len(keys)
    offsets = first + np.cumsum([0, *map(len, chunks)])[:-1]
    return struct.pack("<II", _PLAIN, len(keys)) + headers + offsets.astype("<u4").tobytes() + b"".join(chunks)


def _encoded_container(values: Positions) -> bytes:
    if len(values) <= _ARRAY_LIMIT:
        return values.astype("<u2").tobytes()
    bits = np.zeros(_CHUNK, dtype=np.uint8)
    bits[values] = 1
    return np.packbits(bits, bitorder="little").tobytes()
