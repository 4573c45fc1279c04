"""The packaged workbook: the workbook and an extract of the warehouse's view, which opens with no database."""

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tableau.fields import COLUMNS
from tableau.workbook import EXTRACT, EXTRACT_TABLE, Server, render
from tasks.warehouse_sql import VIEW
from transforms.errors import TableauError, WarehouseError
from transforms.schemas.gold import ANALYSIS_VIEW

if TYPE_CHECKING:
    from blocks.redshift import RedshiftWarehouse

NAME = "telecom_churn_dashboard"
_BATCH = 50_000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # no time of building; the identities inside a .hyper are Hyper's own
_ARROW = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "boolean": pa.bool_(), "double": pa.float64(),
    "timestamp": pa.timestamp("us"), "date": pa.date32(),
}  # fmt: skip


def arrow_schema() -> pa.Schema:
    """The extract's columns: those of the view, amounts as decimals."""
    return pa.schema([(f.name, _arrow_type(f.dataType)) for f in ANALYSIS_VIEW])


def _arrow_type(kind: Any) -> pa.DataType:
    text = kind.simpleString()
    return pa.decimal128(kind.precision, kind.scale) if text.startswith("decimal") else _ARROW[text]


def fetch(warehouse: "RedshiftWarehouse") -> pa.Table:
    """All rows of the warehouse's view, as Tableau's own extract would take them. Raises TableauError, WarehouseError."""
    import redshift_connector

    from blocks.redshift import error_text

    names = ", ".join(column.name for column in COLUMNS)
    schema, batches = arrow_schema(), []
    with warehouse.connection() as connection:
        cursor = connection.cursor()
        try:
            cursor.execute(f"SELECT {names} FROM {warehouse.schema_name}.{VIEW} ORDER BY customer_id")
            while rows := cursor.fetchmany(_BATCH):
                columns = [
                    pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
                ]
                batches.append(pa.Table.from_arrays(columns, schema=schema))
        except pa.ArrowException as error:
            raise TableauError(f"a value of {VIEW} does not fit its declared type: {error}") from error
        except (redshift_connector.Error, OSError) as error:
            raise WarehouseError(f"{error_text(error)}. Load it first, with: churn run") from error
    return pa.concat_tables(batches) if batches else schema.empty_table()


def write_hyper(rows: pa.Table, path: Path) -> None:
    """The rows as a .hyper file. Raises TableauError where the extra is not installed."""
    try:
        import pantab
    except ImportError as error:
        raise TableauError("an extract needs Hyper: pip install 'churn-lakehouse[tableau]'") from error
    pantab.frame_to_hyper(rows, path, table=EXTRACT_TABLE)


def build(out: Path, server: Server, rows: pa.Table) -> list[Path]:
    """Write the live workbook (.twb) and the packaged one (.twbx) into `out`; their paths."""
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
