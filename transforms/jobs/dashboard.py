"""gold.customer_churn_analysis to the packed data of the browser dashboard."""

from datetime import UTC
from typing import Any

from pyspark.sql import functions as F

from transforms.dashboard import COLUMNS, MAX_CUSTOMERS, Dashboards, pack
from transforms.jobs.context import JobContext
from transforms.jobs.publish import Stopwatch
from transforms.metrics import HEADLINES
from transforms.results import JobResult
from transforms.tables import TABLES

ANALYSIS = TABLES["gold.customer_churn_analysis"]
KPIS = TABLES["gold.churn_kpis"]
NAME = "export.dashboard"
_RUNS_SHOWN = 60


def pack_dashboard(context: JobContext) -> JobResult:
    """Pack the newest version of gold, unless it is packed already or too large for a page."""
    watch, lake = Stopwatch(), context.lake
    version = lake.version(ANALYSIS)
    if version is None:
        return context.unchanged(NAME, "gold has no customer yet")
    store, table_id = Dashboards(lake.root), lake.table_id(ANALYSIS)
    if store.holds(table_id, version):
        return context.unchanged(NAME, "gold has not changed", version=version)
    rows = lake.read_version(ANALYSIS, version)
    customers = rows.count()
    if customers > MAX_CUSTOMERS:
        note = f"left as it is: {customers:,} customers are more than a page can hold ({MAX_CUSTOMERS:,}); use Tableau"
        return context.unchanged(NAME, note, version=version)
    cents = (F.col("monthly_charges") * 100).cast("long").alias("monthly_cents")
    floats = ("cltv", "churn_score", "source_churn_score", "source_cltv")
    kept = [F.col(name).cast("double").alias(name) if name in floats else F.col(name) for name in COLUMNS]
    data = pack(
        rows.select(*kept, cents).toPandas(),
        table_id=table_id,
        version=version,
        made_at=context.started_at.isoformat(),
        trend=_trend(context),
    )
    store.write(data)
    result = JobResult(
        table=NAME,
        run_id=context.run_id,
        started_at=watch.started_at,
        outcome="passed",
        version_after=version,
        rows_read=customers,
        rows_written=customers,
        seconds=watch.seconds(),
    )
    context.results.write(result)
    return result


def _trend(context: JobContext) -> list[list[Any]]:
    """The headline figures of the last runs, oldest first."""
    runs: dict[str, dict[str, float]] = {}
    wanted = context.lake.read(KPIS).where(F.col("kpi").isin(*HEADLINES) & F.col("value").isNotNull())
    for row in wanted.select("computed_at", "kpi", F.col("value").cast("double")).collect():
        runs.setdefault(row["computed_at"].astimezone(UTC).isoformat(), {})[row["kpi"]] = row["value"]
    return [[moment, runs[moment]] for moment in sorted(runs)[-_RUNS_SHOWN:]]
