"""The write lock of a lake: one writer at a time on this machine."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from typing import TextIO

from contract.errors import LakeError
from lake.storage import Folder, LocalFolder

_FILE = "_control/run.lock"
_POLL_SECONDS = 0.5


@contextlib.contextmanager
def write_lock(lake: Folder, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock of a lake while the context is open; the system frees it even when the process is killed.

    A lake on S3 needs none: its writers are runs of one Glue job, and Glue runs one at a time.
    Raises LakeError when another process still holds the lock after `wait_seconds`.
    """
    if not isinstance(lake, LocalFolder):
        yield
        return
    path = lake.path / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not _acquire(file, wait_seconds):
            raise LakeError(f"another run is working on {lake.uri()}. Wait until it has ended, or use another --lake.")
        yield


def _acquire(file: TextIO, wait_seconds: float) -> bool:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True
