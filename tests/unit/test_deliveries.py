"""Deliveries that are held, discarded or judged again: what counts, and what is said about it."""

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.errors import DamagedDocumentError, RawPathError
from lake.deliveries import (
    NOTHING_JUDGED,
    Deliveries,
    Delivery,
    Reason,
    decide,
    inherited,
    judged,
    masked,
    settled,
    with_superseded,
    without_values,
)
from lake.file_report import held_files, held_notes
from lake.manifests import Manifests
from lake.names import printable
from lake.rebuild import Rebuild, RebuildRequest
from lake.register import FileEntry, Register
from lake.set_aside import SetAside, SetAsideFiles
from lake.storage import open_folder

COPIES = ("_control/deliveries.json", "_control/deliveries_copy.json")
NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)


def _delivery(path="a.csv", batch=1, state="held", rows=10, quarantined=0, **more):
    return Delivery(path, "customers", batch, state, rows, quarantined, **more)


@pytest.mark.parametrize(
    ("quarantined", "limit", "is_held"),
    [(0, 0.0, False), (1, 0.0, True), (1, 0.1, False), (2, 0.1, True), (10, 0.99, True), (10, 1.0, False)],
)
def test_a_delivery_is_held_above_the_limit(quarantined, limit, is_held):
    """The share of ten rows."""
    found = judged([_delivery(quarantined=quarantined)], [], limit=limit, passed_until=-1)
    assert [(delivery.state, delivery.limit) for delivery in found] == ([("held", limit)] if is_held else [])


def test_what_passed_before_is_not_judged_again():
    bad = [_delivery(batch=batch, quarantined=10) for batch in (1, 2, 3)]
    assert [delivery.batch for delivery in judged(bad, [], limit=0.05, passed_until=2)] == [3]


@pytest.mark.parametrize(
    ("state", "batches"), [("held", [3]), ("superseded", [3]), ("discarded", [3]), ("retry", [1, 3])]
)
def test_a_record_decides_who_is_judged(state, batches):
    bad = [_delivery(batch=batch, quarantined=10) for batch in (1, 2, 3)]
    found = judged(bad, [_delivery(batch=1, state=state)], limit=0.05, passed_until=2)
    assert [delivery.batch for delivery in found] == batches


def test_a_delivery_is_judged_again_by_its_own_limit():
    """Others by that of the run."""
    bad = [_delivery(path, 3, quarantined=5) for path in ("again.csv", "new.csv")]
    found = judged(bad, [_delivery("again.csv", 3, "retry", limit=0.5)], limit=0.05, passed_until=2)
    assert [(delivery.path, delivery.limit) for delivery in found] == [("new.csv", 0.05)]


def test_a_delivery_without_rows_is_not_held():
    assert judged([_delivery(rows=0)], [], limit=0, passed_until=-1) == []


deliveries = st.builds(
    _delivery,
    path=st.sampled_from("abc"),
    batch=st.integers(1, 5),
    rows=st.integers(1, 40),
    quarantined=st.integers(0, 40),
)


@given(st.lists(deliveries, unique_by=lambda delivery: delivery.key), st.floats(0, 1))
def test_a_file_is_judged_by_its_own_rows(measured, limit):
    """Whatever else arrives beside it."""
    together = judged(measured, [], limit=limit, passed_until=-1)
    alone = [held for one in measured for held in judged([one], [], limit=limit, passed_until=-1)]
    assert together == alone


def _entry(uri, path, batch):
    return FileEntry(path, "customers", uri=uri, batch=batch)


@pytest.mark.parametrize(
    ("first", "later", "state"),
    [
        (_entry("/raw/a.csv", "a.csv", 1), [_entry("/raw/a.csv", "a.csv", 2)], "superseded"),
        (_entry("/raw/a.csv", "a.csv", 1), [_entry("/raw/b.csv", "b.csv", 2)], "held"),
        (_entry("/day 1/a.csv", "a.csv", 1), [_entry("/day 2/a.csv", "a.csv", 2)], "held"),
        (_entry("/raw/a.csv", "a.csv", 1), [_entry("/elsewhere/a.csv", "a.csv", n) for n in (2, 3)], "held"),
        (_entry("", "a.csv", 1), [_entry("/raw/a.csv", "a.csv", 2)], "superseded"),
        (_entry("/raw/a.csv", "a.csv", 1), [], "held"),
    ],
    ids=["same address", "another file", "another folder", "another folder twice", "address is lost", "nothing"],
)
def test_the_next_delivery_of_a_file_supersedes_the_held_one(first, later, state):
    (delivery,) = with_superseded([_delivery("a.csv", 1)], Register([first, *later]))
    assert delivery.state == state


