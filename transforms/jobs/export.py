"""gold.customer_churn_analysis to plain Parquet and a manifest, for the warehouse to COPY."""

import shutil

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from transforms.exports import Export, ExportColumn, Exports
from transforms.feeds import KEY
from transforms.jobs.context import JobContext
from transforms.jobs.publish import Stopwatch
from transforms.results import JobResult
from transforms.runtime.session import SMALL_INPUT_BYTES, tune
from transforms.tables import TABLES

ANALYSIS = TABLES["gold.customer_churn_analysis"]
UPSERT, DELETE = "U", "D"
_DEFAULT_MAX_BYTES = 256


def run(context: JobContext) -> list[JobResult]:
    """Write the rows that the warehouse lacks: changes since `loaded_version`, else all rows.

    Delta's own files are no export: some are removed, some hold change records.
    """
    watch = Stopwatch()
    version = context.lake.version(ANALYSIS)
    if version is None or version == context.loaded_version:
        note = "gold has no customer yet" if version is None else "the warehouse has the newest version"
        return [context.unchanged("export", note, version=version)]
    exports = Exports(context.lake.root)
    rows, is_full = _rows(context, version)
    size = context.lake.bytes(ANALYSIS)
    tune(context.lake.session, size)
    folder = exports.folder(version)
    shutil.rmtree(folder, ignore_errors=True)
    rows.coalesce(1 if size < SMALL_INPUT_BYTES else 4).write.parquet(str(folder / "data"))
    export = Export(
        version=version,
        is_full=is_full,
        base_version=None if is_full else context.loaded_version,
        rows=rows.sparkSession.read.parquet(str(folder / "data")).count(),
        table_rows=context.lake.read_version(ANALYSIS, version).count(),
        columns=_columns(),
        run_id=context.run_id,
    )
    exports.write(export)
    result = JobResult(
        table="export",
        run_id=context.run_id,
        started_at=watch.started_at,
        outcome="passed",
        version_before=context.loaded_version,
        version_after=version,
        rows_read=export.rows,
        rows_written=export.rows,
        seconds=watch.seconds(),
    )
    context.results.write(result)
    return [result]


def _columns() -> tuple[ExportColumn, ...]:
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


def _rows(context: JobContext, version: int) -> tuple[DataFrame, bool]:
    """Analysis columns and `_op`, and whether this is the whole table."""
    since = context.loaded_version
    if since is not None and since < version and not context.full_refresh:
        changes = context.lake.read_changes(ANALYSIS, since, version)
        if changes is not None:
            return _net_changes(changes), False
    snapshot = context.lake.read_version(ANALYSIS, version)
    return snapshot.select(*ANALYSIS.schema.names, F.lit(UPSERT).alias("_op")), True


def _net_changes(changes: DataFrame) -> DataFrame:
    """The last state of every changed key. In one commit an insert outranks the delete it replaces."""
    is_delete = F.col("_change_type") == "delete"
    newest = Window.partitionBy(KEY).orderBy(F.desc("_commit_version"), is_delete)
    images = changes.where("_change_type <> 'update_preimage'")
    last = images.withColumn("_rank", F.row_number().over(newest)).where("_rank = 1")
    return last.select(*ANALYSIS.schema.names, F.when(is_delete, DELETE).otherwise(UPSERT).alias("_op"))
