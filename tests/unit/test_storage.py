"""Small files beside the tables."""

import os
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.errors import LakeError
from lake import s3
from lake.storage import LocalFolder, open_folder
from lake.walk import StoredFile
from lake.write_lock import write_lock

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_what_is_written_is_read_back(tmp_path_factory, value):
    folder = open_folder(tmp_path_factory.mktemp("s"))
    folder.write_json("deep/x.json", value)
    assert folder.read_json("deep/x.json") == value
    assert [file.name for file in folder.files()] == ["deep/x.json"], "no temporary file is left"


def test_replaced_file_keeps_what_its_storage_keeps(folder):
    folder.write_text("a.txt", "old")
    if isinstance(folder, LocalFolder):
        (folder.path / "a.txt").chmod(0o640)
        os.utime(folder.path / "a.txt", ns=(1, 1_700_000_000_000_000_000))
    before = folder.stat("a.txt")
    folder.replace("a.txt", b"new content")
    folder.replace("b.txt", b"new file")
    assert (folder.read_bytes("a.txt"), folder.read_bytes("b.txt")) == (b"new content", b"new file")
    assert folder.keeps_times == isinstance(folder, LocalFolder)
    if isinstance(folder, LocalFolder):
        assert folder.stat("a.txt").modified_ns == before.modified_ns
        assert (folder.path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_secret_is_for_its_owner(folder):
    folder.write_secret("key", "x")
    assert folder.read_bytes("key") == b"x"
    if isinstance(folder, LocalFolder):
        assert (folder.path / "key").stat().st_mode & 0o777 == 0o600


def test_names_are_those_right_below(folder):
    for name in ("b.json", "a/1.json", "a/b/2.json", "c d/é+[x].json"):
        folder.write_text(name, name)
    assert folder.names() == ["a", "b.json", "c d"]
    assert [file.name for file in folder.files()] == ["a/1.json", "a/b/2.json", "b.json", "c d/é+[x].json"]
    assert (folder / "a").names() == ["1.json", "b"]
    assert [file.name for file in (folder / "a/b").files()] == ["2.json"]
    assert folder.read_bytes("c d/é+[x].json").decode() == "c d/é+[x].json"


@pytest.mark.parametrize("start_after", ["", "00", "b.json", "a", "c d", "z"])
def test_names_are_listed_from_a_name_on(folder, start_after):
    for name in ("b.json", "a/1.json", "c d/e.json", "00000001.json"):
        folder.write_text(name, name)
    assert folder.names(start_after) == [name for name in folder.names() if name > start_after]


def test_before_the_first_file_there_is_nothing(folder):
    assert folder.names() == []
    assert list(folder.files()) == []
    assert folder.stat("x") is None
    assert not folder.exists("x/y")
    with pytest.raises(FileNotFoundError):
        folder.read_bytes("x")


def test_a_file_is_replaced_and_its_beginning_read(folder):
    folder.write_bytes("x", b"one")
    before = folder.stat("x")
    folder.write_bytes("x", b"second")
    after = folder.stat("x")
    assert (before.size, after.size) == (3, 6)
    assert folder.read_bytes("x", 3) == b"sec"
    assert folder.read_bytes("x", 99) == b"second"


@pytest.mark.parametrize("size", [0, 5, 100])
def test_a_file_is_read_as_a_stream(folder, size, monkeypatch):
    monkeypatch.setattr(s3, "_PART_BYTES", 7)
    content = bytes(range(size))
    folder.write_bytes("x", content)
    with folder.open("x") as stream:
        assert stream.read(3) + stream.read() == content
        assert stream.read() == b""
    with pytest.raises(FileNotFoundError):
        folder.open("y")


def test_a_replaced_object_is_not_read_on(bucket, monkeypatch):
    monkeypatch.setattr(s3, "_PART_BYTES", 3)
    folder = open_folder("s3://bucket/replaced", bucket)
    folder.write_bytes("x", b"first content")
    stream = folder.open("x").detach()
    assert stream.read(3) == b"fir"
    folder.write_bytes("x", b"other content")
    with pytest.raises(FileNotFoundError):
        stream.read(3)


def test_the_checksum_follows_the_content(folder):
    sums = []
    for content in (b"one", b"two", b"one"):
        folder.write_bytes("x", content)
        sums.append(folder.checksum(folder.stat("x")))
    assert sums[0] == sums[2] != sums[1]


def test_a_folder_is_no_file(folder):
    folder.write_bytes("a/b", b"x")
    assert folder.stat("a") is None
    assert folder.stat("") is None


def test_what_is_found_is_what_stat_says(folder):
    for name in ("a/b", "a/b.csv", "a/bc", "ab"):
        folder.write_bytes(name, name.encode())
    for place, name in [
        (folder, "a/b"),
        (folder / "a/b", ""),
        (folder, "ab"),
        (folder, "a"),
        (folder, "x"),
        (folder, ""),
    ]:
        found, seen = place.find(name), place.stat(name)
        assert (found is None) == (seen is None), (place.uri(), name)
        if found and seen:
            assert (found.name, found.size, found.etag) == (seen.name, seen.size, seen.etag)


def test_deleting_takes_a_file_or_a_folder(folder):
    for name in ("a/1", "a/b/2", "ab", "c"):
        folder.write_bytes(name, b"x")
    folder.delete("a")
    folder.delete("c")
    folder.delete("never there")
    assert [file.name for file in folder.files()] == ["ab"]


def test_a_writable_place_is_left_as_it_was(folder):
    folder.check_writable()
    assert list(folder.files()) == []


def test_a_damaged_file_is_named(folder):
    folder.write_bytes("x.json", b"{")
    with pytest.raises(LakeError, match=r"x\.json is damaged"):
        folder.read_json("x.json")


def test_names_for_spark_and_copy(bucket, tmp_path):
    assert open_folder(tmp_path).uri("a/b") == f"{tmp_path}/a/b"
    assert (open_folder("s3a://bucket/lake/", bucket) / "gold").uri("t") == "s3://bucket/lake/gold/t"
    assert open_folder("s3://bucket", bucket).uri() == "s3://bucket/"


@pytest.mark.parametrize("place", ["gs://bucket/lake", "abfss://lake@account.dfs.core.windows.net/x"])
def test_another_store_is_no_folder_of_this_machine(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LakeError, match=f"^{place} is in a store that cannot be opened"):
        open_folder(place)


def test_a_bucket_that_is_not_there_is_explained(bucket):
    with pytest.raises(LakeError, match=r"s3://nowhere/lake.* not writable.*NoSuchBucket"):
        open_folder("s3://nowhere/lake", bucket).check_writable()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    folder = open_folder(tmp_path)
    folder.write_json("x.json", 1)

    class Unprintable:
        def __str__(self):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        folder.write_json("x.json", Unprintable())
    assert folder.read_json("x.json") == 1


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LakeError, match=r"cannot write .*file/x\.json"):
        open_folder(tmp_path / "file").write_json("x.json", 1)


