"""The write lock of a lake: one writer at a time on this machine."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from typing import TextIO

from contract.errors import LakeError
from contract.log import reported_wait
from lake.storage import Folder, LocalFolder

_FILE = "_control/run.lock"
_POLL_SECONDS = 0.5


@contextlib.contextmanager
def write_lock(lake: Folder, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock of a lake while the context is open; the system frees it even when the process is killed.

    A lake on S3 has none here: its writers are runs of one Glue job, of which one runs at a time, or of one Prefect.
    Raises LakeError when another process still holds the lock after `wait_seconds`.
    """
    if not isinstance(lake, LocalFolder):
        yield
        return
    with _opened(lake) as file:
        if not _acquire(file, wait_seconds):
            raise LakeError(f"another run is working on {lake.uri()}. Wait until it has ended, or use another --lake.")
        yield


def _opened(lake: LocalFolder) -> TextIO:
    path = lake.path / _FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise LakeError(
            f"cannot lock {path}: {error.strerror}. Choose another --lake or fix its permissions."
        ) from error


def _acquire(file: TextIO, wait_seconds: float) -> bool:
    if _try(file):
        return True
    if not wait_seconds:
        return False
    deadline = time.monotonic() + wait_seconds
    with reported_wait("waiting until another run on this lake has ended"):
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            if _try(file):
                return True
    return False


def _try(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
