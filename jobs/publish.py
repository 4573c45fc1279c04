"""Publish of write-audit-publish: commit an audited batch, or say why not."""

from collections.abc import Callable
from typing import Any

from contract.log import LOGGER
from contract.tables import Table
from jobs.audit import Audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from lake.results import JobResult, worst_outcome


def publish(
    context: JobContext,
    table: Table,
    audited: Audit,
    write: Callable[[], Commit],
    timer: Timer,
    *,
    rows_read: int,
    count_incomplete: Callable[[], int] = lambda: 0,
    **facts: Any,
) -> JobResult:
    """Call `write` unless a check stops the batch; record and return the result either way.

    `count_incomplete` counts in the table after the write; `facts` are further fields of JobResult.
    """
    before = context.lake.version(table)
    LOGGER.info(
        "%s: %s rows and %d checks after %.1f s, %s",
        table.name,
        f"{audited.rows:,}",
        len(audited.checks),
        timer.seconds(),
        "publishing" if audited.passed else "not published",
    )
    commit = write() if audited.passed else None
    return context.record(
        worst_outcome(audited.checks),
        timer,
        table=table,
        version_before=before,
        version_after=commit.version if commit else before,
        rows_read=rows_read,
        rows_written=commit.rows_written if commit else 0,
        rows_incomplete=count_incomplete() if commit else 0,
        engine=audited.engine,
        checks=audited.checks,
        statistics=audited.statistics,
        **facts,
    )
