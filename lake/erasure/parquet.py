"""The rows of erased customers in Parquet files."""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract.columns import KEY
from contract.errors import DamagedFileError
from lake.erasure.deletion_vectors import Positions
from lake.erasure.ids import CustomerIds

FREE_TEXT = ("_rescued_data", "_parse_error", "raw_record", "reasons", "churn_reason")
"""The columns of tables that may name a customer besides the key. In any other, what looks like an id is something else."""

_PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ErasedFile:
    """A file without the rows of erased customers: what it has then, and the rows that left it with their positions."""

    content: bytes
    kept: pa.Table
    removed: pa.Table
    positions: Positions

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return len(self.content)


def erased_file(
    content: bytes, ids: CustomerIds, key: str = KEY, free_text: Collection[str] = FREE_TEXT
) -> ErasedFile | None:
    """Return a Parquet file without the rows of customers, None where none of its rows names one of them.

    A row is a customer's by its `key`, or where that is null by a `free_text` that names him. In these columns of other rows
    his id gives way to `ERASED`. Raises DamagedFileError.
    """
    with _reading():
        file = pq.ParquetFile(io.BytesIO(content))
        columns = file.schema_arrow
        sought = [name for name in columns.names if name == key or name in free_text]
        texts = [name for name in sought if _has_text(columns.field(name).type)]
        found = file.read(columns=texts)
        found.validate(full=True)
    is_named = _names(found, texts, key, ids)
    is_his = pc.or_(_is_keyed(found[key], ids), pc.and_(is_named, pc.is_null(found[key]))) if key in texts else is_named
    if not pc.any(pc.or_(is_his, is_named)).as_py():
        return None
    with _reading():
        rows = file.read()
    kept = _masked(rows.filter(pc.invert(is_his)), [name for name in texts if name != key], ids)
    positions = np.flatnonzero(is_his.to_numpy(zero_copy_only=False)).astype(np.int64)
    return ErasedFile(_written(kept, file), kept, rows.filter(is_his), positions)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, pa.ArrowException) as error:
        # Its text may have what the file contains.
        raise DamagedFileError(f"cannot be read as Parquet ({type(error).__name__})") from None


def _has_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or (pa.types.is_list(kind) and pa.types.is_string(kind.value_type)))


def _is_keyed(keys: pa.ChunkedArray, ids: CustomerIds) -> pa.Array:
    """Whether each key is one of a customer; nulls are not. Few keys are the same, but many are of nobody who is sought."""
    his = [key for key in pc.unique(keys).to_pylist() if ids.has(key)]
    return pc.is_in(keys, value_set=pa.array(his, keys.type)).combine_chunks()


def _names(rows: pa.Table, texts: list[str], key: str, ids: CustomerIds) -> pa.Array:
    """Whether a text of each row, other than its key, names a customer."""
    named = np.zeros(rows.num_rows, dtype=bool)
    for name in texts:
        if name != key:
            named[_places(rows[name].combine_chunks(), ids)] = True
    return pa.array(named)


def _places(column: pa.Array, ids: CustomerIds) -> Positions:
    """The positions of the rows in which a text names a customer."""
    is_list = pa.types.is_list(column.type)
    texts = pc.list_flatten(column) if is_list else column
    naming = [text for text in pc.unique(texts).to_pylist() if ids.are_in(text)]
    matches = pc.is_in(texts, value_set=pa.array(naming, texts.type))
    if is_list:
        matching: Positions = np.unique(pc.list_parent_indices(column).filter(matches).to_numpy())
        return matching
    return np.flatnonzero(matches.to_numpy(zero_copy_only=False))


def _masked(rows: pa.Table, texts: list[str], ids: CustomerIds) -> pa.Table:
    for name in texts:
        if len(_places(rows[name].combine_chunks(), ids)):
            masked = [_masked_value(value, ids) for value in rows[name].to_pylist()]
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, rows.schema.field(name), pa.array(masked, rows.schema.field(name).type))
    return rows


def _masked_value(value: str | list[str | None] | None, ids: CustomerIds) -> str | list[str | None] | None:
    if isinstance(value, list):
        return [text and ids.masked(text) for text in value]
    return ids.masked(value) if value else value


def _written(rows: pa.Table, like: pq.ParquetFile) -> bytes:
    """The rows in a file as Spark writes it, packed and described as `like` is."""
    metadata, written = like.metadata, io.BytesIO()
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    codec = groups[0].column(0).compression if groups else "SNAPPY"
    # A record may have 8 MB, and pages are measured after so many rows.
    rows_at_once = min(1024, max(1, _PAGE_BYTES * rows.num_rows // max(1, rows.nbytes)))
    writer = pq.ParquetWriter(
        written,
        rows.schema,
        compression="NONE" if codec == "UNCOMPRESSED" else codec,
        store_schema=False,
        store_decimal_as_integer=True,
        write_batch_size=rows_at_once,
    )
    with writer:
        writer.write_table(rows, row_group_size=max((group.num_rows for group in groups), default=None))
        writer.add_key_value_metadata(metadata.metadata or {})
    return written.getvalue()
