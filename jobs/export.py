"""gold.customer_churn_analysis to those who read it elsewhere: the dashboard, and the warehouse by COPY."""

from datetime import UTC
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.metrics import HEADLINES
from contract.tables import TABLES
from jobs.context import JobContext, Timer
from jobs.session import SMALL_INPUT_BYTES, tune
from lake.dashboard_data import COLUMNS, MAX_CUSTOMERS, Dashboards, pack
from lake.exports import OPERATION_COLUMN, UPSERT, Export, Exports, TableVersion, export_columns
from lake.results import DASHBOARD_STEP, WAREHOUSE_STEP, JobResult
from transforms.changes import net_changes

ANALYSIS = TABLES["gold.customer_churn_analysis"]
KPIS = TABLES["gold.churn_kpis"]
_FLOATS = ("cltv", "churn_score", "source_churn_score", "source_cltv")
_RUNS_SHOWN = 60


def run(context: JobContext) -> list[JobResult]:
    """Pack the dashboard's data and export for the warehouse; return a result per step."""
    return [_pack_dashboard(context), _export(context)]


def _pack_dashboard(context: JobContext) -> JobResult:
    """Pack the newest version of gold, unless it is packed already or too large for a page."""
    timer, lake = Timer(), context.lake
    version = lake.version(ANALYSIS)
    if version is None:
        return context.unchanged("gold has no customer yet", step=DASHBOARD_STEP)
    store, table_id = Dashboards(lake.root), lake.table_id(ANALYSIS)
    if store.has(table_id, version):
        return context.unchanged("gold has not changed", step=DASHBOARD_STEP, version=version)
    rows = lake.read_version(ANALYSIS, version)
    customers = rows.count()
    if customers > MAX_CUSTOMERS:
        note = f"left as it is: {customers:,} customers are more than a page can hold ({MAX_CUSTOMERS:,}); use Tableau"
        return context.unchanged(note, step=DASHBOARD_STEP, version=version)
    cents = (F.col("monthly_charges") * 100).cast("long").alias("monthly_cents")
    kept = [F.col(name).cast("double").alias(name) if name in _FLOATS else F.col(name) for name in COLUMNS]
    data = pack(
        rows.select(*kept, cents).toPandas(),
        table_id=table_id,
        version=version,
        made_at=context.started_at.isoformat(),
        trend=_trend(context),
    )
    store.write(data)
    return context.record(
        "passed", timer, step=DASHBOARD_STEP, version_after=version, rows_read=customers, rows_written=customers
    )


def _trend(context: JobContext) -> list[list[Any]]:
    """The headline KPIs of the last runs, oldest first."""
    runs: dict[str, dict[str, float]] = {}
    wanted = context.lake.read(KPIS).where(F.col("kpi").isin(*HEADLINES) & F.col("value").isNotNull())
    for row in wanted.select("computed_at", "kpi", F.col("value").cast("double")).collect():
        runs.setdefault(row["computed_at"].astimezone(UTC).isoformat(), {})[row["kpi"]] = row["value"]
    return [[moment, runs[moment]] for moment in sorted(runs)[-_RUNS_SHOWN:]]


def _export(context: JobContext) -> JobResult:
    """Write the rows that the warehouse lacks as plain Parquet and a manifest: changes since its version, else all.

    Delta's own files cannot be exported as they are: some are removed, some hold change records.
    """
    timer = Timer()
    version = context.lake.version(ANALYSIS)
    if version is None:
        return context.unchanged("gold has no customer yet", step=WAREHOUSE_STEP)
    table_id = context.lake.table_id(ANALYSIS)
    if context.warehouse_version == TableVersion(table_id, version):
        return context.unchanged("the warehouse has the newest version", step=WAREHOUSE_STEP, version=version)
    export = _write_export(context, table_id, version)
    return context.record(
        "passed",
        timer,
        step=WAREHOUSE_STEP,
        version_before=export.base_version,
        version_after=version,
        rows_read=export.rows,
        rows_written=export.rows,
    )


def _write_export(context: JobContext, table_id: str, version: int) -> Export:
    exports = Exports(context.lake.root)
    base = _base(context, table_id, version)
    changes = None if base is None else context.lake.read_changes(ANALYSIS, base, version)
    is_full = changes is None
    rows = _snapshot(context, version) if changes is None else net_changes(changes, ANALYSIS.schema.names)
    size = context.lake.bytes(ANALYSIS)
    tune(context.lake.session, size)
    exports.clear(version)
    data = exports.data(version)
    rows.coalesce(1 if size < SMALL_INPUT_BYTES else 4).write.parquet(data)
    export = Export(
        table_id=table_id,
        version=version,
        is_full=is_full,
        base_version=None if is_full else base,
        rows=rows.sparkSession.read.parquet(data).count(),
        table_rows=context.lake.read_version(ANALYSIS, version).count(),
        columns=export_columns(ANALYSIS.schema),
        run_id=context.run_id,
    )
    exports.write(export)
    return export


def _base(context: JobContext, table_id: str, version: int) -> int | None:
    """The version that the warehouse has of this table and that changes can start from."""
    loaded = context.warehouse_version
    if loaded is None or context.full_refresh or loaded.table_id != table_id or loaded.version > version:
        return None
    return loaded.version


def _snapshot(context: JobContext, version: int) -> DataFrame:
    snapshot = context.lake.read_version(ANALYSIS, version)
    return snapshot.select(*ANALYSIS.schema.names, F.lit(UPSERT).alias(OPERATION_COLUMN))
