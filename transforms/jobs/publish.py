"""Publish of write-audit-publish: commit an audited batch, or say why not."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transforms.jobs.audit import Audit
from transforms.jobs.context import JobContext
from transforms.results import JobResult, outcome_of
from transforms.runtime.delta_io import Commit
from transforms.tables import Table

_log = logging.getLogger("churn")


@dataclass
class Stopwatch:
    """When work on a table began."""

    began: float = field(default_factory=time.monotonic)
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def seconds(self) -> float:
        return round(time.monotonic() - self.began, 3)


def publish(
    context: JobContext,
    table: Table,
    audited: Audit,
    write: Callable[[], Commit],
    watch: Stopwatch,
    *,
    rows_read: int,
    rows_quarantined: int = 0,
    count_incomplete: Callable[[], int] = lambda: 0,
    notes: tuple[str, ...] = (),
    rejects: tuple[str, ...] = (),
) -> JobResult:
    """Call `write` unless a check stops the batch; the result either way, also written down.

    `count_incomplete` looks at the table after the write.
    """
    before = context.lake.version(table)
    _log.info(
        "%s: %s rows and %d checks after %.1f s, %s",
        table.name,
        f"{audited.rows:,}",
        len(audited.checks),
        watch.seconds(),
        "publishing" if audited.passed else "not published",
    )
    commit = write() if audited.passed else None
    result = JobResult(
        table=table.name,
        run_id=context.run_id,
        started_at=watch.started_at,
        outcome=outcome_of(audited.checks),
        version_before=before,
        version_after=commit.version if commit else before,
        rows_read=rows_read,
        rows_written=commit.rows_written if commit else 0,
        rows_quarantined=rows_quarantined,
        rows_incomplete=count_incomplete() if commit else 0,
        seconds=watch.seconds(),
        engine=audited.engine,
        checks=audited.checks,
        metrics=audited.metrics,
        notes=notes,
        rejects=rejects,
    )
    context.results.write(result)
    return result
