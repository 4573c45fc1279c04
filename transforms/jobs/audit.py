"""Audit of write-audit-publish: check a batch before any reader can see it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from expectations.checkpoint import check_rows, columns_of
from expectations.suites import figures_suite, rows_suite
from transforms.jobs.context import JobContext
from transforms.results import Check, JobResult
from transforms.runtime.session import SMALL_INPUT_BYTES
from transforms.tables import Table

_MIN_ROWS_FOR_NULL_RATES = 100


@dataclass(frozen=True)
class Audit:
    """Checks of one batch and the figures they looked at."""

    checks: tuple[Check, ...]
    rows: int
    metrics: dict[str, float]
    engine: str

    @property
    def passed(self) -> bool:
        """Whether the batch may be published: no critical check failed, none broke."""
        return not any(check.stops for check in self.checks)


def audit(
    context: JobContext,
    table: Table,
    batch: DataFrame,
    *,
    input_bytes: int,
    quarantined: int = 0,
    measured_where: Mapping[str, str] | None = None,
) -> Audit:
    """Run the table's suite and the batch suite on `batch`, which should be persisted.

    `measured_where` maps a column to the column that is set where its null rate counts.
    """
    suite = rows_suite(table.name, context.max_quarantined_share)
    is_small = input_bytes < SMALL_INPUT_BYTES
    watched = dict(measured_where or {})
    columns = list(dict.fromkeys([*columns_of(suite), *watched, *watched.values()]))
    frame = batch.select(*columns).toPandas() if is_small else batch
    rows, null_rates = _pandas_profile(frame, watched) if isinstance(frame, pd.DataFrame) else _profile(frame, watched)
    metrics = {f"null_rate.{column}": rate for column, rate in null_rates.items()}
    figures = _figures(context, table, rows, quarantined, metrics)
    on_figures = check_rows(figures, figures_suite(context.max_quarantined_share))
    checks = check_rows(frame, suite) + tuple(_with_figure(check, figures) for check in on_figures)
    return Audit(checks, rows, metrics | {"batch_rows": float(rows)}, "pandas" if is_small else "spark")


def _with_figure(check: Check, figures: pd.DataFrame) -> Check:
    """The figure itself says more than how many of one row failed."""
    if check.broken:
        return check
    figure = figures[check.subject].iloc[0]
    return replace(
        check, observed="no batch before to compare with" if math.isnan(figure) else f"{figure:.4g}", examples=()
    )


def _pandas_profile(frame: pd.DataFrame, watched: Mapping[str, str]) -> tuple[int, dict[str, float]]:
    rates = {c: float(frame.loc[frame[where].notna(), c].isna().mean()) for c, where in watched.items()}
    return len(frame), {column: rate for column, rate in rates.items() if not math.isnan(rate)}


def _profile(frame: DataFrame, watched: Mapping[str, str]) -> tuple[int, dict[str, float]]:
    rates = [
        F.avg(F.when(F.col(where).isNotNull(), F.col(column).isNull().cast("double"))).alias(column)
        for column, where in watched.items()
    ]
    found = frame.agg(F.count(F.lit(1)).alias("_rows"), *rates).first()
    assert found is not None
    measured = found.asDict()
    return int(measured.pop("_rows")), {column: rate for column, rate in measured.items() if rate is not None}


def _figures(
    context: JobContext, table: Table, rows: int, quarantined: int, metrics: Mapping[str, float]
) -> pd.DataFrame:
    """The one-row frame that `expectations.batch_figures` describes."""
    previous = _previous_increment(context, table)
    change = None
    if previous is not None and min(rows, previous.metrics.get("batch_rows", 0)) >= _MIN_ROWS_FOR_NULL_RATES:
        change = max(
            (abs(metrics[name] - previous.metrics[name]) for name in metrics if name in previous.metrics), default=None
        )
    before = previous.metrics.get("batch_rows") if previous else None
    figures = {
        "quarantined_share": quarantined / max(1, rows + quarantined),
        "row_count_ratio": rows / before if before else None,
        "null_rate_change": change,
    }
    return pd.DataFrame([figures]).astype("float64")


def _previous_increment(context: JobContext, table: Table) -> JobResult | None:
    """The published batch before this one; a first load is no measure for a daily one."""
    published = (r for r in context.results.history(table.name) if r.is_published and r.run_id != context.run_id)
    found = next(published, None)
    return found if found is not None and found.version_before is not None else None