def test_one_writer_per_lake(tmp_path):
    lake = open_folder(tmp_path / "lake")
    with write_lock(lake), pytest.raises(LakeError, match="another run is working on"), write_lock(lake):
        pass
    with write_lock(lake):
        pass


def test_a_lock_is_waited_for(tmp_path):
    lake = open_folder(tmp_path / "lake")
    held, released = threading.Event(), []

    def hold():
        with write_lock(lake):
            held.set()
            time.sleep(0.3)
            released.append(True)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with write_lock(lake, wait_seconds=30):
        assert released
    holder.join()


def test_a_lake_on_s3_has_no_lock_here(bucket):
    lake = open_folder("s3://bucket/lake", bucket)
    with write_lock(lake), write_lock(lake):
        assert lake.names() == []


parts = st.sampled_from(["a", "b", "a.json", "é ü", "x+y"])
folders = st.sampled_from(["d", "d/e", "f"])
paths = st.builds(lambda folder, name: f"{folder}/{name}" if folder else name, st.sampled_from(["", "d", "d/e"]), parts)
operations = st.lists(
    st.tuples(st.just("write"), paths, st.binary(max_size=6)) | st.tuples(st.just("delete"), paths | folders),
    max_size=10,
)


def _names_below(model, folder):
    inside = [name.removeprefix(f"{folder}/") for name in model if name.startswith(f"{folder}/")]
    return sorted({name.split("/")[0] for name in inside})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations)
