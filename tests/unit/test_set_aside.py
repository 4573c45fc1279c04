"""The list of files set aside: what comes on it, what leaves it, what is new."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import columns
from lake import set_aside
from lake.file_report import report
from lake.landing import discover
from lake.manifests import Manifests
from lake.set_aside import SetAside, SetAsideFiles, reader_version, updated
from lake.storage import open_folder
from tests.support.records import record, write_jsonl

FIRST, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
files = st.builds(
    SetAside,
    path=st.sampled_from("abc"),
    uri=st.sampled_from(["/raw/a", "/raw/b", "/other/c"]),
    size=st.integers(0, 2),
    modified_ns=st.just(1),
    reason=st.sampled_from(["unknown layout", "unpack it"]),
)
lists = st.lists(files, max_size=3, unique_by=lambda file: file.uri)


def _updated(before, found, at=LATER, run_id="later"):
    return updated(before, found, is_out_of_sight=lambda file: file.uri.startswith("/other"), at=at, run_id=run_id)


@given(lists, lists)
def test_list_is_what_was_found_and_what_was_not_looked_at(before, found):
    known = _updated([], before, FIRST, "first")
    after = _updated(known, found)
    unseen = {file.uri for file in known if file.uri.startswith("/other")}
    assert {file.uri for file in after} == {file.uri for file in found} | unseen
    for file in after:
        was_there = any(file.is_same(other) for other in known)
        assert (file.run_id, file.since) == (
            ("first", FIRST.isoformat()) if was_there else ("later", LATER.isoformat())
        )
    assert _updated(after, found, run_id="again") == after


def test_list_survives_any_folder(folder):
    store = SetAsideFiles(folder)
    assert store.read() == ()
    file = SetAside("a.csv", "/raw/a.csv", 1, 2, "unknown layout", "sum", "1", FIRST.isoformat(), "run")
    store.write([file])
    assert store.read() == (file,)
    folder.write_text("_control/set_aside.json", "{")
    assert store.read() == ()


def test_column_added_to_the_contract_changes_the_reader(monkeypatch):
    before = reader_version()
    assert reader_version() == before
    monkeypatch.setattr(set_aside, "COLUMNS", columns.COLUMNS[:-1])
    assert reader_version() != before


def _report(raw, lake, run_id):
    """What a run says."""
    store = SetAsideFiles(lake)
    arrivals = discover(str(raw), Manifests(lake), at=LATER, judged=store.read())
    store.write(_updated_by(arrivals, store.read(), run_id))
    return report(arrivals, store.read(), run_id)


def _updated_by(arrivals, before, run_id):
    return updated(before, arrivals.set_aside, is_out_of_sight=arrivals.is_out_of_sight, at=LATER, run_id=run_id)


def test_file_is_new_once_and_leaves_when_it_is_gone_or_good(tmp_path):
    raw, lake = tmp_path / "raw", open_folder(tmp_path / "lake")
    for name in ("odd.csv", "gone.csv"):
        write_jsonl(raw / "good.jsonl", record("A"))
        (raw / name).write_text("colour,size\nred,3\n")
    assert [(file.file, file.is_new) for file in _report(raw, lake, "1").set_aside] == [
        ("gone.csv", True),
        ("odd.csv", True),
    ]
    assert [(file.file, file.is_new) for file in _report(raw, lake, "2").set_aside] == [
        ("gone.csv", False),
        ("odd.csv", False),
    ]
    (raw / "gone.csv").unlink()
    (raw / "odd.csv").write_text("colour,size\nred,3\nblue,4\n")
    assert [(file.file, file.is_new) for file in _report(raw, lake, "3").set_aside] == [("odd.csv", True)]
    write_jsonl(raw / "odd.csv", record("B"))
    assert _report(raw, lake, "4").set_aside == ()
    assert SetAsideFiles(lake).read() == ()


@pytest.mark.parametrize("narrow", [{"raw": "billing"}, {"day": "2026-01-01"}])
def test_what_a_run_did_not_look_at_stays_on_the_list(tmp_path, narrow):
    raw, lake = tmp_path / "raw", open_folder(tmp_path / "lake")
    for name in ("billing/2026-01-01.csv", "services/2026-01-02.csv"):
        (raw / name).parent.mkdir(parents=True)
        (raw / name).write_text("colour,size\nred,3\n")
    _report(raw, lake, "1")
    day = datetime.fromisoformat(narrow["day"]).date() if "day" in narrow else None
    arrivals = discover(str(raw / narrow.get("raw", "")), Manifests(lake), day)
    assert [file.path for file in arrivals.set_aside] == ["billing/2026-01-01.csv"]
    assert [file.run_id for file in _updated_by(arrivals, SetAsideFiles(lake).read(), "2")] == ["1", "1"]


def test_notes_name_new_files_and_count_the_others(tmp_path):
    raw, lake = tmp_path / "raw", open_folder(tmp_path / "lake")
    raw.mkdir()
    for number in range(25):
        (raw / f"{number:02d}\n.csv").write_text("colour,size\nred,3\n")
    first, second = _report(raw, lake, "1").notes, _report(raw, lake, "2").notes
    assert first[0].startswith("set aside: 00\\n.csv: unknown layout")
    assert (len(first), first[-1]) == (21, "set aside as well: 5 more (churn files)")
    assert second == ("set aside before and not changed since: 25 files (churn files)",)


def test_same_content_for_another_reason_is_new():
    file = SetAside("a.csv", "/raw/a", 1, 1, "unpack it")
    (known,) = _updated([], [file], FIRST, "first")
    (again,) = _updated([known], [replace(file, reason="unknown layout")])
    assert again.run_id == "later"
