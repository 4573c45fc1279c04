"""Control files that were lost or damaged: nothing is lost, nothing is ingested twice, no batch number is used twice."""

import shutil
from datetime import UTC, datetime

import pytest

from contract.errors import LakeError
from contract.tables import TABLES
from jobs import bronze
from jobs.audit import audit
from jobs.delta import Lake
from jobs.session import get_session
from lake.delta_log import commit_file
from lake.manifests import Manifests
from lake.register import FileEntry
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl

REBUILT = "missing or damaged and have been rebuilt from bronze"


@pytest.fixture(scope="module")
def ingested(spark, tmp_path_factory):
    """A folder with raw files and a lake that has ingested them, in three batches."""
    folder = tmp_path_factory.mktemp("ingested")
    pipeline = PipelineHarness(folder / "lake")
    for day, names in enumerate((("customers/a", "billing/a"), ("customers/b",), ("billing/b",)), start=1):
        for name in names:
            write_jsonl(folder / "raw" / f"{name}_2026-01-0{day}.jsonl", *many(day))
        pipeline.job("bronze", raw=str(folder / "raw"))
    return folder


@pytest.fixture
def lake(ingested, tmp_path):
    """The lake, and a copy of the raw files, for a test of its own."""
    shutil.copytree(ingested, tmp_path / "copy")
    return PipelineHarness(tmp_path / "copy" / "lake")


def _raw(lake):
    return str(lake.path.parent / "raw")


def _files(lake):
    """What the register has, without what bronze does not know."""
    return {
        (entry.path, entry.feed, entry.batch, entry.checksum, entry.event_at[:19], entry.rows)
        for entry in Manifests(lake.folder).register()
    }


def _remove(*numbers):
    return lambda folder: [folder.delete(f"_control/batches/{number:08d}.json") for number in numbers]


