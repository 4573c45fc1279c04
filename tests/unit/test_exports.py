"""Exports: finished or not, one at a time, the same on a disk and on S3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import JobError, LakeError
from contract.schema import Field, Schema, required
from contract.tables import TABLES
from lake.exports import Export, ExportColumn, Exports, TableVersion, export_columns


@given(
    st.text(st.characters(categories=["Ll", "Nd"], include_characters="-@"), min_size=1),
    st.integers(0, 10**9),
    st.sampled_from(["", "1700000000123-0123456789abcdef"]),
)
def test_a_version_as_text_is_read_back(table_id, version, lineage):
    original = TableVersion(table_id, version, lineage)
    assert TableVersion.parse(str(original)) == original
    assert TableVersion.parse("") is None


def test_version_of_the_first_release_has_no_lineage():
    assert TableVersion.parse("t@4") == TableVersion("t", 4, "")


def _export(version, **changes):
    columns = (ExportColumn("customer_id", "string", False, "id", 64),)
    return Export(**{"table_id": "t", "version": version, "is_full": True, "base_version": None, "rows": 1, "table_rows": 1, "columns": columns, "run_id": "r"} | changes)  # fmt: skip


def _data(folder, version):
    folder.write_bytes(f"_exports/customer_churn_analysis/{version:08d}/data/part-0.parquet", b"parquet")


def test_an_export_is_finished_when_it_is_described(folder):
    exports = Exports(folder)
    _data(folder, 3)
    assert not exports.exists(3)
    exports.write(_export(3))
    assert exports.exists(3)
    assert exports.read(3) == _export(3)
    (entry,) = folder.read_json("_exports/customer_churn_analysis/00000003/manifest.json")["entries"]
    assert exports.manifest(3) == folder.uri("_exports/customer_churn_analysis/00000003/manifest.json")
    assert entry["url"] == f"{exports.data(3)}/part-0.parquet"
    assert entry["mandatory"] is True
    assert entry["meta"] == {"content_length": len(b"parquet")}


def test_a_new_export_replaces_the_old_one(folder):
    exports = Exports(folder)
    for version in (1, 2):
        _data(folder, version)
        exports.write(_export(version))
    assert [exports.exists(version) for version in (1, 2)] == [False, True]


def test_an_unfinished_export_is_none(folder):
    _data(folder, 4)
    with pytest.raises(JobError, match=r"no finished export of version 4 at .*00000004\. Run the pipeline again"):
        Exports(folder).read(4)


def test_what_an_interrupted_export_left_is_cleared(folder):
    exports = Exports(folder)
    _data(folder, 4)
    exports.clear(4)
    assert list(folder.files()) == []


@pytest.mark.parametrize("text", ["t", "t@", "t@one", "@"])
def test_version_without_number_is_refused(text):
    with pytest.raises(ValueError, match="invalid literal"):
        TableVersion.parse(text)


def test_columns_keep_order_and_limits():
    schema = Schema((required("id", "string", "Key"), Field("price", "decimal(9,2)", "Price"), Field("n", "int", "N")))
    assert export_columns(schema) == (
        ExportColumn("id", "string", False, "Key", 256),
        ExportColumn("price", "decimal(9,2)", True, "Price", 0),
        ExportColumn("n", "int", True, "N", 0),
    )


def test_gold_is_exported_whole():
    schema = TABLES["gold.customer_churn_analysis"].schema
    assert [(c.name, c.type, c.nullable) for c in export_columns(schema)] == [
        (field.name, field.type, field.nullable) for field in schema
    ]


def test_manifest_lists_parquet_data_only(folder):
    exports = Exports(folder)
    for name in ("data/part-1.parquet", "data/part-0.parquet", "data/_SUCCESS", "data/x.crc", "other.parquet"):
        folder.write_bytes(f"_exports/customer_churn_analysis/00000005/{name}", b"12345")
    exports.write(_export(5))
    entries = folder.read_json("_exports/customer_churn_analysis/00000005/manifest.json")["entries"]
    assert [entry["url"] for entry in entries] == [f"{exports.data(5)}/part-{n}.parquet" for n in (0, 1)]


def test_export_without_rows_is_finished(folder):
    exports = Exports(folder)
    exports.write(_export(6, rows=0))
    assert exports.read(6).rows == 0
    assert folder.read_json("_exports/customer_churn_analysis/00000006/manifest.json") == {"entries": []}


def test_clear_leaves_other_versions(folder):
    for version in (7, 8):
        _data(folder, version)
    Exports(folder).clear(7)
    assert [file.name for file in folder.files()] == ["_exports/customer_churn_analysis/00000008/data/part-0.parquet"]


def test_description_of_another_release_is_named(folder):
    folder.write_json("_exports/customer_churn_analysis/00000009/export.json", {"version": 9})
    with pytest.raises(LakeError, match=r"00000009/export\.json was written by another version"):
        Exports(folder).read(9)
