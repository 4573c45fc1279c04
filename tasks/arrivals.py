"""Raw files that arrived, as events of Prefect: what deployments start on."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby

from prefect.events import emit_event

from lake.arrivals import RawFileEvent

ARRIVED = "churn.raw.arrived"
RESOURCE = "churn.raw"


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


def _unique(files: Iterable[RawFileEvent]) -> list[RawFileEvent]:
    return list(dict.fromkeys(files))
