"""Numbered batches through any order of success, failure, crash and damage."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import DamagedDocumentError, LakeError
from lake.manifests import CHECKPOINT_INTERVAL, Batch, Manifests
from lake.register import FileEntry
from lake.storage import open_folder

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEEDS = ("billing", "demographics", "services")
steps = st.lists(
    st.tuples(
        st.sampled_from(["commit", "discard", "crash"]),
        st.sets(st.sampled_from(FEEDS), min_size=1),  # feeds that the batch brings
        st.sets(st.sampled_from(FEEDS)),  # feeds whose rows were committed before the crash
    ),
    max_size=8,
)


def _files(feeds, number):
    return [FileEntry(f"{feed}/{number}.csv", feed, checksum=str(number)) for feed in sorted(feeds)]


def _paths(manifests):
    return {entry.path for entry in manifests.register()}


def _commit(manifests, *names, **options):
    number = manifests.open([FileEntry(name, "billing", checksum=name) for name in names], NOW, **options)
    manifests.commit(number)
    return number


def _damage(manifests, number):
    manifests.folder.write_text(f"{number:08d}.json", "{")


@given(steps)
def test_what_is_registered_is_what_bronze_holds(tmp_path_factory, steps):
    manifests = Manifests(open_folder(tmp_path_factory.mktemp("lake")))
    in_bronze: dict[tuple[str, int], set[str]] = {}
    held: set[str] = set()
    for attempt, (end, feeds, written) in enumerate(steps):
        manifests.recover(lambda feed, number: (feed, number) in in_bronze)
        files = _files(feeds, attempt)
        number = manifests.open(files, NOW)
        assert number == attempt + 1, "every attempt has a number of its own"
        done = feeds if end == "commit" else feeds & written if end == "crash" else set()
        for feed in done:
            in_bronze[(feed, number)] = {file.path for file in files if file.feed == feed}
            held |= in_bronze[(feed, number)]
        if end == "commit":
            manifests.commit(number)
        if end == "discard":
            manifests.discard(number)
    manifests.recover(lambda feed, number: (feed, number) in in_bronze)
    assert _paths(manifests) == held
    assert manifests.numbers() == list(range(1, len(steps) + 1))
    assert manifests.committed_number() == max((number for _, number in in_bronze), default=0)


def test_an_open_batch_is_not_read(tmp_path):
    manifests = Manifests(open_folder(tmp_path))
    _commit(manifests, "a")
    manifests.open(_files(["services"], 2), NOW)
    assert manifests.committed_number() == 1
    assert [batch.number for batch in manifests.between(0, manifests.committed_number())] == [1]
    assert _paths(manifests) == {"a"}


def test_lake_without_batches_is_at_zero(folder):
    manifests = Manifests(folder)
    assert (manifests.numbers(), list(manifests.register()), manifests.last()) == ([], [], None)
    assert manifests.committed_number() == 0
    manifests.recover(lambda feed, number: True)
    assert manifests.numbers() == []


def test_batches_survive_any_folder(folder):
    manifests = Manifests(folder)
    for number in (1, 2, 3):
        assert manifests.open(_files(["billing", "services"], number), NOW) == number
        manifests.commit(number, {f"billing/{number}.csv": 7})
    assert [batch.number for batch in manifests.between(1, 3)] == [2, 3]
    assert manifests.between(3, 9) == []
    assert [batch.number for batch in manifests.history(2)] == [2, 3]
    assert manifests.last() == Batch(
        3,
        "committed",
        NOW.isoformat(),
        (
            FileEntry("billing/3.csv", "billing", checksum="3", rows=7, batch=3),
            FileEntry("services/3.csv", "services", checksum="3", rows=0, batch=3),
        ),
    )
    assert len(list(manifests.register())) == 6


def test_committed_batch_is_never_cut(folder):
    manifests = Manifests(folder)
    _commit(manifests, "a")
    manifests.recover(lambda feed, number: False)
    assert manifests.last().state == "committed"


def test_numbers_sort_beyond_their_digits(folder):
    for number in (99_999_999, 100_000_000, 2):
        folder.write_json(f"_control/batches/{number:08d}.json", {"batch": number, "committed": True, "files": []})
    folder.write_text("_control/batches/notes.txt", "not a batch")
    assert Manifests(folder).numbers() == [2, 99_999_999, 100_000_000]
    assert Manifests(folder).committed_number() == 100_000_000


# A number is never given twice


def test_discarded_number_stays_taken(tmp_path):
    manifests = Manifests(open_folder(tmp_path))
    number = manifests.open(_files(["billing"], 1), NOW)
    manifests.discard(number)
    assert manifests.open(_files(["billing"], 1), NOW) == number + 1
    assert _paths(manifests) == set()
    assert manifests.committed_number() == 0


@given(st.integers(-1, 60), st.integers(0, 3))
def test_number_is_greater_than_any_in_bronze(tmp_path_factory, watermark, committed):
    manifests = Manifests(open_folder(tmp_path_factory.mktemp("lake")))
    for name in "abc"[:committed]:
        _commit(manifests, name)
    assert manifests.open([], NOW, watermark) == max(watermark, committed, 0) + 1


def test_lost_manifests_do_not_free_the_checkpoints_number(folder):
    manifests = Manifests(folder)
    for number in range(CHECKPOINT_INTERVAL):
        _commit(manifests, f"{number}")
    folder.delete("_control/batches")
    assert manifests.open([], NOW) == CHECKPOINT_INTERVAL + 1


@pytest.mark.parametrize("end", ["commit", "discard"])
def test_batch_that_another_run_took_over_is_not_committed(tmp_path, end):
    manifests = Manifests(open_folder(tmp_path))
    number = manifests.open(_files(["billing", "services"], 1), NOW)
    # The next run begins while the first is still writing.
    manifests.recover(lambda feed, _: end == "commit" and feed == "billing")
    with pytest.raises(LakeError, match=f"batch 1 is {end}.* already: another run has taken it over"):
        manifests.commit(number)
    assert _paths(manifests) == ({"billing/1.csv"} if end == "commit" else set())


# Damage


@pytest.mark.parametrize(
    ("damage", "watermark", "lost"),
    [
        (lambda manifests: None, 3, []),
        (lambda manifests: None, -1, []),
        (lambda manifests: None, 5, [4, 5]),
        (lambda manifests: manifests.folder.delete("00000002.json"), 3, [2]),
        (lambda manifests: manifests.folder.delete("00000003.json"), 3, [3]),
        (lambda manifests: manifests.folder.delete(""), 3, [1, 2, 3]),
        (lambda manifests: _damage(manifests, 1), 3, [1]),
        (lambda manifests: manifests.folder.write_json("00000003.json", {"number": 3, "state": "eaten"}), 2, [3]),
    ],
)
def test_lost_manifests_are_noticed(folder, damage, watermark, lost):
    manifests = Manifests(folder)
    for name in "abc":
        _commit(manifests, name)
    damage(manifests)
    assert manifests.lost(watermark) == lost


def test_damaged_manifest_names_the_remedy(folder):
    manifests = Manifests(folder)
    _commit(manifests, "a")
    _damage(manifests, 1)
    for read in (manifests.register, manifests.last, lambda: manifests.between(0, 1), manifests.committed_number):
        with pytest.raises(DamagedDocumentError, match=r"00000001\.json is damaged.*churn repair"):
            read()


@pytest.mark.parametrize("gone", [1, 2])
def test_missing_manifest_is_not_left_out_in_silence(folder, gone):
    manifests = Manifests(folder)
    for name in "abc":
        _commit(manifests, name)
    manifests.folder.delete(f"{gone:08d}.json")
    with pytest.raises(DamagedDocumentError, match=rf"{gone}\.json is missing.*churn repair"):
        manifests.between(-1, 3)
    assert [batch.number for batch in manifests.between(gone, gone + 1)] == [gone + 1]


# Checkpoints


def _checkpoints(folder):
    return (folder / "_control/register").names()


def test_one_checkpoint_is_kept(folder):
    manifests = Manifests(folder)
    for number in range(2 * CHECKPOINT_INTERVAL + 1):
        _commit(manifests, f"{number}")
        expected = (number + 1) // CHECKPOINT_INTERVAL * CHECKPOINT_INTERVAL
        assert _checkpoints(folder) == ([f"{expected:08d}.json"] if expected else [])


def test_discarded_batches_make_checkpoints_too(tmp_path):
    folder = open_folder(tmp_path)
    manifests = Manifests(folder)
    _commit(manifests, "a")
    for _ in range(CHECKPOINT_INTERVAL):
        manifests.discard(manifests.open([], NOW))
    assert _checkpoints(folder) == [f"{CHECKPOINT_INTERVAL:08d}.json"]
    assert manifests.committed_number() == 1


entries = st.builds(
    FileEntry,
    path=st.sampled_from("abc"),
    feed=st.just("billing"),
    checksum=st.sampled_from("12"),
    uri=st.sampled_from(["", "/raw/a", "/raw/b", "/old/c"]),
)


@given(
    st.lists(st.tuples(st.lists(entries, max_size=3, unique_by=lambda e: e.path), st.booleans()), max_size=9), st.data()
)
def test_register_is_the_same_with_and_without_checkpoint(tmp_path_factory, batches, data):
    folder = open_folder(tmp_path_factory.mktemp("lake"))
    manifests = Manifests(folder)
    for files, is_committed in batches:
        number = manifests.open(files, NOW)
        manifests.commit(number) if is_committed else manifests.discard(number)
    whole = manifests.register()
    if batches:
        manifests.write_checkpoint(data.draw(st.integers(1, len(batches))))
    folded = manifests.register()
    assert {(e.uri or e.path): e for e in folded} == {(e.uri or e.path): e for e in whole}
    assert [folded.first(checksum) for checksum in "12"] == [whole.first(checksum) for checksum in "12"]
    assert folded.condensed() == whole.condensed()
    assert manifests.checkpoint_is_right()


def test_copy_of_another_manifest_is_a_damaged_one(folder):
    """Else a batch would count twice, and the one whose manifest it replaces not at all."""
    manifests = Manifests(folder)
    for name in ("a.csv", "b.csv"):
        manifests.commit(manifests.open([FileEntry(name, "customers")], NOW), {name: 1})
    folder.write_bytes("_control/batches/00000002.json", folder.read_bytes("_control/batches/00000001.json"))
    assert manifests.lost(2) == [2]
    with pytest.raises(DamagedDocumentError, match="00000002"):
        manifests.register()


@pytest.mark.parametrize("content", ["{", '{"number": 20}', '{"number": 20, "entries": [{}]}'])
def test_wrong_checkpoint_is_found_and_a_damaged_one_is_no_loss(folder, content):
    manifests = Manifests(folder)
    for number in range(CHECKPOINT_INTERVAL):
        _commit(manifests, f"{number}")
    assert manifests.checkpoint_is_right()
    folder.write_text(f"_control/register/{CHECKPOINT_INTERVAL:08d}.json", content)
    assert not manifests.checkpoint_is_right()
    is_damaged = content != '{"number": 20}'
    assert len(_paths(manifests)) == (CHECKPOINT_INTERVAL if is_damaged else 0)
    manifests.write_checkpoint(CHECKPOINT_INTERVAL)
    assert manifests.checkpoint_is_right()
    assert len(_paths(manifests)) == CHECKPOINT_INTERVAL


def test_no_checkpoint_covers_a_lost_manifest(tmp_path):
    folder = open_folder(tmp_path)
    manifests = Manifests(folder)
    for number in range(CHECKPOINT_INTERVAL - 1):
        _commit(manifests, f"{number}")
    manifests.folder.delete("00000003.json")
    _commit(manifests, "last")
    assert _checkpoints(folder) == []
    manifests.write(Batch(3, "discarded", is_rebuilt=True))
    _commit(manifests, "one more")
    assert _checkpoints(folder) == [f"{CHECKPOINT_INTERVAL + 1:08d}.json"]


def _old_manifest(folder, number, *, committed=True):
    """As release 0.1.0 wrote them."""
    file = {
        "path": f"{number}.csv", "uri": f"/raw/{number}.csv", "size": 3, "modified_ns": 5, "checksum": f"{number}",
        "event_at": NOW.isoformat(), "feed": "billing", "format": "csv", "delimiter": ",",
        "headers": ["a", "Last Updated", "churn reason"],
    }  # fmt: skip
    content = {"batch": number, "committed": committed, "started_at": NOW.isoformat(), "files": [file]}
    folder.write_json(f"_control/batches/{number:08d}.json", content)


def test_manifests_of_the_first_release_are_read(folder):
    for number in range(1, 31):
        _old_manifest(folder, number, committed=number < 30)
    manifests = Manifests(folder)
    assert (manifests.last().state, manifests.committed_number()) == ("open", 29)
    manifests.recover(lambda feed, number: False)
    assert manifests.register().last("/raw/7.csv", "x") == FileEntry(
        "7.csv",
        "billing",
        "7",
        NOW.isoformat(),
        uri="/raw/7.csv",
        size=3,
        modified_ns=5,
        batch=7,
        lacks=("source_churn_score", "source_cltv"),
    )
    assert all(batch.has_null_for_blank for batch in manifests.history()), "also after a manifest is written again"
    assert _checkpoints(folder) == ["00000030.json"], "the first batch that ends writes a checkpoint"
    assert len(_paths(manifests)) == 29


class Requests(list):
    """The requests that a boto3 client makes, while it is open."""

    def __init__(self, client):
        self.events = client.meta.events

    def __enter__(self):
        self.events.register("before-call.s3", self._count)
        return self

    def __exit__(self, *_):
        self.events.unregister("before-call.s3", self._count)

    def _count(self, model, **_):
        self.append(model.name)


def test_a_thousand_batches_cost_what_thirty_cost(bucket, tmp_path):
    """Requests to S3 follow the batches since the checkpoint, not all of them."""
    asked = {}
    for batches in (CHECKPOINT_INTERVAL + 10, 50 * CHECKPOINT_INTERVAL + 10):
        folder = open_folder(f"s3://bucket/{tmp_path.name}/{batches}", bucket)
        for number in range(1, batches + 1):
            _old_manifest(folder, number)
        manifests = Manifests(folder)
        manifests.write_checkpoint(batches - 10)
        with Requests(bucket) as requests:
            known = len(_paths(manifests))
            manifests.recover(lambda feed, number: True)
            assert manifests.lost(batches) == []
            assert manifests.committed_number() == batches
            assert len(manifests.between(batches - 3, batches)) == 3
            _commit(manifests, "new")
        assert known == batches
        asked[batches] = sorted(requests)
    few, many = asked.values()
    assert few == many
