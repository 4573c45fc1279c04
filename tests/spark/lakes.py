"""Jobs at times that a test chooses, and one history of a lake that tests look at, or go on from in a copy."""

import pickle
import shutil
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from contract import defaults
from contract.feeds import GROUP
from jobs.context import JobContext
from jobs.delta import Lake
from jobs.session import get_session
from lake.results import JobResult
from tests.support.pipeline import JOBS, PipelineHarness, assert_balanced
from tests.support.records import many, record, write_jsonl
from tests.support.shared import once

LOYAL = {"tenure_months": "50", "monthly_charges": "100.00", "total_charges": "5000.00"}
NEW = {"tenure_months": "5", "monthly_charges": "30.00", "total_charges": "150.00"}

FIRST = datetime(2026, 3, 10, 6, tzinfo=UTC)
SECOND = datetime(2026, 3, 11, 6, tzinfo=UTC)
NOON, EVENING = SECOND.replace(hour=12), SECOND.replace(hour=18)
LAST = datetime(2026, 3, 12, 6, tzinfo=UTC)


def run_at(pipeline: PipelineHarness, job: str, at: datetime, **fields: Any) -> dict[str, JobResult]:
    """Run a job as if it were `at`; its run id follows from that."""
    run_id, session = f"{at:%Y%m%dT%H%M%SZ}", get_session()
    context = JobContext(
        job=job,
        lake=Lake(session, pipeline.folder, run_id if fields.get("full_refresh") else None),
        run_id=run_id,
        started_at=at,
        max_quarantined_share=defaults.MAX_QUARANTINED_SHARE,
        **fields,
    )
    try:
        found = {result.name: result for result in import_module(f"jobs.{job}").run(context)}
        assert_balanced(found.values())
        return found
    finally:
        session.catalog.clearCache()


def load_at(pipeline: PipelineHarness, raw: Path, at: datetime, **fields: Any) -> dict[str, JobResult]:
    """Raw to gold as if it were `at`."""
    results: dict[str, JobResult] = {}
    for job in JOBS:
        results |= run_at(pipeline, job, at, raw=str(raw), **fields)
    return results


class Step:
    """A lake after a load, which nobody may change, and what the load reported."""

    def __init__(self, folder: Path) -> None:
        self.lake = PipelineHarness(folder / "lake")
        self.results: dict[str, JobResult] = pickle.loads((folder / "results.pickle").read_bytes())

    def copy(self, folder: Path) -> PipelineHarness:
        """The lake for a test of its own."""
        shutil.copytree(self.lake.path, folder / "lake")
        return PipelineHarness(folder / "lake")


class History:
    """A lake day by day: customers who leave, return, come late, wait for the rest or break a rule.

    It lies in a folder that test processes share: whoever needs it first makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.raw = folder, folder / "raw"
        self.pipeline = PipelineHarness(folder / "lake")
        once(folder / "days", self._load_days)
        self.first, self.second = self._loaded("first"), self._loaded("second")
        self.noon, self.evening = self._loaded("noon"), self._loaded("evening")

    @cached_property
    def refreshed(self) -> Step:
        """The lake built once more from all of bronze."""
        once(self.folder / "again", lambda: self._step("refreshed", LAST, full_refresh=True))
        return self._loaded("refreshed")

    def _load_days(self) -> None:
        bad = record("bad", tenure_months="abc")
        staying = [*many(30), record("leaver", **NEW), record("loyal", source_churn_score="90", **LOYAL)]
        self._bring("2026-01-01", *staying, record("lost", churn="Yes", **NEW), bad)
        services = {"customer_id": "waits"} | {column: record("x")[column] for column in GROUP["services"].columns}
        write_jsonl(self.raw / "services" / "2026-01-01" / "s.jsonl", services)
        self._step("first", FIRST)
        left = {"churn": "Yes", "tenure_months": "30", "city": "Eureka"}
        # Older than what is there: it must change nothing but what is not there at all.
        older = [record("G0000", monthly_charges="20"), record("bad", tenure_months="3"), record("late")]
        self._bring("2025-12-31", *older)
        self._bring(
            "2026-01-02",
            record("leaver", churn="Yes", churn_reason="Moved", source_churn_score="95", **NEW),
            record("loyal", churn="Yes", source_churn_score="90", **LOYAL),
            record("lost", source_churn_score="75", **NEW),
            record(
                "fresh",
                churn="Yes",
                source_churn_score="99",
                **NEW | {"monthly_charges": "90.00", "total_charges": "450.00"},
            ),
            record("waits", source_churn_score="71", source_cltv="4000"),
            record("G0001", monthly_charges="51.00", source_churn_score="70"),
            *(record(f"G{number:04d}", **left) for number in (2, 3, 4)),
            *many(30)[5:],
        )
        self._step("second", SECOND)
        scored = {"source_churn_score": "80"}
        returned, lost = record("leaver", **NEW, **scored), record("lost", churn="Yes", **NEW, **scored)
        new = (record("N1", churn="Yes", **scored), record("N2"), record("bad", tenure_months="12"))
        self._bring("2026-01-03", returned, lost, *new)
        self._step("noon", NOON, full_refresh=True)
        back = record("lost", **NEW, **scored)
        self._bring("2026-01-04", record("leaver", churn="Yes", **NEW), back, record("N3", **scored))
        self._step("evening", EVENING)

    def _bring(self, day: str, *records: dict[str, Any]) -> None:
        write_jsonl(self.raw / day / "a.jsonl", *records)

    def _step(self, name: str, at: datetime, **fields: Any) -> None:
        results = load_at(self.pipeline, self.raw, at, **fields)
        shutil.copytree(self.pipeline.path, self.folder / name / "lake")
        (self.folder / name / "results.pickle").write_bytes(pickle.dumps(results))

    def _loaded(self, name: str) -> Step:
        return Step(self.folder / name)
