"""`churn watch`."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.platforms import load_platform
from contract.errors import ChurnError, PlatformError
from contract.log import LOGGER
from flows.deployments import ENVIRONMENT
from infrastructure.local.paths import lake_folder
from infrastructure.local.services import WATCHER
from infrastructure.local.watcher import watch as watch_folder
from lake.arrivals import RawFileEvent
from tasks.arrivals import announce

_RETRY_SECONDS = 10.0


def watch(platform: str | None, raw: Path, lake: Path | None) -> None:
    """Turn arriving files into events until the process is terminated: those of a folder, or those that a platform's queue reports.

    Raises PlatformError for a platform without a queue.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for noisy in ("httpx", "watchfiles"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if platform:
        _watch_queue(platform, lambda files: announce(files, platform), stopped)
        return
    watch_folder(
        raw.resolve(),
        (lake or lake_folder()).resolve(),
        lambda files: announce(files, ENVIRONMENT),
        stop=stopped,
        ready=WATCHER.ready.touch,
    )


def _watch_queue(name: str, announce: Callable[[Sequence[RawFileEvent]], None], stopped: threading.Event) -> None:
    queue = load_platform(name).arrivals
    if queue is None:
        raise PlatformError(f"the platform {name} has no queue of arrivals. Deploy it again with: churn deploy")
    print(f"Listening to {queue.queue_url}", flush=True)
    while not stopped.is_set():
        try:
            queue.receive(announce)
        except ChurnError as error:
            LOGGER.warning("%s; trying again", error)
            stopped.wait(_RETRY_SECONDS)
