"""What AWS Glue runs: the script, a zip of the packages that it imports, and the wheels that it needs beside Glue's modules."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from infrastructure.aws.wheels import Wheels, missing_wheels

_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
# Everything that the script imports of ours. Spark 3.5 takes a zip in --extra-py-files, and no wheel.
_PACKAGES = ("jobs", "transforms", "expectations", "lake", "contract")
_SCRIPT = _PACKAGE_FOLDER / "jobs" / "main.py"
_SCRIPT_NAME = "glue_main.py"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources give the same bytes


@dataclass(frozen=True)
class GluePackage:
    """Files to upload and the keys they get: a new content has new keys, so a running job keeps its own."""

    script: Path
    library: Path
    wheels: Wheels
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
        return {"ScriptKey": self.script_key, "LibraryKey": self.library_key, "WheelsKey": self.wheels.key}


def build(out: Path) -> GluePackage:
    """Write `glue_main.py` and `churn_lakehouse.zip` below `out` and return what to upload; the wheels are named only."""
    out.mkdir(parents=True, exist_ok=True)
    script, library = out / _SCRIPT_NAME, out / "churn_lakehouse.zip"
    script.write_bytes(_SCRIPT.read_bytes())
    wheels = missing_wheels()
    # Of what is in it: how well a zip is compressed differs from machine to machine.
    digest = hashlib.sha256(script.read_bytes() + wheels.key.encode())
    with zipfile.ZipFile(library, "w") as archive:
        for path in _sources():
            name, content = path.relative_to(_PACKAGE_FOLDER).as_posix(), path.read_bytes()
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
            digest.update(f"{name} {len(content)} ".encode() + content)
    return GluePackage(script, library, wheels, digest.hexdigest()[:16])


def _sources() -> list[Path]:
    return sorted(path for package in _PACKAGES for path in (_PACKAGE_FOLDER / package).rglob("*.py"))
