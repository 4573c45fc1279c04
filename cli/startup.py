"""The start-up step of commands that use Prefect. Imports no Prefect: it reads its settings when it is imported."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contract.errors import RawPathError
from contract.log import LOGGER
from infrastructure.local.paths import lake_folder, state_folder
from infrastructure.local.services import (
    HOST,
    PREFECT,
    RUN_LOGGING,
    WAREHOUSE,
    prefect_environment,
    start,
    wait_until_ready,
)
from infrastructure.local.spark_client import release_workers, warm_worker
from lake.storage import open_folder
from lake.write_lock import write_lock

_FAST_START_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class LocalRun:
    """A run on this machine: where raw files and lake are, how Spark was started, where Prefect is."""

    raw: Path
    lake: Path
    fast_start: bool
    prefect_url: str


def use_prefect() -> str:
    """Point Prefect's client at the server that PREFECT_API_URL names, else at this machine's; return its address."""
    given = os.environ.get("PREFECT_API_URL")
    if given:
        os.environ.update({**RUN_LOGGING, **os.environ})
        return given.removesuffix("/api")
    os.environ.update(prefect_environment(start(PREFECT)))
    return f"http://{HOST}:{wait_until_ready(PREFECT)}"


def use_local_prefect() -> str:
    """Start this machine's Prefect server and warehouse, and point Prefect's client there; return its address."""
    port = start(PREFECT)
    start(WAREHOUSE)
    os.environ.update(prefect_environment(port))
    return f"http://{HOST}:{port}"


@contextlib.contextmanager
def local_run(raw: Path, lake: Path | None) -> Iterator[LocalRun]:
    """Start what a run needs at the same time (Prefect's server, PostgreSQL, the JVM) and yield the run.

    Raises RawPathError, and LakeError when the lake is not writable or another run is working on it.
    """
    if not raw.exists():
        raise RawPathError(f"{raw} does not exist. Give --raw a folder or a file, or create data with: churn generate")
    root = (lake or lake_folder()).resolve()
    for folder in (state_folder(), root):
        open_folder(folder).check_writable()
    with write_lock(open_folder(root)):
        pass  # the flow takes the lock itself: this only reports at once that another run has it
    fast_start = _bytes(raw) + _bytes(root) < _FAST_START_BYTES
    url = use_local_prefect()
    try:
        warm_worker(fast_start=fast_start)
        yield LocalRun(raw.resolve(), root, fast_start, url)
    finally:
        release_workers()


def log_to_terminal() -> None:
    """Send progress to standard error: standard output is for results."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    # Prefect's own console lines would say everything twice.
    os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
