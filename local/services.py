"""What a laptop keeps running between commands: Prefect's server and worker, the warehouse, the watcher of raw files."""

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

from local.home import HOME_SETTING, log_file, state_folder
from local.redshift.account import ensure_password
from transforms.errors import MachineError

HOST = "127.0.0.1"
_PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Service:
    """A server: its preferred port, and the setting that fixes the port; port 0 for one that listens on none."""

    name: str
    port: int = 0
    port_setting: str = ""

    @property
    def record(self) -> Path:
        return state_folder() / "services" / f"{self.name}.json"

    @property
    def ready(self) -> Path:
        """Where a server without a port says that it is ready."""
        return self.record.with_suffix(".ready")


PREFECT = Service("prefect", 4200, "CHURN_PREFECT_PORT")
WAREHOUSE = Service("warehouse", 5439, "CHURN_WAREHOUSE_PORT")
WORKER = Service("worker", 8790, "CHURN_WORKER_PORT")
WATCHER = Service("watcher")
SERVICES = (WATCHER, WORKER, PREFECT, WAREHOUSE)  # in the order in which they are stopped
POOL = "churn-local"


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
        # From a raw file to a run: look for new runs and free slots often, there is only this machine to ask.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # A server that is started again must know whose slots have run out.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "churn",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }


def running_port(service: Service) -> int | None:
    """The port of the running server (0 where it has none), None when it does not run."""
    try:
        record = json.loads(service.record.read_text(encoding="utf-8"))
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return int(record["port"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        pass
    return None


def start(service: Service, *arguments: str) -> int:
    """Start the server, with further `arguments`, unless it runs; its port. Does not wait until it answers."""
    port = running_port(service)
    if port is not None:
        return port
    port = _choose_port(service)
    service.ready.unlink(missing_ok=True)
    if service is WAREHOUSE:
        ensure_password(state_folder() / "warehouse")
    prefect = port if service is PREFECT else running_port(PREFECT) or PREFECT.port
    environment = prefect_environment(prefect) | {HOME_SETTING: str(state_folder()), "PYTHONPATH": str(_PROJECT)}
    if service is WORKER:
        environment |= {"PREFECT_WORKER_WEBSERVER_HOST": HOST, "PREFECT_WORKER_WEBSERVER_PORT": str(port)}
    with log_file(service.name).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *_command(service, port), *arguments],
            cwd=_PROJECT,
            env=os.environ | environment,
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
        return ["local.redshift.server", "--folder", str(folder), "--port", str(port)]
    if service is WORKER:
        return ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--with-healthcheck"]
    if service is WATCHER:
        return ["cli", "watch"]
    return ["prefect", "server", "start", "--host", HOST, "--port", str(port)]


def _choose_port(service: Service) -> int:
    if not service.port:
        return 0
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
        if service is WATCHER:
            return service.ready.exists()
        if service in (PREFECT, WORKER):
            path = "api/health" if service is PREFECT else "health"
            with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        socket.create_connection((HOST, port), timeout=1).close()
    except (OSError, urllib.error.URLError):
        return False
    return True
