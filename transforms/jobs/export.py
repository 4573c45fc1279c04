"""gold.customer_churn_analysis to those who read it elsewhere: the dashboard, and the warehouse by COPY."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from transforms.exports import Export, ExportColumn, Exports, TableVersion
from transforms.feeds import KEY
from transforms.jobs.context import JobContext
from transforms.jobs.dashboard import pack_dashboard
from transforms.jobs.publish import Stopwatch
from transforms.results import JobResult
from transforms.runtime.session import SMALL_INPUT_BYTES, tune
from transforms.tables import TABLES

ANALYSIS = TABLES["gold.customer_churn_analysis"]
UPSERT, DELETE = "U", "D"
_DEFAULT_MAX_BYTES = 256


def run(context: JobContext) -> list[JobResult]:
    """The packed dashboard and the export for the warehouse, in this order."""
    return [pack_dashboard(context), _export(context)]


def _export(context: JobContext) -> JobResult:
    """Write the rows that the warehouse lacks as plain Parquet and a manifest: changes since `loaded`, else all rows.

    Delta's own files are no export: some are removed, some hold change records.
    """
    watch = Stopwatch()
    version = context.lake.version(ANALYSIS)
    if version is None:
        return context.unchanged("export", "gold has no customer yet")
    table_id = context.lake.table_id(ANALYSIS)
    if context.loaded == TableVersion(table_id, version):
        return context.unchanged("export", "the warehouse has the newest version", version=version)
    exports = Exports(context.lake.root)
    base = _base(context, table_id, version)
    changes = None if base is None else context.lake.read_changes(ANALYSIS, base, version)
    is_full = changes is None
    rows = _snapshot(context, version) if changes is None else _net_changes(changes)
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
        columns=export_columns(),
        run_id=context.run_id,
    )
    exports.write(export)
    result = JobResult(
        table="export",
        run_id=context.run_id,
        started_at=watch.started_at,
        outcome="passed",
        version_before=base,
        version_after=version,
        rows_read=export.rows,
        rows_written=export.rows,
        seconds=watch.seconds(),
    )
    context.results.write(result)
    return result


def export_columns() -> tuple[ExportColumn, ...]:
    """Columns of an export, in the order of its files."""
    fields = ANALYSIS.schema.fields
    return tuple(
        ExportColumn(
            name=field.name,
            type=field.dataType.simpleString(),
            nullable=field.nullable,
            comment=field.metadata["comment"],
            max_bytes=field.metadata.get("max_bytes", _DEFAULT_MAX_BYTES) if field.dataType == StringType() else 0,
        )
        for field in fields
    )


def _base(context: JobContext, table_id: str, version: int) -> int | None:
    """The version that the warehouse has of this table and that changes can start from."""
    loaded = context.loaded
    if loaded is None or context.full_refresh or loaded.table_id != table_id or loaded.version > version:
        return None
    return loaded.version


def _snapshot(context: JobContext, version: int) -> DataFrame:
    snapshot = context.lake.read_version(ANALYSIS, version)
    return snapshot.select(*ANALYSIS.schema.names, F.lit(UPSERT).alias("_op"))


def _net_changes(changes: DataFrame) -> DataFrame:
    """The last state of every changed key. In one commit an insert outranks the delete it replaces."""
    is_delete = F.col("_change_type") == "delete"
    newest = Window.partitionBy(KEY).orderBy(F.desc("_commit_version"), is_delete)
    images = changes.where("_change_type <> 'update_preimage'")
    last = images.withColumn("_rank", F.row_number().over(newest)).where("_rank = 1")
    return last.select(*ANALYSIS.schema.names, F.when(is_delete, DELETE).otherwise(UPSERT).alias("_op"))
