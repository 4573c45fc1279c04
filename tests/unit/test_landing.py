"""Discovery of raw files: what is new, known, waiting or set aside, and of which day."""

import gzip
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LakeError, RawPathError
from lake import landing, storage
from lake.landing import discover, files_by_day, unchanged_since
from lake.manifests import CHECKPOINT_INTERVAL, Manifests
from lake.register import FileEntry
from lake.sniff import sniff
from lake.storage import open_folder
from tests.support.records import record, write_jsonl


def _open_and_commit(manifests, arrivals):
    number = manifests.open([file.entry() for file in arrivals.new], datetime.now(UTC))
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
    manifests.open([FileEntry("a", "billing"), FileEntry("b", "services")], datetime.now(UTC))
    manifests.recover(lambda feed, number: (feed, number) == ("billing", 1))
    assert [entry.path for entry in manifests.register()] == ["a"]
    assert manifests.committed_number() == 1
    assert manifests.open([], datetime.now(UTC)) == 2
    manifests.recover(lambda feed, number: False)
    assert (manifests.numbers(), manifests.last().state) == ([1, 2], "discarded")


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
    manifests.open([FileEntry("a", "billing")], datetime.now(UTC))
    (name,) = manifests.folder.names()
    assert json.loads(manifests.folder.read_bytes(name))["state"] == "open"


LONG_AGO = 1_600_000_000


def _paths(files):
    return sorted(file.path for file in files)


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
    _write(raw / "_SUCCESS", "")
    found = discover(str(raw), manifests)
    assert [file.path for file in found.new] == ["new.jsonl"]
    assert found.waiting == ("empty.csv",)
    assert {file.path: file.reason for file in found.set_aside if file.path != "README"} == {
        "letter.pdf": "a document, not data."
    }
    assert _paths(found.set_aside) == ["README", "letter.pdf"]
    assert (found.known, found.hidden) == (0, 1)


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.txt", "a.JSONL", "a", "a.csv000", "a0000_part_00", "a.dat"])
def test_content_makes_a_data_file(raw, manifests, name):
    _write(raw / name, _record())
    (file,) = discover(str(raw), manifests).new
    assert (file.path, file.feed) == (name, "customers")


def test_description_has_what_reading_needs(raw, manifests):
    path = _write(raw / "billing" / "2026-03-04" / "b.jsonl", _record())
    (file,) = discover(str(raw), manifests).new
    assert (file.path, file.uri) == ("billing/2026-03-04/b.jsonl", str(path))
    assert (file.feed, file.size, file.modified_ns) == ("billing", path.stat().st_size, LONG_AGO * 10**9)
    assert (file.event_at, file.event_from) == ("2026-03-04T00:00:00+00:00", "path")
    assert vars(file.entry()) == {
        **{name: vars(file)[name] for name in vars(file.entry()) if name in vars(file)},
        "rows": None,
        "batch": 0,
    }


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
    found = files_by_day(str(raw), at=datetime(2099, 12, 31, tzinfo=UTC))
    assert list(found) == sorted(set(days))
    assert {day: len(names) for day, names in found.items()} == {day: days.count(day) for day in days}


def test_bucket_lists_like_folder(folder, bucket, manifests):
    folder.write_text("billing/2026-01-02/b.jsonl", _record())
    folder.write_text("2026-01-01/c.csv", "x")
    folder.write_text("_hidden/2026-01-03/c.csv", "x")
    assert files_by_day(folder.uri(), bucket) == {
        date(2026, 1, 1): ["2026-01-01/c.csv"],
        date(2026, 1, 2): ["billing/2026-01-02/b.jsonl"],
    }


# Which file is which


def _ingest(raw, manifests, **options):
    """Discover and commit what is new; the files."""
    arrivals = discover(str(raw), manifests, **options)
    if arrivals.new:
        _open_and_commit(manifests, arrivals)
    return arrivals.new


def _put(path, text, seconds):
    os.utime(_write(path, text), (seconds, seconds))
    return path


def test_content_is_compared_although_size_and_time_are_kept(raw, manifests):
    """As rsync -t and tar do."""
    _put(raw / "a.jsonl", _record("A"), LONG_AGO)
    _ingest(raw, manifests)
    _put(raw / "a.jsonl", _record("B"), LONG_AGO)
    assert [file.path for file in discover(str(raw), manifests).new] == ["a.jsonl"]


def test_large_files_are_compared_when_told(raw, manifests, monkeypatch):
    monkeypatch.setattr(landing, "TRUSTED_BYTES", 10)
    _put(raw / "a.jsonl", _record("A"), LONG_AGO)
    _ingest(raw, manifests)
    _put(raw / "a.jsonl", _record("B"), LONG_AGO)
    assert discover(str(raw), manifests).new == ()
    assert [file.path for file in discover(str(raw), manifests, verify=True).new] == ["a.jsonl"]


def test_file_replaced_while_it_was_read_is_not_unchanged(raw, manifests):
    _put(raw / "a.jsonl", _record("A"), LONG_AGO)
    files = discover(str(raw), manifests).new
    _put(raw / "a.jsonl", _record("B"), LONG_AGO)
    assert unchanged_since(str(raw), files) == []


@pytest.mark.parametrize("deeper", ["customers", "customers/2026-01-04", "customers/2026-01-04/a.jsonl"])
def test_however_raw_is_given_a_file_is_the_same(raw, manifests, deeper):
    _write(raw / "customers" / "2026-01-04" / "a.jsonl", _record())
    wide, narrow = discover(str(raw), manifests).new, discover(str(raw / deeper), manifests).new
    assert wide == narrow
    assert (narrow[0].path, narrow[0].event_at[:10]) == ("customers/2026-01-04/a.jsonl", "2026-01-04")
    _open_and_commit(manifests, discover(str(raw / deeper), manifests))
    assert discover(str(raw), manifests).known == 1


@pytest.mark.parametrize("given", ["billing", "year=2026/month=01/day=04", "2026/01/04"])
def test_bucket_is_given_in_parts_too(folder, manifests, bucket, monkeypatch, given):
    monkeypatch.setattr("lake.s3._own_client", lambda: bucket)
    folder.write_text(f"{given}/b.jsonl", _record())
    wide, narrow = discover(folder.uri(), manifests).new, discover(folder.uri(given), manifests).new
    assert wide == narrow
    assert narrow[0].feed == ("billing" if given == "billing" else "customers")


def test_folder_below_raw_names_the_feed_before_raw_does(tmp_path, manifests):
    raw = tmp_path / "customers"
    _write(raw / "billing" / "b.jsonl", _record())
    (file,) = discover(str(raw), manifests).new
    assert file.feed == "billing"


def test_register_of_a_path_below_raw_is_continued(raw, manifests):
    """An earlier release registered a file by its path below whatever folder was given."""
    path = _write(raw / "customers" / "a.jsonl", _record())
    (file,) = discover(str(raw), manifests).new
    manifests.commit(manifests.open([replace(file.entry(), path="a.jsonl")], datetime.now(UTC)))
    found = discover(str(raw / "customers"), manifests)
    assert (found.new, [entry.uri for entry in found.ingested]) == ((), [str(path)])


def test_moved_raw_folder_is_known(raw, manifests, tmp_path):
    _write(raw / "billing" / "a.jsonl", _record())
    _ingest(raw, manifests)
    raw.rename(tmp_path / "elsewhere")
    assert discover(str(tmp_path / "elsewhere"), manifests).known == 1
    _write(tmp_path / "elsewhere" / "billing" / "a.jsonl", _record("other"))
    assert _paths(discover(str(tmp_path / "elsewhere"), manifests).new) == ["billing/a.jsonl"]


def test_rebuilt_entry_is_known_by_its_checksum(raw, manifests):
    _write(raw / "a.jsonl", _record())
    (file,) = discover(str(raw), manifests).new
    rebuilt = FileEntry(file.path, file.feed, file.checksum, file.event_at, rows=1)
    manifests.commit(manifests.open([rebuilt], datetime.now(UTC)))
    assert discover(str(raw), manifests).known == 1
    _write(raw / "a.jsonl", _record("B"))
    assert discover(str(raw), manifests).known == 0


# Old content under a new name

OLD, NEWER, NEWEST = LONG_AGO, LONG_AGO + 86_400, LONG_AGO + 2 * 86_400


def _seconds(file):
    return datetime.fromisoformat(file.event_at).timestamp()


