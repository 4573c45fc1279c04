"""What S3 refuses, over HTTP: a clear error; what passes by itself is waited out."""

import pytest

from contract.errors import LakeError
from lake.storage import open_folder
from tests.cloud.stand_in import hang_up, nth, xml_error


@pytest.fixture
def folder(cloud, runner):
    place = open_folder("s3://lake/storage-errors")
    place.write_text("a/b.json", "{}")
    return place


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied", "InvalidAccessKeyId"])
@pytest.mark.parametrize(
    "act",
    [
        lambda folder: folder.names(),
        lambda folder: list(folder.files()),
        lambda folder: folder.read_json("a/b.json"),
        lambda folder: folder.write_text("a/c.json", "{}"),
        lambda folder: folder.delete("a"),
    ],
)
def test_a_refusal_names_the_place_and_the_remedy(cloud, folder, code, act):
    cloud.faults.append(nth(1, xml_error(code, "403 Forbidden")))
    with pytest.raises(LakeError, match=rf"s3://lake/storage-errors.*{code}.*Check the credentials"):
        act(folder)
    cloud.faults.clear()
    assert [file.name for file in folder.files()] == ["a/b.json"]


@pytest.mark.parametrize("fault", [xml_error("SlowDown", "503 Slow Down"), hang_up])
def test_what_passes_is_waited_out(cloud, folder, fault):
    cloud.faults.append(nth(2, fault))
    for number in range(4):
        folder.write_text(f"n/{number}", "x")
    assert (folder / "n").names() == ["0", "1", "2", "3"]
    assert folder.read_json("a/b.json") == {}
    folder.delete("n")


def test_missing_credentials_are_named(cloud, folder):
    cloud.faults.append(nth(1, xml_error("ExpiredToken", "400 Bad Request")))
    with pytest.raises(LakeError, match=r"not writable.*ExpiredToken"):
        folder.check_writable()
