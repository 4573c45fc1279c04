"""The Spark session of a job. Memory, jars and class path are set by the process that starts the job."""

from datetime import UTC, datetime, timedelta
from typing import Any

from py4j.java_gateway import java_import
from pyspark.sql import DataFrame, SparkSession

# Below this many bytes of input, compiling generated code costs more than it saves.
SMALL_INPUT_BYTES = 32 * 1024 * 1024
# Of input, which is packed: in memory it takes about four times as much.
_PARTITION_BYTES = 32 * 1024 * 1024
_FEWEST_PARTITIONS = 16
# A record may have 8 MB, and Parquet and Spark count rows where memory is what counts: by default they let 100 to 10,000
# rows pass before they measure a page or a row group, and decode 4,096 rows at once.
_ROWS_AT_ONCE = 8

_ALWAYS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "parquet.page.size.row.check.min": str(_ROWS_AT_ONCE),
    "parquet.page.size.row.check.max": str(_ROWS_AT_ONCE),
    "spark.sql.parquet.columnarReaderBatchSize": str(_ROWS_AT_ONCE),
    "spark.sql.sources.bucketing.autoBucketedScan.enabled": "false",  # no table has buckets
}
_SMALL = {
    # What a job persists is read a few times and dropped; compressing little data saves nothing.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # Else Spark copies the whole session, its views and all, for every frame that is persisted.
    "spark.sql.adaptive.applyFinalStageShuffleOptimizations": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # VACUUM lists with as many tasks
}
_LARGE = {
    "spark.sql.inMemoryColumnarStorage.compressed": "true",
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    # Java never compiles a longer method: silver's rules in one took twice as long as in several.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.applyFinalStageShuffleOptimizations": "true",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",
}


def get_session() -> SparkSession:
    """Return the running session, or a new one, with the settings that every job needs."""
    session = SparkSession.builder.appName("churn-lakehouse").getOrCreate()
    # PySpark asks for this class by its short name with each call of a function: unless it is imported by its whole one,
    # Java looks for it in every package that PySpark imports.
    java_import(session._jvm, "org.apache.spark.sql.functions")
    _apply(session, _ALWAYS)
    return session


def tune(session: SparkSession, input_bytes: int) -> None:
    """Choose settings for small or large input; results are the same, only time differs."""
    if input_bytes < SMALL_INPUT_BYTES:
        _apply(session, _SMALL)
        return
    partitions = shuffle_partitions(input_bytes, session.sparkContext.defaultParallelism)
    snapshot = {"spark.databricks.delta.snapshotPartitions": str(max(2, partitions // 8))}
    _apply(session, _LARGE | snapshot | {"spark.sql.shuffle.partitions": str(partitions)})


def shuffle_partitions(input_bytes: int, cores: int) -> int:
    """Return the number of partitions of a shuffle: by the size of the input, and at least two for each core of the cluster.

    Adaptive execution merges what turns out small; it splits no partition of a grouping that is too large.
    """
    return max(_FEWEST_PARTITIONS, 2 * cores, -(-input_bytes // _PARTITION_BYTES))


def persisted(frame: DataFrame) -> DataFrame:
    """Return the persisted rows of `frame` as a relation of their own: what is built on them is planned without their past.

    Spark analyses and compares the whole plan of a frame at each step that is built on it, also where the rows are there.
    """
    session: Any = frame.sparkSession
    spark_sql = session._jvm.org.apache.spark.sql
    dataset = spark_sql.classic.Dataset if session.version >= "4" else spark_sql.Dataset
    relation = frame.persist()._jdf.queryExecution().withCachedData()
    return DataFrame(dataset.ofRows(session._jsparkSession, relation), session)


def from_micros(micros: int) -> datetime:
    """Return the time (UTC) of Spark's `unix_micros`; timestamps that are collected pass through this machine's time zone."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)


def _apply(session: SparkSession, settings: dict[str, str]) -> None:
    for key, value in settings.items():
        session.conf.set(key, value)
