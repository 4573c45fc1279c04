"""`churn query --on warehouse` only reads, whatever it is given."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import warehouse_query
from cli.trace_warehouse import with_warehouse
from contract.errors import QueryError, WarehouseError
from serving.trace.customer import trace
from serving.trace.warehouse import customer_sql
from serving.warehouse.statements import execute, read
from tests.support.lake_tables import write_rows


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


@pytest.fixture
def churn_table(warehouse):
    """The loaded table with customers of odd ids; `add` inserts one."""

    def add(customer):
        with warehouse.connection() as connection:
            execute(
                connection,
                "CREATE TABLE IF NOT EXISTS customer_churn_analysis (customer_id VARCHAR(64), churn_flag INTEGER)",
            )
            execute(connection, "INSERT INTO customer_churn_analysis VALUES (%s, 1)", [customer])
            connection.commit()

    return add


@pytest.mark.parametrize(
    "customer", ["7590-VHVEG", "O'Neil", "a;b", "back\\slash", "$1$", "'; DELETE FROM x; --", "Zo\u00eb", "100%"]
)
def test_customer_is_found_by_any_id(warehouse, churn_table, customer):
    churn_table(customer)
    churn_table("another")
    assert warehouse.read(customer_sql(customer)) == (["customer_id", "churn_flag"], [(customer, 1)])


def test_trace_says_why_warehouse_was_not_asked(warehouse, churn_table, tmp_path: Path, monkeypatch):
    write_rows(tmp_path, "gold.customer_churn_analysis", {"customer_id": "A-1", "churn_flag": 0})
    found, platform = trace(tmp_path, "A-1"), SimpleNamespace(required_warehouse=lambda: warehouse)
    monkeypatch.setattr(warehouse_query, "platform_or_local", lambda name: platform)
    asked = with_warehouse(found, None).warehouse
    assert (asked.state, "does not exist" in asked.note, "A-1" in asked.note) == ("not asked", True, False)
    churn_table("A-1")
    there = with_warehouse(found, None).warehouse
    assert (there.state, there.differs) == ("there", ("churn_flag",))
