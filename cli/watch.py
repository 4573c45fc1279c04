"""`churn watch` of a folder."""

from pathlib import Path

from cli.stopping import stop_event
from flows.deployments import ENVIRONMENT
from infrastructure.local.paths import lake_folder
from infrastructure.local.services import WATCHER
from infrastructure.local.watcher import watch
from tasks.arrivals import Heartbeat, announce


def watch_folder(raw: Path, lake: Path | None) -> None:
    """Turn files that arrive in a folder into events until told to stop."""
    with Heartbeat(ENVIRONMENT) as heartbeat:
        watch(
            raw.resolve(),
            (lake or lake_folder()).resolve(),
            lambda files: announce(files, ENVIRONMENT),
            stop=stop_event(),
            ready=WATCHER.ready.touch,
            alive=heartbeat.beat,
        )
