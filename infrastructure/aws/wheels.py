"""The modules that the Glue job needs and Glue does not have: pinned wheels, in the one zip that Glue installs from."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.utils import canonicalize_name

from contract.errors import PlatformError
from infrastructure.aws.locked import locked, needed

GLUE_VERSION = "5.1"
"""The version of Glue that the job runs on: the template has it too."""

# What the script imports that is neither Glue's nor comes with Spark.
_MODULES = ("great-expectations", "pydantic")
_GLUE_MODULES = Path(__file__).with_name("glue_modules.txt")
_PYTHON = "3.11"
_PLATFORMS = ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux2014_x86_64")  # those that Glue takes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same wheels give the same bytes


@dataclass(frozen=True)
class Wheels:
    """Locked requirements with hashes: the same ones are one zip, under one key, downloaded and uploaded once."""

    requirements: str

    @property
    def file_name(self) -> str:
        """Return the name of the zip, with the digest of what is in it. Glue knows such a zip by its suffix."""
        content = "\n".join((self.requirements, _PYTHON, *_PLATFORMS))
        return f"wheels-{hashlib.sha256(content.encode()).hexdigest()[:16]}.gluewheels.zip"

    @property
    def key(self) -> str:
        """Return the key of the zip in the artifact bucket."""
        return f"glue/{self.file_name}"

    @property
    def pins(self) -> tuple[str, ...]:
        """Return name and version of each wheel, e.g. "pydantic==2.14.3"."""
        return pins(self.requirements)


def pins(requirements: str) -> tuple[str, ...]:
    """Return name and version of each entry of a requirements file with hashes, e.g. "pydantic==2.14.3"."""
    return tuple(line.split()[0] for line in requirements.splitlines() if not line.startswith(" "))


def glue_modules() -> dict[str, str]:
    """Return the versions of the modules that Glue has, by their normalized names."""
    lines = _GLUE_MODULES.read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


def missing_wheels() -> Wheels:
    """Return what the script needs beside Glue's modules: what is missing, and what is too old for it.

    All else stays Glue's, above all what Spark works with (pandas, numpy, pyarrow). Raises PlatformError where the script's
    own modules are not installed: what these need is not known then.
    """
    for name in _MODULES:
        try:
            distribution(name)
        except PackageNotFoundError:
            raise PlatformError(
                f"{name} is not installed here (a worker's image has no need of it), so which package the Glue job runs cannot "
                "be told: do this where the whole project is installed"
            ) from None
    return Wheels(locked(needed(_MODULES, present=glue_modules())))


def collect(wheels: Wheels, out: Path, log: Callable[[str], None]) -> Path:
    """Download the wheels, check their hashes, zip them below `out`, and return the zip; one that is there is returned.

    Raises PlatformError where a wheel cannot be downloaded or is not the locked one.
    """
    path = out / wheels.file_name
    if path.exists():
        return path
    log(f"downloading {len(wheels.pins)} wheels for the Glue job")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        _download(wheels, Path(folder))
        unfinished = Path(folder) / path.name
        _write(wheels, sorted(Path(folder).glob("*.whl")), unfinished)
        unfinished.rename(path)
    return path


def _download(wheels: Wheels, folder: Path) -> None:
    requirements = folder / "requirements.lock"
    requirements.write_text(wheels.requirements, encoding="utf-8")
    platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
    # pip, as uv downloads no wheels; the index is the one that pip is configured for: the hashes say what it may give.
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--only-binary=:all:", "--require-hashes", "--implementation", "cp", "--python-version", _PYTHON, *platforms,
        "--dest", str(folder), "--requirement", str(requirements),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PlatformError(
            f"the wheels for the Glue job were not downloaded: {done.stderr.strip()}. They come from the package index that "
            "pip is configured for (pip config list); pip is in the extra aws: pip install 'churn-lakehouse[aws]'"
        )


def _write(wheels: Wheels, files: list[Path], path: Path) -> None:
    """Zip wheels as Glue wants them: below wheels/, with a requirements file that names each."""
    assert len(files) == len(wheels.pins), files
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("wheels/requirements.txt", _EPOCH), "\n".join(wheels.pins) + "\n")
        for file in files:
            archive.writestr(zipfile.ZipInfo(f"wheels/{file.name}", _EPOCH), file.read_bytes())
