"""Servers of a laptop: records of running ones, ports, and what is said when one does not start."""

import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from local import services
from local.services import PREFECT, WAREHOUSE
from transforms.errors import MachineError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CHURN_PREFECT_PORT", raising=False)
    monkeypatch.delenv("CHURN_WAREHOUSE_PORT", raising=False)
    return tmp_path / "state"


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def _record(service, **content):
    service.record.parent.mkdir(parents=True, exist_ok=True)
    service.record.write_text(json.dumps(content), encoding="utf-8")


def test_a_server_runs_while_its_process_does(sleeper):
    assert services.running_port(PREFECT) is None
    _record(PREFECT, pid=sleeper.pid, port=4321, created=sleeper.create_time())
    assert services.running_port(PREFECT) == 4321
    assert services.start(PREFECT) == 4321, "a running server is not started again"
    sleeper.kill()
    sleeper.wait()
    assert services.running_port(PREFECT) is None


def test_another_process_with_its_number_is_not_it(sleeper):
    _record(PREFECT, pid=sleeper.pid, port=4321, created=sleeper.create_time() - 100)
    assert services.running_port(PREFECT) is None
    assert not services.stop(PREFECT)
    assert sleeper.is_running()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_a_damaged_record_means_not_running(content):
    PREFECT.record.parent.mkdir(parents=True)
    PREFECT.record.write_text(content, encoding="utf-8")
    assert services.running_port(PREFECT) is None


def test_stop_ends_the_server_and_its_record(sleeper):
    _record(WAREHOUSE, pid=sleeper.pid, port=1, created=sleeper.create_time())
    assert services.stop(WAREHOUSE)
    assert not sleeper.is_running()
    assert not WAREHOUSE.record.exists()
    assert not services.stop(WAREHOUSE)


def test_a_server_that_ends_at_once_is_reported_with_its_log(sleeper):
    sleeper.kill()
    sleeper.wait()
    _record(WAREHOUSE, pid=sleeper.pid, port=1, created=0)
    with pytest.raises(MachineError, match=r"warehouse server did not start.*warehouse\.log"):
        services.wait_until_ready(WAREHOUSE)


@pytest.mark.parametrize("port", ["eighty", "-1", "70000", ""])
def test_a_port_that_is_none_is_refused(monkeypatch, port):
    monkeypatch.setenv("CHURN_PREFECT_PORT", port)
    with pytest.raises(MachineError, match="CHURN_PREFECT_PORT"):
        services.start(PREFECT)
    assert not PREFECT.record.exists()


def test_the_usual_port_is_left_to_whoever_has_it():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = services.Service("other", holder.getsockname()[1], "CHURN_OTHER_PORT")
        assert services._choose_port(taken) != taken.port
    assert services._choose_port(taken) == taken.port


def test_state_goes_where_the_setting_says(home):
    environment = services.prefect_environment(1234)
    assert environment["PREFECT_HOME"] == str(home.resolve() / "prefect")
    assert environment["PREFECT_API_URL"].startswith("http://127.0.0.1:1234/")
    assert WAREHOUSE.record.is_relative_to(home)


def test_the_warehouse_password_is_made_once_and_kept_private(home):
    first = services.ensure_password(home / "warehouse")
    assert services.ensure_password(home / "warehouse") == first
    assert len(first) >= 24
    assert oct(os.stat(home / "warehouse" / "password").st_mode)[-3:] == "600"  # noqa: PTH116
