"""What OpenLineage requires of an event, checked by its library's own classes and by hand."""

from collections.abc import Iterator
from typing import Any

from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

Event = dict[str, Any]


def check_event(event: Event) -> None:
    """Raise AssertionError or ValueError for an event that is not valid."""
    run, job = event["run"], event["job"]
    # The library's classes check run id, times and addresses.
    rebuilt = RunEvent(
        eventTime=event["eventTime"],
        eventType=RunState(event["eventType"]),
        run=Run(run["runId"]),
        job=Job(job["namespace"], job["name"]),
        producer=event["producer"],
    )
    assert event["schemaURL"] == rebuilt.schemaURL
    assert event["producer"] == "urn:churn-lakehouse"
    for dataset in (*event["inputs"], *event["outputs"]):
        assert dataset["namespace"]
        assert dataset["name"]
    for name, facet in facets(event):
        assert facet["_producer"] == event["producer"], name
        assert facet["_schemaURL"].startswith("https://openlineage.io/spec/"), name


def facets(event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every facet of an event with its key."""
    for owner in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from owner.get(kind, {}).items()
