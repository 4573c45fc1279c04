"""The facts of a month, for the business review."""

from collections import defaultdict
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.tables import TABLES
from jobs.context import JobContext, Timer
from jobs.session import tune
from lake.results import JobResult
from lake.reviews import MONTHS_SHOWN, Month, Review, Reviews

BREAKDOWN = TABLES["gold.churn_breakdown"]
KPIS = TABLES["gold.churn_kpis"]
MOVEMENTS = TABLES["gold.customer_movements"]
_REASONS = 10
_MEASURED = ("dimension", "value", "customers", "churned", "monthly_revenue", "churned_monthly_revenue", "churn_rate")


def run(context: JobContext) -> list[JobResult]:
    """Write the month's facts and return one result. Raises LakeError for an invalid month."""
    timer, month = Timer(), Month.parse(context.month)
    tune(context.lake.session, 0)
    kpis = _kpis(context, month)
    # Before history began movements are unknown, which is not the same as none.
    moved = _moved(context, month) if kpis[str(month)] else None
    lost = None if moved is None else moved.where("was_churned = 0 AND is_churned = 1")
    review = Review(
        month=str(month),
        made_at=context.started_at.isoformat(),
        kpis=kpis,
        groups=_groups(context, month),
        movements=None if moved is None else _movements(moved),
        lost=None if lost is None else _sums(lost),
        won_back=None if moved is None else _sums(moved.where("was_churned = 1 AND is_churned = 0")),
        reasons=None if lost is None else _reasons(lost),
        quality=_quality(context, month),
    )
    Reviews(context.lake.root).write(review)
    return [context.record("passed", timer, notes=(f"month {month}",))]


def _kpis(context: JobContext, month: Month) -> dict[str, dict[str, float] | None]:
    """The KPIs of the last run before the end of each month."""
    runs: dict[Any, dict[str, float]] = defaultdict(dict)
    for row in context.lake.read(KPIS).where(F.col("computed_at") < F.lit(month.end)).collect():
        if row["value"] is not None:
            runs[row["computed_at"].astimezone(month.end.tzinfo)][row["kpi"]] = float(row["value"])
    found: dict[str, dict[str, float] | None] = {}
    for shown in reversed([month.before(n) for n in range(MONTHS_SHOWN)]):
        newest = max((computed_at for computed_at in runs if computed_at < shown.end), default=None)
        found[str(shown)] = runs[newest] if newest else None
    return found


def _groups(context: JobContext, month: Month) -> list[dict[str, Any]] | None:
    rows = context.lake.read_before(BREAKDOWN, month.end)
    if rows is None:
        return None
    wanted = rows.select("dimension", "value", *(F.col(name).cast("double") for name in _MEASURED[2:]))
    return [row.asDict() for row in wanted.orderBy("dimension", F.desc("customers"), "value").collect()]


def _moved(context: JobContext, month: Month) -> DataFrame | None:
    if not context.lake.exists(MOVEMENTS):
        return None
    first, end = (F.lit(moment.date()) for moment in (month.start, month.end))
    return context.lake.read(MOVEMENTS).where((F.col("moved_on") >= first) & (F.col("moved_on") < end))


def _movements(moved: DataFrame) -> list[list[Any]]:
    between = moved.where("NOT from_segment <=> to_segment").groupBy("from_segment", "to_segment")
    return [list(row) for row in between.agg(*_aggregates()).orderBy(F.desc("customers"), "from_segment").collect()]


def _reasons(lost: DataFrame) -> list[list[Any]]:
    by_reason = lost.groupBy(F.coalesce("churn_reason", F.lit("Unknown")).alias("reason")).agg(*_aggregates())
    return [list(row) for row in by_reason.orderBy(F.desc("customers"), "reason").limit(_REASONS).collect()]


def _sums(rows: DataFrame) -> dict[str, float]:
    found = rows.agg(*_aggregates()).first()
    assert found is not None
    return {"customers": found["customers"], "monthly_charges": found["monthly_charges"] or 0.0}


def _aggregates() -> tuple[Any, Any]:
    charges = F.sum("monthly_charges").cast("double")
    return F.count(F.lit(1)).alias("customers"), charges.alias("monthly_charges")


def _quality(context: JobContext, month: Month) -> list[dict[str, Any]]:
    """Batches, rows and stopped batches of the month by table, from the results of its runs."""
    counted: dict[str, dict[str, Any]] = {}
    prefix = f"{month.year:04d}{month.number:02d}"
    for run_id in context.results.run_ids():
        if not run_id.startswith(prefix):
            continue
        for result in context.results.for_run(run_id):
            if result.is_batch and result.outcome != "unchanged":
                row = counted.setdefault(
                    str(result.table),
                    dict.fromkeys(("batches", "rows_read", "rows_quarantined", "stopped", "warned"), 0),
                )
                row["batches"] += 1
                row["rows_read"] += result.rows_read
                row["rows_quarantined"] += result.rows_quarantined
                row["stopped"] += result.is_stopped
                row["warned"] += result.outcome == "warned"
    return [{"table": table, **counted[table]} for table in TABLES if table in counted]