def test_only_what_is_held_is_superseded():
    register = Register([_entry("/raw/a.csv", "a.csv", batch) for batch in (1, 2)])
    kept = [_delivery("a.csv", 1, state) for state in ("retry", "discarded")]
    assert with_superseded(kept, register) == kept


@pytest.mark.parametrize(
    ("value", "rows", "shown"),
    [
        ("Jane Doe, 040-1234", 4, "xxxx xxx, 999-9999"),
        ("N/A?", 5, "N/A?"),
        ("Ü9", 1, "x9"),
        ("½ \u0915\u094d\u0937 Ⅻ", 1, "9 xxx 9"),
        ("x" * 40, 9, "x" * 30 + "…"),
        ("a\nb", 1, r"x\xx"),
    ],
)
def test_an_example_shows_how_a_value_is_written(value, rows, shown):
    assert masked(value, rows) == shown


@given(st.text(), st.integers(1, 4))
def test_a_rare_value_is_never_shown(value, rows):
    shown = masked(value, rows)
    kinds = {unicodedata.category(character)[0] for character in shown if character not in "x9"}
    assert not kinds & {"L", "M", "N"}


def test_a_held_file_is_explained_with_its_remedies():
    reasons = (Reason("monthly_charges is not an amount from 0 to 10,000", 7, "x9"), Reason("customer_id: missing", 1))
    held = _delivery("day 1/a.csv", 3, rows=20, quarantined=8, limit=0.05, reasons=reasons, run_id="r1")
    (file,) = held_files([held], "r1")
    assert (file.file, file.batch, file.rows, file.quarantined, file.is_new) == ("day 1/a.csv", 3, 20, 8, True)
    assert held_notes([file]) == (
        "held: day 1/a.csv of batch 3: 8 of 20 rows are quarantined (40.0%, limit 5.0%): "
        "7 × monthly_charges is not an amount from 0 to 10,000, e.g. 'x9'; 1 × customer_id: missing. None of its rows is "
        "used. Correct the file and deliver it again under the same name; or take it as it is: "
        "churn retry 'day 1/a.csv' --max-quarantined-share 0.4; or drop it: churn discard 'day 1/a.csv'",
    )
    assert held_notes(held_files([held], "r2")) == ("held before and not changed since: 1 file (churn files)",)


def test_remedies_work_on_the_platform_whose_file_is_held():
    (file,) = held_files([_delivery("a.csv", 3, rows=20, quarantined=8, limit=0.05)], "r1", "--platform production")
    assert file.retry == "churn retry a.csv --max-quarantined-share 0.4 --platform production"
    assert file.discard == "churn discard a.csv --platform production"
    assert file.retry in file.reason
    assert file.discard in file.reason


@given(st.integers(1, 1000), st.integers(1, 1000))
@example(100, 29)
@example(150, 123)
def test_the_share_that_is_advised_lets_the_file_pass(rows, quarantined):
    quarantined = min(rows, quarantined)
    held = _delivery(rows=rows, quarantined=quarantined, limit=0)
    (file,) = held_files([held], "r")
    advised = float(file.reason.split("--max-quarantined-share ")[1].split(";")[0])
    assert judged([held], [], limit=advised, passed_until=-1) == []


