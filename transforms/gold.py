"""silver.customers to the churn analysis, its breakdown and its KPIs."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract.churn import ANALYSIS_SQL, RISK_SEGMENT_SQL
from contract.columns import KEY
from contract.metrics import AT_RISK, DIMENSIONS, MEASURES, METRICS, METRICS_BY_DIMENSION, UNKNOWN, Metric
from contract.schemas import gold

IS_GONE = "_is_gone"
"""Column that the analysis does not have: the customer is deleted, or no longer complete."""

# City has many values and is summed on its own.
_COARSE = tuple(name for name in DIMENSIONS if name != "city")


def churn_analysis(customers: DataFrame) -> DataFrame:
    """Return the rows of gold.customer_churn_analysis for the complete rows of silver.customers.

    A column `IS_GONE` of `customers` is kept, and so are incomplete rows then: they say whom gold loses.
    """
    if IS_GONE not in customers.columns:
        return _analysed(customers.where("is_complete"))
    gone = F.col(IS_GONE) | ~F.col("is_complete")
    return _analysed(customers.withColumn(IS_GONE, gone), IS_GONE)


def _analysed(customers: DataFrame, *kept: str) -> DataFrame:
    computed = customers.withColumns({name: F.expr(sql) for name, sql in ANALYSIS_SQL.items()})
    return computed.withColumn("risk_segment", F.expr(RISK_SEGMENT_SQL)).select(*gold.ANALYSIS.names, *kept)


def has_changed() -> str:
    """Return SQL over `t` and `s`: some column of the analysis differs."""
    return " OR ".join(f"NOT (t.`{c}` <=> s.`{c}`)" for c in gold.ANALYSIS.names if c != KEY)


def breakdown_changes(changes: DataFrame) -> DataFrame:
    """Return what a change feed of the analysis adds to every measure: `dimension`, `value`, measures.

    After-images count +1, before-images -1; over several versions the ones in between cancel out.
    """
    sign = F.when(F.col("_change_type").isin("insert", "update_postimage"), 1).otherwise(-1)
    measured = changes.select(
        *(F.coalesce(F.col(c), F.lit(UNKNOWN)).alias(c) for c in DIMENSIONS if c != "churn_reason"),
        F.when(F.col("churn_flag") == 1, F.coalesce("churn_reason", F.lit(UNKNOWN))).alias("churn_reason"),
        *((sign * F.expr(measure.row_expression)).alias(name) for name, measure in MEASURES.items()),
    )
    # The coarse dimensions have few combinations: sum per combination first, then unfold the sums.
    coarse = _unfold(measured.groupBy(*_COARSE).agg(*_sums()), _COARSE)
    return coarse.unionByName(_unfold(measured.groupBy("city").agg(*_sums()), ("city",)))


def _sums() -> list[Column]:
    return [F.sum(name).cast(gold.BREAKDOWN[name].type).alias(name) for name in MEASURES]


def _unfold(summed: DataFrame, dimensions: Sequence[str]) -> DataFrame:
    pairs = F.array(*(F.struct(F.lit(d).alias("dimension"), F.col(d).alias("value")) for d in dimensions))
    unfolded = summed.select(F.explode(pairs).alias("pair"), *MEASURES)
    values = unfolded.where("pair.value IS NOT NULL")
    return values.groupBy("pair.dimension", "pair.value").agg(*_sums())


def breakdown(current: DataFrame, changes: DataFrame, source_version: int) -> DataFrame:
    """Return the rows of gold.churn_breakdown: `current` plus what `changes` add; empty groups are dropped."""
    measures = ("dimension", "value", *MEASURES)
    marked = [
        current.select(*measures, F.col("source_version")),
        changes.select(*measures, F.lit(source_version).cast("long").alias("source_version")),
    ]
    totals = reduce(DataFrame.unionByName, marked).groupBy("dimension", "value")
    rate = F.lit(100) * F.col("churned") / F.col("customers")
    known = {m.name: F.when(F.col(m.known.name) > 0, F.col(m.name)) for m in MEASURES.values() if m.known}
    return (
        totals.agg(*_sums(), F.max("source_version").alias("source_version"))
        .where("customers > 0")
        .withColumns(known)
        .withColumn("churn_rate", rate.cast(gold.BREAKDOWN["churn_rate"].type))
        .select(*gold.BREAKDOWN.names)
    )


def kpis(breakdown_rows: DataFrame, run_id: str, computed_at: datetime, source_version: int) -> DataFrame:
    """Return the rows of gold.churn_kpis, all derived from the breakdown."""
    # Every customer is in exactly one risk segment, so the sum over segments is the total.
    segments = F.col("dimension") == "risk_segment"
    whole = [F.sum(F.when(segments, F.col(name))).alias(name) for name in MEASURES]
    grouped = F.array_compact(F.array(*_grouped_kpis()))
    total = breakdown_rows.agg(*whole).select(F.explode(F.array(*_total_kpis())).alias("k"))
    rows = total.unionByName(breakdown_rows.select(F.explode(grouped).alias("k"))).select("k.*")
    return rows.select(
        F.lit(run_id).alias("run_id"),
        F.lit(computed_at).cast("timestamp").alias("computed_at"),
        F.lit(source_version).cast("long").alias("source_version"),
        "kpi",
        "value",
        "unit",
    )


def movements(changes: DataFrame, alerted: DataFrame, run_id: str, moved_on: date, source_version: int) -> DataFrame:
    """Return the rows of gold.customer_movements: customers whose segment, churn or risk differs before and after `changes`.

    `changes` is a change feed of the analysis; what happens in between is left out. `contract.metrics.AT_RISK` says who
    is at risk; a customer without a score is not known to be. `alerted`
    holds the customers (column customer_id) that have had an alert on `moved_on`.
    """
    kept = [name for name in gold.MOVEMENTS.names if name in gold.ANALYSIS.names and name != KEY]
    image = F.struct("_change_type", "risk_segment", "churn_flag", F.expr(AT_RISK.text()).alias("at_risk"), *kept)
    # In one commit the image before comes before the image after.
    is_after = F.col("_change_type").isin("insert", "update_postimage").cast("int")
    order = F.col("_commit_version") * 2 + is_after
    ends = changes.groupBy(KEY).agg(F.min_by(image, order).alias("first"), F.max_by(image, order).alias("last"))
    had_before = F.col("first._change_type").isin("delete", "update_preimage")
    has_after = F.col("last._change_type").isin("insert", "update_postimage")
    was_at_risk, is_at_risk = (F.coalesce(F.col(name), F.lit(False)) for name in ("was_at_risk", "is_at_risk"))
    stayed = F.expr("from_segment <=> to_segment AND was_churned <=> is_churned") & (was_at_risk == is_at_risk)
    moved = ends.select(
        KEY,
        F.when(had_before, F.col("first.risk_segment")).alias("from_segment"),
        F.when(has_after, F.col("last.risk_segment")).alias("to_segment"),
        F.when(had_before, F.col("first.churn_flag")).alias("was_churned"),
        F.when(has_after, F.col("last.churn_flag")).alias("is_churned"),
        F.when(had_before, F.col("first.at_risk")).alias("was_at_risk"),
        F.when(has_after, F.col("last.at_risk")).alias("is_at_risk"),
        *(F.col(f"last.{name}").alias(name) for name in kept),
    ).where(~stayed)
    known = alerted.select(KEY, F.lit(True).alias("_alerted"))
    return (
        moved.join(known, KEY, "left")
        .withColumns(
            {
                "newly_at_risk": is_at_risk & ~was_at_risk & F.col("_alerted").isNull(),
                "moved_on": F.lit(moved_on),
                "run_id": F.lit(run_id),
                "source_version": F.lit(source_version).cast("long"),
            }
        )
        .select(*gold.MOVEMENTS.names)
    )


def _value(metric: Metric) -> Column:
    """A KPI over a row of measures; null where it is unknown, or a ratio has nothing to divide by."""
    part = F.col(metric.numerator)
    if not metric.denominator:
        return part
    whole = F.col(metric.denominator)
    return F.when(whole > 0, F.lit(metric.factor) * part / whole)


def _kpi(name: Column, metric: Metric) -> Column:
    number = _value(metric).cast(gold.KPIS["value"].type)
    return F.struct(name.alias("kpi"), number.alias("value"), F.lit(metric.unit).alias("unit"))


def _total_kpis() -> list[Column]:
    return [_kpi(F.lit(name), metric) for name, metric in METRICS.items()]


def _grouped_kpis() -> list[Column]:
    """KPIs with one row per value of a dimension; null for rows of other dimensions."""
    return [
        F.when(F.col("dimension") == metric.dimension, _kpi(F.concat(F.lit(f"{name}:"), F.col("value")), metric))
        for name, metric in METRICS_BY_DIMENSION.items()
    ]
