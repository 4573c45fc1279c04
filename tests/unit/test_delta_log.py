"""Delta's log without Spark: what is a table, and how its commits are called."""

import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from lake.delta_log import commit_file, is_table, lineage, log_files
from lake.storage import open_folder
from serving.lake_sql import table_names

PATH = "gold/churn_kpis"


def _commit(folder, *versions):
    for version in versions:
        folder.write_text(commit_file(PATH, version), "{}")


@given(st.integers(0, 10**19))
def test_commit_files_sort_by_version(version):
    names = [commit_file(PATH, number) for number in (version, version + 1)]
    assert names == sorted(names)
    assert int(names[0].rsplit("/", 1)[1].removesuffix(".json")) == version


def test_first_commit_makes_the_table(folder):
    assert not is_table(folder, PATH)
    _commit(folder, 0)
    assert is_table(folder, PATH)
    assert not is_table(folder, "gold/churn_breakdown")


def test_cleaned_log_is_still_a_table(folder):
    _commit(folder, 0, 10, 11)
    folder.write_text(f"{PATH}/_delta_log/00000000000000000010.checkpoint.parquet", "")
    folder.delete(commit_file(PATH, 0))
    assert is_table(folder, PATH)


@pytest.mark.parametrize("name", ["_last_checkpoint", ".00.json.crc", "00000000000000000003.checkpoint.parquet"])
def test_log_without_commits_is_none(folder, name):
    folder.write_text(f"{PATH}/_delta_log/{name}", "")
    assert not is_table(folder, PATH)


def test_data_without_log_is_none(folder):
    folder.write_bytes(f"{PATH}/part-0.parquet", b"")
    folder.write_bytes(f"{PATH}/part-0.json", b"")
    assert not is_table(folder, PATH)


def test_another_engine_writes_these_names(tmp_path):
    for number in range(3):
        write_deltalake(str(tmp_path / PATH), pa.table({"kpi": [str(number)]}), mode="append")
    lake = open_folder(tmp_path)
    assert all(lake.exists(commit_file(PATH, version)) for version in range(3))
    assert not lake.exists(commit_file(PATH, 3))
    assert is_table(lake, PATH)


def test_readers_agree_after_clean_up(tmp_path):
    """A checkpoint, and the commits before it deleted: as maintenance leaves a table."""
    for number in range(3):
        write_deltalake(str(tmp_path / PATH), pa.table({"kpi": [str(number)]}), mode="append")
    DeltaTable(str(tmp_path / PATH)).create_checkpoint()
    lake = open_folder(tmp_path)
    for version in (0, 1):
        lake.delete(commit_file(PATH, version))
    assert is_table(lake, PATH)
    assert table_names(tmp_path) == ["gold.churn_kpis"]
    assert DeltaTable(str(tmp_path / PATH)).to_pyarrow_table().num_rows == 3


def test_lineage_tells_commits_apart(folder):
    """Two copies of a table may both have a version 1."""
    for name, rows in (("one", "a"), ("other", "b")):
        folder.write_text(
            commit_file(name, 0), '{"commitInfo": {"timestamp": 1700000000000}}\n{"add": {"path": "x"}}\n'
        )
        actions = ({"add": {"path": rows}}, {"commitInfo": {"timestamp": 1700000000123}})
        folder.write_text(commit_file(name, 1), "\n".join(map(json.dumps, actions)))
    assert lineage(folder, "one", 0) == lineage(folder, "other", 0)
    assert lineage(folder, "one", 1) != lineage(folder, "other", 1)
    assert lineage(folder, "one", 1).startswith("1700000000123-")
    assert len(lineage(folder, "one", 1)) <= 64


def test_lineage_of_a_removed_commit_is_unknown(folder):
    assert lineage(folder, PATH, 3) == ""


def test_log_files_are_sorted_by_kind(folder):
    _commit(folder, 0, 2, 3)
    for name in (
        "00000000000000000002.checkpoint.parquet",
        "00000000000000000003.checkpoint.0000000001.0000000002.parquet",
        "00000000000000000003.checkpoint.0000000002.0000000002.parquet",
        "_last_checkpoint",
        ".00000000000000000003.json.crc",
        "00000000000000000003.crc",
    ):
        folder.write_text(f"{PATH}/_delta_log/{name}", "")
    found = log_files(folder, PATH)
    assert found.commits == (0, 2, 3)
    assert {version: len(names) for version, names in found.checkpoints.items()} == {2: 1, 3: 2}
    assert all(folder.exists(name) for names in found.checkpoints.values() for name in names)
    assert log_files(folder, "gold/nothing").commits == ()
