"""Numbered batches through any order of success, failure and crash."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lake.manifests import Manifests
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
    return [{"path": f"{feed}/{number}.csv", "feed": feed, "checksum": str(number)} for feed in sorted(feeds)]


@given(steps)
def test_what_is_registered_is_what_bronze_holds(tmp_path_factory, steps):
    manifests = Manifests(open_folder(tmp_path_factory.mktemp("lake")))
    in_bronze: dict[tuple[str, int], set[str]] = {}
    held: set[str] = set()
    for attempt, (end, feeds, written) in enumerate(steps):
        manifests.recover(lambda feed, number: (feed, number) in in_bronze)
        files = _files(feeds, attempt)
        number = manifests.open(files, NOW)
        done = feeds if end == "commit" else feeds & written if end == "crash" else set()
        for feed in done:
            assert (feed, number) not in in_bronze, "a batch number was given twice"
            in_bronze[(feed, number)] = {f["path"] for f in files if f["feed"] == feed}
            held |= in_bronze[(feed, number)]
        if end == "commit":
            manifests.commit(number)
        if end == "discard":
            manifests.discard(number)
    manifests.recover(lambda feed, number: (feed, number) in in_bronze)
    assert set(manifests.register()) == held
    assert manifests.numbers() == list(range(1, len(manifests.numbers()) + 1))
    assert manifests.committed_number() == len(manifests.numbers())


def test_an_open_batch_is_not_read(tmp_path):
    manifests = Manifests(open_folder(tmp_path))
    first = manifests.open(_files(["billing"], 1), NOW)
    manifests.commit(first)
    manifests.open(_files(["services"], 2), NOW)
    assert manifests.committed_number() == 1
    assert [batch["batch"] for batch in manifests.between(0, manifests.committed_number())] == [1]
    assert set(manifests.register()) == {"billing/1.csv"}


def test_new_content_replaces_the_registered_one(tmp_path):
    manifests = Manifests(open_folder(tmp_path))
    for checksum in ("a", "b"):
        manifests.commit(manifests.open([{"path": "x.csv", "feed": "billing", "checksum": checksum}], NOW))
    assert manifests.register()["x.csv"]["checksum"] == "b"


def test_lake_without_batches_is_at_zero(folder):
    manifests = Manifests(folder)
    assert (manifests.numbers(), manifests.register(), manifests.last()) == ([], {}, None)
    assert manifests.committed_number() == 0
    manifests.recover(lambda feed, number: True)
    assert manifests.numbers() == []


def test_batches_survive_any_folder(folder):
    manifests = Manifests(folder)
    for number in (1, 2, 3):
        assert manifests.open(_files(["billing", "services"], number), NOW) == number
        manifests.commit(number)
    assert [batch["batch"] for batch in manifests.between(1, 3)] == [2, 3]
    assert manifests.between(3, 9) == []
    assert manifests.last()["started_at"] == NOW.isoformat()
    assert len(manifests.register()) == 6


def test_committed_batch_is_never_cut(folder):
    manifests = Manifests(folder)
    manifests.commit(manifests.open(_files(["billing"], 1), NOW))
    manifests.recover(lambda feed, number: False)
    assert manifests.numbers() == [1]


def test_numbers_sort_beyond_their_digits(folder):
    for number in (99_999_999, 100_000_000, 2):
        folder.write_json(f"_control/batches/{number:08d}.json", {"batch": number, "committed": True, "files": []})
    folder.write_text("_control/batches/notes.txt", "not a batch")
    assert Manifests(folder).numbers() == [2, 99_999_999, 100_000_000]
    assert Manifests(folder).committed_number() == 100_000_000
