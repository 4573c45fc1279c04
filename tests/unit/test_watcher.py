"""The watcher of a folder: bursts, what came while nobody watched, what cannot be read."""

import shutil
import threading

import pytest
import watchfiles

from infrastructure.local import watcher
from infrastructure.local.watcher import UNREADABLE, watch
from lake.landing import discover
from lake.manifests import Manifests
from lake.set_aside import SetAsideFiles
from lake.storage import open_folder
from tests.support.records import record, write_jsonl
from tests.support.waiting import wait_for

_WATCH = watchfiles.watch


@pytest.fixture
def watching(tmp_path, monkeypatch):
    """A watcher on tmp_path/raw that waits less than usual; its announcements, and a way to start it."""
    quick = {"step": 300, "rust_timeout": 100}
    monkeypatch.setattr(watcher, "_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(watcher.watchfiles, "watch", lambda *given, **options: _WATCH(*given, **(options | quick)))
    announced: list[list] = []
    stop, threads = threading.Event(), []
    (tmp_path / "raw").mkdir()

    def start(announce=None, beats=None):
        beats = [] if beats is None else beats
        ready = threading.Event()
        arguments = (tmp_path / "raw", tmp_path / "lake", announce or announced.append)
        options = {"stop": stop, "ready": ready.set, "alive": lambda: beats.append(1)}
        thread = threading.Thread(target=watch, args=arguments, kwargs=options)
        thread.start()
        threads.append(thread)
        assert ready.wait(10)
        return announced

    yield start
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_burst_is_announced_once_and_what_was_there_before_too(watching, tmp_path):
    write_jsonl(tmp_path / "raw" / "before.jsonl", record("a"))
    announced = watching()
    wait_for(lambda: announced)
    assert [(file.feed, file.key.rsplit("/", 1)[1]) for file in announced[0]] == [("customers", "before.jsonl")]
    for number in range(5):
        write_jsonl(tmp_path / "raw" / "2026-01-01" / f"{number}.jsonl", record(f"b{number}"))
    wait_for(lambda: len(announced) > 1)
    seen = {file.key.rsplit("/", 1)[1] for burst in announced[1:] for file in burst}
    wait_for(
        lambda: (
            {file.key.rsplit("/", 1)[1] for burst in announced[1:] for file in burst}
            == {f"{n}.jsonl" for n in range(5)}
        )
    )
    assert len(announced) <= 3, seen
    keys = [file.key for burst in announced for file in burst]
    assert len(keys) == len(set(keys)), "nothing is announced twice"


def test_a_file_of_no_known_layout_is_announced_so_that_a_run_says_so(watching, tmp_path):
    announced = watching()
    (tmp_path / "raw" / "odd.csv").write_text("colour,size\nred,3\n")
    wait_for(lambda: announced)
    (odd,) = announced[0]
    assert (odd.feed, odd.key) == (UNREADABLE, str(tmp_path / "raw" / "odd.csv"))


def test_a_file_that_a_run_has_set_aside_is_not_announced(watching, tmp_path):
    (tmp_path / "raw" / "odd.csv").write_text("colour,size\nred,3\n")
    lake = open_folder(tmp_path / "lake")
    SetAsideFiles(lake).write(discover(str(tmp_path / "raw"), Manifests(lake)).set_aside)
    announced = watching()
    write_jsonl(tmp_path / "raw" / "good.jsonl", record("a"))
    wait_for(lambda: announced)
    assert [file.feed for burst in announced for file in burst] == ["customers"]


def test_a_file_that_lands_during_the_first_look_is_seen(watching, tmp_path, monkeypatch):
    looks = []

    def look(raw, manifests, **options):
        found = discover(raw, manifests, **options)
        if not looks:
            write_jsonl(tmp_path / "raw" / "late.jsonl", record("a"))
        looks.append(found)
        return found

    monkeypatch.setattr(watcher, "discover", look)
    write_jsonl(tmp_path / "raw" / "before.jsonl", record("b"))
    announced = watching()
    wait_for(lambda: len(announced) == 2)
    assert announced[1][0].key.endswith("late.jsonl")


def test_whatever_goes_wrong_watching_goes_on(watching, tmp_path, caplog):
    """Announcing fails, then the folder is gone for a while."""
    raw, found, beats = tmp_path / "raw", [], []

    def announce(files):
        found.append(files)
        if len(found) == 1:
            raise RuntimeError("no server")

    write_jsonl(raw / "a.jsonl", record("a"))
    watching(announce, beats)
    wait_for(lambda: len(found) == 2)
    assert found[0] == found[1], "announced again"
    assert "RuntimeError: no server" in caplog.text
    raw.rename(tmp_path / "gone")
    wait_for(lambda: caplog.text.count("cannot watch") > 1)
    count = len(beats)
    (tmp_path / "gone").rename(raw)
    wait_for(lambda: len(beats) > count)
    write_jsonl(raw / "b.jsonl", record("b"))
    wait_for(lambda: any(file.key.endswith("b.jsonl") for burst in found for file in burst))


def test_folder_that_is_removed_and_made_again_at_once_is_watched(watching, tmp_path):
    """The file system gives the number of the removed folder to the new one, mostly."""
    raw, announced, beats = tmp_path / "raw", [], []
    watching(announced.append, beats)
    for number in range(3):
        count = len(beats)
        wait_for(lambda seen=count: len(beats) > seen + 1)
        shutil.rmtree(raw)
        raw.mkdir()
        count = len(beats)
        wait_for(lambda seen=count: len(beats) > seen + 1)
        write_jsonl(raw / f"{number}.jsonl", record(f"{number}"))
        wait_for(lambda wanted=f"{number}.jsonl": any(f.key.endswith(wanted) for burst in announced for f in burst))
