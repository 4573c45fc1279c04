"""Damaged files of Delta tables: the error names them, and a repair brings everything back."""

import shutil
from pathlib import Path

import pytest

from contract.errors import DamagedTableError, LakeError
from contract.tables import TABLES
from jobs import gold
from jobs.damage import find_damage
from jobs.delta import Lake
from jobs.session import get_session
from lake.alerts import Alerts
from lake.delta_log import commit_file, log_files
from lake.rebuild import RebuildRequest
from tests.support.records import record, write_jsonl


@pytest.fixture
def lake(history, tmp_path):
    """A lake of several days, and a copy of the raw files, for a test of its own."""
    shutil.copytree(history.raw, tmp_path / "copy" / "raw")
    return history.evening.copy(tmp_path / "copy")


def _raw(lake):
    return lake.path.parent / "raw"


def _content(lake):
    """What consumers see; versions are not the same after a repair."""
    state = lake.state()
    breakdown = sorted((row[:-1] for row in state["gold.churn_breakdown"]), key=repr)
    kept = {name: state[name] for name in ("silver.customers", "silver.quarantine", "kpis")}
    lineage = TABLES["silver.customers"].schema.names.index("is_complete") + 1
    kept["silver.customers"] = [row[:lineage] for row in kept["silver.customers"]]
    return kept | {"analysis": state["gold.customer_churn_analysis"], "breakdown": breakdown}


def _commit(table, version):
    def damage(lake):
        place = lake.path / commit_file(TABLES[table].path, version)
        place.write_bytes(place.read_bytes()[:40])
        return place

    return damage


def _last_commit(table):
    def damage(lake):
        return _commit(table, max(log_files(lake.folder, TABLES[table].path).commits))(lake)

    return damage


def _lost_commit(table):
    def damage(lake):
        place = lake.path / commit_file(TABLES[table].path, 1)
        place.unlink()
        return place

    return damage


def _data(table, spoil):
    """The data file that the newest version of the table names first."""
    return _named_file(table, spoil, lambda store: store.data_files(TABLES[table])[0])


def _vector(table, spoil):
    """The file of a deletion vector that the newest version of the table names."""
    return _named_file(table, spoil, lambda store: min(store.deletion_vectors(TABLES[table]).values()))


def _named_file(table, spoil, choose):
    def damage(lake):
        store = Lake(get_session(), lake.folder)
        place = lake.path / TABLES[table].path / choose(store)
        spoil(place)
        store.forget_logs()
        return place

    return damage


def _cut_without_checksum(place: Path):
    """As on S3, where Hadoop keeps no checksum beside a file."""
    _cut(place)
    place.with_name(f".{place.name}.crc").unlink()


def _cut(place: Path):
    place.write_bytes(place.read_bytes()[:-20])


def _flip(place: Path):
    content = bytearray(place.read_bytes())
    content[len(content) // 3] ^= 0xFF
    place.write_bytes(bytes(content))


def _checkpoint(table):
    def damage(lake):
        store = Lake(get_session(), lake.folder)
        snapshot = store._snapshot(TABLES[table])
        snapshot.deltaLog().checkpoint(snapshot, get_session()._jvm.scala.Option.empty())
        ((name,),) = log_files(lake.folder, TABLES[table].path).checkpoints.values()
        _cut(lake.path / name)
        store.forget_logs()
        return lake.path / name

    return damage


DAMAGES = {
    "the last commit of bronze": ("bronze.customers", _last_commit("bronze.customers"), True),
    "a commit of bronze": ("bronze.customers", _commit("bronze.customers", 2), True),
    "a lost commit of bronze": ("bronze.customers", _lost_commit("bronze.customers"), True),
    "a checkpoint of bronze": ("bronze.customers", _checkpoint("bronze.customers"), False),
    "a cut off data file of bronze": ("bronze.customers", _data("bronze.customers", _cut), True),
    "a changed data file of bronze": ("bronze.customers", _data("bronze.customers", _flip), True),
    "a commit of silver": ("silver.customers", _commit("silver.customers", 2), False),
    "a lost data file of silver": ("silver.customers", _data("silver.customers", Path.unlink), False),
    "a lost deletion vector of silver": ("silver.customers", _vector("silver.customers", Path.unlink), False),
    "a cut off deletion vector": ("silver.customers", _vector("silver.customers", _cut_without_checksum), False),
    "the last commit of gold": ("gold.customer_churn_analysis", _last_commit("gold.customer_churn_analysis"), False),
    "a data file of gold": ("gold.customer_churn_analysis", _data("gold.customer_churn_analysis", _cut), False),
    "a commit of the movements": ("gold.customer_movements", _last_commit("gold.customer_movements"), False),
}
HISTORY = "no rebuild brings its rows back"


# One of each way of repair in every run of the tests.
_QUICK = ("a commit of bronze", "a lost deletion vector of silver", "the last commit of gold")


@pytest.mark.parametrize(
    "damage", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.nightly) for name in DAMAGES]
)
def test_repair_brings_everything_back(history, lake, damage):
    table, spoil, ingests_again = DAMAGES[damage]
    expected, moved = _content(history.evening.lake), lake.rows("gold.customer_movements")
    alerts = {alert.version for alert in Alerts(lake.folder).open()}
    place = spoil(lake)
    store = Lake(get_session(), lake.folder)
    assert str(place) in {str(lake.path / found.file) for found in find_damage(store, TABLES[table])}
    repaired = lake.job("repair")["repair"]
    assert repaired.outcome == "passed"
    assert any(note.startswith(f"{table}: ") for note in repaired.notes)
    assert any("The next run ingests these files again" in note for note in repaired.notes) == ingests_again
    results = lake.load(_raw(lake), max_quarantined_share="0.9")
    assert _content(lake) == expected
    assert ("bronze.customers" in results) == ingests_again
    again = lake.rows("gold.customer_movements")
    if table != "gold.customer_movements":
        assert again == moved, "nobody moves, and nobody is newly at risk, because a table was rebuilt"
        assert {alert.version for alert in Alerts(lake.folder).open()} == alerts
    assert RebuildRequest(lake.folder).read() is None
    assert lake.job("repair")["repair"].outcome == "unchanged"


