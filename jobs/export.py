"""gold.customer_churn_analysis to those who read it elsewhere: the dashboard, and the warehouse by COPY."""

from datetime import UTC
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.metrics import HEADLINES
from contract.tables import TABLES
from jobs.context import JobContext, Timer
from jobs.session import SMALL_INPUT_BYTES, tune
from lake.checksums import ROWS, SPARK, checksum_sql, checksums
from lake.dashboard_data import COLUMNS, MAX_CUSTOMERS, Dashboards, pack
from lake.exports import OPERATION_COLUMN, UPSERT, Export, Exports, TableVersion, export_columns
from lake.results import DASHBOARD_STEP, WAREHOUSE_STEP, JobResult
from transforms.changes import net_changes

_FILE_BYTES = 128 * 1024 * 1024
_FEWEST_FILES = 4
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
    store.key()  # made here: who publishes the page may only read what is beside the tables
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
    if not context.has_warehouse:
        return context.unchanged("the platform has no warehouse", step=WAREHOUSE_STEP)
    version = context.lake.version(ANALYSIS)
    if version is None:
        return context.unchanged("gold has no customer yet", step=WAREHOUSE_STEP)
    current = TableVersion(context.lake.table_id(ANALYSIS), version, context.lake.lineage(ANALYSIS, version))
    if context.warehouse_version == current and _is_described(context, current):
        return context.unchanged("the warehouse has the newest version", step=WAREHOUSE_STEP, version=version)
    export = _write_export(context, current)
    return context.record(
        "passed",
        timer,
        step=WAREHOUSE_STEP,
        version_before=export.base_version,
        version_after=version,
        rows_read=export.rows,
        rows_written=export.rows,
    )


def _is_described(context: JobContext, current: TableVersion) -> bool:
    """Whether the export of this version is there, with the checksums that the warehouse is compared with."""
    exports = Exports(context.lake.root)
    if not exports.exists(current.version):
        return False
    export = exports.read(current.version)
    return export.table_version == current and bool(export.checksums)


def export_files(size: int) -> int:
    """Return in how many files rows of this many bytes are exported: of about 128 MB, and several for COPY to read at once."""
    if size < SMALL_INPUT_BYTES:
        return 1
    return max(_FEWEST_FILES, -(-size // _FILE_BYTES))


def _write_export(context: JobContext, current: TableVersion) -> Export:
    exports, version = Exports(context.lake.root), current.version
    base = _base(context, current)
    changes = None if base is None else _changes(context, base, version)
    is_full = changes is None
    rows = _snapshot(context, version) if changes is None else changes
    size = context.lake.bytes(ANALYSIS)
    tune(context.lake.session, size)
    exports.clear(version)
    data = exports.data(version)
    exported = size if base is None or is_full else context.lake.changed_bytes(ANALYSIS, base, version)
    rows.coalesce(export_files(exported)).write.parquet(data)
    checked = _checksums(context, version)
    export = Export(
        table_id=current.table_id,
        version=version,
        is_full=is_full,
        base_version=None if is_full else base,
        rows=rows.sparkSession.read.parquet(data).count(),
        table_rows=int(checked[ROWS]),
        columns=export_columns(ANALYSIS.schema),
        run_id=context.run_id,
        lineage=current.lineage,
        checksums=checked,
    )
    exports.write(export)
    return export


def _base(context: JobContext, current: TableVersion) -> int | None:
    """The version that the warehouse has of this table and that changes can start from.

    None where this lake has another version of that number: it was restored, or is a copy that went its own way. Where
    the warehouse's record has no lineage (release 0.1.0), the comparison after the load decides.
    """
    loaded = context.warehouse_version
    if loaded is None or context.full_refresh or loaded.table_id != current.table_id:
        return None
    if loaded.version > current.version:
        return None
    is_same = loaded.lineage in ("", context.lake.lineage(ANALYSIS, loaded.version))
    return loaded.version if is_same else None


def _changes(context: JobContext, base: int, version: int) -> DataFrame | None:
    """The net changes after `base`, none where it is the version itself; None where the change feed does not reach back."""
    if base == version:
        return _snapshot(context, version).limit(0)
    changes = context.lake.read_changes(ANALYSIS, base, version)
    return None if changes is None else net_changes(changes, ANALYSIS.schema.names)


def _checksums(context: JobContext, version: int) -> dict[str, str]:
    fields = list(ANALYSIS.schema)
    row = context.lake.read_version(ANALYSIS, version).selectExpr(*checksum_sql(fields, SPARK)).first()
    assert row is not None
    return checksums(fields, row)


def _snapshot(context: JobContext, version: int) -> DataFrame:
    snapshot = context.lake.read_version(ANALYSIS, version)
    return snapshot.select(*ANALYSIS.schema.names, F.lit(UPSERT).alias(OPERATION_COLUMN))
