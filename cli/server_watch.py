"""A command that ends soon after Prefect's server has died."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infrastructure.local.paths import log_file
from infrastructure.local.services import PREFECT, running_port
from infrastructure.local.spark_client import kill_workers

_LOOK_EVERY_SECONDS = 2.0
_GRACE_SECONDS = 5.0


@contextmanager
def ended_with_server() -> Iterator[None]:
    """End this process, with an error, when this machine's Prefect server ends before the block does.

    Prefect's client would repeat each of its calls for a minute, five of them, and then show where it was.
    """
    is_over = threading.Event()
    watch = threading.Thread(target=_watch, args=(is_over,), daemon=True)
    watch.start()
    try:
        yield
    finally:
        is_over.set()
        watch.join()


def _watch(is_over: threading.Event) -> None:
    """Look twice before the end: one look may meet a record that is being written, or a server that is started again."""
    while not is_over.wait(_LOOK_EVERY_SECONDS):
        if running_port(PREFECT) is None and not is_over.wait(_GRACE_SECONDS) and running_port(PREFECT) is None:
            _end()


def _end() -> None:
    """End the process at once: neither the flow nor Prefect's threads can be interrupted while they wait for the server."""
    print(
        f"error: Prefect's server ended during the run. See {log_file(PREFECT.name)}. "
        "Run it again: it resumes where it stopped",
        file=sys.stderr,
        flush=True,
    )
    kill_workers()
    os._exit(1)
