"""The lake as it was at a moment: every table by Delta's RESTORE, which is a new version and deletes no file.

The files that came after it count as not ingested, and the next run rebuilds silver and gold from bronze: it ingests again
what is in the raw folder, and loads the warehouse, whose rows are of another lineage now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.errors import LakeError
from contract.tables import Table
from jobs.context import JobContext, Timer
from jobs.damage import stored_tables
from jobs.lost_rows import reopen_files
from jobs.repair import bronze_watermarks, rebuild_lost
from lake.rebuild import RebuildRequest
from lake.results import JobResult


@dataclass(frozen=True)
class _Step:
    """What is done to one table: back to `version`, emptied where it has none, because the table is younger."""

    table: Table
    version: int | None
    undone: int


def run(context: JobContext) -> list[JobResult]:
    """Restore every table to its state at `context.moment`; return one result, unchanged where nothing came after it.

    Raises LakeError, before anything is changed, for a moment that is in the future or before what is kept.
    """
    timer, moment = Timer(), context.moment
    if moment is None or moment > context.started_at:
        raise LakeError("restore needs a moment in the past. Give it with: churn restore --to 2026-01-31T06:00")
    steps = [step for table in stored_tables(context.lake) if (step := _step(context, table, moment)).undone]
    if not steps:
        return [context.unchanged(f"no table has changed since {moment:%Y-%m-%d %H:%M:%S} UTC")]
    # First: a restoration may be interrupted.
    RebuildRequest(context.lake.root).ask(tuple(step.table.name for step in steps))
    for step in steps:
        context.lake.restore(step.table, step.version)
    rebuilt = rebuild_lost(context.lake, context.manifests, bronze_watermarks(context.lake), since_checkpoint=False)
    notes = (*map(_note, steps), *rebuilt, *reopen_files(context), _next(steps))
    return [context.record("passed", timer, notes=notes)]


def _step(context: JobContext, table: Table, moment: datetime) -> _Step:
    history = context.lake.history(table)
    undone = sum(committed > moment for _, committed in history)
    before = [version for version, committed in history if committed <= moment]
    oldest, since = history[-1]
    if not before and oldest > 0:
        raise LakeError(
            f"{table.name} is kept since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, and cannot be restored to an earlier "
            "moment. Give a later one"
        )
    return _Step(table, max(before, default=None), undone)


def _note(step: _Step) -> str:
    if step.version is None:
        return f"{step.table.name}: emptied, as there was no such table then"
    return f"{step.table.name}: back to version {step.version}, {step.undone} later ones undone"


def _next(steps: Sequence[_Step]) -> str:
    return (
        f"{len(steps)} tables were restored. The next run rebuilds silver and gold from bronze, and loads the warehouse"
    )
