"""The packaged workbook: rows of the warehouse's view, typed, in a file that opens without a database."""

import xml.etree.ElementTree as ET
import zipfile
from datetime import date, datetime
from decimal import Decimal

import pantab
import pyarrow as pa
import pytest
import redshift_connector

from contract.errors import TableauError, WarehouseError
from contract.schemas.gold import ANALYSIS_VIEW
from serving.tableau import extract
from serving.tableau.extract import NAME, arrow_schema, build_workbooks, fetch, write_hyper
from serving.tableau.workbook import EXTRACT, Server, render

VALUES = {
    "string": "x", "int": 1, "bigint": 2**40, "boolean": True, "double": 0.5, "date": date(2026, 1, 2),
    "timestamp": datetime(2026, 1, 2, 3, 4, 5),
}  # fmt: skip


def _row(number, **changes):
    row = {f.name: VALUES.get(f.type, Decimal("1.50" if "2)" in f.type else "1.5")) for f in ANALYSIS_VIEW}
    return tuple((row | {"customer_id": f"C{number}"} | changes).values())


class Connection:
    """A driver's connection that hands out rows in parts."""

    def __init__(self, *rows, problem=None):
        self.rows, self.problem, self.sent = list(rows), problem, []

    def cursor(self):
        return self

    def execute(self, sql):
        self.sent.append(sql)
        if self.problem:
            raise self.problem

    def fetchmany(self, count):
        part, self.rows = self.rows[:count], self.rows[count:]
        return part


def test_schema_has_declared_types():
    schema = arrow_schema()
    assert schema.names == ANALYSIS_VIEW.names
    assert schema.field("cltv").type == pa.decimal128(14, 2)
    assert schema.field("is_at_risk").type == pa.bool_()
    assert schema.field("tenure_months").type == pa.int32()


def test_rows_arrive_in_parts(monkeypatch):
    monkeypatch.setattr(extract, "_BATCH", 2)
    connection = Connection(*(_row(number) for number in range(5)))
    rows = fetch(connection, "churn")
    assert rows.schema == arrow_schema()
    assert rows.column("customer_id").to_pylist() == [f"C{number}" for number in range(5)]
    assert rows.column("cltv").to_pylist() == [Decimal("1.50")] * 5
    (sql,) = connection.sent
    assert sql.endswith("FROM churn.customer_churn_dashboard ORDER BY customer_id")


def test_empty_view_keeps_its_columns():
    rows = fetch(Connection(), "public")
    assert rows.num_rows == 0
    assert rows.schema == arrow_schema()


def test_nulls_stay_nulls():
    rows = fetch(Connection(_row(1, city=None, cltv=None)), "public")
    assert rows.column("city").null_count == rows.column("cltv").null_count == 1


@pytest.mark.parametrize("changes", [{"tenure_months": "many"}, {"cltv": Decimal("1e20")}, {"is_at_risk": "maybe"}])
def test_misfit_value_is_named(changes):
    with pytest.raises(TableauError, match="customer_churn_dashboard does not fit its declared type"):
        fetch(Connection(_row(1, **changes)), "public")


def test_missing_view_names_the_remedy():
    problem = redshift_connector.ProgrammingError({"M": "relation does not exist", "C": "42P01"})
    with pytest.raises(WarehouseError, match=r"relation does not exist.*Load it first, with: churn run"):
        fetch(Connection(problem=problem), "public")


def test_packaged_workbook_holds_its_extract(tmp_path):
    rows = fetch(Connection(_row(1), _row(2)), "public")
    live, packaged = build_workbooks(tmp_path / "out", Server("host"), rows)
    assert live.read_bytes() == render(Server("host"))
    with zipfile.ZipFile(packaged) as archive:
        assert archive.namelist() == [f"{NAME}.twb", EXTRACT]
        inside = ET.fromstring(archive.read(f"{NAME}.twb"))
        assert inside.find(".//extract//connection").get("dbname") == EXTRACT
        hyper = tmp_path / "x.hyper"
        hyper.write_bytes(archive.read(EXTRACT))
    (table,) = pantab.frames_from_hyper(hyper, return_type="pyarrow").values()
    assert table.column("customer_id").to_pylist() == ["C1", "C2"]
    assert table.column_names == ANALYSIS_VIEW.names


def test_extract_without_hyper_is_explained(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(extract, "import_module", absent)
    with pytest.raises(TableauError, match=r"pip install 'churn-lakehouse\[tableau\]'"):
        write_hyper(arrow_schema().empty_table(), tmp_path / "x.hyper")


def test_server_is_part_of_workbook():
    root = ET.fromstring(render(Server("wh.example", 1234, "db", "churn", "reader")))
    connection = root.find(".//named-connection/connection")
    assert {name: connection.get(name) for name in ("server", "port", "dbname", "username")} == {
        "server": "wh.example", "port": "1234", "dbname": "db", "username": "reader",
    }  # fmt: skip
    assert root.find(".//relation").get("table") == "[churn].[customer_churn_dashboard]"


def test_hostile_server_name_stays_text():
    name = 'a"><evil/>&'
    root = ET.fromstring(render(Server(name)))
    assert root.find(".//named-connection").get("caption") == name
    assert root.find(".//evil") is None