@pytest.fixture
def lake(tmp_path):
    folder = open_folder(tmp_path)
    manifests = Manifests(folder)
    for names in (["a.csv", "b.csv"], ["a.csv"]):
        entries = [FileEntry(name, "customers", uri=f"/raw/{name}") for name in names]
        manifests.commit(manifests.open(entries, NOW), dict.fromkeys(names, 10))
    Deliveries(folder).write([], judged_until=2)
    return folder


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["a.csv"], [(2, "a.csv")]),
        (["/raw/b.csv"], [(1, "b.csv")]),
        (["1"], [(1, "a.csv"), (1, "b.csv")]),
        (["2", "b.csv"], [(1, "b.csv"), (2, "a.csv")]),
    ],
)
@pytest.mark.parametrize("state", ["discarded", "retry"])
def test_a_decision_is_about_the_newest_delivery_or_a_batch(lake, names, keys, state):
    notes = decide(lake, at=NOW, **{"discard" if state == "discarded" else "retry": names})
    found = Deliveries(lake).read()
    assert [delivery.key for delivery in found] == keys
    assert {(delivery.state, delivery.rows, delivery.since) for delivery in found} == {(state, 10, NOW.isoformat())}
    assert len(notes) == len(keys)


def test_a_held_delivery_keeps_what_was_measured(lake):
    held = _delivery("a.csv", 2, quarantined=9, reasons=(Reason("customer_id: missing", 9),))
    Deliveries(lake).write([held])
    decide(lake, discard=["a.csv"], at=NOW)
    assert Deliveries(lake).read() == (replace(held, state="discarded", since=NOW.isoformat()),)


@pytest.mark.parametrize("decision", [{"discard": ["a.csv"]}, {"retry": ["a.csv"]}])
def test_decision_on_a_lost_list_has_all_others_judged_again(lake, decision):
    for name in COPIES:
        lake.delete(name)
    lost, _ = decide(lake, at=NOW, **decision)
    assert "the list of files that are held or discarded is lost" in lost
    store = Deliveries(lake)
    assert ([delivery.key for delivery in store.read()], store.judged_until()) == ([(2, "a.csv")], NOTHING_JUDGED)


@pytest.mark.parametrize("name", ["3", "c.csv", ""])
def test_an_unknown_name_is_an_error_and_changes_nothing(lake, name):
    with pytest.raises(RawPathError, match="no batch and no file"):
        decide(lake, discard=["a.csv", name], at=NOW)
    assert Deliveries(lake).read() == ()
    assert RebuildRequest(lake).read() is None


@pytest.mark.parametrize("decision", [{"discard": ["a.csv"]}, {"retry": ["a.csv"], "limit": 0.5}])
def test_a_decision_asks_for_a_rebuild_that_survives_its_run(lake, decision):
    decide(lake, at=NOW, **decision)
    assert RebuildRequest(lake).read() == Rebuild(())


def test_all_held_files_are_judged_again(lake):
    Deliveries(lake).write(
        [_delivery("a.csv", 2), _delivery("b.csv", 1, "discarded"), _delivery("a.csv", 1, "superseded")]
    )
    decide(lake, retry_held=True, limit=0.2, at=NOW)
    found = {delivery.key: (delivery.state, delivery.limit) for delivery in Deliveries(lake).read()}
    assert found == {(1, "a.csv"): ("superseded", 0), (1, "b.csv"): ("discarded", 0), (2, "a.csv"): ("retry", 0.2)}


def test_nothing_to_decide_asks_for_nothing(lake):
    assert decide(lake, retry_held=True, at=NOW) == []
    assert RebuildRequest(lake).read() is None


def test_a_file_that_is_set_aside_is_read_again_when_asked(lake):
    refused = SetAside("x.csv", "/raw/x.csv", 9, 1, "unknown layout", "c", "1", NOW.isoformat(), "r")
    store, other = SetAsideFiles(lake), replace(refused, path="y.csv", uri="/raw/y.csv")
    for name in ("x.csv", "/raw/x.csv"):
        store.write([refused, other])
        assert decide(lake, retry=[name], at=NOW) == ["file read again: x.csv"]
        assert store.read() == (replace(refused, reader=""), other)
    assert (Deliveries(lake).read(), RebuildRequest(lake).read()) == ((), None)
    store.write([refused, other])
    with pytest.raises(RawPathError, match=r"gone\.csv is no batch and no file that was ingested or set aside"):
        decide(lake, retry=["x.csv", "gone.csv"], at=NOW)
    assert store.read() == (refused, other), "all or nothing"


