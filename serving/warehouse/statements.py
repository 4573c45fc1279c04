"""Execute statements with redshift_connector and translate its errors."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import redshift_connector

from contract.errors import DependentViewError, QueryError, WarehouseError

_DEPENDENT_OBJECTS = "2BP01"
_READ_ONLY_TRANSACTION = "25006"
_READING = ("SELECT", "WITH", "SHOW", "EXPLAIN")
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n\r]*[\n\r]|/\*.*?\*/)*(\w*)", re.DOTALL)
# One statement in which every semicolon but the last is in a comment or in quotes. Nothing is matched in a second way
# (*+): the server would read it in one way only. What it may read in two, a backslash in quotes or $, is left out.
_ONE_STATEMENT = re.compile(
    r"""(?:--[^\n\r]*|/\*.*?\*/|'(?:[^'\\]|'')*'|"(?:[^"]|"")*"|[^'";$])*+;?(?:\s|--[^\n\r]*|/\*.*?\*/)*+""", re.DOTALL
)


def execute(
    connection: redshift_connector.Connection, sql: str, parameters: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Execute one statement and return its rows, if it has any. Raises WarehouseError with the server's message."""
    return execute_with_columns(connection, sql, parameters)[1]


def execute_with_columns(
    connection: redshift_connector.Connection, sql: str, parameters: Sequence[Any] = ()
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Execute one statement and return the names of the columns and the rows.

    Raises WarehouseError with the server's message, DependentViewError where other objects depend on what is dropped.
    """
    with sql_errors(sql):
        cursor = connection.cursor()
        cursor.execute(sql, tuple(parameters))
        columns = [_text(column[0]) for column in cursor.description or []]
        return columns, [tuple(row) for row in cursor.fetchall()] if columns else []


def read(connection: redshift_connector.Connection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Execute one reading statement in a read-only transaction, left open; return the names of the columns and the rows.

    The first word is checked too: Redshift's TRUNCATE commits the transaction that it is in. Raises QueryError.
    """
    check_reads(sql)
    connection.autocommit = True  # the driver would begin a transaction of its own
    try:
        execute(connection, "BEGIN READ ONLY")
        return execute_with_columns(connection, sql)
    except WarehouseError as error:
        writes = error.__cause__ is not None and sql_state(error.__cause__) == _READ_ONLY_TRANSACTION
        raise QueryError(f"churn query only reads: {error}" if writes else str(error)) from error


def check_reads(sql: str) -> None:
    """Raise QueryError for what is not one statement that begins as one that reads.

    A second statement could end the read-only transaction. The driver sends none; the Data API does not promise that.
    """
    found = _FIRST_WORD.match(sql)
    word = found[1].upper() if found else ""
    if word not in _READING:
        raise QueryError(
            f"churn query only reads: give one {', '.join(_READING[:-1])} or {_READING[-1]} statement, not "
            f"{word or 'nothing'}. The warehouse is written by: churn run"
        )
    if ";" in sql.rstrip().removesuffix(";") and not _ONE_STATEMENT.fullmatch(sql):
        raise QueryError(
            "churn query only reads: give one statement, not multiple commands. A semicolon in text that has a backslash "
            "or a dollar sign is written CHR(59)"
        )


@contextlib.contextmanager
def sql_errors(sql: str) -> Iterator[None]:
    """Translate errors of the driver. Raises WarehouseError, DependentViewError, with the beginning of the statement."""
    try:
        yield
    except (redshift_connector.Error, OSError) as error:
        kind = DependentViewError if sql_state(error) == _DEPENDENT_OBJECTS else WarehouseError
        raise kind(f"{error_text(error)} (in: {' '.join(sql.split())[:120]})") from error


def error_text(error: BaseException) -> str:
    """Return the message of a driver's error: the driver gives the server's fields as a dictionary."""
    return str(_fields(error).get("M", error.args[0] if error.args else ""))


def sql_state(error: BaseException) -> str:
    """Return the SQLSTATE of a driver's error, empty where the server gave none."""
    return str(_fields(error).get("C", ""))


def _fields(error: BaseException) -> dict[str, Any]:
    fields = error.args[0] if error.args else ""
    return fields if isinstance(fields, dict) else {"M": str(error)}


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
