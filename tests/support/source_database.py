"""A PostgreSQL database that customers live in, its log, and files of it as AWS DMS writes them to S3."""

import asyncio
import contextlib
import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from contract.columns import KEY
from infrastructure.local.redshift.postgres import running_postgres
from tests.support.records import GOOD

COLUMNS = tuple(GOOD)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
_SLOT = "dms"


@dataclass(frozen=True)
class Change:
    """An entry of the log: I, U or D; of a deletion the values before, of a changed key also `old_key`."""

    operation: str
    values: dict[str, str]
    sequence: str
    committed_at: datetime
    old_key: str = ""


class SourceDatabase:
    """The table `customers`, and what its log says of it since the last call of `changes`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        columns = ", ".join(f'"{name}" text' for name in COLUMNS)
        self.execute(
            f'CREATE TABLE customers ({columns}, PRIMARY KEY ("{KEY}"))',
            "ALTER TABLE customers REPLICA IDENTITY FULL",
            "CREATE PUBLICATION dms FOR TABLE customers",
            f"SELECT pg_create_logical_replication_slot('{_SLOT}', 'pgoutput')",
        )

    def execute(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own, unless it opens one itself."""
        for statement in statements:
            self._ask(statement)

    def put(self, *records: dict[str, Any]) -> None:
        """Insert customers, one transaction each."""
        self.execute(*map(inserted, records))

    def rows(self) -> dict[str, dict[str, str]]:
        """The customers as they are now, by id."""
        return {row[KEY]: {k: v or "" for k, v in dict(row).items()} for row in self._ask("SELECT * FROM customers")}

    def changes(self) -> list[Change]:
        """What the log says since the last call, in its order."""
        query = (
            f"SELECT data FROM pg_logical_slot_get_binary_changes('{_SLOT}', NULL, NULL, "
            "'proto_version', '1', 'publication_names', 'dms')"
        )
        return list(_decoded([bytes(row["data"]) for row in self._ask(query)]))

    def _ask(self, statement: str) -> list[Any]:
        async def ask() -> list[Any]:
            connection = await asyncpg.connect(host=str(self._socket.parent), user="postgres", database="source")
            try:
                if statement.startswith("SELECT"):
                    found: list[Any] = await connection.fetch(statement)
                    return found
                await connection.execute(statement)
                return []
            finally:
                await connection.close()

        return asyncio.run(ask())


def inserted(record: dict[str, Any]) -> str:
    """The statement that inserts a customer."""
    return f"INSERT INTO customers ({', '.join(record)}) VALUES ({', '.join(map(repr, record.values()))})"


@contextlib.contextmanager
def running_source(folder: Path) -> Iterator[SourceDatabase]:
    """A database of its own, which keeps a logical log."""
    data = folder / "data"
    with running_postgres(data, ("source",)):
        pass  # made
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("wal_level = logical\nmax_replication_slots = 2\n")
    with running_postgres(data, ("source",)) as socket:
        yield SourceDatabase(socket)


def _decoded(messages: list[bytes]) -> Iterator[Change]:
    """Changes from the messages of PostgreSQL's pgoutput protocol, version 1; those of one transaction have one sequence."""
    committed_at, names, transaction = _EPOCH, list[str](), ""
    for message in messages:
        kind, body = chr(message[0]), message[1:]
        if kind == "B":
            transaction = "{:X}/{:X}".format(*struct.unpack("!II", body[:8]))
            committed_at = _EPOCH + timedelta(microseconds=struct.unpack("!q", body[8:16])[0])
        elif kind == "R":
            names = _names(body)
        elif kind in "IUD":
            tuples = _tuples(body[4:])
            values = dict(zip(names, tuples[-1], strict=True))
            old_key = dict(zip(names, tuples[0], strict=True))[KEY] if kind == "U" and len(tuples) > 1 else ""
            yield Change(kind, values, transaction, committed_at, old_key)


def _names(body: bytes) -> list[str]:
    rest = body[4:].split(b"\0", 2)[2]  # namespace, name
    (count,), rest = struct.unpack("!H", rest[1:3]), rest[3:]
    names = []
    for _ in range(count):
        name, rest = rest[1:].split(b"\0", 1)
        names.append(name.decode())
        rest = rest[8:]  # type, modifier
    return names


def _tuples(body: bytes) -> list[list[str]]:
    """The rows in a message: O or K the one before, N the one after."""
    found = []
    while body:
        (count,), body = struct.unpack("!H", body[1:3]), body[3:]
        row = []
        for _ in range(count):
            if body[:1] == b"t":
                (length,) = struct.unpack("!I", body[1:5])
                row.append(body[5 : 5 + length].decode())
                body = body[5 + length :]
            else:
                row.append("")
                body = body[1:]
        found.append(row)
    return found


@dataclass(frozen=True)
class DmsTask:
    """Settings of a task of AWS DMS whose target is S3, by their names there, and the folder of the table."""

    folder: Path
    add_column_name: bool = True
    include_op_for_full_load: bool = False
    timestamp_column: str = "dms_timestamp"
    sequence_column: str = ""
    before_image: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns behind the operation."""
        more = (self.timestamp_column, self.sequence_column, f"BI_{KEY}" if self.before_image else "")
        return (*COLUMNS, *filter(None, more))

    def full_load(self, rows: dict[str, dict[str, str]], at: datetime) -> Path:
        """Write LOAD00000001.csv."""
        values = [[*row.values(), *self._more(at, "", "")] for row in rows.values()]
        with_operation = [["I", *row] for row in values] if self.include_op_for_full_load else values
        return self._write("LOAD00000001.csv", with_operation, has_operation=self.include_op_for_full_load)

    def change_file(self, changes: list[Change], name: str) -> Path:
        """Write a file of changes, whose name DMS makes of the time: 20260105-101500123."""
        rows = [[c.operation, *c.values.values(), *self._more(c.committed_at, c.sequence, c.old_key)] for c in changes]
        return self._write(f"{name}.csv", rows, has_operation=True)

    def _more(self, at: datetime, sequence: str, old_key: str) -> list[str]:
        time = [f"{at:%Y-%m-%d %H:%M:%S.%f}"] if self.timestamp_column else []
        return [*time, *([sequence] if self.sequence_column else []), *([old_key] if self.before_image else [])]

    def _write(self, name: str, rows: list[list[str]], *, has_operation: bool) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        header = (*(("Op",) if has_operation else ()), *self.columns)
        with (self.folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(header), *rows] if self.add_column_name else rows)
        return self.folder / name
