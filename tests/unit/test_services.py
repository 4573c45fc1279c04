"""Servers of a machine: records of running ones, ports, and what is said when one does not start."""

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from contract.errors import MachineError
from infrastructure.local import services
from infrastructure.local.paths import HOME_SETTING, PACKAGES
from infrastructure.local.services import PREFECT, SERVICES, WAREHOUSE, WATCHER, WORKER, Service
from tests.support.ports import bound_below_ephemeral_ports
from tests.support.waiting import wait_for


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


def test_the_usual_port_is_left_to_whoever_has_it(caplog):
    with socket.socket() as holder:
        port = bound_below_ephemeral_ports(holder)
        holder.listen()
        taken = replace(PREFECT, name="other", port=port, port_setting="CHURN_OTHER_PORT")
        chosen = services._choose_port(taken)
    assert chosen != port
    assert caplog.messages == [
        f"port {port} is in use by another program: the other server listens on port {chosen} instead; "
        "CHURN_OTHER_PORT names a fixed one"
    ]
    wait_for(lambda: services._is_free(port))  # a process that another thread starts meanwhile has it for an instant
    caplog.clear()
    assert services._choose_port(taken) == port
    assert caplog.messages == []


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


@pytest.fixture
def http_server():
    """A server whose `/ok` is answered with 200, `/busy` with 503, all else with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/ok": 200, "/busy": 503}.get(self.path, 404))
            self.end_headers()

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("path", "healthy"), [("ok", True), ("busy", False), ("nowhere", False)])
def test_only_success_is_healthy(http_server, path, healthy):
    assert services.answers_http(http_server, path) is healthy
    assert services.accepts_connections(http_server)


def test_silent_port_is_unhealthy():
    port = services.free_port()
    assert not services.answers_http(port, "ok")
    assert not services.accepts_connections(port)


def test_stranger_on_port_is_unhealthy():
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]

        def answer():
            client, _ = stranger.accept()
            client.recv(1000)
            client.sendall(b"220 a mail server\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        assert not services.answers_http(port, "ok")


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (PREFECT, ["prefect", "server", "start", "--host", "127.0.0.1", "--port", "4321"]),
        (WORKER, ["prefect", "worker", "start", "--pool", services.POOL, "--type", "process", "--with-healthcheck"]),
        (WATCHER, ["cli", "watch"]),
    ],
)
def test_command_starts_the_service(service, words):
    assert service.command(4321) == words


def test_warehouse_keeps_its_data_in_state(home):
    command = WAREHOUSE.command(5555)
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options == {"--folder": str(home.resolve() / "warehouse"), "--port": "5555"}
    WAREHOUSE.prepare()
    assert (home / "warehouse" / "password").exists()


def test_services_are_told_apart():
    assert len({service.name for service in SERVICES}) == len({service.record for service in SERVICES}) == 4
    ports = [service.port for service in SERVICES if service.port]
    settings = [service.port_setting for service in SERVICES if service.port]
    assert len(set(ports)) == len(set(settings)) == 3
    assert all(setting.startswith("CHURN_") for setting in settings)
    assert SERVICES.index(WORKER) < SERVICES.index(PREFECT), "a worker ends before its server"


def test_watcher_reports_by_its_file():
    assert not WATCHER.is_healthy(0)
    WATCHER.ready.parent.mkdir(parents=True)
    WATCHER.ready.touch()
    assert WATCHER.is_healthy(0)
    assert WATCHER.ready.name == "watcher.ready"


def test_worker_listens_on_this_machine():
    environment = WORKER.environment(8791)
    assert environment == {"PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1", "PREFECT_WORKER_WEBSERVER_PORT": "8791"}
    assert PREFECT.environment(1) == {}


def test_prefect_is_private_and_quiet(home):
    environment = services.prefect_environment(1234)
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["DO_NOT_TRACK"] == "1"
    assert all(isinstance(value, str) for value in environment.values())


SHOW = (
    "import json, os, sys, time; print(json.dumps([dict(os.environ), os.getcwd(), sys.argv[1:]]), flush=True);"
    "time.sleep(60)"
)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A service of a module that shows what it was given; its log is what it printed."""
    (tmp_path / "shows_itself.py").write_text(SHOW)
    monkeypatch.setattr(services, "PACKAGES", tmp_path)
    environment = {"prepared": []}
    service = Service(
        "showing",
        command=lambda port: ["shows_itself", "--port", str(port)],
        is_healthy=lambda port: (tmp_path / "healthy").exists(),
        port=services.free_port(),
        port_setting="CHURN_SHOWING_PORT",
        environment=lambda port: {"SHOWN": f"port {port}"},
        prepare=lambda: environment["prepared"].append(True),
    )
    yield service, environment["prepared"]
    services.stop(service)


def test_started_service_gets_its_settings(module, home, tmp_path, monkeypatch):
    service, prepared = module
    home.mkdir()
    port = services.start(service, "--raw", "a folder")
    log = home / "logs" / "showing.log"
    wait_for(lambda: log.read_text().endswith("\n"), seconds=20)
    environment, folder, arguments = json.loads(log.read_text())
    assert arguments == ["--port", str(port), "--raw", "a folder"]
    assert environment["SHOWN"] == f"port {port}"
    assert environment[HOME_SETTING] == folder == str(home.resolve())
    assert environment["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    assert environment["PYTHONPATH"] == str(tmp_path) != str(PACKAGES)
    assert prepared == [True]
    (tmp_path / "healthy").touch()
    assert services.wait_until_ready(service) == port == services.running_port(service)


def test_stopped_service_starts_anew(module, home):
    service, prepared = module
    home.mkdir()
    services.start(service)
    record = json.loads(service.record.read_text())
    service.ready.touch()
    assert services.stop(service)
    assert not psutil.pid_exists(record["pid"]) or psutil.Process(record["pid"]).status() == psutil.STATUS_ZOMBIE
    services.start(service)
    assert not service.ready.exists(), "what an earlier one reported is not this one's"
    assert len(prepared) == 2
    assert json.loads(service.record.read_text())["pid"] != record["pid"]


def test_named_port_is_taken(module, monkeypatch):
    service, _ = module
    free = services.free_port()
    monkeypatch.setenv("CHURN_SHOWING_PORT", str(free))
    assert services._choose_port(service) == free
    assert services._choose_port(WATCHER) == 0


def test_taken_port_names_its_setting(module, monkeypatch, http_server):
    service, prepared = module
    monkeypatch.setenv("CHURN_SHOWING_PORT", str(http_server))
    with pytest.raises(MachineError, match=f"port '{http_server}' .*CHURN_SHOWING_PORT"):
        services.start(service)
    assert prepared == []
