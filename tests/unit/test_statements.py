"""Statements on a connection: rows, names of columns, and what the driver's errors become."""

import pytest
import redshift_connector

from contract.errors import DependentViewError, WarehouseError
from serving.warehouse.statements import error_text, execute, execute_with_columns, sql_errors, sql_state

DEPENDENT = {"S": "ERROR", "C": "2BP01", "M": "cannot drop view a because other objects depend on it"}
MISSING = {"S": "ERROR", "C": "42P01", "M": "relation t does not exist"}


class Connection:
    """A driver's connection that answers every statement alike, or raises `problem`."""

    def __init__(self, rows=(), names=(), problem=None):
        self.rows, self.problem, self.sent = rows, problem, []
        self.description = [(name, 25) for name in names] or None

    def cursor(self):
        return self

    def execute(self, sql, parameters):
        self.sent.append((sql, parameters))
        if self.problem:
            raise self.problem

    def fetchall(self):
        assert self.description, "the driver has no rows of such a statement"
        return self.rows


def test_rows_come_as_tuples():
    connection = Connection([[1, "a"], [2, None]], ["n", "t"])
    assert execute(connection, "SELECT n, t FROM x WHERE n > %s", [0]) == [(1, "a"), (2, None)]
    assert connection.sent == [("SELECT n, t FROM x WHERE n > %s", (0,))]


@pytest.mark.parametrize("names", [["n", "é"], [b"n", "é".encode()]])
def test_names_come_as_text(names):
    assert execute_with_columns(Connection([], names), "SELECT 1") == (["n", "é"], [])


def test_statement_without_result_has_none():
    assert execute_with_columns(Connection(), "DROP TABLE t") == ([], [])
    assert execute(Connection(), "DROP TABLE t") == []


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (redshift_connector.ProgrammingError(MISSING), WarehouseError, "relation t does not exist"),
        (redshift_connector.ProgrammingError(DEPENDENT), DependentViewError, "other objects depend on it"),
        (redshift_connector.InterfaceError("connection is closed"), WarehouseError, "connection is closed"),
        (redshift_connector.ProgrammingError(), WarehouseError, r"\(in: DROP VIEW a\)"),
        (BrokenPipeError(32, "Broken pipe"), WarehouseError, "Broken pipe|32"),
        (TimeoutError("timed out"), WarehouseError, "timed out"),
    ],
)
def test_driver_error_is_explained(problem, kind, words):
    with pytest.raises(WarehouseError, match=words) as error:
        execute(Connection(problem=problem), "DROP VIEW a")
    assert type(error.value) is kind
    assert error.value.__cause__ is problem


def test_message_shows_the_beginning_only():
    sql = "SELECT   a,\n       b\nFROM t WHERE " + "x" * 500
    with pytest.raises(WarehouseError) as error:
        execute(Connection(problem=redshift_connector.ProgrammingError(MISSING)), sql)
    assert str(error.value) == f"relation t does not exist (in: {' '.join(sql.split())[:120]})"


def test_other_errors_pass_unchanged():
    with pytest.raises(KeyError), sql_errors("SELECT 1"):
        raise KeyError("a mistake of ours")


def test_error_while_reading_is_explained():
    class Lost(Connection):
        def fetchall(self):
            raise ConnectionResetError(104, "reset by peer")

    with pytest.raises(WarehouseError, match="SELECT 1"):
        execute(Lost(names=["n"]), "SELECT 1")


@pytest.mark.parametrize(
    ("error", "text", "state"),
    [
        (redshift_connector.ProgrammingError(MISSING), "relation t does not exist", "42P01"),
        (redshift_connector.ProgrammingError({"M": "no code"}), "no code", ""),
        (redshift_connector.ProgrammingError("plain"), "plain", ""),
        (redshift_connector.ProgrammingError(), "", ""),
    ],
)
def test_fields_of_an_error(error, text, state):
    assert error_text(error) == text
    assert sql_state(error) == state
