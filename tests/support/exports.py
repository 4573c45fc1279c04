"""Exports of a gold table as the Glue script leaves them, of a few made-up columns."""

import pyarrow as pa
import pyarrow.parquet as pq

from lake.exports import Export, ExportColumn, Exports

COLUMNS = (
    ExportColumn("customer_id", "string", False, "Customer's number", 64),
    ExportColumn("risk_segment", "string", True, "Segment", 64),
    ExportColumn("cltv", "decimal(14,2)", True, "Value", 0),
)
# Null in every row here, but the warehouse's views read them.
READ_BY_FIGURES = (
    ExportColumn("churn_flag", "int", True, "Churn", 0),
    ExportColumn("source_churn_score", "int", True, "Score", 0),
    ExportColumn("source_cltv", "decimal(14,2)", True, "Value", 0),
    ExportColumn("monthly_charges", "decimal(14,2)", True, "Charges", 0),
)
_KINDS = {"string": pa.string(), "decimal(14,2)": pa.decimal128(14, 2), "int": pa.int32()}


def write_export(folder, version, rows, *, base=None, table_rows, columns=COLUMNS, claimed=None, table_id="t"):
    """Rows are (a value for each of `columns`, operation); `claimed` is how many the description says there are."""
    exports, every = Exports(folder), (*columns, *READ_BY_FIGURES)
    filled = [(*row[:-1], *[None] * len(READ_BY_FIGURES), row[-1]) for row in rows]
    fields = [*((c.name, _KINDS[c.type]) for c in every), ("_op", pa.string())]
    arrays = [pa.array([row[i] for row in filled], kind) for i, (_, kind) in enumerate(fields)]
    content = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays, names=[name for name, _ in fields]), content)
    place = exports.data(version).removeprefix(folder.uri("")).lstrip("/")
    folder.write_bytes(f"{place}/part-0.parquet", content.getvalue().to_pybytes())
    count = len(rows) if claimed is None else claimed
    exports.write(Export(table_id, version, base is None, base, count, table_rows, every, "run"))
