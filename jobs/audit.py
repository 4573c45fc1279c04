"""Audit of write-audit-publish: check a batch before any reader can see it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.tables import Table
from expectations.checkpoint import check_rows, columns_used
from expectations.suites import rows_suite, statistics_suite
from jobs.context import JobContext
from jobs.session import SMALL_INPUT_BYTES
from lake.results import BatchStatistics, Check, JobResult

_MIN_ROWS_FOR_NULL_RATES = 100


@dataclass(frozen=True)
class Audit:
    """Checks of one batch and what was measured on it."""

    checks: tuple[Check, ...]
    rows: int
    statistics: BatchStatistics
    engine: str

    @property
    def passed(self) -> bool:
        """Return whether the batch may be published: no critical check failed, none broke."""
        return not any(check.stops for check in self.checks)


def audit(
    context: JobContext,
    table: Table,
    batch: DataFrame,
    *,
    input_bytes: int,
    held_files: int = 0,
    null_rate_columns: Mapping[str, str] | None = None,
) -> Audit:
    """Run the table's suite and the statistics suite on `batch`, which should be persisted; return the checks.

    `null_rate_columns` maps a column to the column that is set where its null rate counts.
    """
    suite = rows_suite(table.name)
    is_small = input_bytes < SMALL_INPUT_BYTES
    measured = dict(null_rate_columns or {})
    columns = list(dict.fromkeys([*columns_used(suite), *measured, *measured.values()]))
    narrow = batch.select(*columns)
    frame = narrow.toPandas() if is_small else narrow
    rows, null_rates = (
        _pandas_profile(frame, measured) if isinstance(frame, pd.DataFrame) else _spark_profile(frame, measured)
    )
    statistics = BatchStatistics(rows=rows, null_rates=null_rates, is_whole=context.full_refresh)
    compared = _compared(context, table, statistics, held_files)
    on_statistics = check_rows(compared, statistics_suite())
    checks = check_rows(frame, suite) + tuple(_with_value(check, compared) for check in on_statistics)
    return Audit(checks, rows, statistics, "pandas" if is_small else "spark")


def _with_value(check: Check, compared: pd.DataFrame) -> Check:
    """Show the value itself: the number of failed rows says nothing about one row."""
    if check.broken:
        return check
    value = compared[check.subject].iloc[0]
    observed = "no previous batch to compare with" if math.isnan(value) else f"{value:.4g}"
    return replace(check, observed=observed, examples=())


def _pandas_profile(frame: pd.DataFrame, measured: Mapping[str, str]) -> tuple[int, dict[str, float]]:
    rates = {c: float(frame.loc[frame[where].notna(), c].isna().mean()) for c, where in measured.items()}
    return len(frame), {column: rate for column, rate in rates.items() if not math.isnan(rate)}


def _spark_profile(frame: DataFrame, measured: Mapping[str, str]) -> tuple[int, dict[str, float]]:
    rates = [
        F.avg(F.when(F.col(where).isNotNull(), F.col(column).isNull().cast("double"))).alias(column)
        for column, where in measured.items()
    ]
    found = frame.agg(F.count(F.lit(1)).alias("_rows"), *rates).first()
    assert found is not None
    values = found.asDict()
    rows = int(values.pop("_rows"))
    return rows, {column: rate for column, rate in values.items() if rate is not None}


def _compared(context: JobContext, table: Table, statistics: BatchStatistics, held_files: int) -> pd.DataFrame:
    """The one-row frame that `expectations.batch_statistics` describes."""
    previous = None if statistics.is_whole else _previous_increment(context, table)
    before = previous.statistics if previous else BatchStatistics()
    rows = statistics.rows or 0
    change = None
    if min(rows, before.rows or 0) >= _MIN_ROWS_FOR_NULL_RATES:
        common = statistics.null_rates.keys() & before.null_rates.keys()
        change = max((abs(statistics.null_rates[c] - before.null_rates[c]) for c in common), default=None)
    values = {
        "held_files": held_files,
        "row_count_ratio": rows / before.rows if before.rows else None,
        "null_rate_change": change,
    }
    return pd.DataFrame([values]).astype("float64")


def _previous_increment(context: JobContext, table: Table) -> JobResult | None:
    """The previous published batch that was an increment: a daily batch is not compared with a full one."""
    published = (r for r in context.results.history(table.name) if r.is_published and r.run_id != context.run_id)
    return next((r for r in published if r.version_before is not None and not r.statistics.is_whole), None)
