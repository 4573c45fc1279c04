"""Small files merged, files that nobody needs any more deleted: Delta's OPTIMIZE and VACUUM for every table."""

from transforms.errors import LakeError
from transforms.jobs.context import JobContext
from transforms.jobs.publish import Stopwatch
from transforms.results import JobResult
from transforms.runtime.session import tune
from transforms.tables import TABLES, Table

# Readers of a change feed go on where they stopped: what they have not read must not be deleted.
MIN_RETENTION_DAYS = 7


def run(context: JobContext) -> list[JobResult]:
    """Maintain every table that is there, one result per table. Raises LakeError for too short a retention."""
    if context.retention_days < MIN_RETENTION_DAYS:
        raise LakeError(
            f"a retention of {context.retention_days} days is shorter than {MIN_RETENTION_DAYS}: after an outage "
            "that is longer than the retention, tables are read anew as a whole. Give --retention_days a larger number."
        )
    return [_maintain(context, table) for table in TABLES.values() if context.lake.exists(table)]


def _maintain(context: JobContext, table: Table) -> JobResult:
    tune(context.lake.session, context.lake.bytes(table))
    watch, before = Stopwatch(), context.lake.version(table)
    fewer = context.lake.optimize(table)
    context.lake.vacuum(table, context.retention_days)
    result = JobResult(
        table=f"maintenance.{table.name}",
        run_id=context.run_id,
        started_at=watch.started_at,
        outcome="passed",
        version_before=before,
        version_after=context.lake.version(table),
        seconds=watch.seconds(),
        notes=(f"{fewer} files fewer; kept what {context.retention_days} days need",),
    )
    context.results.write(result)
    return result
