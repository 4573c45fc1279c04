"""Loads through redshift_connector on a real socket, into the stand-in."""

import json
import os
import signal
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from cli import warehouse_query
from cli.warehouse_query import query_warehouse
from contract.errors import WarehouseError
from lake.exports import ExportColumn, Exports, TableVersion
from serving.warehouse import sql
from serving.warehouse.statements import execute
from tasks import warehouse as warehouse_task
from tasks.warehouse import load_warehouse, loaded_version
from tests.support.exports import COLUMNS, write_export

PROJECT = Path(__file__).resolve().parents[2]
EXTRA = ExportColumn("added", "int", True, "Came later", 0)


@pytest.fixture
def platform(warehouse, tmp_path, prefect_harness):
    return Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=warehouse)


def _export(platform, *args, **given):
    write_export(platform.folder(), *args, **given)


def _rows(platform, columns="customer_id, risk_segment, cltv"):
    with platform.warehouse.connection() as connection:
        return execute(connection, f"SELECT {columns} FROM customer_churn_analysis ORDER BY 1")


def _row(name, value, operation="U"):
    return (name, "Low-Value, Low-Risk", Decimal(value), operation)


def test_full_then_changes_then_again(platform):
    assert loaded_version(platform) is None
    _export(platform, 0, [_row("a", 1), _row("b", 2), _row("c", 3)], table_rows=3)
    assert load_warehouse(platform, 0).rows_loaded == 3
    _export(platform, 2, [_row("b", 20), _row("c", 0, "D"), _row("d", 4)], base=0, table_rows=3)
    load = load_warehouse(platform, 2)
    assert (load.rows_loaded, load.table_rows) == (3, 3)
    assert [(row[0], row[2]) for row in _rows(platform)] == [("a", 1), ("b", 20), ("d", 4)]
    assert loaded_version(platform) == TableVersion("t", 2)
    assert load_warehouse(platform, 2).rows_loaded == 0
    with platform.warehouse.connection() as connection:
        assert execute(connection, "SELECT count(*) FROM load_audit")[0][0] == 2


def test_tables_have_a_schema_of_their_own(platform, monkeypatch):
    """It is made with the first load; what people ask for needs no prefix."""
    own = platform.model_copy(update={"warehouse": platform.warehouse.model_copy(update={"schema_name": "mart"})})
    _export(own, 0, [_row("a", 1), _row("b", 2)], table_rows=2)
    assert loaded_version(own) is None
    assert load_warehouse(own, 0).rows_loaded == 2
    _export(own, 1, [_row("b", 0, "D")], base=0, table_rows=1)
    assert load_warehouse(own, 1).table_rows == 1
    monkeypatch.setattr(warehouse_query, "platform_or_local", lambda name: own)
    assert query_warehouse("SELECT customer_id FROM customer_churn_dashboard", "own") == (["customer_id"], [("a",)])
    with platform.warehouse.connection() as connection:
        found = execute(connection, sql.existing_columns("public"))
        execute(connection, "DROP SCHEMA mart CASCADE")
        connection.commit()
    assert found == [], "nothing is in public"


def test_the_same_version_of_another_lake_is_not_the_same(platform, tmp_path):
    _export(platform, 3, [_row("a", 1), _row("b", 2)], table_rows=2)
    load_warehouse(platform, 3)
    other = platform.model_copy(update={"lake": str(tmp_path / "other")})
    _export(other, 3, [_row("z", 9)], table_rows=1, table_id="u")
    assert load_warehouse(other, 3).rows_loaded == 1
    assert [row[0] for row in _rows(platform)] == ["z"]
    assert loaded_version(platform) == TableVersion("u", 3)


@pytest.mark.parametrize("spoil", ["staged count", "lost file", "wrong base"])
def test_a_failed_load_leaves_the_table_as_it_was(platform, spoil):
    _export(platform, 0, [_row("a", 1), _row("b", 2)], table_rows=2)
    load_warehouse(platform, 0)
    before = _rows(platform)
    _export(
        platform,
        1,
        [_row("b", 9)],
        base=5 if spoil == "wrong base" else 0,
        table_rows=2,
        claimed=8 if spoil == "staged count" else None,
    )
    if spoil == "lost file":
        next(Path(Exports(platform.folder()).data(1)).glob("*.parquet")).unlink()
    with pytest.raises(WarehouseError):
        load_warehouse.fn(platform, 1)
    assert _rows(platform) == before
    assert loaded_version(platform) == TableVersion("t", 0)


def test_changes_that_lead_elsewhere_leave_the_table_as_it_was(platform):
    """The warehouse had other rows than the lake: it needs a full load."""
    _export(platform, 0, [_row("a", 1), _row("b", 2)], table_rows=2)
    load_warehouse(platform, 0)
    before = _rows(platform)
    _export(platform, 1, [_row("b", 9)], base=0, table_rows=7)
    load = load_warehouse(platform, 1)
    assert (load.rows_loaded, load.table_rows, load.differences) == (0, 2, ("rows",))
    assert _rows(platform) == before
    assert loaded_version(platform) == TableVersion("t", 0)


