"""`churn watch --platform`: a platform's queue."""

from cli.platforms import load_platform
from cli.stopping import stop_event
from contract.errors import PlatformError
from contract.log import LOGGER
from tasks.arrivals import Heartbeat, announce

_RETRY_SECONDS = 10.0


def watch_queue(platform: str) -> None:
    """Turn files that a platform's queue reports into events until told to stop.

    Raises PlatformError for a platform without a queue.
    """
    stopped = stop_event()
    queue = load_platform(platform).arrivals
    if queue is None:
        raise PlatformError(f"the platform {platform} has no queue of arrivals. Deploy it again with: churn deploy")
    print(f"Listening to {queue.queue_url}", flush=True)
    with Heartbeat(platform) as heartbeat:
        while not stopped.is_set():
            try:
                queue.receive(lambda files: announce(files, platform))
                heartbeat.beat()
            except Exception as error:  # noqa: BLE001 (a watcher that ends would start no run any more)
                LOGGER.error("%s: %s; trying again", type(error).__name__, error)
                stopped.wait(_RETRY_SECONDS)
