import json
from datetime import UTC, datetime

import pytest

from tests.samples import record, write_jsonl
from transforms.errors import LakeError
from transforms.runtime import landing, storage
from transforms.runtime.landing import discover
from transforms.runtime.manifests import Manifests
from transforms.runtime.storage import open_folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("billing/2026-03-04/billing.csv", datetime(2026, 3, 4, tzinfo=UTC)),
        ("dt=2026-03-04/20260305_part.csv", datetime(2026, 3, 5, tzinfo=UTC)),
        ("2026-13-44/file.csv", datetime(1970, 1, 1, tzinfo=UTC)),
        ("batch-123456789.csv", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_event_time_comes_from_the_path_else_from_the_file(name, expected):
    assert landing._event_time(name, 0.0) == expected


def _open_and_commit(manifests, arrivals):
    number = manifests.open([file.as_json() for file in arrivals.new], datetime.now(UTC))
    manifests.commit(number)


def test_a_file_that_grows_waits(tmp_path, monkeypatch):
    file = write_jsonl(tmp_path / "raw" / "a.jsonl", record("A-1"))
    monkeypatch.setattr(storage.time, "sleep", lambda _: file.write_text(file.read_text() * 2))
    arrivals = discover(str(tmp_path / "raw"), Manifests(open_folder(tmp_path / "lake")))
    assert (arrivals.new, arrivals.waiting) == ((), ("a.jsonl",))


def test_going_back_to_earlier_content_is_news(tmp_path):
    raw, manifests = tmp_path / "raw", Manifests(open_folder(tmp_path / "lake"))
    for customer in ("A", "B", "A"):
        write_jsonl(raw / "a.jsonl", record(customer))
        arrivals = discover(str(raw), manifests)
        assert len(arrivals.new) == 1
        _open_and_commit(manifests, arrivals)
    assert discover(str(raw), manifests).known == 1


def test_an_interrupted_batch_is_cut_to_what_was_committed(tmp_path):
    manifests = Manifests(open_folder(tmp_path))
    manifests.open([{"path": "a", "feed": "billing"}, {"path": "b", "feed": "services"}], datetime.now(UTC))
    manifests.recover(lambda feed, number: (feed, number) == ("billing", 1))
    assert list(manifests.register()) == ["a"]
    assert manifests.committed_number() == 1
    assert manifests.open([], datetime.now(UTC)) == 2
    manifests.recover(lambda feed, number: False)
    assert manifests.numbers() == [1]


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(LakeError, match=r"x\.json is damaged"):
        open_folder(tmp_path).read_json("x.json")


def test_a_lake_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match="not writable"):
        open_folder(tmp_path / "file" / "lake").check_writable()


def test_manifests_are_readable_json(tmp_path):
    manifests = Manifests(open_folder(tmp_path))
    manifests.open([{"path": "a", "feed": "billing"}], datetime.now(UTC))
    (name,) = manifests.folder.names()
    assert json.loads(manifests.folder.read_bytes(name))["committed"] is False
