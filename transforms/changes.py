"""Reduce a change feed of several versions to its net effect."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contract.columns import KEY
from lake.exports import DELETE, OPERATION_COLUMN, UPSERT


def surviving_rows(changes: DataFrame) -> DataFrame:
    """Return the newest image of every key that still exists after `changes`, a change feed.

    Columns are those of the feed. A key whose last event is a delete is left out.
    """
    return _last_images(changes).where(~_is_delete())


def net_changes(changes: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Return `columns` of the last image of every changed key, and `_op`: U for an upsert, D for a delete."""
    operation = F.when(_is_delete(), DELETE).otherwise(UPSERT)
    return _last_images(changes).select(*columns, operation.alias(OPERATION_COLUMN))


def _is_delete() -> Column:
    return F.col("_change_type") == "delete"


def _last_images(changes: DataFrame) -> DataFrame:
    """One row per key. In one commit an insert outranks the delete that it replaces."""
    newest_first = Window.partitionBy(KEY).orderBy(F.desc("_commit_version"), _is_delete())
    images = changes.where("_change_type <> 'update_preimage'")
    return images.withColumn("_rank", F.row_number().over(newest_first)).where("_rank = 1").drop("_rank")
