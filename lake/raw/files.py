"""Whole raw files, read and staged: as Parquet, which Spark reads in parallel, whatever the raw files are like."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract.errors import DamagedFileError, LayoutError, UnreadableFileError
from contract.feeds import Feed
from contract.sources import DELETE, source_of
from lake.erasure.register import NOBODY, ErasedCustomers
from lake.landing import RawFile
from lake.raw.container import content
from lake.raw.encoding import UTF8
from lake.raw.reader import read_records
from lake.raw.records import DEFAULT_LIMITS, Limits
from lake.raw.rows import row_batches, row_schema
from lake.storage import Folder, open_folder

_LINEAGE = ("_source_file", "_source_checksum", "_file_event_at")
_PART_BYTES = 32 * 1024 * 1024  # in memory


@dataclass(frozen=True)
class FileAccount:
    """What became of a raw file.

    `records` counts those received, faulty ones included, without those of `erased` customers. `fault` says why the file cannot be read, and is empty where
    it can: a fault may show at the end of the file, so rows that are staged already do not count. `sparse` are the
    columns that some records of the file have and others lack, `lacks` the optional ones that no record has, None where
    no readable record has any column: such a file says nothing about them. `told` is how many records the last line of a
    snapshot tells, None where that is a record.
    """

    path: str
    records: int = 0
    fault: str = ""
    sparse: tuple[str, ...] = ()
    lacks: tuple[str, ...] | None = None
    encoding: str = UTF8
    told: int | None = None
    erased: int = 0


def staged_schema(feed: Feed) -> pa.Schema:
    """Return the columns of staged rows: where a row comes from, as text, then `row_schema`."""
    return pa.schema([*(pa.field(name, pa.string()) for name in _LINEAGE), *row_schema(feed)])


def staged_columns(feed: Feed) -> str:
    """Return the columns of staged rows with Spark SQL's types."""
    kinds = {pa.int64(): "bigint"}
    return ", ".join(f"`{field.name}` {kinds.get(field.type, 'string')}" for field in staged_schema(feed))


def stage_files(
    files: Sequence[RawFile],
    feed: Feed,
    target: Folder,
    prefix: str,
    limits: Limits = DEFAULT_LIMITS,
    erased: ErasedCustomers = NOBODY,
) -> list[FileAccount]:
    """Write a row for every record of `files`, all below one raw root, to Parquet files in `target`; return the accounts.

    Their names begin with `prefix`; there is at least one. Records of `erased` customers are left out.
    Raises LakeError where the storage cannot be reached.
    """
    root = open_folder(files[0].uri.removesuffix(files[0].path))
    parts = _Parts(target, prefix, staged_schema(feed))
    accounts = []
    for file in files:
        try:
            accounts.append(_stage(root, file, feed, parts, limits, erased))
        except (LayoutError, UnreadableFileError) as error:
            accounts.append(FileAccount(file.path, fault=str(error)))
    parts.write()
    return accounts


def _stage(
    root: Folder, file: RawFile, feed: Feed, parts: "_Parts", limits: Limits, erased: ErasedCustomers
) -> FileAccount:
    received, source = _Content(root, file.path), source_of(file.path)
    found = read_records(received, feed.required, limits, source)
    count, left_out, given, lacking = 0, 0, set[str](), set[str]()
    for every in row_batches(found, feed, lambda: received.bytes_read, source):
        batch = erased.without(every)
        left_out += every.num_rows - batch.num_rows
        parts.add(_with_lineage(batch, file))
        count += batch.num_rows
        states = _without_deletions(batch) if source.kind == "cdc" else batch
        if states.num_rows and states["_parse_error"].null_count:
            given |= {name for name in feed.columns if states[name].null_count < states.num_rows}
            lacking |= {name for name in feed.columns if states[name].null_count}
    return FileAccount(
        file.path,
        count,
        sparse=tuple(sorted(given & lacking)),
        lacks=tuple(c for c in feed.optional if c not in given) if given else None,
        encoding=found.layout.encoding,
        told=found.told,
        erased=left_out,
    )


def _without_deletions(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The records that say which columns the file has: of a deletion some sources give the key alone."""
    return batch.filter(pc.not_equal(pc.fill_null(batch["_operation"], ""), DELETE))


def _with_lineage(batch: pa.RecordBatch, file: RawFile) -> pa.RecordBatch:
    values = (file.path, file.checksum, file.event_at)
    lineage = [pa.repeat(pa.scalar(value, pa.string()), batch.num_rows) for value in values]
    return pa.RecordBatch.from_arrays([*lineage, *batch.columns], [*_LINEAGE, *batch.schema.names])


class _Content:
    """The unpacked content of a file, from its beginning at every call; counts the bytes that were read."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self._name = name
        self.bytes_read = 0

    def __call__(self) -> Iterator[bytes]:
        try:
            stream = self._folder.open(self._name)
        except OSError as error:
            raise DamagedFileError(f"cannot be read ({error.strerror}). Check its permissions and the disk.") from error
        with stream:
            for part in content(stream):
                self.bytes_read += len(part)
                yield part


class _Parts:
    """Parquet files of at most `_PART_BYTES`, one after the other."""

    def __init__(self, target: Folder, prefix: str, schema: pa.Schema) -> None:
        self._target = target
        self._prefix = prefix
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows, and write those that have been taken where they are enough."""
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _PART_BYTES:
            self.write()

    def write(self) -> None:
        """Write what has been taken since the last part, also nothing."""
        part = io.BytesIO()
        pq.write_table(pa.Table.from_batches(self._batches, self._schema), part)
        self._target.write_bytes(f"{self._prefix}-{self._count:05d}.parquet", part.getvalue())
        self._batches, self._bytes, self._count = [], 0, self._count + 1
