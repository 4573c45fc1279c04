"""Small files beside the tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.lock import exclusive
from transforms.errors import LakeError
from transforms.runtime.storage import open_folder

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


def test_names_are_those_right_below(folder):
    for name in ("b.json", "a/1.json", "a/b/2.json", "c d/é+[x].json"):
        folder.write_text(name, name)
    assert folder.names() == ["a", "b.json", "c d"]
    assert [file.name for file in folder.files()] == ["a/1.json", "a/b/2.json", "b.json", "c d/é+[x].json"]
    assert (folder / "a").names() == ["1.json", "b"]
    assert [file.name for file in (folder / "a/b").files()] == ["2.json"]
    assert folder.read_bytes("c d/é+[x].json").decode() == "c d/é+[x].json"


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
    with exclusive(tmp_path), pytest.raises(LakeError, match="another run is working on"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass
