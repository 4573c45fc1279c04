"""Delta's OPTIMIZE and VACUUM for every table: merge small files, delete unreferenced ones."""

from contract.errors import LakeError
from contract.tables import TABLES, Table
from jobs.context import JobContext, Timer
from jobs.session import tune
from lake.results import JobResult

# Readers of a change feed resume where they stopped: what they have not read must not be deleted.
MIN_RETENTION_DAYS = 7


def run(context: JobContext) -> list[JobResult]:
    """Maintain every existing table and return a result per table. Raises LakeError for too short a retention."""
    if context.retention_days < MIN_RETENTION_DAYS:
        raise LakeError(
            f"a retention of {context.retention_days} days is shorter than {MIN_RETENTION_DAYS}: after an outage "
            "that is longer than the retention, a full reload is needed. Give --retention_days a larger number."
        )
    return [_maintain(context, table) for table in TABLES.values() if context.lake.exists(table)]


def _maintain(context: JobContext, table: Table) -> JobResult:
    tune(context.lake.session, context.lake.bytes(table))
    timer, before = Timer(), context.lake.version(table)
    context.lake.keep_history(table, context.retention_days)
    fewer = context.lake.optimize(table)
    context.lake.vacuum(table, context.retention_days)
    return context.record(
        "passed",
        timer,
        table=table,
        version_before=before,
        version_after=context.lake.version(table),
        notes=(f"{fewer} files fewer; kept what {context.retention_days} days need",),
    )
