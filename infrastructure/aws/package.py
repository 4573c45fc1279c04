"""What AWS Glue runs: the script, a zip of the packages that it imports, and the modules to install beside Glue's."""

import hashlib
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
# Everything that the script imports of ours. Spark 3.5 takes a zip in --extra-py-files, and no wheel.
_PACKAGES = ("jobs", "transforms", "expectations", "lake", "contract")
# What these import that Glue 5.1 does not bring: the rest (pyspark, pandas, pyarrow, boto3) is Glue's own.
_MODULES = ("great-expectations", "pydantic")
_SCRIPT = _PACKAGE_FOLDER / "jobs" / "main.py"
_SCRIPT_NAME = "glue_main.py"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources give the same bytes


@dataclass(frozen=True)
class GluePackage:
    """Files to upload and the keys they get: a new content has new keys, so a running job keeps its own."""

    script: Path
    library: Path
    modules: str
    digest: str

    @property
    def script_key(self) -> str:
        """Return the key of the script in the artifact bucket."""
        return f"glue/{self.digest}/{self.script.name}"

    @property
    def library_key(self) -> str:
        """Return the key of the packages in the artifact bucket."""
        return f"glue/{self.digest}/{self.library.name}"

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters of the template that name this package."""
        return {"ScriptKey": self.script_key, "LibraryKey": self.library_key, "PythonModules": self.modules}


def build(out: Path) -> GluePackage:
    """Write `glue_main.py` and `churn_lakehouse.zip` below `out` and return what to upload."""
    out.mkdir(parents=True, exist_ok=True)
    script, library = out / _SCRIPT_NAME, out / "churn_lakehouse.zip"
    script.write_bytes(_SCRIPT.read_bytes())
    modules = ",".join(f"{name}=={version(name)}" for name in _MODULES)
    # Of what is in it: how well a zip is compressed differs from machine to machine.
    digest = hashlib.sha256(script.read_bytes() + modules.encode())
    with zipfile.ZipFile(library, "w") as archive:
        for path in _sources():
            name, content = path.relative_to(_PACKAGE_FOLDER).as_posix(), path.read_bytes()
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
            digest.update(f"{name} {len(content)} ".encode() + content)
    return GluePackage(script, library, modules, digest.hexdigest()[:16])


def _sources() -> list[Path]:
    return sorted(path for package in _PACKAGES for path in (_PACKAGE_FOLDER / package).rglob("*.py"))
