"""Snapshots before Spark: what shows that one is whole, and which files are one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.feeds import FEEDS
from lake.deliveries import Deliveries, Delivery, decide
from lake.erasure.batches import correct_batches
from lake.landing import discover
from lake.manifests import Batch, Manifests
from lake.raw.files import stage_files
from lake.register import FileEntry
from lake.snapshots import counted, doubt, snapshots
from lake.storage import open_folder
from tests.support.records import GOOD, record, write_jsonl

AT = datetime(2026, 3, 10, 6, tzinfo=UTC)
NAME = "snapshot/customers/2026-01-05.jsonl"


def _staged(folder, text):
    """The account of a snapshot in CSV whose lines behind the header are `text`."""
    raw = folder / "raw" / "snapshot" / "customers" / "a.csv"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_text(text)
    (file,) = discover(str(folder / "raw"), Manifests(open_folder(folder / "lake"))).new
    (account,) = stage_files([file], FEEDS["customers"], open_folder(folder / "staged"), "part")
    return account


def _csv(delimiter, *lines, rows=2):
    header = delimiter.join(GOOD)
    records = [delimiter.join(record(f"C{number}").values()) for number in range(rows)]
    return "\n".join([header, *records, *lines]) + "\n"


@pytest.mark.parametrize(
    ("delimiter", "line", "told"),
    [
        (",", "TRAILER,2", 2), (";", "TRAILER;2", 2), ("|", "trailer|0002", 2), (",", '"TRAILER","2"', 2), ("\t", "TRAILER\t3", 3),
        (",", "TRAILER,2" + "," * (len(GOOD) - 2), 2), (",", "#rows=2", 2), (",", "# rows = 5", 5),
        (",", "TRAILER,two", None), (",", "TRAILER", None), (",", "2", None), (",", "#2", None), (",", "TRAILER,2,3", None),
    ],
)  # fmt: skip
def test_trailer_tells_rows(tmp_path, delimiter, line, told):
    """What is no trailer is a record, if a faulty one."""
    account = _staged(tmp_path, _csv(delimiter, line))
    assert (account.told, account.records) == (told, 2 if told is not None else 3)


def test_trailer_counts_only_at_the_end(tmp_path):
    account = _staged(tmp_path, _csv(",", "TRAILER,1", "TRAILER,2", rows=1))
    assert (account.told, account.records) == (2, 2)


def _ingest(raw, lake):
    manifests = Manifests(lake)
    arrivals = discover(str(raw), manifests, at=AT)
    if arrivals.new:
        number = manifests.open([file.entry() for file in arrivals.new], AT)
        manifests.commit(number, {file.path: 1 for file in arrivals.new})
    return [(file.path, file.marker.rpartition("/")[2], file.told_rows) for file in arrivals.new]


@pytest.mark.parametrize(
    ("marker", "content", "told"),
    [
        ("2026-01-05.jsonl.done", "", ()),
        ("2026-01-05.jsonl.ok", "ok", ()),
        ("_SUCCESS", "", ()),
        ("2026-01-05.jsonl.manifest.json", '{"row_count": 7}', (7,)),
    ],
)
def test_marker_that_comes_late_is_a_new_delivery(tmp_path, marker, content, told):
    raw, lake = tmp_path / "raw", open_folder(tmp_path / "lake")
    file = write_jsonl(raw / NAME, record("A"))
    assert _ingest(raw, lake) == [(NAME, "", ())]
    assert _ingest(raw, lake) == []
    (file.parent / marker).write_text(content)
    assert _ingest(raw, lake) == [(NAME, marker, told)]
    assert _ingest(raw, lake) == [], "it is known now"


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": "many"}', "{}"])
def test_manifest_without_a_number_shows_nothing(tmp_path, content):
    raw, lake = tmp_path / "raw", open_folder(tmp_path / "lake")
    write_jsonl(raw / NAME, record("A"))
    (raw / f"{NAME}.manifest.json").write_text(content)
    assert _ingest(raw, lake) == [(NAME, "", ())]


def test_marker_elsewhere_is_a_file(tmp_path):
    """Only a snapshot has markers."""
    raw = tmp_path / "raw"
    write_jsonl(raw / "customers" / "a.jsonl", record("A"))
    write_jsonl(raw / "customers" / "b.ok", record("B"))
    arrivals = discover(str(raw), Manifests(open_folder(tmp_path / "lake")), at=AT)
    assert [file.path for file in arrivals.new] == ["customers/a.jsonl", "customers/b.ok"]


@pytest.mark.parametrize(
    ("told", "marker", "is_whole"),
    [((), "", False), ((), "a.done", True), ((3,), "", True), ((2,), "", False), ((3, 2), "a.manifest.json", False), ((2,), "a.done", False)],
)  # fmt: skip
def test_every_number_that_is_told_must_be_right(told, marker, is_whole):
    entry = FileEntry("snapshot/a.csv", "customers", rows=3, told_rows=told, marker=marker)
    assert (doubt([entry]) == "") == is_whole


def test_erased_record_is_not_a_missing_one(tmp_path):
    erased = FileEntry("snapshot/a.csv", "customers", rows=2, told_rows=(3,), erased=1)
    assert doubt([erased]) == ""
    before = Batch(1, "committed", files=(replace(erased, rows=3, erased=0, batch=1),))
    lake, staged = open_folder(tmp_path / "lake"), open_folder(tmp_path / "staged")
    Manifests(lake).write(before)
    assert correct_batches(lake, {(1, "snapshot/a.csv"): 1}, {}, staged) == 1
    (after,) = Manifests(staged).history()
    assert after.files == (replace(erased, batch=1),)


def _entry(path, batch=1, at="2026-01-05T00:00:00+00:00", feed="billing"):
    return FileEntry(f"snapshot/{path}", feed, event_at=at, rows=2, batch=batch)


def test_files_of_a_folder_that_came_together_are_one():
    entries = [
        _entry("2026-01-05/part-1.csv"), _entry("2026-01-05/part-2.csv"), _entry("2026-01-05/part-3.csv", 2),
        _entry("2026-01-05/a.csv", feed="services"), _entry("b/2026-01-05.csv"), _entry("b/2026-01-06.csv", at="2026-01-06T00:00:00+00:00"),
        _entry("c/1.csv"), _entry("c/2.csv", at="2026-01-07T00:00:00+00:00"), FileEntry("billing/a.csv", "billing"),
    ]  # fmt: skip
    found = [(one.place, one.batch, one.at.day, one.rows) for one, _ in snapshots(entries)]
    assert found == [
        ("snapshot/2026-01-05", 1, 5, 4),
        ("snapshot/2026-01-05/a.csv", 1, 5, 2),
        ("snapshot/b/2026-01-05.csv", 1, 5, 2),
        ("snapshot/2026-01-05/part-3.csv", 2, 5, 2),
        ("snapshot/b/2026-01-06.csv", 1, 6, 2),
        ("snapshot/c", 1, 7, 4),
    ]


def _part(name, state, **more):
    at = "2026-01-05T00:00:00+00:00"
    return Delivery(f"snapshot/p/{name}", "billing", 1, state, 2, snapshot="snapshot/p", event_at=at, **more)


@given(st.lists(st.sampled_from(["held", "discarded", "superseded", "retry", "accepted"]), min_size=1, max_size=3))
def test_snapshot_counts_with_all_its_parts(states):
    found = counted(_part(str(number), state) for number, state in enumerate(states))
    assert len(found) == (set(states) <= {"retry", "accepted"})


def test_decision_on_a_part_is_one_on_all(tmp_path):
    lake = open_folder(tmp_path)
    manifests = Manifests(lake)
    entries = [_entry("p/1.csv"), _entry("p/2.csv"), _entry("q/1.csv")]
    manifests.commit(manifests.open(entries, AT))
    other = Delivery("snapshot/q/1.csv", "billing", 1, "held", snapshot="snapshot/q/1.csv", doubt="half")
    held = [_part("1.csv", "held", doubt="half"), _part("2.csv", "held", doubt="half"), other]
    Deliveries(lake).write(held)
    decide(lake, retry=["snapshot/p/1.csv"], missing_limit=0.3, at=AT)
    found = {one.path: (one.state, one.missing_limit, one.doubt) for one in Deliveries(lake).read()}
    assert found == {
        "snapshot/p/1.csv": ("retry", 0.3, ""),
        "snapshot/p/2.csv": ("retry", 0.3, ""),
        "snapshot/q/1.csv": ("held", None, "half"),
    }
