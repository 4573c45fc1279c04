"""The warehouse after a load has replaced rows: the stand-in's files have no byte of them once it is vacuumed."""

import pytest

from contract.errors import WarehouseError
from serving.warehouse import sql
from serving.warehouse.statements import execute
from tests.support.scanner import places_of


def test_vacuum_leaves_no_byte(warehouse_server, warehouse):
    table = f"{warehouse.schema_name}.{sql.TARGET}"
    with warehouse.connection() as connection:
        execute(connection, f"CREATE TABLE {table} (customer_id VARCHAR(64), city VARCHAR(64))")
        rows = ", ".join(f"('GONE-{number:04d}', 'Fresno')" for number in range(500))
        execute(connection, f"INSERT INTO {table} VALUES {rows}")
        connection.commit()
        execute(connection, f"DELETE FROM {table}")
        execute(connection, f"INSERT INTO {table} VALUES ('STAYS-0001', 'Fresno')")
        connection.commit()
        assert places_of(("GONE-0",), warehouse_server.folder)
        connection.autocommit = True
        execute(connection, sql.vacuum(warehouse.schema_name))
        assert places_of(("GONE-0",), warehouse_server.folder) == []
        assert list(execute(connection, f"SELECT customer_id FROM {table}")[0]) == ["STAYS-0001"]


def test_vacuum_of_nothing_is_an_error(warehouse):
    with pytest.raises(WarehouseError, match="does not exist"), warehouse.connection() as connection:
        connection.autocommit = True
        execute(connection, "VACUUM DELETE ONLY public.nothing TO 100 PERCENT")