def test_a_name_as_it_is_printed_is_known(tmp_path):
    folder = open_folder(tmp_path)
    manifests = Manifests(folder)
    manifests.commit(manifests.open([FileEntry("a\nb.csv", "customers")], NOW), {"a\nb.csv": 1})
    decide(folder, discard=[printable("a\nb.csv")], at=NOW)
    assert [delivery.path for delivery in Deliveries(folder).read()] == ["a\nb.csv"]


def test_what_was_judged_is_remembered(lake, tmp_path):
    store = Deliveries(lake)
    assert Deliveries(open_folder(tmp_path / "new")).judged_until() == -1
    store.write([], judged_until=7)
    store.write([_delivery()])
    assert (store.judged_until(), len(store.read())) == (7, 1)


def test_a_damaged_list_is_an_error(lake):
    """Not an empty list: what was discarded would come back."""
    Deliveries(lake).write([_delivery()])
    for name in COPIES:
        lake.write_text(name, json.dumps({"deliveries": [{"path": 1}]}))
    for use in (Deliveries(lake).read, Deliveries(lake).restore):
        with pytest.raises(DamagedDocumentError, match="churn repair"):
            use()


@pytest.mark.parametrize("spoil", [lambda lake, name: lake.delete(name), lambda lake, name: lake.write_text(name, "{")])
@pytest.mark.parametrize("name", COPIES)
def test_a_lost_list_is_read_and_restored_from_its_copy(lake, name, spoil):
    store = Deliveries(lake)
    store.write([_delivery()], judged_until=4)
    content = lake.read_json(name)
    spoil(lake, name)
    assert (store.read(), store.judged_until()) == ((_delivery(),), 4)
    notes = store.restore()
    assert ("restored from its copy" in "".join(notes)) == (name == COPIES[0])
    assert lake.read_json(name) == content
    assert store.restore() == ()


def test_an_interrupted_write_leaves_the_list_before_or_after(lake, monkeypatch):
    """The copy is written first, and read only where the list is lost."""
    store = Deliveries(lake)
    store.write([_delivery()])
    written = []

    def stop_after_one(folder, name, content):
        if written:
            raise KeyboardInterrupt
        written.append(name)

    with monkeypatch.context() as patched:
        patched.setattr(type(lake), "write_json", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            store.write([])
    assert written == ["deliveries_copy.json"]
    assert store.read() == (_delivery(),)


def test_what_an_operator_has_accepted_is_not_judged_again():
    passed = settled([_delivery(state="retry", limit=0.9), _delivery(batch=2), _delivery(batch=3, state="discarded")])
    assert [delivery.state for delivery in passed] == ["accepted", "held", "discarded"]
    assert judged([_delivery(quarantined=10)], passed, limit=0, passed_until=-1) == []


@pytest.mark.parametrize(
    ("state", "checksum", "path", "is_inherited"),
    [
        ("discarded", "c", "a.csv", True),
        ("accepted", "c", "a.csv", True),
        ("held", "c", "a.csv", False),
        ("superseded", "c", "a.csv", False),
        ("discarded", "other", "a.csv", False),
        ("discarded", "c", "b.csv", False),
        ("discarded", "", "a.csv", False),
    ],
)
def test_a_decision_on_a_content_is_that_on_its_next_delivery(state, checksum, path, is_inherited):
    recorded = [_delivery(path, 1, state, checksum=checksum)]
    entries = [FileEntry("a.csv", "customers", checksum=checksum and "c", batch=batch) for batch in (1, 4)]
    found = inherited(recorded, entries[1:])
    assert [(delivery.key, delivery.state) for delivery in found] == ([((4, "a.csv"), state)] if is_inherited else [])
    assert inherited([*recorded, *found], entries[1:]) == []


def test_a_file_that_is_named_twice_is_decided_on_once(lake):
    assert len(decide(lake, discard=["1", "b.csv", "1"], at=NOW)) == 2


@given(st.text(max_size=40))
def test_what_was_received_is_not_in_a_violation_that_is_shown(value):
    shown = without_values(f"churn: '{value}' is not yes or no")
    assert shown == f"churn: '{masked(value, 1)}' is not yes or no"
    assert without_values("customer_id: missing") == "customer_id: missing"
