"""silver.customers to gold: the analysis by silver's change feed, the rest by the analysis's."""

from dataclasses import replace

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from transforms import gold
from transforms.alerts import TOP, Alert, Alerts, AtRisk
from transforms.feeds import KEY
from transforms.jobs.audit import audit
from transforms.jobs.context import JobContext
from transforms.jobs.publish import Stopwatch, publish
from transforms.results import JobResult
from transforms.runtime.delta_io import Commit
from transforms.runtime.session import tune
from transforms.tables import TABLES

CUSTOMERS = TABLES["silver.customers"]
ANALYSIS = TABLES["gold.customer_churn_analysis"]
BREAKDOWN = TABLES["gold.churn_breakdown"]
KPIS = TABLES["gold.churn_kpis"]
MOVEMENTS = TABLES["gold.customer_movements"]
_BASELINE = 0


def run(context: JobContext) -> list[JobResult]:
    """Bring the gold tables up to date; stops behind the first that is not published.

    Each table has a watermark of its own, so a run that died in between goes on there.
    """
    results: list[JobResult] = []
    for step in (_analysis, _breakdown, _kpis, _movements):
        result = step(context)
        results.append(result)
        if result.outcome in ("failed", "broken"):
            break
    return results


def _analysis(context: JobContext) -> JobResult:
    watch = Stopwatch()
    lake = context.lake
    done, until = lake.watermark(ANALYSIS), lake.version(CUSTOMERS)
    if until is None or done >= until:
        return context.unchanged(ANALYSIS.name, "silver.customers has not changed")
    tune(lake.session, lake.bytes(CUSTOMERS))
    rows = gold.churn_analysis(_changed_customers(context, done, until)).persist()
    audited = audit(
        context,
        ANALYSIS,
        rows,
        input_bytes=lake.changed_bytes(CUSTOMERS, -1 if context.full_refresh else done, until),
        measured_where=dict.fromkeys(("city", "churn_reason", "source_cltv"), "customer_id"),
    )
    return publish(
        context, ANALYSIS, audited, lambda: _write_analysis(context, rows, until), watch, rows_read=audited.rows
    )


def _changed_customers(context: JobContext, done: int, until: int) -> DataFrame:
    """Customers that changed since the watermark, or all where the change feed is too short."""
    if context.full_refresh or done < 0:
        return context.lake.read_version(CUSTOMERS, until)
    changes = context.lake.read_changes(CUSTOMERS, done, until)
    return context.lake.read_version(CUSTOMERS, until) if changes is None else gold.latest_images(changes)


def _write_analysis(context: JobContext, rows: DataFrame, until: int) -> Commit:
    if context.full_refresh:
        return context.lake.overwrite(ANALYSIS, rows, until)
    return context.lake.merge(ANALYSIS, rows, until, update_when=gold.has_changed())


def _breakdown(context: JobContext) -> JobResult:
    watch = Stopwatch()
    lake = context.lake
    done, until = lake.watermark(BREAKDOWN), lake.version(ANALYSIS)
    if until is None or done >= until:
        return context.unchanged(BREAKDOWN.name, "gold.customer_churn_analysis has not changed")
    is_increment = done >= 0 and not context.full_refresh
    changes = lake.read_changes(ANALYSIS, done, until) if is_increment else None
    current = lake.read(BREAKDOWN) if changes is not None else lake.empty(BREAKDOWN)
    if changes is None:
        changes = lake.read_version(ANALYSIS, until).withColumn("_change_type", F.lit("insert"))
    rows = gold.breakdown(current, gold.breakdown_changes(changes), until).persist()
    audited = audit(context, BREAKDOWN, rows, input_bytes=0)
    return publish(
        context, BREAKDOWN, audited, lambda: lake.overwrite(BREAKDOWN, rows, until), watch, rows_read=audited.rows
    )


def _kpis(context: JobContext) -> JobResult:
    watch = Stopwatch()
    lake = context.lake
    done, until = lake.watermark(KPIS), lake.watermark(BREAKDOWN)
    if done >= until:
        return context.unchanged(KPIS.name, "gold.churn_breakdown has not changed")
    rows = gold.kpis(lake.read(BREAKDOWN), context.run_id, context.started_at, until).persist()
    audited = audit(context, KPIS, rows, input_bytes=0)
    values = {f"kpi.{row['kpi']}": float(row["value"]) for row in rows.collect() if row["value"] is not None}
    audited = replace(audited, metrics=values)
    return publish(context, KPIS, audited, lambda: lake.append(KPIS, rows, until), watch, rows_read=audited.rows)


def _movements(context: JobContext) -> JobResult:
    """Who changed segment since the last look. The first version of the analysis is what later ones are compared with."""
    watch = Stopwatch()
    lake = context.lake
    done, until = max(lake.watermark(MOVEMENTS), _BASELINE), lake.version(ANALYSIS)
    if until is None or done >= until:
        _write_alert(context)
        return context.unchanged(MOVEMENTS.name, "gold.customer_churn_analysis has not changed since the first load")
    changes = lake.read_changes(ANALYSIS, done, until)
    if changes is None:
        rows = lake.empty(MOVEMENTS)
        notes: tuple[str, ...] = ("the change feed does not reach back: movements start anew from here",)
    else:
        today = context.started_at.date()
        alerted = lake.read(MOVEMENTS).where((F.col("moved_on") == F.lit(today)) & F.col("newly_at_risk")).select(KEY)
        rows, notes = gold.movements(changes, alerted, context.run_id, today, until).persist(), ()
    audited = audit(context, MOVEMENTS, rows, input_bytes=0)
    result = publish(
        context,
        MOVEMENTS,
        audited,
        lambda: lake.append(MOVEMENTS, rows, until),
        watch,
        rows_read=audited.rows,
        notes=notes,
    )
    _write_alert(context)
    return result


def _write_alert(context: JobContext) -> None:
    """The alert of the newest movements, also where a run died before it had written it."""
    alerts, version = Alerts(context.lake.root), context.lake.watermark(MOVEMENTS)
    if version < 0 or alerts.exists(version):
        return
    newest = context.lake.read(MOVEMENTS).where(f"source_version = {version} AND newly_at_risk")
    sums = newest.agg(F.count(F.lit(1)), F.sum("monthly_charges"), F.sum("cltv"), F.max("moved_on")).collect()[0]
    top = newest.orderBy(F.desc("cltv"), KEY).limit(TOP).collect()
    alert = Alert(
        version=version,
        day=str(sums[3] or context.started_at.date()),
        customers=sums[0],
        monthly_charges=float(sums[1] or 0),
        cltv=float(sums[2] or 0),
        top=tuple(_at_risk(row) for row in top),
    )
    alerts.write(alert)


def _at_risk(row: Row) -> AtRisk:
    figures = (float(row[name]) for name in ("monthly_charges", "cltv", "churn_score"))
    return AtRisk(row["customer_id"], row["city"], row["to_segment"], *figures)
