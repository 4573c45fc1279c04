"""Parquet files without a customer's rows: by key, by text where there is no key, and what they are like then."""

import hashlib
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.errors import DamagedFileError
from lake.erasure.ids import CustomerIds
from lake.erasure.parquet import erased_file
from lake.erasure.statistics import corrected

GONE = CustomerIds.of(["GONE-0001", "7"])
SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string()),
        pa.field("reasons", pa.list_(pa.field("element", pa.string()))),
        pa.field("raw_record", pa.string()),
        pa.field("_source_file", pa.string()),
        pa.field("total_charges", pa.string()),
        pa.field("charges", pa.decimal128(10, 2)),
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)


def _file(*rows, **options):
    written = io.BytesIO()
    full = [dict.fromkeys(SCHEMA.names) | {"at": 0} | row for row in rows]
    with pq.ParquetWriter(written, SCHEMA, store_schema=False, **options) as writer:
        writer.write_table(pa.Table.from_pylist(full, SCHEMA))
        writer.add_key_value_metadata({"org.apache.spark.version": "3.5.6"})
    return written.getvalue()


def _kept(content):
    return erased_file(content, GONE).kept.to_pylist()


def test_rows_leave_by_key_or_text():
    content = _file(
        {"customer_id": "STAYS-1"},
        {"customer_id": " GONE-0001"},
        {"raw_record": '{"customer_id": "GONE-0001"'},
        {"raw_record": "nobody"},
        {"reasons": ["x", "city: 'GONE-0001' is long"]},
        {"customer_id": "7"},
        {"raw_record": "row 7"},
    )
    found = erased_file(content, GONE)
    assert found.positions.tolist() == [1, 2, 4, 5]
    assert [(row["customer_id"], row["raw_record"]) for row in found.kept.to_pylist()] == [
        ("STAYS-1", None), (None, "nobody"), (None, "row 7"),
    ]  # fmt: skip


def test_text_of_another_loses_the_id():
    (row,) = _kept(_file({"customer_id": "STAYS-1", "reasons": ["met GONE-0001", None], "raw_record": "a GONE-0001"}))
    assert (row["reasons"], row["raw_record"]) == (["met erased", None], "a erased")


@pytest.mark.parametrize("key", ["STAYS-1", None])
def test_other_columns_are_left(key):
    """An id may be a number that is another's amount, or in the name of a raw file, by which that is known."""
    ids = CustomerIds.of(["1234567"])
    row = {"customer_id": key, "_source_file": "a/1234567.csv", "total_charges": "1234567"}
    assert erased_file(_file(row), ids) is None
    (kept,) = erased_file(_file(row, {"customer_id": "1234567.0"}), ids).kept.to_pylist()
    assert kept["total_charges"] == "1234567"


def test_many_customers_leave():
    ids = [hashlib.sha256(str(number).encode()).hexdigest()[:20] for number in range(100_000)]
    rows = {"raw_record": f"a {ids[7]}"}, {"customer_id": "S", "reasons": [ids[-1]]}
    found = erased_file(_file(*rows), CustomerIds.of(ids))
    assert [row["reasons"] for row in found.kept.to_pylist()] == [["erased"]]


def test_damaged_file_is_told():
    with pytest.raises(DamagedFileError, match="Parquet"):
        erased_file(b"PAR1", GONE)


def test_file_stays_like_itself():
    content = _file({"customer_id": "STAYS-1"}, {"customer_id": "GONE-0001"}, compression="zstd")
    before, after = (pq.ParquetFile(io.BytesIO(c)) for c in (content, erased_file(content, GONE).content))
    assert before.schema_arrow.equals(after.schema_arrow, check_metadata=True)
    assert after.metadata.metadata == before.metadata.metadata
    assert after.metadata.row_group(0).column(0).compression == "ZSTD"


def test_file_of_him_alone_is_empty():
    found = erased_file(_file({"customer_id": "GONE-0001"}), GONE)
    assert (found.kept.num_rows, pq.read_table(io.BytesIO(found.content)).num_rows) == (0, 0)


def test_statistics_are_those_of_the_others():
    rows = pa.table({"id": ["B", "C" * 40], "n": [3, 1], "day": pa.array([0, 9], pa.date32()), "x": [1.5, None]})
    old = {"id": "A", "n": 0, "day": "1970-01-01", "x": 0.5, "nested": {"a": 1}, "gone": 1}
    before = {"numRecords": 3, "minValues": old, "maxValues": old, "nullCount": old, "tightBounds": False}
    assert corrected(before, rows) == {
        "numRecords": 2,
        "minValues": {"id": "B", "n": 1, "day": "1970-01-01"},
        "maxValues": {"n": 3, "day": "1970-01-10"},
        "nullCount": {"id": 0, "n": 0, "day": 0, "x": 1},
        "tightBounds": False,
    }
