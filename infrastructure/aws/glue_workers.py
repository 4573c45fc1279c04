"""The workers of Glue runs, where a job of the pipeline needs others than the Glue job itself has."""

import re
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field

from contract.errors import PlatformError
from contract.jobs import JOBS

WorkerType = Literal["G.1X", "G.2X", "G.4X", "G.8X"]
Job = Annotated[str, Field(pattern=rf"^({'|'.join(JOBS)})$")]
_ENTRY = re.compile(rf"(?P<job>{'|'.join(JOBS)}):(?P<type>G\.[1248]X):(?P<number>[1-9][0-9]{{0,2}})")


class Workers(BaseModel, frozen=True):
    """Type of the workers of a run, and how many it has at most."""

    worker_type: WorkerType = Field(title="Worker type", description="Size of a worker.")
    number_of_workers: int = Field(ge=2, title="Number of workers", description="At most; 2 or more.")


def parse_workers(text: str) -> dict[str, Workers]:
    """Return the workers by job that a text such as "gold:G.2X:10,export:G.1X:2" says, none for an empty one.

    Raises PlatformError.
    """
    entries = [_parse_entry(entry) for entry in text.split(",")] if text else []
    if len({job for job, _ in entries}) < len(entries):
        raise PlatformError(f"GlueJobWorkers names a job twice: {text}. Give each job once")
    return dict(entries)


def _parse_entry(entry: str) -> tuple[str, Workers]:
    found = _ENTRY.fullmatch(entry)
    if found is None or int(found["number"]) < 2:
        raise PlatformError(
            f"GlueJobWorkers has the entry {entry!r}: write job:type:number, e.g. gold:G.2X:10, with one of the jobs "
            f"{', '.join(JOBS)}, a type from G.1X to G.8X, and at least 2 workers"
        )
    return found["job"], Workers(worker_type=cast(WorkerType, found["type"]), number_of_workers=int(found["number"]))
