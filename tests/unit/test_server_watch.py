"""A command ends soon after this machine's Prefect server; a process of our own stands for the server."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

COMMAND = """
import sys, time
from cli.server_watch import ended_with_server
with ended_with_server():
    print("running", flush=True)
    time.sleep(float(sys.argv[1]))
print("done", flush=True)
"""


@pytest.fixture
def server(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    record = {"pid": process.pid, "port": 4200, "created": psutil.Process(process.pid).create_time()}
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "prefect.json").write_text(json.dumps(record))
    yield process
    process.kill()
    process.wait()


def _start(tmp_path, seconds):
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(seconds)],
        env=os.environ | {"CHURN_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout.readline() == "running\n"
    return command


def test_command_ends_with_its_server(server, tmp_path):
    command = _start(tmp_path, 100)
    server.kill()
    died = time.monotonic()
    _, errors = command.communicate(timeout=60)
    assert time.monotonic() - died < 30
    assert command.returncode == 1
    log = tmp_path / "logs" / "prefect.log"
    assert errors == (
        f"error: Prefect's server ended during the run. See {log}. Run it again: it resumes where it stopped\n"
    )


def test_command_goes_on_where_the_server_is_back_within_the_grace(server, tmp_path):
    record = tmp_path / "services" / "prefect.json"
    content = record.read_text()
    record.write_text(content[:20])
    command = _start(tmp_path, 9)
    time.sleep(4)
    record.write_text(content)
    assert command.communicate(timeout=60) == ("done\n", "")
    assert command.returncode == 0


def test_command_ends_as_it_would(server, tmp_path):
    output, errors = _start(tmp_path, 3).communicate(timeout=60)
    assert (output, errors) == ("done\n", "")
