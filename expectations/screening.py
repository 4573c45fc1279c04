"""Expectations that every row of a batch meets, found in one pass over it.

Great Expectations takes several passes for each expectation, and most expectations are met by all rows nearly always.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.expectations.expectation import Expectation
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_COLUMN_SETTINGS = ("column", "column_A", "column_B")

Screened = dict[int, tuple[int, int]]
"""Of expectations that are met, by their place in the list: the rows of the batch, and those that they are about."""

_SETTINGS = {
    gxe.ExpectColumnValuesToNotBeNull: {"column", "mostly"},
    gxe.ExpectColumnValuesToBeInSet: {"column", "value_set", "mostly"},
    gxe.ExpectColumnValuesToBeBetween: {"column", "min_value", "max_value", "mostly"},
    gxe.ExpectColumnValuesToBeUnique: {"column", "mostly"},
    gxe.ExpectCompoundColumnsToBeUnique: {"column_list", "mostly"},
}
"""The settings of each type of expectation that are understood here; with others it is left to Great Expectations."""


def met_by_every_row(batch: DataFrame | pd.DataFrame, expectations: Sequence[Expectation]) -> Screened:
    """Return which of the expectations no row breaks, as far as one look at the batch can tell.

    What is not returned is broken by some row, or is of a kind that only Great Expectations can evaluate.
    """
    known = {place: e for place, e in enumerate(expectations) if _is_known(e, batch.columns)}
    if isinstance(batch, pd.DataFrame):
        answers = {place: _on_pandas(batch, e) for place, e in known.items()}
        return {place: (len(batch), about) for place, about in answers.items() if about is not None}
    try:
        return _on_spark(batch, known)
    except PySparkException:  # a column has not the type that an expectation compares it with
        return {}


def _is_known(expectation: Expectation, columns: Any) -> bool:
    settings = expectation.configuration.kwargs
    understood = _SETTINGS.get(type(expectation))
    return understood is not None and settings.keys() <= understood and set(columns_of(settings)) <= set(columns)


def columns_of(settings: Mapping[str, Any]) -> list[str]:
    """Return the columns that the settings of an expectation name."""
    single = (settings[name] for name in _COLUMN_SETTINGS if settings.get(name))
    return [*single, *(settings.get("column_list") or ())]


def _columns(expectation: Expectation) -> list[str]:
    return columns_of(expectation.configuration.kwargs)


def _on_pandas(batch: pd.DataFrame, expectation: Any) -> int | None:
    """The rows that the expectation is about, if all of them meet it."""
    if isinstance(expectation, gxe.ExpectColumnValuesToNotBeNull):
        return len(batch) if batch[expectation.column].notna().all() else None
    rows = batch[_columns(expectation)].dropna(how="all")
    try:
        return len(rows) if _is_met(rows, expectation) else None
    except TypeError:
        return None


def _is_met(rows: pd.DataFrame, expectation: Any) -> bool:
    if isinstance(expectation, gxe.ExpectColumnValuesToBeInSet):
        return bool(rows[expectation.column].isin(expectation.value_set).all())
    if isinstance(expectation, gxe.ExpectColumnValuesToBeBetween):
        values = rows[expectation.column]
        lowest, highest = expectation.min_value, expectation.max_value
        return bool((lowest is None or (values >= lowest).all()) and (highest is None or (values <= highest).all()))
    return not rows.duplicated().any()


def _on_spark(batch: DataFrame, known: dict[int, Any]) -> Screened:
    by_row = {place: e for place, e in known.items() if not _is_about_all_rows(e)}
    counts = [
        column
        for place, e in by_row.items()
        for column in (F.count_if(_breaks(e)).alias(f"broken_{place}"), F.count(_subject(e)).alias(f"about_{place}"))
    ]
    unique = {place: e for place, e in known.items() if _is_about_all_rows(e)}
    counts += [F.count_if(_has_value(e)).alias(f"about_{place}") for place, e in unique.items()]
    found = batch.agg(F.count(F.lit(1)).alias("rows"), *counts).collect()[0]
    met = [place for place in by_row if not found[f"broken_{place}"]]
    met += [place for place, e in unique.items() if not _has_duplicates(batch, e)]
    return {place: (found["rows"], found[f"about_{place}"]) for place in sorted(met)}


def _is_about_all_rows(expectation: Any) -> bool:
    return isinstance(expectation, gxe.ExpectColumnValuesToBeUnique | gxe.ExpectCompoundColumnsToBeUnique)


def _subject(expectation: Any) -> Column:
    is_about_nulls = isinstance(expectation, gxe.ExpectColumnValuesToNotBeNull)
    return F.lit(1) if is_about_nulls else F.col(f"`{expectation.column}`")


def _breaks(expectation: Any) -> Column:
    """Whether a row breaks the expectation; null where its value is."""
    value = F.col(f"`{expectation.column}`")
    if isinstance(expectation, gxe.ExpectColumnValuesToNotBeNull):
        return value.isNull()
    if isinstance(expectation, gxe.ExpectColumnValuesToBeInSet):
        return ~value.isin(list(expectation.value_set))
    lowest, highest = expectation.min_value, expectation.max_value
    is_low = value < lowest if lowest is not None else F.lit(False)
    return is_low | (value > highest if highest is not None else F.lit(False))


def _has_value(expectation: Any) -> Column:
    return F.coalesce(*(F.col(f"`{column}`").cast("string") for column in _columns(expectation))).isNotNull()


def _has_duplicates(batch: DataFrame, expectation: Any) -> bool:
    repeated = batch.where(_has_value(expectation)).groupBy(*_columns(expectation)).count().where("count > 1")
    return bool(repeated.head(1))
