"""What every job is given."""

from dataclasses import dataclass
from datetime import date, datetime

from transforms.exports import TableVersion
from transforms.results import JobResult, Results
from transforms.runtime.delta_io import Lake
from transforms.runtime.manifests import Manifests


@dataclass(frozen=True)
class JobContext:
    """One job run: its lake, identity, start (UTC) and limits.

    `loaded` is the version of the gold table that the warehouse holds, None for none. `day`
    limits bronze to files of that day, `month` (YYYY-MM) is the review's, `retention_days`
    the maintenance's.
    """

    lake: Lake
    run_id: str
    started_at: datetime
    max_quarantined_share: float
    raw: str = ""
    full_refresh: bool = False
    loaded: TableVersion | None = None
    day: date | None = None
    month: str = ""
    retention_days: int = 0

    @property
    def manifests(self) -> Manifests:
        return Manifests(self.lake.root)

    @property
    def results(self) -> Results:
        return Results(self.lake.root)

    def unchanged(self, table: str, *notes: str, version: int | None = None) -> JobResult:
        """The result of a table that had nothing to do, also written down."""
        now = datetime.now(self.started_at.tzinfo).isoformat()
        result = JobResult(
            table=table, run_id=self.run_id, started_at=now, outcome="unchanged", version_after=version, notes=notes
        )
        self.results.write(result)
        return result
