"""The facts of a month, for the business review: by event time, as far as is known now."""

from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.tables import TABLES
from jobs.context import JobContext, Timer
from jobs.session import from_micros, persisted, tune
from lake.results import JobResult
from lake.reviews import MONTHS_SHOWN, Month, Review, Reviews
from transforms import gold, past

HISTORY = TABLES["silver.customer_history"]
BREAKDOWN = TABLES["gold.churn_breakdown"]
_REASONS = 10
_MEASURED = ("dimension", "value", "customers", "churned", "monthly_revenue", "churned_monthly_revenue", "churn_rate")


def run(context: JobContext) -> list[JobResult]:
    """Write the month's facts and return one result. Raises LakeError for an invalid month."""
    timer, month = Timer(), Month.parse(context.month)
    tune(context.lake.session, context.lake.bytes(HISTORY))
    known = persisted(context.lake.read(HISTORY).where("recorded_to IS NULL"))
    began, recorded = _began(known, "valid_from"), _began(known, "recorded_from")
    months = [month.before(n) for n in reversed(range(MONTHS_SHOWN))]
    # Before history began figures are unknown, which is not the same as none.
    groups = {str(m): _breakdown(context, known, m.end) if began and began < m.end else None for m in months}
    is_known = groups[str(month)] is not None
    changed = past.churn_changes(known, month.start, month.end)
    lost, won_back = changed.where("is_lost"), changed.where("NOT is_lost")
    review = Review(
        month=str(month),
        made_at=context.started_at.isoformat(),
        recorded_since="" if recorded is None else recorded.isoformat(),
        kpis={name: None if rows is None else _kpis(context, rows) for name, rows in groups.items()},
        groups=_shown(groups[str(month)]),
        movements=_movements(known, month) if is_known else None,
        lost=_sums(lost) if is_known else None,
        won_back=_sums(won_back) if is_known else None,
        reasons=_reasons(lost) if is_known else None,
        quality=_quality(context, month),
    )
    Reviews(context.lake.root).write(review)
    return [context.record("passed", timer, notes=(f"month {month}",))]


def _began(known: DataFrame, column: str) -> datetime | None:
    """The first of the times (UTC) in a column of the history."""
    first = known.agg(F.unix_micros(F.min(column)).alias("at")).first()
    return None if first is None or first["at"] is None else from_micros(first["at"])


def _breakdown(context: JobContext, known: DataFrame, end: datetime) -> DataFrame:
    """The breakdown of the customers who were there just before `end`."""
    analysis = gold.churn_analysis(past.customers_at(known, end)).withColumn("_change_type", F.lit("insert"))
    return persisted(gold.breakdown(context.lake.empty(BREAKDOWN), gold.breakdown_changes(analysis), 0))


def _kpis(context: JobContext, rows: DataFrame) -> dict[str, float]:
    found = gold.kpis(rows, context.run_id, context.started_at, 0).where("value IS NOT NULL").collect()
    return {row["kpi"]: float(row["value"]) for row in found}


def _shown(rows: DataFrame | None) -> list[dict[str, Any]] | None:
    if rows is None:
        return None
    wanted = rows.select("dimension", "value", *(F.col(name).cast("double") for name in _MEASURED[2:]))
    return [row.asDict() for row in wanted.orderBy("dimension", F.desc("customers"), "value").collect()]


def _movements(known: DataFrame, month: Month) -> list[list[Any]]:
    """How many customers were in another segment at the end of the month than before its start."""
    before, after = (gold.churn_analysis(past.customers_at(known, end)) for end in (month.start, month.end))
    between = past.segment_changes(before, after).groupBy("from_segment", "to_segment")
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
