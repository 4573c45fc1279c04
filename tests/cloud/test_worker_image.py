"""What the worker's image would hold, installed by hash into an empty environment: the commands of its containers start."""

import subprocess
import sys
import zipfile

import pytest

from infrastructure.aws.image import build_source
from tests.unit.templates import parsed


def _run(*command, cwd, **environment):
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.nightly
def test_worker_and_watcher_start_with_what_is_locked(tmp_path):
    with zipfile.ZipFile(build_source(tmp_path, "python:3.11-slim").path) as archive:
        archive.extractall(tmp_path)
    uv = (sys.executable, "-m", "uv")
    _run(*uv, "venv", "--python", sys.executable, "env", cwd=tmp_path, PATH="/usr/bin:/bin", HOME=str(tmp_path))
    python = str(tmp_path / "env" / "bin" / "python")
    subprocess.run(
        [*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", "requirements.txt"],
        cwd=tmp_path, check=True, timeout=280,
    )  # fmt: skip
    app, home = tmp_path / "packages", {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    containers = parsed("worker")["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    worker, watcher = (container["Command"] for container in containers)
    assert "--with-healthcheck" in _run(python, *worker[1:5], "--help", cwd=app, COLUMNS="200", **home)
    assert "--platform" in _run(python, *watcher[1:4], "--help", cwd=app, COLUMNS="200", **home)
    everything = (
        "import flows.churn_pipeline, flows.backfill, flows.business_review, flows.table_maintenance, cli.watch_queue"
    )
    _run(python, "-c", f"{everything}, flows.schema_drift, flows.notify_operators, boto3", cwd=app, **home)
