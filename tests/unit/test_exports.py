"""What an export says of itself survives being written down."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import JobError
from transforms.exports import Export, ExportColumn, Exports, TableVersion

COLUMNS = (ExportColumn("customer_id", "string", False, "Number", 64), ExportColumn("cltv", "double", True, "", 0))


def _export(version, base=None):
    return Export("id", version, base is None, base, 2, 5, COLUMNS, "run")


@given(st.uuids(), st.integers(0, 10**12))
def test_a_table_version_is_read_as_it_was_written(table_id, version):
    written = TableVersion(str(table_id), version)
    assert TableVersion.parse(str(written)) == written


def test_no_version_is_empty_text():
    assert TableVersion.parse("") is None


def test_an_export_is_read_as_it_was_written(tmp_path):
    exports = Exports(tmp_path)
    data = exports.folder(7) / "data"
    data.mkdir(parents=True)
    (data / "part-0.parquet").write_bytes(b"12345")
    exports.write(_export(7, base=3))
    assert exports.read(7) == _export(7, base=3)
    entry = json.loads(exports.manifest(7).read_text())["entries"][0]
    assert entry["meta"]["content_length"] == 5
    assert entry["mandatory"] is True
    assert entry["url"] == str(data / "part-0.parquet")


def test_the_newest_export_replaces_older_ones(tmp_path):
    exports = Exports(tmp_path)
    for version in (1, 2):
        (exports.folder(version) / "data").mkdir(parents=True)
        exports.write(_export(version))
    assert not exports.exists(1)
    assert exports.exists(2)
    with pytest.raises(JobError, match="no finished export of version 1"):
        exports.read(1)


def test_an_unfinished_export_is_none(tmp_path):
    exports = Exports(tmp_path)
    (exports.folder(4) / "data").mkdir(parents=True)
    assert not exports.exists(4)
