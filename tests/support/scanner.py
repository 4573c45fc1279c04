"""Every byte below a folder, decoded in every way that something of ours is written."""

import bz2
import gzip
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq


def places_of(words: tuple[str, ...], *folders: Path) -> list[str]:
    """The files in whose name or content one of the words stands, in any case."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    assert files, "there is nothing to look into"
    return [str(path) for path in files if any(_is_in(word, path) for word in words)]


def _is_in(word: str, path: Path) -> bool:
    return any(text in content for content in _contents(path) for text in _written(word))


def _written(word: str) -> Iterator[bytes]:
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        yield word.lower().encode(encoding)


def _contents(path: Path) -> Iterator[bytes]:
    """The name of a file, its bytes, and what they mean, in lower case."""
    yield str(path.name).lower().encode()
    content = path.read_bytes()
    yield content.lower()
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content).lower()
    if content.startswith(b"BZh"):
        yield bz2.decompress(content).lower()
    if content.startswith(b"PAR1"):
        yield repr(pq.read_table(io.BytesIO(content)).to_pylist()).lower().encode()
    if content.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).lower().encode()
