"""Raw files without the records of erased customers.

A file is rewritten only where that can be proven right: read again, it has all its other records, unchanged.
"""

import bz2
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract.columns import KEY
from contract.errors import ChurnError, LayoutError
from contract.feeds import FEEDS, Feed, column_for_header
from contract.sources import Source, source_of
from lake.erasure.ids import CustomerIds
from lake.erasure.parquet import erased_file
from lake.names import printable
from lake.raw.container import unpacked
from lake.raw.encoding import UTF8, find_encoding
from lake.raw.layout import TextLayout
from lake.raw.reader import read_records
from lake.raw.rows import row_batches, row_schema
from lake.raw_folder import RawFolder
from lake.register import Register
from lake.sniff import sniff
from lake.storage import Folder

_PACKED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": lambda c: gzip.compress(c, mtime=0),
    b"BZh": bz2.compress,
}


@dataclass
class RawErasure:
    """What becomes of raw files that name a customer: by name `rewritten` with their new content, `deleted`, or `left`.

    `writing` are files that are still being written, and are not looked into. `checksums` are those of the files that are
    rewritten or deleted, as they were read.
    """

    rewritten: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    writing: list[str] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)


def erase_from_raw_files(folder: RawFolder, register: Register, ids: CustomerIds, staged: Folder) -> RawErasure:
    """Stage the raw files that name a customer without his records, and return what becomes of them.

    One of which no record is left is deleted, one that cannot be proven right is left.
    """
    done, files = RawErasure(), [file for file in folder.files if not file.fault]
    writing = folder.root.still_being_written(files)
    done.writing += map(printable, sorted(writing))
    for file in (file for file in files if file.name not in writing):
        name, checksum = file.name, folder.root.checksum(file)  # before its content: what comes later is seen by it
        content = folder.root.read_bytes(name)
        known = register.last(folder.root.uri(name), name)
        feed = FEEDS[known.feed] if known else _feed(folder, name, content)
        after = _without(content, feed, source_of(name), ids)
        if after is None:
            done.left.append(printable(name))
        elif not after:
            done.deleted.append(name)
            done.checksums[name] = checksum
        elif after != content:
            staged.write_bytes(name, after)
            done.rewritten[name] = after
            done.checksums[name] = checksum
    return done


def _feed(folder: RawFolder, name: str, content: bytes) -> Feed | None:
    with suppress(LayoutError):
        return FEEDS[sniff(iter([content]), folder.feed(name), source_of(name)).feed]
    return None


@dataclass(frozen=True)
class _Read:
    """The content of a file, unpacked, and its records as rows of bronze, None where it cannot be read as such."""

    content: bytes
    layout: TextLayout | None = None
    rows: pa.Table | None = None

    @property
    def encoding(self) -> str:
        return find_encoding(self.content[:4])

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding, "surrogateescape" if self.encoding == UTF8 else "surrogatepass")

    def is_about(self, ids: CustomerIds) -> list[bool]:
        """Whether each record is one of a customer: by its key or, where that could not be read, by its text."""
        if self.rows is None:
            return []
        keys, texts = (self.rows[name].to_pylist() for name in (KEY, "_rescued_data"))
        return [ids.has(key) if key is not None else ids.are_in(text) for key, text in zip(keys, texts, strict=True)]


def _read(content: bytes, feed: Feed | None, source: Source) -> _Read:
    plain = content
    with suppress(ChurnError, ValueError):
        plain = b"".join(unpacked(iter([content])))
        if feed:
            records = read_records(lambda: iter([plain]), feed.required, source=source)
            batches = row_batches(records, feed, lambda: 0, source)
            return _Read(plain, records.layout, pa.Table.from_batches(batches, schema=row_schema(feed)))
    return _Read(plain)


def _without(content: bytes, feed: Feed | None, source: Source, ids: CustomerIds) -> bytes | None:
    """The content without customers: the same where it names none, empty where nothing is left, None where that fails."""
    found = _read(content, feed, source)
    is_his = found.is_about(ids)
    if not any(is_his) and not ids.are_in(found.text):
        return content
    if found.rows is None or found.layout is None:
        return None
    others = found.rows.filter(pc.invert(pa.array(is_his, pa.bool_()))).drop_columns("_position")
    if not others.num_rows:
        return b""
    for candidate in _candidates(content, found, is_his, ids):
        after = _read(candidate, feed, source)
        if (
            after.rows is not None
            and after.rows.drop_columns("_position").equals(others)
            and not ids.are_in(after.text)
        ):
            return candidate
    return None


def _candidates(content: bytes, found: _Read, is_his: list[bool], ids: CustomerIds) -> Iterator[bytes]:
    """Ways to write the file without the records."""
    assert found.layout is not None
    if content.startswith(b"PAR1"):
        names = pq.read_schema(io.BytesIO(content)).names
        keys = [name for name in names if column_for_header(name) == KEY]
        erased = erased_file(content, ids, keys[0], names) if keys else None
        if erased:
            yield erased.content
        return
    pack = next((pack for magic, pack in _PACKED.items() if content.startswith(magic)), bytes)
    texts = _of_array(found.text, is_his) if found.layout.format == "json_array" else _of_lines(found, is_his, ids)
    for text in texts:
        yield pack(text.encode(found.encoding, "surrogateescape" if found.encoding == UTF8 else "surrogatepass"))


def _of_lines(found: _Read, is_his: list[bool], ids: CustomerIds) -> Iterator[str]:
    """Without the lines that his records are in by their number; without those that name him."""
    assert found.layout is not None
    lines = found.text.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    records = filled[found.layout.head_rows :]
    if len(records) == len(is_his):
        his = {records[number] for number in np.flatnonzero(is_his)}
        yield "\n".join(line for number, line in enumerate(lines) if number not in his)
    named = {number for number in records if ids.are_in(lines[number])}
    yield "\n".join(line for number, line in enumerate(lines) if number not in named)


def _of_array(text: str, is_his: list[bool]) -> Iterator[str]:
    """The array without his elements; none where it is no plain array of as many elements as there are records."""
    decoder, start, elements = json.JSONDecoder(), text.index("[") + 1, list[str]()
    with suppress(ValueError, RecursionError):
        while (start := _after_blanks(text, start)) < len(text) and text[start] != "]":
            _, end = decoder.raw_decode(text, start)
            elements.append(text[start:end])
            start = _after_blanks(text, end)
            start += text[start] == ","
    if len(elements) == len(is_his):
        kept = [element for element, his in zip(elements, is_his, strict=True) if not his]
        yield "[" + ",\n".join(kept) + "]\n"


def _after_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start
