"""The wheel in an environment outside the checkout: what a user has after `pip install`."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.shared import once

PROJECT = Path(__file__).resolve().parents[2]


def install_wheel(folder: Path, *, empty: bool = False) -> Path:
    """Build the wheel and install it below `folder`; return the environment's `bin`.

    Its dependencies are those of this environment, linked; installed anew, as locked, where it is to be `empty` before.
    Test processes that share the folder share the environment.
    """
    bin_folder = folder / "environment" / "bin"
    once(folder, lambda: _build_and_install(folder, bin_folder, empty=empty))
    return bin_folder


def _build_and_install(folder: Path, bin_folder: Path, *, empty: bool) -> None:
    here = Path(sys.executable).parent
    uv, python = str(here / "uv"), str(bin_folder / "python")
    build = [
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        str(folder),
    ]
    _run(uv, *build, str(PROJECT))
    (wheel,) = folder.glob("churn_lakehouse-*.whl")
    _run(uv, "venv", "--quiet", "--python", sys.executable, str(bin_folder.parent))
    if empty:
        locked = ["--require-hashes", "--requirement", str(PROJECT / "requirements.lock")]
        _run(uv, "pip", "install", "--quiet", "--python", python, *locked)
    else:
        (site,) = (bin_folder.parent / "lib").glob("python3*/site-packages")
        # A path in a .pth file brings packages, but not the .pth files beside them: the checkout stays out of sight.
        (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
        (bin_folder / "prefect").symlink_to(here / "prefect")
    _run(uv, "pip", "install", "--quiet", "--no-deps", "--python", python, str(wheel))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stderr[-2000:]
