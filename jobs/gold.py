"""silver.customers to gold: the analysis by silver's change feed, the rest by the analysis's."""

from dataclasses import replace

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.tables import TABLES
from jobs.audit import audit
from jobs.context import JobContext, Timer
from jobs.delta import Commit
from jobs.publish import publish
from jobs.session import persisted, tune
from lake.alerts import TOP, Alert, Alerts, AtRisk
from lake.rebuild import RebuildRequest
from lake.results import Check, JobResult
from transforms import gold
from transforms.changes import last_images

CUSTOMERS = TABLES["silver.customers"]
ANALYSIS = TABLES["gold.customer_churn_analysis"]
BREAKDOWN = TABLES["gold.churn_breakdown"]
KPIS = TABLES["gold.churn_kpis"]
MOVEMENTS = TABLES["gold.customer_movements"]
_BASELINE = 0


def run(context: JobContext) -> list[JobResult]:
    """Bring the gold tables up to date and return a result per table, up to the first that is not published.

    Each table has a watermark of its own, so a run that was interrupted in between resumes there.
    """
    results: list[JobResult] = []
    for step in (_analysis, _breakdown, _kpis, _movements):
        result = step(context)
        results.append(result)
        if result.is_stopped:
            return results
    RebuildRequest(context.lake.root).close()
    return results


def _analysis(context: JobContext) -> JobResult:
    timer = Timer()
    lake = context.lake
    last_version, target_version = lake.watermark(ANALYSIS), lake.version(CUSTOMERS)
    if target_version is None or last_version >= target_version:
        return context.unchanged("silver.customers has not changed", table=ANALYSIS)
    tune(lake.session, lake.bytes(CUSTOMERS))
    changes = _customer_changes(context, last_version, target_version)
    is_whole = changes is None
    customers = lake.read_version(CUSTOMERS, target_version) if changes is None else last_images(changes, gold.IS_GONE)
    rows = persisted(gold.churn_analysis(customers))
    audited = audit(
        context,
        ANALYSIS,
        rows if is_whole else rows.where(f"NOT {gold.IS_GONE}").drop(gold.IS_GONE),
        input_bytes=lake.changed_bytes(CUSTOMERS, -1 if context.full_refresh else last_version, target_version),
        null_rate_columns=dict.fromkeys(("city", "churn_reason", "source_cltv"), KEY),
    )
    return publish(
        context,
        ANALYSIS,
        audited,
        lambda: _write_analysis(context, rows, target_version, is_whole=is_whole),
        timer,
        rows_read=audited.rows,
    )


def _customer_changes(context: JobContext, last_version: int, target_version: int) -> DataFrame | None:
    """The change feed since the watermark; None where it is too short, or everything is compared."""
    if context.full_refresh or last_version < 0:
        return None
    return context.lake.read_changes(CUSTOMERS, last_version, target_version)


def _write_analysis(context: JobContext, rows: DataFrame, target_version: int, *, is_whole: bool) -> Commit:
    if context.full_refresh:
        return context.lake.overwrite(ANALYSIS, rows, target_version)
    if is_whole:
        return context.lake.merge(ANALYSIS, rows, target_version, update_when=gold.has_changed(), is_whole=True)
    is_gone = f"s.{gold.IS_GONE}"
    return context.lake.merge(
        ANALYSIS,
        rows,
        target_version,
        update_when=gold.has_changed(),
        delete_when=is_gone,
        insert_when=f"NOT {is_gone}",
        not_stored=(gold.IS_GONE,),
    )


def _breakdown(context: JobContext) -> JobResult:
    timer = Timer()
    lake = context.lake
    last_version, target_version = lake.watermark(BREAKDOWN), lake.version(ANALYSIS)
    if target_version is None or last_version >= target_version:
        return context.unchanged("gold.customer_churn_analysis has not changed", table=BREAKDOWN)
    is_increment = last_version >= 0 and not context.full_refresh
    changes = lake.read_changes(ANALYSIS, last_version, target_version) if is_increment else None
    current = lake.read(BREAKDOWN) if changes is not None else lake.empty(BREAKDOWN)
    if changes is None:
        changes = lake.read_version(ANALYSIS, target_version).withColumn("_change_type", F.lit("insert"))
    rows = persisted(gold.breakdown(current, gold.breakdown_changes(changes), target_version))
    audited = audit(context, BREAKDOWN, rows, input_bytes=0)
    audited = replace(audited, checks=(*audited.checks, _balance(context, rows)))
    return publish(
        context,
        BREAKDOWN,
        audited,
        lambda: lake.overwrite(BREAKDOWN, rows, target_version),
        timer,
        rows_read=audited.rows,
    )