def test_copy_of_old_content_counts_from_its_first_delivery(raw, manifests):
    _put(raw / "customers.jsonl", _record("A"), OLD)
    _ingest(raw, manifests)
    _put(raw / "customers.jsonl", _record("B"), NEWER)
    _ingest(raw, manifests)
    _put(raw / "customers (1).jsonl", _record("A"), NEWEST)
    (copy,) = discover(str(raw), manifests).new
    assert (_seconds(copy), copy.event_from) == (OLD, "first delivery")
    assert "has the content of customers.jsonl" in copy.note
    assert "put its date into its name" in copy.note


def test_copies_that_arrive_together_count_from_the_first(raw, manifests):
    for name, text, seconds in (("c", "A", NEWEST), ("b", "B", NEWER), ("a", "A", OLD)):
        _put(raw / f"{name}.jsonl", _record(text), seconds)
    assert [(file.path, _seconds(file)) for file in discover(str(raw), manifests).new] == [
        ("a.jsonl", OLD), ("b.jsonl", NEWER), ("c.jsonl", OLD),
    ]  # fmt: skip


def test_dated_copy_counts_from_its_date(raw, manifests):
    _put(raw / "a.jsonl", _record("A"), OLD)
    _ingest(raw, manifests)
    _put(raw / "a_2026-01-04.jsonl", _record("A"), NEWEST)
    (file,) = discover(str(raw), manifests).new
    assert (file.event_at[:10], file.event_from, file.note) == ("2026-01-04", "path", "")


def test_older_copy_keeps_its_own_time(raw, manifests):
    _put(raw / "a.jsonl", _record("A"), NEWER)
    _ingest(raw, manifests)
    _put(raw / "b.jsonl", _record("A"), OLD)
    (file,) = discover(str(raw), manifests).new
    assert (_seconds(file), file.event_from) == (OLD, "file")


def test_first_delivery_is_remembered_over_checkpoints(raw, manifests):
    _put(raw / "a.jsonl", _record("A"), OLD)
    _ingest(raw, manifests)
    for number in range(CHECKPOINT_INTERVAL - 1):
        _put(raw / "a.jsonl", _record(f"B{number}"), NEWER + number)
        _ingest(raw, manifests)
    manifests.folder.delete("")
    _put(raw / "copy.jsonl", _record("A"), NEWEST)
    (copy,) = discover(str(raw), manifests).new
    assert _seconds(copy) == OLD


# What cannot be ingested stops nothing


def _reasons(arrivals):
    return {file.path: file.reason for file in arrivals.set_aside}


def test_file_of_no_known_layout_stops_no_other(raw, manifests):
    _write(raw / "good.jsonl", _record())
    _write(raw / "README.txt", "Files of the billing system.\n")
    _write(raw / "odd.csv", "colour,size\nred,3\n")
    found = discover(str(raw), manifests)
    assert [file.path for file in found.new] == ["good.jsonl"]
    assert set(_reasons(found)) == {"README.txt", "odd.csv"}
    assert _reasons(found)["odd.csv"].startswith("unknown layout"), "the file is not named twice"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.xlsx", "an Excel workbook: save it as CSV."),
        ("A.XLS", "an Excel workbook: save it as CSV."),
        ("a.zip", "an archive: unpack it."),
        ("a.tar.gz", "an archive: unpack it."),
        ("a.avro", "a binary table: deliver it as CSV, JSON or Parquet."),
        ("a.png", "a picture, not data."),
        ("a.pdf", "a document, not data."),
    ],
)
def test_foreign_files_say_what_to_do(raw, manifests, name, reason):
    _write(raw / name, _record())
    assert _reasons(discover(str(raw), manifests)) == {name: reason}


def test_only_foreign_files_are_no_error(raw, manifests):
    _write(raw / "a.pdf", "x")
    found = discover(str(raw), manifests)
    assert (found.new, found.known, len(found.set_aside)) == ((), 0, 1)


@pytest.mark.parametrize("content", ["x" * 200_000, "[" * 200_000, "\0" * 999, '{"a": "' + "1" * 5000])
def test_no_content_stops_discovery(raw, manifests, content):
    _write(raw / "odd.csv", content)
    _write(raw / "good.jsonl", _record())
    found = discover(str(raw), manifests)
    assert ([file.path for file in found.new], list(_reasons(found))) == (["good.jsonl"], ["odd.csv"])


