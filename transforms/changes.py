"""Reduce a change feed of several versions to its net effect."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contract.columns import KEY
from lake.exports import DELETE, OPERATION_COLUMN, UPSERT


def last_images(changes: DataFrame, is_deleted: str) -> DataFrame:
    """Return the last image of every key in `changes`, a change feed, and whether that was a deletion, as column `is_deleted`."""
    return _last_images(changes).withColumn(is_deleted, _is_delete())


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
