"""Deliveries of raw files, measured on conformed rows (see `transforms.silver.conform`)."""

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.feeds import Feed
from lake.deliveries import SHOWN

_DELIVERY = ("_batch_id", "_source_file")


def measure(typed: DataFrame, feed: Feed) -> DataFrame:
    """Return a row per delivery: `_batch_id`, `_source_file`, `feed`, `rows`, and how many of them are `quarantined`."""
    is_quarantined = (F.size("_violations") > 0).cast("int")
    return typed.groupBy(*_DELIVERY).agg(
        F.lit(feed.name).alias("feed"), F.count(F.lit(1)).alias("rows"), F.sum(is_quarantined).alias("quarantined")
    )


def reasons(typed: DataFrame) -> DataFrame:
    """Return a row per delivery and broken rule: `rule` without what was received, `rows` that break it, `most_frequent`.

    `most_frequent` is a struct of the value that most customers of these rows have and how many `customers` those are; null
    where a rule shows none.
    """
    violation = typed.where(F.size("_violations") > 0).select(
        *_DELIVERY, KEY, F.explode("_violations").alias("_violation")
    )
    counted = (
        violation.select(
            *_DELIVERY,
            KEY,
            F.regexp_replace("_violation", SHOWN, "$1 $3").alias("rule"),
            F.nullif(F.regexp_extract("_violation", SHOWN, 2), F.lit("")).alias("value"),
        )
        .groupBy(*_DELIVERY, "rule", "value")
        .agg(F.count(F.lit(1)).alias("rows"), F.count_distinct(KEY).alias("customers"))
    )
    shown = F.when(F.col("value").isNotNull(), F.struct("customers", "value"))
    return counted.groupBy(*_DELIVERY, "rule").agg(F.sum("rows").alias("rows"), F.max(shown).alias("most_frequent"))


def without(rows: DataFrame, deliveries: Collection[tuple[int, str]]) -> DataFrame:
    """Return the rows that none of the deliveries (batch, file) has brought."""
    if not deliveries:
        return rows
    keys = [f"{batch}/{file}" for batch, file in deliveries]
    return rows.where(~F.concat_ws("/", *_DELIVERY).isin(keys))
