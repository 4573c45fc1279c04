"""The zip that Glue gets: our packages whole, nothing else, and imports that it can answer."""

import ast
import sys
import zipfile
from pathlib import PurePosixPath

import pytest

from infrastructure.aws import package as module
from infrastructure.aws.package import build
from infrastructure.aws.wheels import Wheels
from infrastructure.local.paths import PACKAGES

OURS = {"jobs", "transforms", "expectations", "lake", "contract"}
# What Glue brings, and what is installed beside it.
GLUES = {
    "pyspark",
    "delta",
    "pandas",
    "numpy",
    "pyarrow",
    "boto3",
    "botocore",
    "pydantic",
    "great_expectations",
    "py4j",
}
NOT_THERE = {"prefect", "blocks", "tasks", "flows", "cli", "serving", "infrastructure", "sample_data", "deltalake"}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def sources(package):
    with zipfile.ZipFile(package.library) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _imported(source):
    """The modules that a source names in its imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "no relative imports"
            yield node.module


def test_zip_has_our_packages_only(sources):
    assert {PurePosixPath(name).parts[0] for name in sources} == OURS
    assert {PurePosixPath(name).suffix for name in sources} == {".py"}


def test_every_module_is_packed(sources):
    on_disk = {path.relative_to(PACKAGES).as_posix() for name in OURS for path in (PACKAGES / name).rglob("*.py")}
    assert set(sources) == on_disk
    assert all((PACKAGES / name).read_text(encoding="utf-8") == source for name, source in sources.items())


def test_folders_are_packages(sources):
    folders = {str(PurePosixPath(name).parent) for name in sources}
    assert {f"{folder}/__init__.py" for folder in folders} <= set(sources)


def test_imports_are_there_on_glue(sources, package):
    wanted = {name for source in [*sources.values(), package.script.read_text()] for name in _imported(source)}
    roots = {name.split(".")[0] for name in wanted}
    assert roots <= OURS | GLUES | set(sys.stdlib_module_names)
    assert not roots & NOT_THERE
    assert {"lake", "contract", "pyspark"} <= roots


def test_our_imports_are_packed(sources):
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources}
    wanted = {name for source in sources.values() for name in _imported(source) if name.split(".")[0] in OURS}
    assert wanted <= modules


def test_late_imports_are_packed(sources):
    """Modules that are imported by their name as text."""
    calls = [
        call.args[0].value
        for source in sources.values()
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "import_module"
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    ours = [name for name in calls if name.split(".")[0] in OURS]
    assert "lake.s3" in ours
    assert all(f"{name.replace('.', '/')}.py" in sources for name in ours)


def test_keys_carry_the_digest(package):
    assert package.script_key == f"glue/{package.digest}/glue_main.py"
    assert package.library_key == f"glue/{package.digest}/churn_lakehouse.zip"
    assert set(package.parameters.values()) == {package.script_key, package.library_key, package.wheels.key}
    assert len(package.digest) == 16


def test_digest_follows_every_part(tmp_path, monkeypatch, package):
    other = tmp_path / "main.py"
    other.write_bytes(package.script.read_bytes() + b"\n")
    monkeypatch.setattr(module, "_SCRIPT", other)
    assert build(tmp_path / "script").digest != package.digest
    monkeypatch.undo()
    monkeypatch.setattr(module, "_PACKAGES", ("contract",))
    assert build(tmp_path / "library").digest != package.digest
    monkeypatch.undo()
    monkeypatch.setattr(module, "missing_wheels", lambda: Wheels("other==1.0"))
    assert build(tmp_path / "wheels").digest != package.digest


def test_script_is_the_jobs_own(package):
    assert package.script.read_bytes() == (PACKAGES / "jobs" / "main.py").read_bytes()
    assert 'if __name__ == "__main__":' in package.script.read_text(encoding="utf-8")
