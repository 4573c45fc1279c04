"""Servers that a laptop keeps running between commands: Prefect's and the warehouse."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.home import log_file, state_folder
from local.redshift.account import ensure_password
from transforms.errors import MachineError

HOST = "127.0.0.1"
_PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Service:
    """A server: its preferred port, and the setting that fixes the port."""

    name: str
    port: int
    port_setting: str

    @property
    def record(self) -> Path:
        return state_folder() / "services" / f"{self.name}.json"


PREFECT = Service("prefect", 4200, "CHURN_PREFECT_PORT")
WAREHOUSE = Service("warehouse", 5439, "CHURN_WAREHOUSE_PORT")
SERVICES = (PREFECT, WAREHOUSE)


def prefect_environment(port: int) -> dict[str, str]:
    """Settings for Prefect: its state in ours, quiet, private, on the local server."""
    return {
        "PREFECT_HOME": str(state_folder() / "prefect"),
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Task runs recorded as they end lock SQLite just when the next task asks for its
        # concurrency slot; Prefect's client then waits 2 s. In batches they rarely meet.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "churn",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }


def running_port(service: Service) -> int | None:
    """The port of the running server, None when it does not run."""
    try:
        record = json.loads(service.record.read_text(encoding="utf-8"))
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return int(record["port"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        pass
    return None


def start(service: Service) -> int:
    """Start the server unless it runs; its port. Does not wait until it answers."""
    port = running_port(service)
    if port is not None:
        return port
    port = _choose_port(service)
    if service is WAREHOUSE:
        ensure_password(state_folder() / "warehouse")
    with log_file(service.name).open("ab") as log:
        process = subprocess.Popen(
            _command(service, port),
            cwd=_PROJECT,
            env=os.environ | prefect_environment(port) | {"PYTHONPATH": str(_PROJECT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    service.record.parent.mkdir(parents=True, exist_ok=True)
    created = psutil.Process(process.pid).create_time()
    service.record.write_text(json.dumps({"pid": process.pid, "port": port, "created": created}), encoding="utf-8")
    return port


def wait_until_ready(service: Service) -> int:
    """Wait until the server answers; its port. MachineError names its log when it does not."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        port = running_port(service)
        if port is None:
            break
        if _answers(service, port):
            return port
        time.sleep(0.1)
    raise MachineError(f"the {service.name} server did not start. See {log_file(service.name)}")


def stop(service: Service) -> bool:
    """Stop the server; whether it ran."""
    if running_port(service) is None:
        service.record.unlink(missing_ok=True)
        return False
    process = psutil.Process(json.loads(service.record.read_text(encoding="utf-8"))["pid"])
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=20)
    for straggler in alive:
        straggler.kill()
    service.record.unlink(missing_ok=True)
    return True


def _command(service: Service, port: int) -> list[str]:
    if service is WAREHOUSE:
        folder = state_folder() / "warehouse"
        return [sys.executable, "-m", "local.redshift.server", "--folder", str(folder), "--port", str(port)]
    return [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]


def _choose_port(service: Service) -> int:
    wanted = os.environ.get(service.port_setting)
    if wanted is not None:
        if not wanted.isdigit() or not _is_free(int(wanted)):
            raise MachineError(
                f"port {wanted} for the {service.name} server is taken or no port. Set {service.port_setting} to a free one."
            )
        return int(wanted)
    return service.port if _is_free(service.port) else _any_free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(service: Service, port: int) -> bool:
    try:
        if service is PREFECT:
            with urllib.request.urlopen(f"http://{HOST}:{port}/api/health", timeout=5) as answer:
                return bool(answer.status == 200)
        socket.create_connection((HOST, port), timeout=1).close()
    except (OSError, urllib.error.URLError):
        return False
    return True
