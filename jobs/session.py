"""The Spark session of a job. Memory, jars and class path are set by the process that starts the job."""

from pyspark.sql import SparkSession

# Below this many bytes of input, compiling generated code costs more than it saves.
SMALL_INPUT_BYTES = 32 * 1024 * 1024

_ALWAYS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
}
_SMALL = {
    # What a job persists is read a few times and dropped; compressing little data saves nothing.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # VACUUM lists with as many tasks
}
_LARGE = {
    "spark.sql.inMemoryColumnarStorage.compressed": "true",
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "16",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",
}


def get_session() -> SparkSession:
    """Return the running session, or a new one, with the settings that every job needs."""
    session = SparkSession.builder.appName("churn-lakehouse").getOrCreate()
    _apply(session, _ALWAYS)
    return session


def tune(session: SparkSession, input_bytes: int) -> None:
    """Choose settings for small or large input; results are the same, only time differs."""
    _apply(session, _SMALL if input_bytes < SMALL_INPUT_BYTES else _LARGE)


def _apply(session: SparkSession, settings: dict[str, str]) -> None:
    for key, value in settings.items():
        session.conf.set(key, value)