def _balance(context: JobContext, rows: DataFrame) -> Check:
    """The check that gold has exactly the complete customers of silver: what increments have added up to, against a count."""
    complete = context.lake.read_version(CUSTOMERS, context.lake.watermark(ANALYSIS)).where("is_complete").count()
    told = rows.where("dimension = 'risk_segment'").agg(F.sum("customers").alias("customers")).first()
    customers = (told and told["customers"]) or 0
    return Check(
        expectation="gold to have the complete customers of silver.customers",
        subject="customers",
        severity="critical",
        success=customers == complete,
        observed=f"{customers:,} in gold, {complete:,} complete in silver. If they differ: churn run --full-refresh",
    )


def _kpis(context: JobContext) -> JobResult:
    timer = Timer()
    lake = context.lake
    last_version, target_version = lake.watermark(KPIS), lake.watermark(BREAKDOWN)
    if last_version >= target_version:
        return context.unchanged("gold.churn_breakdown has not changed", table=KPIS)
    rows = persisted(gold.kpis(lake.read(BREAKDOWN), context.run_id, context.started_at, target_version))
    audited = audit(context, KPIS, rows, input_bytes=0)
    values = {row["kpi"]: float(row["value"]) for row in rows.collect() if row["value"] is not None}
    audited = replace(audited, statistics=replace(audited.statistics, kpis=values))
    return publish(
        context, KPIS, audited, lambda: lake.append(KPIS, rows, target_version), timer, rows_read=audited.rows
    )


def _movements(context: JobContext) -> JobResult:
    """Append who changed segment, churn or risk since the watermark. The first version of the analysis is the baseline."""
    timer = Timer()
    lake = context.lake
    last_version, target_version = max(lake.watermark(MOVEMENTS), _BASELINE), lake.version(ANALYSIS)
    if target_version is None or last_version >= target_version:
        _write_alert(context)
        return context.unchanged("gold.customer_churn_analysis has not changed since the first load", table=MOVEMENTS)
    changes = None if context.after_repair else lake.read_changes(ANALYSIS, last_version, target_version)
    if changes is None:
        rows = lake.empty(MOVEMENTS)
        why = "a table was repaired" if context.after_repair else "the change feed does not reach back"
        notes: tuple[str, ...] = (f"{why}: movement history restarts here",)
    else:
        today = context.started_at.date()
        alerted = lake.read(MOVEMENTS).where((F.col("moved_on") == F.lit(today)) & F.col("newly_at_risk")).select(KEY)
        rows, notes = gold.movements(changes, alerted, context.run_id, today, target_version).persist(), ()
    audited = audit(context, MOVEMENTS, rows, input_bytes=0)
    result = publish(
        context,
        MOVEMENTS,
        audited,
        lambda: lake.append(MOVEMENTS, rows, target_version),
        timer,
        rows_read=audited.rows,
        notes=notes,
    )
    _write_alert(context)
    return result


def _write_alert(context: JobContext) -> None:
    """Write the alert of the newest movements, also where an interrupted run has not written it."""
    alerts, version = Alerts(context.lake.root), context.lake.watermark(MOVEMENTS)
    if version < 0 or alerts.exists(version):
        return
    # is_at_risk: release 0.1.0 called others newly at risk.
    newest = context.lake.read_declared(MOVEMENTS).where(f"source_version = {version} AND newly_at_risk AND is_at_risk")
    sums = newest.agg(F.count(F.lit(1)), F.sum("monthly_charges"), F.sum("source_cltv"), F.max("moved_on")).collect()[0]
    top = newest.orderBy(F.desc_nulls_last("source_cltv"), KEY).limit(TOP).collect()
    alert = Alert(
        version=version,
        day=str(sums[3] or context.started_at.date()),
        customers=sums[0],
        monthly_charges=float(sums[1] or 0),
        source_cltv=sums[2],
        top=tuple(_at_risk(row) for row in top),
    )
    alerts.write(alert)


def _at_risk(row: Row) -> AtRisk:
    return AtRisk(
        customer_id=row[KEY],
        city=row["city"],
        segment=row["to_segment"],
        monthly_charges=float(row["monthly_charges"]),
        source_cltv=row["source_cltv"],
        source_churn_score=row["source_churn_score"],
    )
