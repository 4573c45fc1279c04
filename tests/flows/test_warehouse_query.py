"""`churn query --on warehouse` only reads, whatever it is given."""

import pytest

from contract.errors import QueryError, WarehouseError
from serving.warehouse.statements import execute, read


@pytest.fixture
def filled(warehouse):
    with warehouse.connection() as connection:
        execute(connection, "CREATE TABLE load_audit (n INTEGER)")
        execute(connection, "INSERT INTO load_audit VALUES (1), (2)")
        connection.commit()
    return warehouse


def _read(warehouse, sql):
    with warehouse.connection() as connection:
        return read(connection, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM load_audit ORDER BY n",
        "-- what is there\n SELECT n FROM load_audit ORDER BY n",
        "/* TRUNCATE */ (SELECT n FROM load_audit) ORDER BY n",
        "WITH all_of_it AS (SELECT n FROM load_audit) SELECT n FROM all_of_it ORDER BY n;",
    ],
)
def test_reading_statements_are_answered(filled, sql):
    assert _read(filled, sql) == (["n"], [(1,), (2,)])


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("TRUNCATE load_audit", "churn query only reads: .* not TRUNCATE"),
        ("DELETE FROM load_audit", "only reads: .* not DELETE"),
        ("-- SELECT\nDROP TABLE load_audit", "only reads: .* not DROP"),
        ("/* SELECT */ insert into load_audit values (3)", "only reads: .* not INSERT"),
        ("COMMIT", "only reads"),
        ("BEGIN READ WRITE", "only reads"),
        ("SET transaction_read_only = off", "only reads"),
        ("UNLOAD ('SELECT 1') TO 's3://b' IAM_ROLE 'r'", "only reads"),
        ("", "only reads: .* not nothing"),
        (
            "WITH gone AS (DELETE FROM load_audit RETURNING n) SELECT n FROM gone",
            "only reads: .* read-only transaction",
        ),
        ("SELECT n INTO copied FROM load_audit", "only reads: .* read-only transaction"),
        ("SELECT n FROM load_audit FOR UPDATE", "only reads: .* read-only transaction"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "must be set before any query"),
        ("SELECT 1; TRUNCATE load_audit", "multiple commands"),
        ("SELECT 1; COMMIT; DELETE FROM load_audit", "multiple commands"),
    ],
)
def test_writing_statements_are_refused(filled, sql, words):
    with pytest.raises(QueryError, match=words):
        _read(filled, sql)
    assert _read(filled, "SELECT count(*) AS n FROM load_audit") == (["n"], [(2,)])


def test_truncate_is_refused_by_the_server_too(filled):
    """Not only by its first word: the transaction is read-only."""
    with filled.connection() as connection:
        connection.autocommit = True
        execute(connection, "BEGIN READ ONLY")
        with pytest.raises(WarehouseError, match="read-only transaction"):
            execute(connection, "TRUNCATE load_audit")
    assert _read(filled, "SELECT count(*) AS n FROM load_audit") == (["n"], [(2,)])
