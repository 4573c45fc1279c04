"""Every file with its state: what `churn files` and `churn batches` say."""

import json
import os
from datetime import UTC, datetime

import pytest

from cli import batches, files
from cli.lakes import local_lake, local_raw_and_lake
from contract.errors import RawPathError
from lake.deliveries import Deliveries, Delivery, Reason
from lake.file_states import NEXT_STEP, STATES
from lake.files import FileState, list_files
from lake.landing import discover
from lake.manifests import Manifests
from lake.register import FileEntry
from lake.set_aside import SetAsideFiles, updated
from lake.storage import open_folder
from tests.support.records import record, write_jsonl

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A state folder and a working folder of its own."""
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lake(tmp_path):
    return open_folder(tmp_path / "state" / "lake")


def _old(path):
    os.utime(path, (1_600_000_000, 1_600_000_000))
    return path


def _ingest(raw, lake):
    """A run, without its rows."""
    manifests, store = Manifests(lake), SetAsideFiles(lake)
    arrivals = discover(str(raw), manifests, at=NOW)
    number = manifests.open([file.entry() for file in arrivals.new], NOW)
    manifests.commit(number, {file.path: 2 for file in arrivals.new})
    found = updated((), arrivals.set_aside, is_out_of_sight=arrivals.is_out_of_sight, at=NOW, run_id="1")
    store.write(found)


@pytest.fixture
def raw(tmp_path, lake):
    """A file in every state."""
    raw = tmp_path / "data" / "raw"
    for name in ("billing/2026-01-04/kept.jsonl", "dropped.jsonl", "held.jsonl", "removed.jsonl"):
        _old(write_jsonl(raw / name, record(name)))
    (raw / "letter.pdf").write_text("x")
    (raw / "_hidden").touch()
    _ingest(raw, lake)
    (raw / "removed.jsonl").unlink()
    held = Delivery(
        "held.jsonl", "customers", 1, "held", 2, 1, 0.05, (Reason("churn is not yes or no", 1),), "2026-11-27"
    )
    Deliveries(lake).write([held, Delivery("dropped.jsonl", "customers", 1, "discarded")])
    _old(write_jsonl(raw / "new.jsonl", record("new")))
    (raw / "waits.csv").touch()
    return raw


def test_every_file_has_a_state(raw, lake):
    found = list_files(str(raw), lake, NOW)
    assert found.hidden == 1
    assert found.files == (
        FileState("billing/2026-01-04/kept.jsonl", "ingested", "billing", 1, "2026-01-04T00:00:00+00:00", "path", 2),
        FileState("dropped.jsonl", "discarded", "customers", 1, "2020-09-13T12:26:40+00:00", "file", 2),
        FileState(
            "held.jsonl",
            "held",
            "customers",
            1,
            "2020-09-13T12:26:40+00:00",
            "file",
            2,
            since="2026-11-27",
            reason="1 of 2 rows are quarantined (50.0%, limit 5.0%): 1 × churn is not yes or no",
        ),
        FileState("letter.pdf", "set_aside", reason="a document, not data.", since=NOW.isoformat()),
        FileState("new.jsonl", "new", "customers", event_at="2020-09-13T12:26:40+00:00", event_from="file"),
        FileState("removed.jsonl", "removed", "customers", 1, "2020-09-13T12:26:40+00:00", "file", 2),
        FileState("waits.csv", "waiting"),
    )
    assert {file.state for file in found.files} == set(STATES)


def test_held_file_that_was_picked_up_is_still_held(raw, lake):
    """Folders of deliveries are often emptied: what was decided is about what bronze has of the file."""
    for name in ("held.jsonl", "dropped.jsonl"):
        (raw / name).unlink()
    states = {file.path: file.state for file in list_files(str(raw), lake, NOW).files}
    assert (states["held.jsonl"], states["dropped.jsonl"]) == ("held", "discarded")


def test_removed_files_elsewhere_are_not_listed(raw, lake):
    assert [file.path for file in list_files(str(raw / "billing"), lake, NOW).files] == [
        "billing/2026-01-04/kept.jsonl"
    ]


def test_rebuilt_entries_are_listed_by_their_path(tmp_path, lake):
    raw = tmp_path / "data" / "raw"
    _old(write_jsonl(raw / "a.jsonl", record("A")))
    (file,) = discover(str(raw), Manifests(lake), at=NOW).new
    manifests = Manifests(lake)
    entries = [FileEntry(name, "customers", file.checksum, file.event_at) for name in ("a.jsonl", "b.jsonl")]
    manifests.commit(manifests.open(entries, NOW))
    states = {file.path: file.state for file in list_files(str(raw), lake, NOW).files}
    assert states == {"a.jsonl": "ingested", "b.jsonl": "removed"}


def test_every_state_says_what_to_do():
    assert set(NEXT_STEP) == set(STATES)


def test_no_raw_folder_is_an_error(lake):
    with pytest.raises(RawPathError, match="churn generate"):
        list_files("nowhere", lake, NOW)


# Commands


def test_files_are_printed(raw, capsys):
    files.show_files(local_raw_and_lake(None, None), None, as_json=False)
    words = " ".join(capsys.readouterr().out.split())
    for text in (
        "ingested billing/2026-01-04/kept.jsonl billing 2026-01-04 00:00:00 (path) 1 2",
        "letter.pdf: a document, not data. (since 2026-11-27)",
        "1 set_aside: fix it and deliver it again, or remove it.",
        "1 hidden",
    ):
        assert text in words, text


@pytest.mark.parametrize("state", STATES)
def test_files_in_one_state_are_printed_as_json(raw, capsys, state):
    files.show_files(local_raw_and_lake(None, None), state, as_json=True)
    (file,) = json.loads(capsys.readouterr().out)
    assert (file["state"], file["next_step"]) == (state, NEXT_STEP[state])
    assert set(file) == {*vars(FileState("a", "new")), "next_step"}


def test_batches_are_printed_newest_first(raw, lake, capsys):
    manifests = Manifests(lake)
    manifests.discard(manifests.open([FileEntry("x", "services")], NOW))
    batches.show_batches(local_lake(None), 20, as_json=True)
    newest, first = json.loads(capsys.readouterr().out)
    assert newest == {
        "batch": 2, "state": "rolled_back", "started_at": NOW.isoformat(), "files": 1, "files_discarded": 0,
        "feeds": ["services"], "rows": None, "rebuilt": False,
    }  # fmt: skip
    assert (first["state"], first["files"], first["feeds"], first["rows"]) == (
        "committed",
        4,
        ["billing", "customers"],
        8,
    )
    batches.show_batches(local_lake(None), 1, as_json=False)
    words = " ".join(capsys.readouterr().out.split())
    assert "2 rolled back 2026-11-27 00:00:00 services 1 rolled back: stopped or interrupted." in words
    assert "committed" not in words


def test_only_files_are_called_discarded(raw, lake, capsys):
    """By an operator: what became of a batch has another name."""
    batches.show_batches(local_lake(None), 20, as_json=True)
    (batch,) = json.loads(capsys.readouterr().out)
    assert (batch["state"], batch["files"], batch["files_discarded"]) == ("committed", 4, 1)
    batches.show_batches(local_lake(None), 20, as_json=False)
    words = " ".join(capsys.readouterr().out.split())
    assert "billing, customers 4 (1 discarded) 8 discarded files: an operator has taken them back" in words
    assert "rolled back" not in words


def test_no_batch_says_what_to_do(capsys):
    batches.show_batches(local_lake(None), 20, as_json=False)
    assert "churn run" in capsys.readouterr().out
