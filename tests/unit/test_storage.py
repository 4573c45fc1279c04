"""Small files beside the tables."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.lock import exclusive
from transforms.errors import LakeError
from transforms.exports import Export, ExportColumn, Exports, TableVersion
from transforms.runtime import storage

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_what_is_written_is_read_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("s") / "deep" / "x.json"
    storage.write_json(path, value)
    assert storage.read_json(path) == value
    assert [p.name for p in path.parent.iterdir()] == ["x.json"], "no temporary file is left"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    storage.write_json(path, 1)

    class Unprintable:
        def __str__(self):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        storage.write_json(path, Unprintable())
    assert json.loads(path.read_text()) == 1


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LakeError, match=r"cannot write .*file/x\.json"):
        storage.write_json(tmp_path / "file" / "x.json", 1)


def test_one_writer_per_lake(tmp_path):
    with exclusive(tmp_path), pytest.raises(LakeError, match="another run is working on"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


@given(st.text(st.characters(categories=["Ll", "Nd"], include_characters="-@"), min_size=1), st.integers(0, 10**9))
def test_a_version_as_text_is_read_back(table_id, version):
    original = TableVersion(table_id, version)
    assert TableVersion.parse(str(original)) == original
    assert TableVersion.parse("") is None


def _export(version, **changes):
    columns = (ExportColumn("customer_id", "string", False, "id", 64),)
    return Export(**{"table_id": "t", "version": version, "is_full": True, "base_version": None, "rows": 1, "table_rows": 1, "columns": columns, "run_id": "r"} | changes)  # fmt: skip


def _data(exports, version, content=b"parquet"):
    folder = exports.folder(version) / "data"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").write_bytes(content)


def test_an_export_is_finished_when_it_is_described(tmp_path):
    exports = Exports(tmp_path)
    _data(exports, 3)
    assert not exports.exists(3)
    exports.write(_export(3))
    assert exports.exists(3)
    assert exports.read(3) == _export(3)
    (entry,) = storage.read_json(exports.manifest(3))["entries"]
    assert entry["mandatory"] is True
    assert entry["meta"] == {"content_length": len(b"parquet")}


def test_a_new_export_replaces_the_old_one(tmp_path):
    exports = Exports(tmp_path)
    for version in (1, 2):
        _data(exports, version)
        exports.write(_export(version))
    assert [exports.exists(version) for version in (1, 2)] == [False, True]
