import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import record, write_jsonl
from transforms.errors import LakeError, LayoutError
from transforms.runtime import landing
from transforms.runtime.landing import discover
from transforms.runtime.manifests import Manifests
from transforms.runtime.sniff import sniff
from transforms.runtime.storage import check_writable, read_json


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
    monkeypatch.setattr(landing.time, "sleep", lambda _: file.write_text(file.read_text() * 2))
    arrivals = discover(tmp_path / "raw", Manifests(tmp_path / "lake"))
    assert (arrivals.new, arrivals.waiting) == ((), ("a.jsonl",))


def test_going_back_to_earlier_content_is_news(tmp_path):
    raw, manifests = tmp_path / "raw", Manifests(tmp_path / "lake")
    for customer in ("A", "B", "A"):
        write_jsonl(raw / "a.jsonl", record(customer))
        arrivals = discover(raw, manifests)
        assert len(arrivals.new) == 1
        _open_and_commit(manifests, arrivals)
    assert discover(raw, manifests).known == 1


def test_an_interrupted_batch_is_cut_to_what_was_committed(tmp_path):
    manifests = Manifests(tmp_path)
    manifests.open([{"path": "a", "feed": "billing"}, {"path": "b", "feed": "services"}], datetime.now(UTC))
    manifests.recover(lambda feed, number: (feed, number) == ("billing", 1))
    assert list(manifests.register()) == ["a"]
    assert manifests.committed_number() == 1
    assert manifests.open([], datetime.now(UTC)) == 2
    manifests.recover(lambda feed, number: False)
    assert manifests.numbers() == [1]


def test_utf16_and_truncated_gzip_are_explained(tmp_path):
    (tmp_path / "a.csv").write_text("customer_id", encoding="utf-16")
    with pytest.raises(LayoutError, match="UTF-16"):
        sniff(tmp_path / "a.csv", "a.csv", None)
    (tmp_path / "a.csv.gz").write_bytes(b"\x1f\x8b\x08nonsense")
    with pytest.raises(LayoutError, match="cannot be read"):
        sniff(tmp_path / "a.csv.gz", "a.csv.gz", None)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_layout_or_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("sniff") / "x.csv"
    path.write_bytes(content)
    with pytest.raises(LayoutError, match=r"x\.csv"):
        sniff(path, "x.csv", None)


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(LakeError, match=r"x\.json is damaged"):
        read_json(tmp_path / "x.json")


def test_a_lake_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match="not writable"):
        check_writable(tmp_path / "file" / "lake")


def test_manifests_are_readable_json(tmp_path):
    manifests = Manifests(tmp_path)
    manifests.open([{"path": "a", "feed": "billing"}], datetime.now(UTC))
    (path,) = manifests.folder.glob("*.json")
    assert json.loads(path.read_text())["committed"] is False
