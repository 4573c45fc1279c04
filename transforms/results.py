"""What a job did: written beside the lake, read by gates, artifacts, status and reports."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from transforms.errors import JobError
from transforms.runtime.storage import Folder

Outcome = Literal["passed", "warned", "failed", "broken", "unchanged"]
Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class Check:
    """One expectation on one batch.

    `broken` means that it could not be evaluated: neither passed nor failed. `limit` is what was
    asked for in words, `failing_percent` (0 to 100) the share of rows that do not meet it, None
    where rows are not counted. `examples` are a few offending values.
    """

    expectation: str
    subject: str
    severity: Severity
    success: bool
    broken: bool = False
    observed: str = ""
    examples: tuple[str, ...] = ()
    limit: str = ""
    failing_percent: float | None = None

    @property
    def stops(self) -> bool:
        """Whether the batch must not be published."""
        return self.broken or (not self.success and self.severity == "critical")

    def sentence(self) -> str:
        """One line for a person: what was expected and what was there."""
        verdict = "could not be evaluated" if self.broken else "failed"
        shown = f" e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.severity}: {self.expectation} on {self.subject} {verdict} ({self.observed}){shown}"


@dataclass(frozen=True)
class JobResult:
    """One table in one run. Versions are Delta versions; `metrics` holds null rates and the like.

    `rejects` describes a few of the quarantined rows: where each came from and why it was rejected.
    """

    table: str
    run_id: str
    started_at: str
    outcome: Outcome
    version_before: int | None = None
    version_after: int | None = None
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_incomplete: int = 0
    seconds: float = 0.0
    engine: str = ""
    checks: tuple[Check, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()

    @property
    def is_published(self) -> bool:
        return self.outcome in ("passed", "warned")

    def failures(self) -> list[Check]:
        """The checks that stop the batch."""
        return [check for check in self.checks if check.stops]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "JobResult":
        checks = tuple(Check(**{**c, "examples": tuple(c["examples"])}) for c in content["checks"])
        lists = {name: tuple(content[name]) for name in ("notes", "rejects")}
        return cls(**{**content, "checks": checks, **lists})


def outcome_of(checks: Iterable[Check]) -> Outcome:
    """Broken > failed > warned > passed."""
    found = list(checks)
    if any(check.broken for check in found):
        return "broken"
    if any(check.stops for check in found):
        return "failed"
    return "passed" if all(check.success or check.severity == "info" for check in found) else "warned"


class Results:
    """The results of one lake, in `<lake>/_runs/<run_id>/<table>.json`."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_runs"

    def write(self, result: JobResult) -> None:
        self.folder.write_json(f"{result.run_id}/{result.table}.json", result.as_json())

    def of_job(self, run_id: str, job: str) -> list[JobResult]:
        """The results of one job: tables of its layer. JobError when it left none."""
        found = [result for result in self.of_run(run_id) if result.table.split(".")[0] == job]
        if not found:
            raise JobError(f"the {job} job left no result in {self.folder.uri(run_id)}: it ended early. See its log.")
        return found

    def of_run(self, run_id: str) -> list[JobResult]:
        """Every result of one run, in the order of their jobs."""
        run = self.folder / run_id
        found = [JobResult.from_json(run.read_json(name)) for name in run.names() if name.endswith(".json")]
        return sorted(found, key=lambda result: result.started_at)

    def run_ids(self) -> list[str]:
        """Runs from the oldest to the newest (ids sort by time)."""
        return self.folder.names()

    def history(self, table: str) -> Iterator[JobResult]:
        """Results of one table that saw new data, newest first."""
        for run_id in reversed(self.run_ids()):
            name = f"{run_id}/{table}.json"
            if self.folder.exists(name):
                result = JobResult.from_json(self.folder.read_json(name))
                if result.outcome != "unchanged":
                    yield result