def test_links_are_followed_and_broken_ones_named(raw, manifests, tmp_path):
    _write(tmp_path / "store" / "billing" / "a.jsonl", _record())
    _write(raw / "good.jsonl", _record())
    (raw / "linked").symlink_to(tmp_path / "store")
    (raw / "round").symlink_to(raw)
    (raw / "self.csv").symlink_to(raw / "self.csv")
    (raw / "gone.csv").symlink_to(raw / "nowhere.csv")
    os.mkfifo(raw / "pipe.csv")
    found = discover(str(raw), manifests)
    assert [file.path for file in found.new] == ["good.jsonl", "linked/billing/a.jsonl"]
    assert found.new[1].feed == "billing"
    assert _reasons(found) == {
        "round": "a link to a folder that it is in. Fix or remove it.",
        "self.csv": "it cannot be read: Too many levels of symbolic links. Fix or remove it.",
        "gone.csv": "a link to a file that does not exist. Fix or remove it.",
        "pipe.csv": "a pipe, a socket or a device, not a file. Fix or remove it.",
    }


def test_what_may_not_be_read_is_named(as_somebody):
    with as_somebody() as place:
        raw = place / "raw"
        _write(raw / "good.jsonl", _record())
        _write(raw / "secret.csv", "x").chmod(0)
        _write(raw / "closed" / "a.csv", "x").parent.chmod(0)
        found = discover(str(raw), Manifests(open_folder(place / "lake")))
    assert [file.path for file in found.new] == ["good.jsonl"]
    assert _reasons(found) == {
        "closed": "this folder cannot be read: Permission denied. Fix or remove it.",
        "secret.csv": "it cannot be read: Permission denied",
    }


def test_closed_raw_folder_is_an_error(as_somebody):
    with as_somebody() as place:
        (place / "raw").mkdir(mode=0)
        with pytest.raises(RawPathError, match=r"cannot be read\. Check its permissions"):
            discover(str(place / "raw"), Manifests(open_folder(place / "lake")))


def test_vanished_file_is_looked_for_again(raw, manifests, monkeypatch):
    gone = _write(raw / "gone.jsonl", _record())
    write_jsonl(raw / "good.jsonl", record("A"))  # so recent that it is looked at twice
    monkeypatch.setattr(storage.time, "sleep", lambda _: gone.unlink())
    found = discover(str(raw), manifests)
    assert ([file.path for file in found.new], found.waiting, found.set_aside) == (["good.jsonl"], ("gone.jsonl",), ())


NAMES = [
    "2026-01-05T10:15:00.csv",
    "a b+c%20d=e&f#g?.csv",
    "back\\slash.csv",
    "new\nline.csv",
    "x{1,2}[3].csv",
    " lead.csv",
    "ü.csv",
]


def test_any_valid_name_is_ingested_under_it(raw, manifests):
    for name in NAMES:
        _write(raw / name, _record(name))
    assert _paths(_ingest(raw, manifests)) == sorted(NAMES)
    found = discover(str(raw), manifests)
    assert (found.known, found.new) == (len(NAMES), ())


def test_name_that_is_no_text_is_set_aside(raw, manifests):
    _write(raw / "good.jsonl", _record())
    _write(raw / os.fsdecode(b"\xff\xfe.csv"), _record("B"))
    found = discover(str(raw), manifests)
    assert _reasons(found) == {"\\udcff\\udcfe.csv": "its name is not valid UTF-8. Rename it."}
    assert [file.path for file in found.new] == ["good.jsonl"]
    assert json.dumps(vars(found.set_aside[0])).isascii()


def test_file_read_in_vain_is_not_read_again_until_it_changes(raw, manifests, monkeypatch):
    path = _write(raw / "a.jsonl", _record("A"))
    judged = [discover(str(raw), manifests).new[0].refused("it is cut off")]
    assert _reasons(discover(str(raw), manifests, judged=judged)) == {"a.jsonl": "it is cut off"}
    assert discover(str(raw), manifests, judged=judged).set_aside[0].is_same(judged[0])
    _write(path, _record("B"))
    assert _paths(discover(str(raw), manifests, judged=judged).new) == ["a.jsonl"]
    _write(path, _record("A"))
    monkeypatch.setattr(landing, "reader_version", lambda: "of another release")
    assert _paths(discover(str(raw), manifests, judged=judged).new) == ["a.jsonl"]


