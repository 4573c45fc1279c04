"""Damaged files of Delta tables: looked for after a failure, and by `churn repair`."""

import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from contract.errors import DamagedTableError
from contract.tables import TABLES, Table
from jobs.delta import Lake
from lake.delta_log import commit_file, is_table, log_files

READ_ERRORS = (Py4JJavaError, PySparkException, ValueError)
"""What Spark, Delta and Python raise for a damaged file, and for much else."""


@dataclass(frozen=True)
class Damage:
    """One file, named below the lake, that is missing or cannot be read; `version` is that of a commit or checkpoint.

    `data_file` is the data file, as the log names it, that cannot be read because of it.
    """

    table: Table
    kind: Literal["commit", "checkpoint", "data"]
    file: str
    version: int = -1
    data_file: str = ""


def stored_tables(lake: Lake) -> list[Table]:
    """Return the tables that have a log, whether it can be read or not."""
    return [table for table in TABLES.values() if is_table(lake.root, table.path)]


def find_damage(lake: Lake, table: Table) -> list[Damage]:
    """Return the damaged files of a table's log; where there are none, those of its newest version's data."""
    return list(_log_damage(lake, table)) or list(_data_damage(lake, table))


def raise_if_damaged(lake: Lake, error: BaseException) -> None:
    """Raise DamagedTableError, from `error`, where a file of a table is damaged; every table is read for that."""
    found = [damage for table in stored_tables(lake) for damage in find_damage(lake, table)]
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise DamagedTableError(
            f"{found[0].table.name}: {lake.root.uri(found[0].file)} is damaged or missing{more}. Restore it from a backup, "
            "or go back to the last good state with: churn repair"
        ) from error


def _log_damage(lake: Lake, table: Table) -> Iterator[Damage]:
    log = log_files(lake.root, table.path)
    complete = -1
    for version, names in sorted(log.checkpoints.items()):
        damaged = [name for name in names if not _is_intact(lake, name, _read_parquet)]
        yield from (Damage(table, "checkpoint", name, version) for name in damaged)
        complete = complete if damaged else version
    # Up to a checkpoint Delta removes commits; after it, or from the first on, every one is needed.
    needed = range(complete + 1, max(log.commits, default=complete) + 1)
    for version in sorted({*log.commits, *needed}):
        name = commit_file(table.path, version)
        if not _is_intact(lake, name, _read_commit):
            yield Damage(table, "commit", name, version)


def _data_damage(lake: Lake, table: Table) -> Iterator[Damage]:
    for file in lake.data_files(table):
        name = f"{table.path}/{unquote(file)}"
        if not _is_intact(lake, name, _read_parquet):
            yield Damage(table, "data", name, data_file=file)
    for file, vector in lake.deletion_vectors(table).items():
        name = f"{table.path}/{vector}"
        if not _is_intact(lake, name, _read_vectors):
            yield Damage(table, "data", name, data_file=file)


def _is_intact(lake: Lake, name: str, read: Callable[[bytes], None]) -> bool:
    """Whether a file is there and has content that can be read. Raises LakeError, OSError where it cannot be fetched.

    Fetched and read apart, so that an outage is not taken for damage.
    """
    if not lake.root.exists(name):
        return False
    content = lake.root.read_bytes(name)
    try:
        read(content)
    except (ValueError, pa.ArrowException, OSError):
        return False
    folder, _, short_name = name.rpartition("/")
    return not lake.root.exists(f"{folder}/.{short_name}.crc") or lake.matches_checksum(name)


def _read_parquet(content: bytes) -> None:
    for _ in pq.ParquetFile(io.BytesIO(content)).iter_batches():
        pass


def _read_vectors(content: bytes) -> None:
    """Read a file of deletion vectors: format 1, then each with its size before it and its CRC-32 behind it."""
    if content[:1] != b"\x01":
        raise ValueError("a file of deletion vectors begins with its format")
    start = 1
    while start < len(content):
        end = start + 4 + int.from_bytes(content[start : start + 4])
        if zlib.crc32(content[start + 4 : end]) != int.from_bytes(content[end : end + 4]):
            raise ValueError("a deletion vector does not have its checksum")
        start = end + 4


def _read_commit(content: bytes) -> None:
    if not any("commitInfo" in json.loads(line) for line in content.splitlines()):
        raise ValueError("a commit has a commitInfo")
