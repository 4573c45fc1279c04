"""Exports: finished or not, one at a time, the same on a disk and on S3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import JobError
from transforms.exports import Export, ExportColumn, Exports, TableVersion


@given(st.text(st.characters(categories=["Ll", "Nd"], include_characters="-@"), min_size=1), st.integers(0, 10**9))
def test_a_version_as_text_is_read_back(table_id, version):
    original = TableVersion(table_id, version)
    assert TableVersion.parse(str(original)) == original
    assert TableVersion.parse("") is None


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
    with pytest.raises(JobError, match=r"no finished export of version 4 at .*00000004\. Run the road again"):
        Exports(folder).read(4)


def test_what_an_interrupted_export_left_is_cleared(folder):
    exports = Exports(folder)
    _data(folder, 4)
    exports.clear(4)
    assert list(folder.files()) == []