def test_folders_do_what_a_dictionary_does(bucket, tmp_path_factory, operations):
    """A disk and a bucket, held to a dictionary of names and contents."""
    place = tmp_path_factory.mktemp("model")
    both, model = (open_folder(place), open_folder(f"s3://bucket/{place.name}", bucket)), {}
    for kind, name, *content in operations:
        for folder in both:
            folder.write_bytes(name, *content) if kind == "write" else folder.delete(name)
        if kind == "write":
            model[name] = content[0]
        else:
            model = {key: value for key, value in model.items() if key != name and not key.startswith(f"{name}/")}
    for folder in both:
        assert [(file.name, file.size) for file in folder.files()] == [(n, len(model[n])) for n in sorted(model)]
        assert {name: folder.read_bytes(name) for name in model} == model
        assert [name for name in (folder / "d").names() if name in _names_below(model, "d")] == _names_below(model, "d")
        assert all(folder.exists(name) for name in model)


@given(st.binary(min_size=1, max_size=20), st.integers(1, 30))
def test_beginning_is_a_prefix(tmp_path_factory, content, limit):
    folder = open_folder(tmp_path_factory.mktemp("s"))
    folder.write_bytes("x", content)
    assert folder.read_bytes("x", limit) == content[:limit]


def test_steps_into_folders_add_up(folder):
    (folder / "a" / "b").write_text("c.txt", "deep")
    assert (folder / "a/b").read_bytes("c.txt") == folder.read_bytes("a/b/c.txt") == b"deep"
    assert (folder / "a" / "b").uri("c.txt") == folder.uri("a/b/c.txt")


def test_json_keeps_its_letters_readable(folder):
    folder.write_json("x.json", {"b": 1, "a": [1, None]})
    assert folder.read_bytes("x.json").endswith(b"}\n")
    assert folder.read_bytes("x.json").index(b'"b"') < folder.read_bytes("x.json").index(b'"a"')


def test_settled_files_are_not_waited_for(tmp_path):
    folder = open_folder(tmp_path)
    folder.write_text("a", "x")
    old = StoredFile("a", 1, 0)
    assert folder.still_being_written([old]) == set()
    assert folder.still_being_written([]) == set()


def test_vanished_file_is_still_being_written(tmp_path):
    folder = open_folder(tmp_path)
    folder.write_text("a", "x")
    file = folder.stat("a")
    folder.delete("a")
    assert folder.still_being_written([file]) == {"a"}


def test_relative_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = open_folder("lake/../lake")
    assert isinstance(folder, LocalFolder)
    assert folder.uri("x") == str(tmp_path / "lake" / "x")


def test_special_file_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert open_folder(tmp_path).stat("pipe") is None
    assert list(open_folder(tmp_path).files()) == []
    assert [entry.fault for entry in open_folder(tmp_path).entries()] == ["a pipe, a socket or a device, not a file"]


def test_folders_are_left_and_found_through_links(tmp_path):
    """Each file once, by every way that leads to it without going round."""
    for name in ("in/a", "out/b/c"):
        open_folder(tmp_path / "tree").write_text(name, name)
    (tmp_path / "tree" / "in" / "way").symlink_to(tmp_path / "tree" / "out")
    (tmp_path / "tree" / "out" / "b" / "top").symlink_to(tmp_path / "tree")
    folder = open_folder(tmp_path / "tree")
    assert [file.name for file in folder.files()] == ["in/a", "in/way/b/c", "out/b/c"]
    assert [entry.name for entry in folder.entries() if entry.fault] == ["in/way/b/top", "out/b/top"]
    assert folder.read_bytes("in/way/b/c") == b"out/b/c"