@pytest.mark.parametrize("content", ["[" * 1000, "colour,size\nred,3\n", '{"colour": "red"}\n'])
def test_file_of_no_known_layout_is_not_sniffed_again_until_it_changes(raw, manifests, monkeypatch, content):
    path, sniffed = _write(raw / "a.jsonl", content), []
    monkeypatch.setattr(landing, "sniff", lambda *given: sniffed.append(given) or sniff(*given))
    first = discover(str(raw), manifests).set_aside
    again = discover(str(raw), manifests, judged=first).set_aside
    assert (len(sniffed), again[0].is_same(first[0])) == (1, True)
    os.utime(path, (1, 1))
    assert _reasons(discover(str(raw), manifests, judged=again)) == {"a.jsonl": first[0].reason}
    assert len(sniffed) == 1, "a copy that lost its time is the same content"
    asked = [replace(first[0], reader="")]
    assert _reasons(discover(str(raw), manifests, judged=asked)) == {"a.jsonl": first[0].reason}
    assert len(sniffed) == 2
    _write(path, _record("A"))
    assert _paths(discover(str(raw), manifests, judged=first).new) == ["a.jsonl"]


def test_content_that_comes_while_another_is_refused_is_looked_at(raw, manifests, monkeypatch):
    path = _write(raw / "a.jsonl", "colour,size\nred,3\n")

    def replaced_meanwhile(*given):
        try:
            return sniff(*given)
        finally:
            _write(path, _record("A"))

    with monkeypatch.context() as patch:
        patch.setattr(landing, "sniff", replaced_meanwhile)
        refused = discover(str(raw), manifests).set_aside
    assert len(refused) == 1
    assert _paths(discover(str(raw), manifests, judged=refused).new) == ["a.jsonl"]


def test_denied_object_stops_no_other_and_an_outage_stops_all(manifests, bucket, monkeypatch, tmp_path):
    monkeypatch.setattr("lake.s3._own_client", lambda: bucket)
    place = open_folder(f"s3://bucket/{tmp_path.name}-raw", bucket)
    for name in ("denied", "good"):
        place.write_text(f"{name}.jsonl", _record(name))

    def refuse(code):
        def answer(params, **_):
            if params["Key"].endswith("denied.jsonl"):
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")

        return answer

    for code in ("AccessDenied", "InvalidObjectState"):
        with _before(bucket, refuse(code)):
            found = discover(place.uri(), manifests)
        assert ([file.path for file in found.new], list(_reasons(found))) == (["good.jsonl"], ["denied.jsonl"])
    with _before(bucket, refuse("SlowDown")), pytest.raises(LakeError, match="SlowDown"):
        discover(place.uri(), manifests)


@contextmanager
def _before(client, answer):
    """Have S3 answer GetObject in a way of its own."""
    client.meta.events.register("provide-client-params.s3.GetObject", answer)
    yield
    client.meta.events.unregister("provide-client-params.s3.GetObject", answer)


@contextmanager
def _requests(bucket):
    """The requests for objects, by operation and range, that a block makes."""
    made = []

    def note(params, model, **_):
        made.append((model.name, params["headers"].get("Range", "")))

    bucket.meta.events.register("before-call.s3.*", note)
    try:
        yield made
    finally:
        bucket.meta.events.unregister("before-call.s3.*", note)


def test_small_file_on_s3_is_looked_at_by_one_request(manifests, bucket, tmp_path):
    place = open_folder(f"s3://bucket/{tmp_path.name}-small", bucket)
    for number in range(3):
        place.write_text(f"{number}.jsonl", _record(str(number)))
    with _requests(bucket) as made:
        assert len(discover(place.uri(), manifests, s3=bucket).new) == 3
    (place_itself, listing, *looks) = made
    assert (place_itself[0], listing[0]) == ("ListObjectsV2", "ListObjectsV2")
    assert looks == [("GetObject", "bytes=0-1048575")] * 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_file_is_read_on_until_a_record_ends(folder, bucket, manifests, pack):
    long = json.dumps(record("A", note=os.urandom(1_500_000).hex())) + "\n"
    folder.write_bytes("long.jsonl", pack(long.encode()))
    folder.write_bytes("blanks.csv", pack(b"\r\n" * 600_000 + ",".join(record("B")).encode()))
    (blanks, found) = discover(folder.uri(), manifests, s3=bucket).new
    assert (blanks.feed, found.feed) == ("customers", "customers")
