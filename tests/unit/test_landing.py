"""Discovery of raw files: what is new, known, waiting or ignored, and of which day."""

import json
import os
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LakeError, LayoutError, RawPathError
from lake import landing, storage
from lake.landing import discover, files_by_day, unchanged_since
from lake.manifests import Manifests
from lake.storage import open_folder
from tests.support.records import record, write_jsonl


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


LONG_AGO = 1_600_000_000


def _write(path, text):
    """A file that is complete: nobody has touched it for long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def _record(customer="A"):
    return json.dumps(record(customer)) + "\n"


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def manifests(tmp_path):
    return Manifests(open_folder(tmp_path / "lake"))


def test_missing_folder_names_the_remedy(raw, manifests):
    with pytest.raises(RawPathError, match=r"raw does not exist or is empty.*churn generate"):
        discover(str(raw), manifests)


def test_hidden_files_are_no_data(raw, manifests):
    for name in (".hidden.csv", "_faults.json", "_tmp/a.csv", "billing/.part/b.csv"):
        _write(raw / name, _record())
    with pytest.raises(RawPathError):
        discover(str(raw), manifests)


def test_every_kind_finds_its_place(raw, manifests):
    _write(raw / "new.jsonl", _record())
    _write(raw / "empty.csv", "")
    _write(raw / "letter.pdf", "x")
    _write(raw / "README", "x")
    found = discover(str(raw), manifests)
    assert [file.path for file in found.new] == ["new.jsonl"]
    assert found.waiting == ("empty.csv",)
    assert found.ignored == ("README", "letter.pdf")
    assert found.known == 0


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.txt", "a.json", "a.ndjson", "a.JSONL"])
def test_suffix_makes_a_data_file(raw, manifests, name):
    _write(raw / name, _record())
    (file,) = discover(str(raw), manifests).new
    assert (file.path, file.feed, file.format) == (name, "customers", "json_lines")


def test_description_has_what_reading_needs(raw, manifests):
    path = _write(raw / "billing" / "2026-03-04" / "b.jsonl", _record())
    (file,) = discover(str(raw), manifests).new
    assert (file.path, file.uri) == ("billing/2026-03-04/b.jsonl", str(path))
    assert (file.feed, file.size, file.modified_ns) == ("billing", path.stat().st_size, LONG_AGO * 10**9)
    assert file.event_at == "2026-03-04T00:00:00+00:00"
    assert set(file.headers) == set(json.loads(_record()))
    assert file.as_json() == {**vars(file)}


def test_one_file_may_be_given(raw, manifests):
    path = _write(raw / "a.jsonl", _record())
    _write(raw / "b.jsonl", _record("B"))
    (file,) = discover(str(path), manifests).new
    assert (file.path, file.uri) == ("a.jsonl", str(path))


def test_touched_file_stays_known(raw, manifests):
    path = _write(raw / "a.jsonl", _record())
    _open_and_commit(manifests, discover(str(raw), manifests))
    os.utime(path, (LONG_AGO + 5, LONG_AGO + 5))
    found = discover(str(raw), manifests)
    assert (found.new, found.known) == ((), 1)


def test_moved_file_is_new(raw, manifests):
    path = _write(raw / "a.jsonl", _record())
    _open_and_commit(manifests, discover(str(raw), manifests))
    path.rename(raw / "b.jsonl")
    assert [file.path for file in discover(str(raw), manifests).new] == ["b.jsonl"]


def test_unknown_layout_stops_discovery(raw, manifests):
    _write(raw / "good.jsonl", _record())
    _write(raw / "odd.csv", "colour,size\nred,3\n")
    with pytest.raises(LayoutError, match=r"odd\.csv: unknown layout"):
        discover(str(raw), manifests)


def test_day_leaves_others_out(raw, manifests):
    for day in ("2026-01-01", "2026-01-02"):
        _write(raw / day / "a.jsonl", _record())
    _write(raw / "2026-01-02" / "odd.csv", "colour\n")
    found = discover(str(raw), manifests, date(2026, 1, 1))
    assert [file.path for file in found.new] == ["2026-01-01/a.jsonl"]


def test_changed_file_is_not_unchanged(raw, manifests):
    kept, grown, gone = (_write(raw / f"{name}.jsonl", _record(name)) for name in ("kept", "grown", "gone"))
    files = discover(str(raw), manifests).new
    _write(grown, _record() * 2)
    gone.unlink()
    assert [file.uri for file in unchanged_since(str(raw), files)] == [str(kept)]


@given(st.lists(st.dates(date(2000, 1, 1), date(2099, 12, 31)), min_size=1, max_size=5), st.booleans())
def test_files_are_sorted_by_day(tmp_path_factory, days, compact):
    raw = tmp_path_factory.mktemp("raw")
    for number, day in enumerate(days):
        _write(raw / f"{day:%Y%m%d}" / f"{number}.csv" if compact else raw / f"dt={day}" / f"{number}.csv", "x")
    _write(raw / f"{days[0]}" / "notes.pdf", "x")
    found = files_by_day(str(raw))
    assert list(found) == sorted(set(days))
    assert {day: len(names) for day, names in found.items()} == {day: days.count(day) for day in days}


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)), st.sampled_from(["{:%Y-%m-%d}", "{:%Y%m%d}", "dt={:%Y-%m-%d}"]))
def test_any_spelled_date_is_found(day, form):
    later = day - timedelta(days=400) if day.year > 1902 else day
    assert landing._event_time(f"{later}/{form.format(day)}.csv", 0.0).date() == day


def test_bucket_lists_like_folder(folder, bucket, manifests):
    folder.write_text("billing/2026-01-02/b.jsonl", _record())
    folder.write_text("2026-01-01/c.csv", "x")
    folder.write_text("_hidden/2026-01-03/c.csv", "x")
    assert files_by_day(folder.uri(), bucket) == {
        date(2026, 1, 1): ["2026-01-01/c.csv"],
        date(2026, 1, 2): ["billing/2026-01-02/b.jsonl"],
    }