def test_full_load_that_differs_fails(platform):
    _export(platform, 0, [_row("a", 1), _row("b", 2)], table_rows=7)
    with pytest.raises(WarehouseError, match=r"differs from what was exported.*in: rows; rolled back"):
        load_warehouse.fn(platform, 0)
    assert loaded_version(platform) is None


def test_a_serialization_conflict_is_retried(platform, monkeypatch):
    """Somebody else writes the same rows between our COPY and our DELETE: the load is rolled back and made again."""
    _export(platform, 0, [_row("a", 1), _row("b", 2)], table_rows=2)
    load_warehouse(platform, 0)
    _export(platform, 1, [_row("b", 9)], base=0, table_rows=2)
    plain, copies = warehouse_task.execute, []

    def with_a_rival(connection, statement, parameters=()):
        rows = plain(connection, statement, parameters)
        if statement.startswith("COPY"):
            copies.append(statement)
            if len(copies) == 1:
                with platform.warehouse.connection() as rival:
                    plain(rival, "UPDATE customer_churn_analysis SET cltv = 7")
                    rival.commit()
        return rows

    monkeypatch.setattr(warehouse_task, "execute", with_a_rival)
    with pytest.raises(WarehouseError, match="could not serialize"):
        load_warehouse.fn(platform, 1)
    copies.clear()
    load_warehouse.with_options(retry_delay_seconds=0)(platform, 1)
    assert len(copies) == 2
    assert [(row[0], row[2]) for row in _rows(platform)] == [("a", 7), ("b", 9)]
    assert load_warehouse(platform, 1).rows_loaded == 0


def test_a_new_column_is_added_not_dropped(platform):
    _export(platform, 0, [_row("a", 1)], table_rows=1)
    load_warehouse(platform, 0)
    _export(platform, 1, [("b", "x", Decimal(2), 7, "U")], base=0, table_rows=2, columns=(*COLUMNS, EXTRA))
    load_warehouse(platform, 1)
    assert _rows(platform, "customer_id, added") == [("a", None), ("b", 7)]
    with platform.warehouse.connection() as connection:
        seen = execute(connection, f"SELECT customer_id, added, is_churned FROM {sql.VIEW} ORDER BY 1")
    assert seen == [("a", None, False), ("b", 7, False)]


def test_views_follow_the_definitions_and_only_then_change(platform, monkeypatch):
    platform.warehouse.bi_group = "churn_readers"

    def load(version, *, is_there=False):
        if not is_there:
            _export(platform, version, [_row("a", 1000 + version), _row("b", 3000)], table_rows=2)
        assert load_warehouse.fn(platform, version).rows_loaded == (0 if is_there else 2)
        with platform.warehouse.connection() as connection:
            oids = dict(execute(connection, "SELECT relname, oid FROM pg_class WHERE relname LIKE 'customer_churn%'"))
            figures = execute(connection, f"SELECT customers, cltv_total, customers_at_risk FROM {sql.KPI_VIEW}")
            readers = execute(
                connection,
                f"SELECT has_table_privilege('churn_readers', '{sql.KPI_VIEW}', 'SELECT'), count(*) FROM {sql.VIEW}",
            )
        assert [None if value is None else float(value) for value in figures[0]] == [2, 4000 + version, None]
        assert readers == [(True, 2)]
        return oids

    first, second = load(0), load(1)
    assert second == first
    monkeypatch.setattr(sql, "CONDITIONS", sql.CONDITIONS[:1])
    third = load(2)
    assert third[sql.VIEW] != first[sql.VIEW]
    assert third[sql.KPI_VIEW] == first[sql.KPI_VIEW]
    monkeypatch.undo()
    assert load(2, is_there=True)[sql.VIEW] != third[sql.VIEW], "also where there is nothing to load"


def test_view_with_older_words_only_is_described_anew(platform, monkeypatch):
    """What an earlier release has described in other words stays, with the views that others have built on it."""
    _export(platform, 0, [_row("a", 1)], table_rows=1)
    load_warehouse(platform, 0)
    find = f"SELECT c.oid, d.description FROM pg_class c JOIN pg_description d ON d.objoid = c.oid WHERE relname = '{sql.VIEW}'"
    with platform.warehouse.connection() as connection:
        ((oid, comment),) = execute(connection, find)
        execute(connection, f"COMMENT ON VIEW {sql.VIEW} IS 'In other words. Definition {comment.rsplit(' ', 1)[1]}'")
        execute(connection, f"CREATE VIEW of_an_analyst AS SELECT customer_id FROM {sql.VIEW}")
        connection.commit()
    _export(platform, 1, [_row("a", 2)], base=0, table_rows=1)
    assert load_warehouse.fn(platform, 1).rows_loaded == 1
    with platform.warehouse.connection() as connection:
        assert [tuple(row) for row in execute(connection, find)] == [(oid, comment)]
        execute(connection, "DROP VIEW of_an_analyst")
        connection.commit()


