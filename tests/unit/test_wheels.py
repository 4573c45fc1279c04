"""The wheels of the Glue job: what is in the set, how it is named, and how it is collected."""

import hashlib
import zipfile
from importlib.metadata import requires

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contract.errors import PlatformError
from infrastructure.aws.locked import needed
from infrastructure.aws.wheels import Wheels, collect, glue_modules, missing_wheels

WHEELS = missing_wheels()
BROUGHT = dict(pin.split("==") for pin in WHEELS.pins)
ON_GLUE = glue_modules() | BROUGHT
LINUX = default_environment() | {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}


@pytest.mark.parametrize("name", BROUGHT)
def test_what_a_wheel_needs_is_there_in_a_version_that_it_takes(name):
    for needs in map(Requirement, requires(name) or ()):
        if needs.marker is None or needs.marker.evaluate(LINUX):
            assert needs.specifier.contains(ON_GLUE[canonicalize_name(needs.name)]), (name, str(needs))


def test_what_spark_works_with_stays_glue_s():
    assert {"great-expectations", "pydantic", "scipy"} <= set(BROUGHT)
    assert not {"numpy", "pandas", "pyarrow", "boto3", "botocore", "urllib3", "requests"} & set(BROUGHT)
    assert {"numpy", "pandas", "pyarrow", "boto3"} <= set(glue_modules())


def test_module_is_brought_where_glue_s_is_too_old():
    assert "six" in needed(["python-dateutil"], present={"six": "1.4"})
    assert "six" not in needed(["python-dateutil"], present={"six": "1.17.0"})
    assert "typing-extensions" in glue_modules(), "listed as typing_extensions"


def test_every_wheel_has_a_hash():
    for entry in WHEELS.requirements.replace("\\\n", "").splitlines():
        assert "--hash=sha256:" in entry


def test_name_follows_the_content():
    names = [
        Wheels(text).file_name for text in ("a==1 --hash=sha256:0", "a==1 --hash=sha256:1", "a==2 --hash=sha256:0")
    ]
    assert len(set(names)) == 3
    assert WHEELS.key == f"glue/{WHEELS.file_name}"
    assert WHEELS.file_name.endswith(".gluewheels.zip"), "how Glue knows it"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder with one wheel, the only place that pip looks into; and the requirement of that wheel."""
    folder = tmp_path / "index"
    folder.mkdir()
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return f"tiny==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def test_wheels_are_zipped_as_glue_wants_them_and_downloaded_once(index, tmp_path):
    lines, out = [], tmp_path / "out"
    path = collect(Wheels(index), out, lines.append)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["wheels/requirements.txt", "wheels/tiny-1.0-py3-none-any.whl"]
        assert archive.read("wheels/requirements.txt") == b"tiny==1.0\n"
        wheel = tmp_path / "index" / "tiny-1.0-py3-none-any.whl"
        assert archive.read("wheels/tiny-1.0-py3-none-any.whl") == wheel.read_bytes()
    content = path.read_bytes()
    assert collect(Wheels(index), out, lines.append) == path
    assert lines == ["downloading 1 wheels for the Glue job"]
    assert list(out.iterdir()) == [path]
    path.unlink()
    assert collect(Wheels(index), out, lines.append).read_bytes() == content, "the same wheels, the same bytes"


@pytest.mark.parametrize(
    ("requirement", "fault"),
    [
        ("tiny==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n", "DO NOT MATCH THE HASHES"),
        ("tiny==2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n", r"No matching distribution found for tiny==2\.0"),
    ],
)
def test_another_wheel_than_the_locked_one_is_refused(index, tmp_path, requirement, fault):
    with pytest.raises(PlatformError, match=rf"(?s)wheels for the Glue job were not downloaded: .*{fault}.*pip config"):
        collect(Wheels(requirement), tmp_path / "out", lambda _: None)
    assert list((tmp_path / "out").iterdir()) == []


def test_package_of_an_environment_without_the_script_s_modules_is_not_told(monkeypatch):
    monkeypatch.setattr("infrastructure.aws.wheels._MODULES", ("great-expectations", "not-installed-anywhere"))
    with pytest.raises(PlatformError, match=r"^not-installed-anywhere is not installed here"):
        missing_wheels()
