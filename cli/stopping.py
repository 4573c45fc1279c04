"""What a command that runs until it is stopped has in common with others: signals, and a log on standard error."""

import logging
import signal
import sys
import threading


def stop_event() -> threading.Event:
    """Return what is set when the process is told to stop; from now on its log goes to standard error."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for noisy in ("httpx", "watchfiles"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return stopped
