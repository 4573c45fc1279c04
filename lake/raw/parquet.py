"""Parquet files as JSON lines, so that every reader of JSON reads them too."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from contract.errors import DamagedFileError, LayoutError
from lake.raw.encoding import UTF8

_IN_MEMORY_BYTES = 16 * 1024 * 1024  # larger files wait on disk: what they contain is said at their end
_ROW_GROUP_BYTES = 1024**3
_ROWS_AT_ONCE = 1024


def json_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the rows of a Parquet file as lines of JSON, dates and exact numbers as text.

    Raises DamagedFileError for one that cannot be read, LayoutError for row groups that memory might not hold.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        for part in parts:
            file.write(part)
        file.seek(0)
        try:
            found = pq.ParquetFile(file)
            _require_small_groups(found.metadata)
            for batch in found.iter_batches(_ROWS_AT_ONCE):
                yield b"".join(json.dumps(row, default=_text).encode(UTF8) + b"\n" for row in batch.to_pylist())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DamagedFileError("cannot be read: its Parquet is broken or cut off. Deliver it again.") from error


def _require_small_groups(metadata: pq.FileMetaData) -> None:
    largest = max((metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)), default=0)
    if largest > _ROW_GROUP_BYTES:
        raise LayoutError("has a row group of more than 1 GB. Write smaller ones.")


def _text(value: Any) -> str:
    """What JSON has no type for; bytes as some writers have them for text."""
    return value.decode(UTF8, "replace") if isinstance(value, bytes) else str(value)
