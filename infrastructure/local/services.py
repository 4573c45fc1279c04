"""What runs between commands: Prefect's server and worker, the warehouse, the watcher of raw files."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import psutil

from contract.errors import MachineError
from contract.log import LOGGER, LOGGER_NAME
from infrastructure.local.paths import HOME_SETTING, PACKAGES, log_file, state_folder
from infrastructure.local.redshift.account import ensure_password

HOST = "127.0.0.1"
POOL = "churn-local"
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Service:
    """A process that keeps running: its command, and how to check that it responds.

    `command` are the arguments of Python for a port, `is_healthy` says whether the service answers on it,
    `environment` are settings of its own, `prepare` is called before the first start. `port` is the preferred one and
    `port_setting` names the variable that fixes it; a service that listens on no port has port 0.
    """

    name: str
    command: Callable[[int], list[str]]
    is_healthy: Callable[[int], bool]
    port: int = 0
    port_setting: str = ""
    environment: Callable[[int], dict[str, str]] = lambda _: {}
    prepare: Callable[[], object] = lambda: None

    @property
    def record(self) -> Path:
        """Return the file that names the running process and its port."""
        return state_folder() / "services" / f"{self.name}.json"

    @property
    def ready(self) -> Path:
        """Return the file with which a service without a port reports that it is ready."""
        return self.record.with_suffix(".ready")


def warehouse_folder() -> Path:
    """Return where the local warehouse keeps its data and its password."""
    return state_folder() / "warehouse"


def accepts_connections(port: int) -> bool:
    """Return whether a process listens on the port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def answers_http(port: int, path: str) -> bool:
    """Return whether a GET request is answered with 200."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, HTTPException):
        return False


def _worker_environment(port: int) -> dict[str, str]:
    return {"PREFECT_WORKER_WEBSERVER_HOST": HOST, "PREFECT_WORKER_WEBSERVER_PORT": str(port)}


PREFECT = Service(
    "prefect",
    command=lambda port: ["prefect", "server", "start", "--host", HOST, "--port", str(port)],
    is_healthy=lambda port: answers_http(port, "api/health"),
    port=4200,
    port_setting="CHURN_PREFECT_PORT",
)
WAREHOUSE = Service(
    "warehouse",
    command=lambda port: [
        "infrastructure.local.redshift.server", "--folder", str(warehouse_folder()), "--port", str(port),
    ],
    is_healthy=accepts_connections,
    port=5439,
    port_setting="CHURN_WAREHOUSE_PORT",
    prepare=lambda: ensure_password(warehouse_folder()),
)  # fmt: skip
WORKER = Service(
    "worker",
    command=lambda _: ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--with-healthcheck"],
    is_healthy=lambda port: answers_http(port, "health"),
    port=8790,
    port_setting="CHURN_WORKER_PORT",
    environment=_worker_environment,
)
WATCHER: Service = Service("watcher", command=lambda _: ["cli", "watch"], is_healthy=lambda _: WATCHER.ready.exists())
SERVICES = (WATCHER, WORKER, PREFECT, WAREHOUSE)  # in the order in which they are stopped


RUN_LOGGING = {
    "PREFECT_LOGGING_EXTRA_LOGGERS": LOGGER_NAME,
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}
"""Settings with which what the pipeline logs goes to the log of the run in Prefect."""


def prefect_environment(port: int) -> dict[str, str]:
    """Return settings for Prefect: its state in ours, quiet, private, on the local server at `port`."""
    return {
        "PREFECT_HOME": str(state_folder() / "prefect"),
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Task runs recorded as they end lock SQLite just when the next task asks for its
        # concurrency slot; Prefect's client then waits 2 s. In batches they rarely meet.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
        # From a raw file to a run: poll for new runs and free slots often; the server serves this machine only.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # A server that is started again must know whose slots have run out.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    } | RUN_LOGGING


def running_port(service: Service) -> int | None:
    """Return the port of the running service (0 where it has none), None when it does not run."""
    try:
        record = json.loads(service.record.read_text(encoding="utf-8"))
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return int(record["port"])
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        pass
    return None


def start(service: Service, *arguments: str) -> int:
    """Start the service, with further `arguments`, unless it runs; return its port. Does not wait until it answers.

    Raises MachineError when the port that its setting names is not free.
    """
    port = running_port(service)
    if port is not None:
        return port
    port = _choose_port(service)
    service.ready.unlink(missing_ok=True)
    service.prepare()
    prefect = port if service is PREFECT else running_port(PREFECT) or PREFECT.port
    environment = prefect_environment(prefect) | service.environment(port)
    environment |= {HOME_SETTING: str(state_folder()), "PYTHONPATH": str(PACKAGES)}
    with log_file(service.name).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *service.command(port), *arguments],
            cwd=state_folder(),
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
    """Wait until the service answers; return its port. Raises MachineError, naming its log, when it does not."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        port = running_port(service)
        if port is None:
            break
        if service.is_healthy(port):
            return port
        time.sleep(0.1)
    raise MachineError(f"the {service.name} server did not start. See {log_file(service.name)}")


def stop(service: Service) -> bool:
    """Stop the service and its children; return whether it ran."""
    if running_port(service) is None:
        service.record.unlink(missing_ok=True)
        return False
    process = psutil.Process(json.loads(service.record.read_text(encoding="utf-8"))["pid"])
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for straggler in alive:
        straggler.kill()
    service.record.unlink(missing_ok=True)
    return True


def free_port() -> int:
    """Return a port that is free at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _choose_port(service: Service) -> int:
    if not service.port:
        return 0
    wanted = os.environ.get(service.port_setting)
    if wanted is not None:
        if not wanted.isdigit() or not _is_free(int(wanted)):
            raise MachineError(
                f"port {wanted!r} for the {service.name} server is in use or invalid. "
                f"Set {service.port_setting} to a free one."
            )
        return int(wanted)
    if _is_free(service.port):
        return service.port
    port = free_port()
    LOGGER.warning(
        "port %d is in use by another program: the %s server listens on port %d instead; %s names a fixed one",
        service.port,
        service.name,
        port,
        service.port_setting,
    )
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True
