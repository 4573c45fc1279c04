"""The rows of erased customers in Parquet files."""

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract.columns import KEY
from lake.erasure.deletion_vectors import Positions
from lake.erasure.ids import CustomerIds

# By its name a raw file is known: that is left as it is.
_FILE_NAMES = ("_source_file", "source_file")
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


def erased_file(content: bytes, ids: CustomerIds, key: str = KEY) -> ErasedFile | None:
    """Return a Parquet file without the rows of customers, None where none of its rows names one of them.

    A row is a customer's by its `key`, or where that is null by a text that names him. In texts of other rows his id gives
    way to `ERASED`.
    """
    file = pq.ParquetFile(io.BytesIO(content))
    columns = file.schema_arrow
    texts = [name for name in columns.names if _has_text(columns.field(name).type) and name not in _FILE_NAMES]
    found = file.read(columns=texts)
    is_named = _names(found, texts, key, ids)
    is_his = pc.or_(_is_keyed(found[key], ids), pc.and_(is_named, pc.is_null(found[key]))) if key in texts else is_named
    if not pc.any(pc.or_(is_his, is_named)).as_py():
        return None
    rows = file.read()
    kept = _masked(rows.filter(pc.invert(is_his)), [name for name in texts if name != key], ids)
    positions = np.flatnonzero(is_his.to_numpy(zero_copy_only=False)).astype(np.int64)
    return ErasedFile(_written(kept, file), kept, rows.filter(is_his), positions)


def _has_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or (pa.types.is_list(kind) and pa.types.is_string(kind.value_type)))


def _is_keyed(keys: pa.ChunkedArray, ids: CustomerIds) -> pa.Array:
    """Whether each key is one of a customer; nulls are not. Few keys are the same, but many are of nobody who is sought."""
    his = [key for key in pc.unique(keys).to_pylist() if ids.has(key)]
    return pc.is_in(keys, value_set=pa.array(his, keys.type)).combine_chunks()


def _names(rows: pa.Table, texts: list[str], key: str, ids: CustomerIds) -> pa.Array:
    """Whether a text of each row, other than its key, names a customer."""
    named = np.zeros(rows.num_rows, dtype=bool)
    if ids.regexp:
        for name in texts:
            if name != key:
                column = rows[name].combine_chunks()
                named[_places(column, ids.regexp)] = True
    return pa.array(named)


def _places(column: pa.Array, regexp: str) -> Positions:
    """The positions of the rows in which a text matches."""
    if pa.types.is_list(column.type):
        matches = pc.fill_null(pc.match_substring_regex(pc.list_flatten(column), regexp), False)
        matching: Positions = np.unique(pc.list_parent_indices(column).filter(matches).to_numpy())
        return matching
    matches = pc.fill_null(pc.match_substring_regex(column, regexp), False)
    return np.flatnonzero(matches.to_numpy(zero_copy_only=False))


def _masked(rows: pa.Table, texts: list[str], ids: CustomerIds) -> pa.Table:
    for name in texts:
        if ids.regexp and len(_places(rows[name].combine_chunks(), ids.regexp)):
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