def test_a_view_that_somebody_builds_on_is_not_taken_away(platform, monkeypatch):
    _export(platform, 0, [_row("a", 1)], table_rows=1)
    load_warehouse(platform, 0)
    with platform.warehouse.connection() as connection:
        execute(connection, f"CREATE VIEW of_an_analyst AS SELECT customer_id FROM {sql.VIEW}")
        connection.commit()
    monkeypatch.setattr(sql, "CONDITIONS", sql.CONDITIONS[:1])
    _export(platform, 1, [_row("a", 2)], base=0, table_rows=1)
    with pytest.raises(
        WarehouseError, match="The definition of customer_churn_dashboard has changed: drop the views that"
    ):
        load_warehouse.fn(platform, 1)
    with platform.warehouse.connection() as connection:
        execute(connection, "DROP VIEW of_an_analyst")
        connection.commit()
    assert load_warehouse.fn(platform, 1).rows_loaded == 1


def test_ddl_follows_from_the_schema():
    ddl = sql.create_target("public", COLUMNS)
    assert "customer_id VARCHAR(64) NOT NULL," in ddl
    assert "cltv DECIMAL(14,2)," in ddl
    assert sql.comments("public", COLUMNS)[0].endswith("IS 'Customer''s number'")


def test_the_stand_in_acts_like_redshift(warehouse, tmp_path):
    with warehouse.connection() as connection:
        execute(connection, "CREATE TEMP TABLE k (id VARCHAR(4), PRIMARY KEY (id))")
        execute(connection, "INSERT INTO k VALUES ('a'), ('a')")
        assert execute(connection, "SELECT count(*) FROM k")[0][0] == 2
        with pytest.raises(WarehouseError, match="too long"):
            execute(connection, "INSERT INTO k VALUES ('äää')")
        connection.rollback()
        execute(connection, "CREATE TABLE IF NOT EXISTS load_audit (n INTEGER)")
        execute(connection, "INSERT INTO load_audit VALUES (1)")
        execute(connection, "TRUNCATE load_audit")
        connection.rollback()
        assert execute(connection, "SELECT count(*) FROM load_audit")[0][0] == 0
        for statement in ("COPY k FROM '/nowhere' IAM_ROLE 'r' FORMAT PARQUET MANIFEST", "VACUUM nonsense here now"):
            with pytest.raises(WarehouseError):
                execute(connection, statement)
            connection.rollback()
    assert tmp_path.exists()


def test_copy_checks_types_and_sizes(warehouse, tmp_path):
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": [1]}), file)

    def copy(length):
        entry = {"url": str(file), "mandatory": True, "meta": {"content_length": length}}
        (tmp_path / "m.json").write_text(json.dumps({"entries": [entry]}))
        execute(connection, f"COPY k FROM '{tmp_path}/m.json' IAM_ROLE 'r' FORMAT PARQUET MANIFEST")

    with warehouse.connection() as connection:
        connection.autocommit = True
        execute(connection, "CREATE TEMP TABLE k (id VARCHAR(4))")
        with pytest.raises(WarehouseError, match="incompatible Parquet schema"):
            copy(file.stat().st_size)
        with pytest.raises(WarehouseError, match="the manifest says 1"):
            copy(1)


def test_a_wrong_password_is_refused(warehouse):
    from pydantic import SecretStr

    stranger = warehouse.model_copy(update={"password": SecretStr("guess")})
    with pytest.raises(WarehouseError, match="password authentication failed"), stranger.connection():
        pass


def _load_and_die(platform, version, prefix):
    """Load in a process of its own, a fork of this one, which kills itself after a statement; its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    plain = warehouse_task.execute

    def deadly(connection, sql, parameters=()):
        rows = plain(connection, sql, parameters)
        if sql.startswith(prefix):
            os.kill(os.getpid(), signal.SIGKILL)
        return rows

    warehouse_task.execute = deadly
    try:
        load_warehouse.fn(platform, version)
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.parametrize("prefix", ["COPY", "DELETE", "INSERT INTO public.customer", "INSERT INTO public.load"])
def test_sigkill_within_a_load_and_again(platform, prefix):
    """Up to the commit nothing shows; the next load brings it in once."""
    _export(platform, 0, [_row("a", 1), _row("b", 2)], table_rows=2)
    load_warehouse(platform, 0)
    before = _rows(platform)
    _export(platform, 1, [_row("b", 9), _row("c", 3)], base=0, table_rows=3)
    assert _load_and_die(platform, 1, prefix) == -signal.SIGKILL
    assert _rows(platform) == before
    assert loaded_version(platform) == TableVersion("t", 0)
    assert load_warehouse(platform, 1).rows_loaded == 2
    assert [(row[0], row[2]) for row in _rows(platform)] == [("a", 1), ("b", 9), ("c", 3)]
    assert load_warehouse(platform, 1).rows_loaded == 0


def test_what_a_process_that_is_gone_has_loaded_is_not_loaded_again(platform):
    _export(platform, 0, [_row("a", 1)], table_rows=1)
    assert _load_and_die(platform, 0, "never") == 0
    assert load_warehouse(platform, 0).rows_loaded == 0
    with platform.warehouse.connection() as connection:
        assert execute(connection, "SELECT count(*) FROM load_audit")[0][0] == 1
