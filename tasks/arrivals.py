"""Raw files that arrived, as events of Prefect: what deployments start on."""

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import groupby

from prefect.events import emit_event

from lake.arrivals import RawFileEvent

ARRIVED = "churn.raw.arrived"
ALIVE, STOPPED = "churn.watcher.alive", "churn.watcher.stopped"
RESOURCE, WATCHER_RESOURCE = "churn.raw", "churn.watcher"
HEARTBEAT_SECONDS = 300.0
"""Between two signs of life of a watcher; prefect.yaml has an alarm for three that are missing."""


def announce(files: Sequence[RawFileEvent], environment: str) -> None:
    """Emit one event per feed of an environment, its resource `churn.raw.<feed>`, with all its files.

    Events are only a trigger: the run lists the raw folder itself, so an event
    that is lost, doubled or late loses and doubles nothing.
    """
    for feed, found in groupby(sorted(files, key=lambda file: file.feed), key=lambda file: file.feed):
        emit_event(
            event=ARRIVED,
            resource={
                "prefect.resource.id": f"{RESOURCE}.{feed}",
                "prefect.resource.name": f"raw files of {feed}",
                "churn.environment": environment,
            },
            payload={"feed": feed, "files": [asdict(file) for file in _unique(found)]},
        )


class Heartbeat(AbstractContextManager["Heartbeat"]):
    """Signs of life of the watcher of an environment, and its word that it was told to stop."""

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._next = 0.0

    def beat(self) -> None:
        """Emit a sign of life where the last one is `HEARTBEAT_SECONDS` old."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + HEARTBEAT_SECONDS
            self._emit(ALIVE)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._emit(STOPPED)

    def _emit(self, event: str) -> None:
        name = f"watcher of {self._environment}"
        emit_event(
            event=event,
            resource={
                "prefect.resource.id": f"{WATCHER_RESOURCE}.{self._environment}",
                "prefect.resource.name": name,
                "churn.environment": self._environment,
            },
        )


def _unique(files: Iterable[RawFileEvent]) -> list[RawFileEvent]:
    return list(dict.fromkeys(files))
