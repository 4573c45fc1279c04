"""Lake and warehouse agree after every run, whatever happened to either in between."""

import shutil

import pytest

from blocks.platform import Platform
from contract.columns import KEY
from contract.schemas.gold import ANALYSIS
from flows.churn_pipeline import churn_pipeline
from lake.exports import Exports
from serving.warehouse.statements import execute
from tasks.warehouse import load_warehouse
from tests.support.in_process import InProcessJob
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl

TABLE = "customer_churn_analysis"
PLACE = {"latitude": "36.737797", "longitude": "-119.787125", "source_churn_score": "88", "source_cltv": "4000"}


@pytest.fixture
def platform(spark, warehouse, tmp_path, prefect_harness):
    raw = tmp_path / "raw"
    odd = (record("Ünï", city="São|Paulo~", **PLACE), record("B", city="", churn="Yes", churn_reason="Price 'n more"))
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(6), *odd)
    return Platform(lake=str(tmp_path / "lake"), raw=str(raw), jobs=InProcessJob(), warehouse=warehouse)


def _execute(platform, *statements):
    with platform.warehouse.connection() as connection:
        found = [execute(connection, statement) for statement in statements]
        connection.commit()
    return found[-1]


def _assert_equal(platform):
    """All rows and columns, compared without checksums."""
    names = ", ".join(ANALYSIS.names)
    loaded = _execute(platform, f"SELECT {names} FROM {TABLE} ORDER BY {KEY}")
    held = PipelineHarness(platform.folder().path).records("gold.customer_churn_analysis")
    expected = sorted((tuple(row[name] for name in ANALYSIS.names) for row in held), key=lambda row: row[0])
    assert sorted(loaded, key=lambda row: row[0]) == expected
    assert expected


CHANGES = {
    "emptied": (f"TRUNCATE {TABLE}",),
    "a text": (f"UPDATE {TABLE} SET city = 'Eureka' WHERE {KEY} = 'G0001'",),
    "two texts exchanged": (
        f"UPDATE {TABLE} SET gender = 'Male' WHERE {KEY} = 'G0001'",
        f"UPDATE {TABLE} SET partner = NOT partner WHERE {KEY} = 'G0002'",
    ),
    "an amount": (f"UPDATE {TABLE} SET latitude = latitude + 0.00001 WHERE {KEY} = 'Ünï'",),
}


@pytest.mark.nightly
def test_rows_changed_by_somebody_are_loaded_again(platform):
    """Every kind of change is found by a load that has nothing to load; a run with changes to load repairs it."""
    first = churn_pipeline(platform)
    assert (first.load.rows_loaded, first.load.note) == (8, "")
    version = first.load.version
    assert not load_warehouse.fn(platform, version).differences
    for name, statements in CHANGES.items():
        _execute(platform, *statements)
        assert load_warehouse.fn(platform, version).differences, name
        assert load_warehouse.fn(platform, version, again=True).rows_loaded == 8
        _assert_equal(platform)
    _execute(platform, f"DELETE FROM {TABLE} WHERE {KEY} = 'G0003'")
    write_jsonl(platform.folder().path.parent / "raw" / "2026-01-02" / "a.jsonl", record("G0000", city="Chico"))
    load = churn_pipeline(platform).load
    assert (load.rows_loaded, "the warehouse differed from the lake in rows, row_hash" in load.note) == (8, True)
    _assert_equal(platform)
    _execute(platform, CHANGES["emptied"][0])
    load = churn_pipeline(platform).load
    assert (load.rows_loaded, "loaded again in full" in load.note) == (8, True), "also where nothing is new"
    assert not load_warehouse.fn(platform, load.version).differences


def test_deletion_in_the_source_reaches_the_warehouse(platform):
    assert churn_pipeline(platform).load.rows_loaded == 8
    deletion = {"op": "D", "timestamp": "2026-01-02", KEY: "G0001"}
    write_jsonl(platform.folder().path.parent / "raw" / "cdc" / "customers" / "2026-01-02.jsonl", deletion)
    churn_pipeline(platform)
    _assert_equal(platform)
    (counted,) = _execute(platform, f"SELECT count(*), sum(CASE WHEN {KEY} = 'G0001' THEN 1 ELSE 0 END) FROM {TABLE}")
    assert tuple(counted) == (7, 0)


@pytest.mark.nightly
def test_restored_lake_that_goes_another_way(platform, tmp_path):
    """The same table, the same version number, other rows."""
    lake, raw, backup = tmp_path / "lake", tmp_path / "raw", tmp_path / "backup"
    churn_pipeline(platform)
    shutil.copytree(lake, backup)
    write_jsonl(raw / "2026-01-02" / "a.jsonl", record("G0000", city="Chico"), record("new"))
    loaded = churn_pipeline(platform).load
    assert loaded.rows_loaded == 2
    shutil.rmtree(lake)
    shutil.copytree(backup, lake)
    (raw / "2026-01-02" / "a.jsonl").unlink()
    write_jsonl(raw / "2026-01-03" / "a.jsonl", record("G0001", city="Oakland"))
    again = churn_pipeline(platform).load
    assert again.version == loaded.version
    assert Exports(platform.folder()).read(again.version).is_full
    _assert_equal(platform)
    shutil.rmtree(lake)
    shutil.copytree(backup, lake)
    (raw / "2026-01-03" / "a.jsonl").unlink()
    assert churn_pipeline(platform).load.version < loaded.version, "an older version than the warehouse has"
    _assert_equal(platform)


def test_warehouse_of_the_first_release_is_continued(platform):
    """Its record has no lineage: what is there is compared, and only loaded again where it differs."""
    churn_pipeline(platform)
    _execute(platform, "ALTER TABLE load_audit DROP COLUMN lineage")
    shutil.rmtree(platform.folder().path / "_exports")
    load = churn_pipeline(platform).load
    assert (load.rows_loaded, load.note) == (0, ""), "also where the export that was loaded is lost"
    recorded = _execute(platform, "SELECT is_full, lineage FROM load_audit ORDER BY loaded_at")
    assert [is_full for is_full, _ in recorded] == [True, False]
    assert recorded[-1][1]
    _execute(platform, "ALTER TABLE load_audit DROP COLUMN lineage", f"DELETE FROM {TABLE} WHERE {KEY} = 'G0001'")
    load = churn_pipeline(platform).load
    assert (load.rows_loaded, "loaded again in full" in load.note) == (8, True)
    _assert_equal(platform)
