"""Staged rows of raw files to the rows of bronze.<feed>."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract.feeds import Feed
from lake.raw.files import FileAccount


def bronze_rows(
    staged: DataFrame, feed: Feed, accounts: Sequence[FileAccount], batch_id: int, ingested_at: datetime
) -> DataFrame:
    """Return the rows of bronze.<feed> from those of `staged` (see `lake.raw.files`) whose file has no fault.

    A column that a file does not have is null. One that it has is blank where a record lacks it: that the record says
    nothing about it is not the same as that the file knows nothing about it.
    """
    faulty = [account.path for account in accounts if account.fault]
    rows = staged.where(~F.col("_source_file").isin(faulty)) if faulty else staged
    return rows.select(
        F.lit(batch_id).cast("long").alias("_batch_id"),
        "_source_file",
        "_source_checksum",
        F.lit(ingested_at).cast("timestamp").alias("_ingested_at"),
        F.col("_file_event_at").cast("timestamp").alias("_file_event_at"),
        "_parse_error",
        "_rescued_data",
        "_position",
        "_operation",
        "_sequence",
        *(_completed(column, accounts) for column in feed.columns),
    )


def _completed(column: str, accounts: Sequence[FileAccount]) -> Column:
    files = [account.path for account in accounts if column in account.sparse]
    if not files:
        return F.col(column)
    is_lacking = F.col(column).isNull() & F.col("_parse_error").isNull() & F.col("_source_file").isin(files)
    return F.when(is_lacking, "").otherwise(F.col(column)).alias(column)
