"""Run the jobs of the pipeline in this process, and read what they made."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contract.tables import TABLES
from jobs.delta import Lake
from jobs.main import main
from jobs.session import get_session
from lake.results import JobResult, accounts_of
from lake.storage import open_folder

_NUMBERS = itertools.count()
JOBS = ("bronze", "silver", "gold")

# What differs between two ways of loading the same records: when, from which file, in which batch.
LINEAGE = {
    "_batch_id", "_source_file", "_source_checksum", "_ingested_at", "_file_event_at", "batch_id", "ingested_at",
    "resolved_by_batch", "source_version", "run_id", "computed_at", "source_file", "event_at", "record_id",
    "recorded_from", "recorded_to",
}  # fmt: skip


def assert_balanced(results: Iterable[JobResult]) -> None:
    """Every record that was received is of exactly one kind, in all that a test loads."""
    for account in accounts_of(results):
        assert account.is_balanced, account.sentence()


class PipelineHarness:
    """A lake, and the jobs on it by the arguments that Glue gets."""

    def __init__(self, lake: Path) -> None:
        self.path = lake
        self.folder = open_folder(lake)

    def job(self, job: str, run_id: str | None = None, **arguments: str) -> dict[str, JobResult]:
        run = run_id or f"run-{next(_NUMBERS):06d}"
        argv = ["--job", job, "--run_id", run, "--lake", str(self.path)]
        for name, value in arguments.items():
            argv += [f"--{name}", value]
        found = {result.name: result for result in main(argv)}
        assert_balanced(found.values())
        return found

    def load(self, raw: Path, **arguments: str) -> dict[str, JobResult]:
        """Raw to gold; the results of all tables."""
        results: dict[str, JobResult] = {}
        for job in JOBS:
            results |= self.job(job, raw=str(raw), **arguments)
        return results

    def rows(self, table: str, *, with_lineage: bool = False) -> list[tuple[Any, ...]]:
        """Sorted rows of a table, without what depends on how they came."""
        frame = Lake(get_session(), self.folder).read(TABLES[table])
        columns = [
            c for c in TABLES[table].schema.names if with_lineage or (c not in LINEAGE and not c.endswith("_at"))
        ]
        return sorted((tuple(row) for row in frame.select(*columns).collect()), key=repr)

    def records(self, table: str) -> list[dict[str, Any]]:
        return [row.asDict() for row in Lake(get_session(), self.folder).read(TABLES[table]).collect()]

    def kpis(self) -> dict[str, float]:
        """The KPIs of the newest state."""
        found = self.records("gold.churn_kpis")
        newest = max(row["computed_at"] for row in found)
        current = [row for row in found if row["computed_at"] == newest]
        return {row["kpi"]: float(row["value"]) for row in current if row["value"] is not None}

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything downstream of bronze, comparable between lakes."""
        return self.newest() | {"silver.customer_history": self.history()}

    def newest(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is true now downstream of bronze, comparable between lakes to which files of other times brought it."""
        tables = ("silver.customers", "silver.quarantine", "gold.customer_churn_analysis", "gold.churn_breakdown")
        return {table: self.rows(table) for table in tables} | {"kpis": sorted(self.kpis().items())}

    def history(self) -> list[tuple[Any, ...]]:
        """What is held to be true of all customers: when it was recorded depends on how it came."""
        kept = [c for c in TABLES["silver.customer_history"].schema.names if c not in LINEAGE and not c.startswith("_")]
        rows = [row for row in self.records("silver.customer_history") if row["recorded_to"] is None]
        return sorted((tuple(row[column] for column in kept) for row in rows), key=repr)

    def parquet(self, place: str) -> list[tuple[Any, ...]]:
        """Sorted rows of plain Parquet files."""
        return sorted((tuple(row) for row in get_session().read.parquet(place).collect()), key=repr)
