"""The packaged workbook: the workbook and an extract of the warehouse's view, which opens with no database."""

import zipfile
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import redshift_connector

from contract.columns import KEY
from contract.errors import TableauError, WarehouseError
from contract.schema import decimal_size
from contract.schemas.gold import ANALYSIS_VIEW
from serving.tableau.fields import COLUMNS
from serving.tableau.workbook import EXTRACT, EXTRACT_TABLE, Server, render
from serving.warehouse.sql import VIEW
from serving.warehouse.statements import sql_errors

NAME = "telecom_churn_dashboard"
_BATCH = 50_000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # no build time; the ids inside a .hyper are Hyper's own
_ARROW = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "boolean": pa.bool_(), "double": pa.float64(),
    "timestamp": pa.timestamp("us"), "date": pa.date32(),
}  # fmt: skip


def arrow_schema() -> pa.Schema:
    """Return the extract's columns: those of the view, amounts as decimals."""
    return pa.schema([(f.name, _arrow_type(f.type)) for f in ANALYSIS_VIEW])


def _arrow_type(kind: str) -> pa.DataType:
    size = decimal_size(kind)
    return pa.decimal128(*size) if size else _ARROW[kind]


def fetch(connection: redshift_connector.Connection, schema_name: str) -> pa.Table:
    """Return all rows of the warehouse's view, as Tableau's own extract would have them.

    Raises TableauError for a value that does not fit its declared type, WarehouseError.
    """
    names = ", ".join(column.name for column in COLUMNS)
    sql = f"SELECT {names} FROM {schema_name}.{VIEW} ORDER BY {KEY}"
    schema, batches = arrow_schema(), []
    try:
        with sql_errors(sql):
            cursor = connection.cursor()
            cursor.execute(sql)
            while rows := cursor.fetchmany(_BATCH):
                columns = [
                    pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
                ]
                batches.append(pa.Table.from_arrays(columns, schema=schema))
    except pa.ArrowException as error:
        raise TableauError(f"a value of {VIEW} does not fit its declared type: {error}") from error
    except WarehouseError as error:
        raise WarehouseError(f"{error}. Load it first, with: churn run") from error
    return pa.concat_tables(batches) if batches else schema.empty_table()


def write_hyper(rows: pa.Table, path: Path) -> None:
    """Write the rows as a .hyper file. Raises TableauError where the extra is not installed."""
    try:
        pantab: Any = import_module("pantab")
    except ImportError as error:
        raise TableauError("an extract needs Hyper: pip install 'churn-lakehouse[tableau]'") from error
    pantab.frame_to_hyper(rows, path, table=EXTRACT_TABLE)


def build_workbooks(out: Path, server: Server, rows: pa.Table) -> list[Path]:
    """Write the live workbook (.twb) and the packaged one (.twbx) into `out` and return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    live, packaged = out / f"{NAME}.twb", out / f"{NAME}.twbx"
    live.write_bytes(render(server))
    with TemporaryDirectory(prefix="churn-tableau-") as folder:
        hyper = Path(folder) / Path(EXTRACT).name
        write_hyper(rows, hyper)
        with zipfile.ZipFile(packaged, "w", zipfile.ZIP_DEFLATED) as archive:
            content = {f"{NAME}.twb": render(server, with_extract=True), EXTRACT: hyper.read_bytes()}
            for name, data in content.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return [live, packaged]
