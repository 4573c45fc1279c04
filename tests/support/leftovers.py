"""Everything that the tests start carries a mark in its environment, and is stopped by it when they end.

Servers start sessions of their own, so a signal to the test runner reaches none of them.
"""

import contextlib
import os
import signal
import uuid

import psutil

_MARK = "CHURN_TEST_SESSION"
_STOP_SECONDS = 5


def mark_descendants() -> None:
    """Mark all processes that this one will start, and have SIGTERM end it as Ctrl-C does."""
    os.environ[_MARK] = uuid.uuid4().hex
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    """Once: what comes while everything is being stopped must not stop that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def stop_descendants() -> None:
    """Stop every process with the mark but this one and its parents."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    mark = os.environ.get(_MARK)
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = [process for process in psutil.process_iter() if process.pid not in spared and _mark(process) == mark]
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=_STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(_MARK)
    except psutil.Error:
        return None
