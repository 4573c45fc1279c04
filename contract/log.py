"""The project's logger: its messages go to the run's log and to the terminal."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

LOGGER_NAME = "churn"
LOGGER = logging.getLogger(LOGGER_NAME)


@contextmanager
def reported_wait(what: str, *, after_seconds: float = 0, every_seconds: float = 15) -> Iterator[None]:
    """Log what is waited for while the context is open: once `after_seconds` have passed, then again and again."""
    is_over = threading.Event()

    def report() -> None:
        began = time.monotonic()
        if after_seconds and is_over.wait(after_seconds):
            return
        LOGGER.info("%s", what)
        while not is_over.wait(every_seconds):
            LOGGER.info("%s (for %d s)", what, time.monotonic() - began)

    # In a copy of the context, which says to Prefect whose log the lines belong to.
    reporter = threading.Thread(target=copy_context().run, args=(report,), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        is_over.set()
        reporter.join()
