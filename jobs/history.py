"""silver.customer_history: what the batches of a run say of when customers were how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from contract.columns import KEY
from contract.tables import TABLES
from jobs.audit import audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.publish import publish
from jobs.session import persisted
from lake.results import JobResult
from transforms import history

HISTORY = TABLES["silver.customer_history"]

Earlier = Callable[[DataFrame, int], Mapping[str, DataFrame]]
"""Returns the conformed rows, by feed, of customers (column customer_id) that count in batches up to one."""


@dataclass(frozen=True)
class Changes:
    """The `rows` to be written, None where the table is ahead, and the customers whose newest state is another one than before.

    `changed` is None where all are taken to be.
    """

    rows: DataFrame | None
    changed: DataFrame | None = None


def history_changes(
    context: JobContext,
    typed: Mapping[str, DataFrame],
    customers: DataFrame,
    earlier: Earlier,
    tombstones: DataFrame | None,
    *,
    last_batch: int,
    target_batch: int,
    is_rebuild: bool,
) -> Changes:
    """Return what the run changes in the table; `typed` are the conformed rows that count of the batches after `last_batch`.

    `customers` has, of their customers, the event times and the places in logs of silver.customers. The table has a watermark of its own: after a run that was interrupted before silver.customers it may be ahead of that.
    """
    # What changes nothing is not written: then silver.customers is ahead.
    recorded = -1 if is_rebuild else max(context.lake.watermark(HISTORY), last_batch)
    if recorded >= target_batch:
        return Changes(None)
    moments = persisted(history.after(history.moments_of(typed), recorded))
    has_batches = target_batch - recorded > 1
    if is_rebuild:
        return Changes(persisted(history.history(moments, has_batches=has_batches)))
    known = persisted(_known(context, moments))
    late = persisted(
        moments.select(KEY).distinct()
        if recorded > last_batch
        else history.late_customers(moments, customers, tombstones)
    )
    before = earlier(late, recorded) if late.head(1) else {}
    whole = history.with_earlier(moments, known, late, before)
    rows = persisted(history.changes(whole, known, has_batches=has_batches))
    if recorded > last_batch:  # an interrupted run has recorded some of what is new to silver.customers
        return Changes(rows)
    return Changes(rows, rows.where(f"is_current AND _batch_id > {last_batch}").select(KEY))


def publish_history(
    context: JobContext, changes: Changes, timer: Timer, *, target_batch: int, input_bytes: int, is_rebuild: bool
) -> JobResult:
    """Record what changed and return the result."""
    rows = changes.rows
    if rows is None:
        return context.unchanged("no new batch in bronze", table=HISTORY)
    audited = audit(context, HISTORY, rows, input_bytes=input_bytes)
    if not audited.rows and not is_rebuild:
        return context.unchanged("nothing has changed", table=HISTORY)
    return publish(
        context,
        HISTORY,
        audited,
        lambda: _write(context, rows, target_batch, is_rebuild=is_rebuild),
        timer,
        rows_read=audited.rows,
    )


def _known(context: JobContext, moments: DataFrame) -> DataFrame:
    """The rows of the customers in `moments` that are held to be true."""
    rows = context.lake.read_declared(HISTORY).where("recorded_to IS NULL")
    return rows.join(moments.select(KEY).distinct(), KEY, "left_semi")


def _write(context: JobContext, rows: DataFrame, target_batch: int, *, is_rebuild: bool) -> Commit:
    if is_rebuild:
        return context.lake.overwrite(HISTORY, rows, target_batch)
    return context.lake.merge(
        HISTORY, rows, target_batch, update_when="true", update_set={name: f"s.`{name}`" for name in history.UPDATED}
    )
