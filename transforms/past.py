"""silver.customer_history to what was at a time, and what happened in between: by event time, as far as is known now."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY


def customers_at(history: DataFrame, end: datetime) -> DataFrame:
    """Return the rows of the customers who were there just before `end` (UTC)."""
    at = F.lit(end)
    is_valid = (F.col("valid_from") < at) & (F.col("valid_to").isNull() | (F.col("valid_to") >= at))
    return history.where("recorded_to IS NULL AND change NOT IN ('deleted', 'absent')").where(is_valid)


def churn_changes(history: DataFrame, start: datetime, end: datetime) -> DataFrame:
    """Return who left, or came back, from `start` until before `end` (UTC), with the customer's values from then on.

    A row per customer and kind: `is_lost` says which, the newest change counts. What a customer was when he was there last, and
    complete, is what counts before: deletions and absences are neither, nor has somebody left who had when he became known.
    """
    complete = history.where("recorded_to IS NULL AND is_complete")
    told = complete.selectExpr("*", f"lag(churn) OVER (PARTITION BY {KEY} ORDER BY valid_from) AS _was_churned")
    changed = told.where("churn <> _was_churned").where(
        (F.col("valid_from") >= F.lit(start)) & (F.col("valid_from") < F.lit(end))
    )
    values = F.struct("valid_from", "monthly_charges", "churn_reason")
    newest = changed.groupBy(KEY, F.col("churn").alias("is_lost")).agg(F.max(values).alias("v"))
    return newest.select(KEY, "is_lost", "v.monthly_charges", "v.churn_reason")


def segment_changes(before: DataFrame, after: DataFrame) -> DataFrame:
    """Return `from_segment`, `to_segment` and `monthly_charges` of the customers whose segment two analyses tell differently.

    A segment is null where the customer is not in that analysis.
    """
    sides = [
        analysis.select(KEY, F.col("risk_segment").alias(f"{side}_segment"), F.col("monthly_charges").alias(f"_{side}"))
        for side, analysis in (("from", before), ("to", after))
    ]
    joined = sides[0].join(sides[1], KEY, "full").where("NOT from_segment <=> to_segment")
    return joined.selectExpr("from_segment", "to_segment", "coalesce(_to, _from) AS monthly_charges")