@pytest.mark.parametrize(
    ("table", "spoil", "is_history"),
    [
        ("gold.customer_movements", _data("gold.customer_movements", Path.unlink), True),
        ("gold.churn_kpis", _data("gold.churn_kpis", _cut), True),
        ("gold.churn_kpis", _commit("gold.churn_kpis", 1), True),
        ("gold.churn_breakdown", _data("gold.churn_breakdown", _cut), False),
    ],
)
def test_lost_history_is_said(lake, table, spoil, is_history):
    spoil(lake)
    (note,) = [note for note in lake.job("repair")["repair"].notes if note.startswith(f"{table}: ")]
    assert (HISTORY in note) == is_history


def test_commits_that_build_on_a_damaged_one_are_emptied_and_named(lake):
    _commit("silver.customers", 1)(lake)
    newest = max(log_files(lake.folder, TABLES["silver.customers"].path).commits)
    built = f"commit {newest} was" if newest == 2 else f"commits {', '.join(map(str, range(2, newest + 1)))} were"
    (note,) = [note for note in lake.job("repair")["repair"].notes if note.startswith("silver.customers: ")]
    expected = f"commit 1 was damaged and emptied; {built} emptied as well: built on what is lost"
    assert note == f"silver.customers: {expected}"


@pytest.mark.parametrize(
    "damage", ["the last commit of bronze", "a checkpoint of bronze", "a lost data file of silver"]
)
def test_error_names_table_file_and_remedy(lake, damage):
    table, spoil, _ = DAMAGES[damage]
    place = spoil(lake)
    write_jsonl(_raw(lake) / "2026-01-09" / "a.jsonl", record("N3"), record("G0001", city="Oakland"))
    with pytest.raises(DamagedTableError) as error:
        lake.load(_raw(lake))
    text = str(error.value)
    assert text.startswith(f"{table}: {place} is damaged or missing")
    assert "churn repair" in text


def test_file_that_is_not_there_is_damage_where_a_table_lacks_it(lake, monkeypatch):
    def run(context):
        raise FileNotFoundError(2, "No such file or directory", "/lake/x")

    monkeypatch.setattr(gold, "run", run)
    with pytest.raises(LakeError, match=r"^/lake/x: No such file or directory\. Check space and permissions\.$"):
        lake.job("gold")
    place = DAMAGES["a lost data file of silver"][1](lake)
    with pytest.raises(DamagedTableError, match=f"{place} is damaged or missing"):
        lake.job("gold")


def test_what_cannot_be_repaired_is_said(lake):
    _commit("bronze.customers", 0)(lake)
    with pytest.raises(DamagedTableError, match=r"bronze\.customers: .*0\.json .* cannot be done without: it declares"):
        lake.job("repair")


def test_damaged_files_are_kept(lake):
    place = _last_commit("bronze.customers")(lake)
    damaged = place.read_bytes()
    lake.job("repair", run_id="repair-1")
    kept = lake.path / "_damaged" / "repair-1" / place.relative_to(lake.path)
    assert kept.read_bytes() == damaged
