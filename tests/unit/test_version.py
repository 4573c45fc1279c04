"""The version of the sources: the same wherever they lie, another for any change; the script refuses another's."""

import subprocess
import sys
import zipfile

import pytest

from contract.errors import VersionMismatchError
from contract.version import source_version
from infrastructure.aws.package import build
from jobs.main import main, run_script
from lake.results import Results
from lake.storage import open_folder


def _version_of(archive):
    """What the script would say with this archive on Glue: a Python that sees no checkout."""
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import contract.version as v; print(v.source_version())"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=archive.parent, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_uploaded_package_has_the_version_of_its_sources(tmp_path):
    assert _version_of(build(tmp_path).library) == source_version()


def test_any_change_is_another_version(tmp_path):
    library = build(tmp_path).library
    with zipfile.ZipFile(library) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for name in ("jobs/delta.py", "lake/raw/encoding.py"):
        changed = tmp_path / "changed.zip"
        with zipfile.ZipFile(changed, "w") as archive:
            for each, content in contents.items():
                archive.writestr(each, content + b"# changed\n" if each == name else content)
        assert _version_of(changed) != source_version(), name


ARGUMENTS = ["--job", "silver", "--run_id", "r", "--source_version", "0123456789ab"]


def test_script_refuses_another_orchestrator_s_run_and_writes_nothing_else(tmp_path):
    with pytest.raises(
        VersionMismatchError, match=r"the orchestrator that started it 0123456789ab.*churn deploy uploads"
    ):
        run_script([*ARGUMENTS, "--lake", str(tmp_path)])
    recorded = Results(open_folder(tmp_path)).failure("r", "silver")
    assert type(recorded) is VersionMismatchError
    assert {path.parts[-3] for path in tmp_path.rglob("*") if path.is_file()} == {"_failures"}


@pytest.mark.parametrize("given", [[], ["--source_version", source_version()]])
def test_same_version_and_none_are_accepted(tmp_path, monkeypatch, given):
    def reached():
        raise ZeroDivisionError("it would start Spark now")

    monkeypatch.setattr("jobs.main.get_session", reached)
    with pytest.raises(ZeroDivisionError):
        main(["--job", "silver", "--run_id", "r", "--lake", str(tmp_path), *given])
