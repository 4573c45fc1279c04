"""The Glue job's modules: Glue's own as published, our wheels installed over them as Glue installs them, Spark linked.

An environment of its own, by Glue's own pip. It downloads what Glue has, and the wheels.
"""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from infrastructure.aws.package import build
from infrastructure.aws.wheels import collect, glue_modules

# Imports all that is in the zip, and has Great Expectations judge a good and a bad row.
_SCRIPT = """
import sys
from importlib import import_module
from pkgutil import walk_packages
sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[2])
import contract, expectations, jobs, lake, transforms
for package in (contract, expectations, jobs, lake, transforms):
    for found in walk_packages(package.__path__, package.__name__ + "."):
        print(found.name)
        assert import_module(found.name).__file__.startswith(sys.argv[1]), found.name
import pandas as pd
from expectations.checkpoint import check_rows
from expectations.suites import rows_suite
kpis = ["customers", "churn_rate", "monthly_revenue_lost"]
for value in (30.0, -1.0):
    checks = check_rows(pd.DataFrame({"kpi": kpis, "value": [2.0, 50.0, value]}), rows_suite("gold.churn_kpis"))
    assert not any(check.broken for check in checks), checks
    print("good" if all(check.success for check in checks) else "bad")
"""


def _run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def glue(tmp_path_factory):
    """The Python of an environment with exactly the modules that Glue's documentation lists."""
    folder, uv = tmp_path_factory.mktemp("glue"), Path(sys.executable).with_name("uv")
    _run(uv, "venv", "--quiet", "--python", sys.executable, folder / "environment")
    python = folder / "environment" / "bin" / "python"
    modules = [f"{name}=={version}" for name, version in glue_modules().items()]
    _run(uv, "pip", "install", "--quiet", "--no-deps", "--python", python, *modules)
    return python


@pytest.fixture
def spark(tmp_path):
    """A folder with Spark's packages alone: Glue has them, and lists them nowhere."""
    folder = tmp_path / "spark"
    folder.mkdir()
    for name in ("pyspark", "py4j", "delta"):
        (folder / name).symlink_to(Path(find_spec(name).origin).parent)
    return folder


def _versions(python):
    lines = _run(python, "-m", "pip", "list", "--disable-pip-version-check", "--format=freeze").split()
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_wheels_over_glue_s_modules_run_every_job(glue, spark, tmp_path):
    package = build(tmp_path)
    with zipfile.ZipFile(collect(package.wheels, tmp_path, print)) as archive:
        archive.extractall(tmp_path)
    pip = (glue, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    wheels = tmp_path / "wheels"
    _run(*pip, "--no-index", "--find-links", wheels, "--requirement", wheels / "requirements.txt")
    brought = dict(pin.split("==") for pin in package.wheels.pins)
    assert _versions(glue) == glue_modules() | brought, "nothing else of Glue's is replaced"
    _run(glue, "-m", "pip", "check", "--disable-pip-version-check")
    lines = _run(glue, "-I", "-c", _SCRIPT, package.library, spark).split()
    assert {"jobs.main", "jobs.bronze", "jobs.silver", "jobs.gold", "jobs.export"} <= set(lines)
    assert lines[-2:] == ["good", "bad"]