DAMAGES = {
    "one of several": _remove(2),
    "the last": _remove(3),
    "cut off": lambda folder: folder.write_text("_control/batches/00000003.json", '{"number": 3, "state"'),
    "emptied": lambda folder: folder.write_text("_control/batches/00000001.json", ""),
    "all": lambda folder: folder.delete("_control"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_next_run_repairs_and_loses_nothing(ingested, lake, damage):
    before = _files(PipelineHarness(ingested / "lake"))
    DAMAGES[damage](lake.folder)
    write_jsonl(lake.path.parent / "raw" / "customers" / "c_2026-01-09.jsonl", *many(10))
    result = lake.job("bronze", raw=_raw(lake))["bronze.customers"]
    assert (result.rows_read, result.rows_written) == (10, 10), "the new file only, and all of it"
    assert any(REBUILT in note for note in result.notes)
    assert {file for file in _files(lake) if file[2] < 4} == before
    assert Manifests(lake.folder).numbers() == [1, 2, 3, 4]
    assert lake.job("bronze", raw=_raw(lake))["bronze"].notes == ("no new file (5 known)",)


@pytest.mark.parametrize("damage", DAMAGES)
def test_repair_rebuilds_every_damaged_manifest(ingested, lake, damage):
    before = _files(PipelineHarness(ingested / "lake"))
    DAMAGES[damage](lake.folder)
    repaired = lake.job("repair")["repair"]
    assert repaired.outcome == "passed"
    assert any(REBUILT in note for note in repaired.notes)
    assert _files(lake) == before
    assert lake.job("repair")["repair"].outcome == "unchanged"


def test_repair_of_a_manifest_and_of_the_rows_that_it_counts(ingested, lake):
    """Batch 2 alone has lost rows; the manifests of all batches are damaged, that of the lost rows as well."""
    before = {file[0] for file in _files(PipelineHarness(ingested / "lake"))}
    for number in (1, 2, 3):
        lake.folder.write_text(f"_control/batches/{number:08d}.json", "{")
    commit = commit_file(TABLES["bronze.customers"].path, 1)
    lake.folder.write_bytes(commit, lake.folder.read_bytes(commit)[:40])
    notes = lake.job("repair")["repair"].notes
    assert [note.split(":")[0] for note in notes] == ["bronze.customers", notes[1]]
    assert REBUILT in notes[1]
    result = lake.job("bronze", raw=_raw(lake))["bronze.customers"]
    assert result.rows_written == 2, "the file whose rows are gone, and no other"
    assert {file[0] for file in _files(lake)} == before
    assert lake.job("repair")["repair"].outcome == "unchanged"


def test_lost_rows_of_a_file_that_was_delivered_again_are_gone_for_good(lake):
    for count in (4, 5):
        write_jsonl(lake.path.parent / "raw" / "customers" / "c_2026-01-04.jsonl", *many(count))
        lake.job("bronze", raw=_raw(lake))
    commit = commit_file(TABLES["bronze.customers"].path, 2)
    lake.folder.write_bytes(commit, lake.folder.read_bytes(commit)[:40])
    notes = lake.job("repair")["repair"].notes
    assert not any("ingests these files again" in note for note in notes)
    assert "gone for good" in notes[-1]
    assert notes[-1].endswith(": customers/c_2026-01-04.jsonl (batch 4)")
    assert lake.job("bronze", raw=_raw(lake))["bronze"].notes == ("no new file (5 known)",)
    assert lake.job("repair")["repair"].outcome == "unchanged"


def test_repair_says_what_it_does_and_does_it_once(ingested, lake):
    before = _files(PipelineHarness(ingested / "lake"))
    assert lake.job("repair")["repair"].outcome == "unchanged"
    _remove(1, 3)(lake.folder)
    repaired = lake.job("repair")["repair"]
    assert (repaired.outcome, repaired.notes) == ("passed", (f"the control files of batches 1, 3 were {REBUILT}",))
    assert _files(lake) == before
    assert [batch.is_rebuilt for batch in Manifests(lake.folder).history()] == [True, False, True]
    assert lake.job("repair")["repair"].outcome == "unchanged"


def test_repair_looks_behind_the_checkpoint_and_at_it(lake):
    manifests = Manifests(lake.folder)
    manifests.write_checkpoint(3)
    before = _files(lake)
    _remove(1)(lake.folder)
    assert lake.job("bronze", raw=_raw(lake))["bronze"].notes == ("no new file (4 known)",), "a run does not need it"
    assert lake.job("repair")["repair"].outcome == "passed"
    lake.folder.write_json("_control/register/00000003.json", {"number": 3, "entries": []})
    repaired = lake.job("repair")["repair"]
    assert "checkpoint of the register" in repaired.notes[0]
    assert {(file[0], file[2]) for file in _files(lake)} == {(file[0], file[2]) for file in before}
    assert lake.job("repair")["repair"].outcome == "unchanged"


def test_lake_without_anything_needs_no_repair(pipeline):
    assert pipeline.job("repair")["repair"].outcome == "unchanged"


def test_silver_reads_a_rebuilt_lake_in_full(ingested, lake):
    _remove(1, 2, 3)(lake.folder)
    lake.job("repair")
    result = lake.job("silver", full_refresh="true", max_quarantined_share="1")["silver.customers"]
    assert result.rows_read == 2 * 1 + 2 + 3


def test_append_that_delta_leaves_out_is_an_error(lake, monkeypatch):
    """A run that was believed dead writes with the number of this one, after this one has begun."""
    numbers = []

    def orphan_writes(*arguments, **options):
        if not numbers:
            table, store = TABLES["bronze.customers"], Lake(get_session(), lake.folder)
            numbers.append(Manifests(lake.folder).last().number)
            store.append(table, store.read(table).limit(1), numbers[0])
        return audit(*arguments, **options)

    monkeypatch.setattr(bronze, "audit", orphan_writes)
    write_jsonl(lake.path.parent / "raw" / "customers" / "c_2026-01-09.jsonl", *many(10))
    with pytest.raises(LakeError, match=r"10 records were received, but 0 were written as batch 4: another run writes"):
        lake.job("bronze", raw=_raw(lake))
    assert Manifests(lake.folder).last().state == "discarded"
    result = lake.job("bronze", raw=_raw(lake))["bronze.customers"]
    assert (result.rows_written, Manifests(lake.folder).last().number) == (10, 5)


def test_number_is_above_what_an_orphan_has_written(lake):
    """The orphan has written before this run begins; its batch was discarded meanwhile."""
    manifests = Manifests(lake.folder)
    number = manifests.open([FileEntry("customers/x.jsonl", "customers")], datetime(2026, 1, 9, tzinfo=UTC))
    manifests.discard(number)
    table, store = TABLES["bronze.customers"], Lake(get_session(), lake.folder)
    store.append(table, store.read(table).limit(1), number + 2)
    write_jsonl(lake.path.parent / "raw" / "customers" / "c_2026-01-09.jsonl", record("N-1"))
    result = lake.job("bronze", raw=_raw(lake))["bronze.customers"]
    assert (result.rows_written, Manifests(lake.folder).last().number) == (1, number + 3)
