"""The inputs of every job, and the one place where results are created."""

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from contract.tables import Table
from jobs.delta import Lake
from lake.deliveries import Deliveries
from lake.exports import TableVersion
from lake.manifests import Manifests
from lake.results import JobResult, Outcome, Results
from lake.set_aside import SetAsideFiles


@dataclass
class Timer:
    """When work on a table began."""

    began: float = field(default_factory=time.monotonic)
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def seconds(self) -> float:
        """Return the seconds since then."""
        return round(time.monotonic() - self.began, 3)


@dataclass(frozen=True)
class JobContext:
    """One job run: its lake, identity, start (UTC) and limits.

    `command_options` are those with which `churn` works on this lake. `has_warehouse`: whether what is exported is loaded
    into one; `warehouse_version` is the version of the gold table that it has, None for none. `day` limits bronze to files
    of that day, `verify` makes it compare the content of every known file, `month` (YYYY-MM) is the review's,
    `retention_days` the maintenance's, `moment` (UTC) the restoration's. `after_repair`: a full refresh after the repair of
    a table, whose change feed says nothing true.
    """

    job: str
    lake: Lake
    run_id: str
    started_at: datetime
    max_quarantined_share: float
    command_options: str = ""
    raw: str = ""
    full_refresh: bool = False
    after_repair: bool = False
    has_warehouse: bool = True
    warehouse_version: TableVersion | None = None
    day: date | None = None
    verify: bool = False
    month: str = ""
    retention_days: int = 0
    moment: datetime | None = None

    @property
    def manifests(self) -> Manifests:
        """Return the ingest batches of the lake."""
        return Manifests(self.lake.root)

    @property
    def set_aside(self) -> SetAsideFiles:
        """Return the raw files of the lake that are set aside."""
        return SetAsideFiles(self.lake.root)

    @property
    def deliveries(self) -> Deliveries:
        """Return the deliveries that do not count, or are to be judged again."""
        return Deliveries(self.lake.root)

    @property
    def results(self) -> Results:
        """Return the results of all runs on the lake."""
        return Results(self.lake.root)

    def record(
        self, outcome: Outcome, timer: Timer, *, table: Table | None = None, step: str = "", **facts: Any
    ) -> JobResult:
        """Write and return the result of work on a table, or of a step on none; `facts` are fields of JobResult."""
        result = JobResult(
            job=self.job,
            table=table.name if table else None,
            step=step,
            run_id=self.run_id,
            started_at=timer.started_at,
            outcome=outcome,
            seconds=timer.seconds(),
            **facts,
        )
        self.results.write(result)
        return result

    def unchanged(
        self, *notes: str, table: Table | None = None, step: str = "", version: int | None = None, **facts: Any
    ) -> JobResult:
        """Write and return the result of a table or step that had nothing to do; `notes` say why."""
        return self.record("unchanged", Timer(), table=table, step=step, version_after=version, notes=notes, **facts)
