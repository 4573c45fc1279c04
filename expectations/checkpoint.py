"""Run a suite on a batch: on pandas for small batches, on Spark for large ones.

The same suite, two engines: a batch that fits this process is fetched, and pandas does in a
fraction of a second what takes Spark several jobs. What every row meets is found in one pass; Great Expectations
evaluates the rest, and with it what a report says of rows that fail.
"""

import os
from decimal import Decimal
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationSuite
from pyspark.sql import DataFrame

from expectations.screening import columns_of, met_by_every_row
from lake.results import Check

_EXAMPLES = 5
_TYPE_SAMPLE = 1000
_RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": _EXAMPLES}
_context: Any = None


def check_rows(batch: DataFrame | pd.DataFrame, suite: ExpectationSuite) -> tuple[Check, ...]:
    """Validate `batch` against `suite` and return a check per expectation; the engine follows from the type of `batch`.

    A Spark batch should be persisted: it is read several times. A missing
    column, or any other reason why an expectation cannot run, gives a broken check.
    """
    frame = _plain_numbers(batch) if isinstance(batch, pd.DataFrame) else batch
    met = met_by_every_row(frame, suite.expectations)
    others = [e for place, e in enumerate(suite.expectations) if place not in met]
    # Great Expectations does not keep their order.
    found = {_identity(result.expectation_config): _as_check(result) for result in _validate(frame, suite.name, others)}
    return tuple(
        _met(e, *met[place]) if place in met else found[_identity(e.configuration)]
        for place, e in enumerate(suite.expectations)
    )


def columns_used(suite: ExpectationSuite) -> list[str]:
    """Return the columns that a suite reads, so that no other is fetched."""
    return list(dict.fromkeys(column for e in suite.expectations for column in columns_of(e.configuration.kwargs)))


def _identity(config: Any) -> tuple[str, str]:
    return config.type, str(sorted((name, value) for name, value in config.kwargs.items() if name != "batch_id"))


def _validate(frame: DataFrame | pd.DataFrame, name: str, expectations: list[Any]) -> list[Any]:
    if not expectations:
        return []
    source = _source("pandas" if isinstance(frame, pd.DataFrame) else "spark")
    batch = source.get_batch(batch_parameters={"dataframe": frame})
    suite = ExpectationSuite(name=name, expectations=expectations)
    return list(batch.validate(suite, result_format=_RESULT_FORMAT).results)


def _source(engine: str) -> Any:
    """The batch definition of an engine in this process's one ephemeral context."""
    global _context
    if _context is None:
        _context = gx.get_context(mode="ephemeral")
        _context.variables.progress_bars = {"globally": False}
    try:
        return _context.data_sources.get(engine).get_asset("batch").get_batch_definition("whole")
    except KeyError:
        add = _context.data_sources.add_pandas if engine == "pandas" else _context.data_sources.add_spark
        return add(engine).add_dataframe_asset("batch").add_batch_definition_whole_dataframe("whole")


def _plain_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Decimals as floats: comparing a column of Decimal objects is slow."""
    decimals = (
        [c for c in frame if any(isinstance(v, Decimal) for v in frame[c].head(_TYPE_SAMPLE))] if len(frame) else []
    )
    return frame.astype(dict.fromkeys(decimals, "float64"))


def _met(expectation: Any, rows: int, about: int) -> Check:
    """The check of an expectation that all rows meet; no share can fail where it is `about` none of them."""
    outcome = {"unexpected_count": 0, "element_count": rows, "unexpected_percent": 0.0 if about else None}
    return _check(expectation.configuration, outcome, success=True)


def _as_check(result: Any) -> Check:
    problem = _exception(result.exception_info)
    return _check(result.expectation_config, result.result or {}, success=bool(result.success), problem=problem)


def _check(config: Any, outcome: dict[str, Any], *, success: bool, problem: str | None = None) -> Check:
    return Check(
        expectation=_title(config),
        subject=", ".join(columns_of(config.kwargs)) or "the batch",
        severity=str(getattr(config.severity, "value", config.severity)),  # type: ignore[arg-type]
        success=success and problem is None,
        broken=problem is not None,
        observed=problem or _observed(outcome),
        limit=_limit(config),
        failing_percent=outcome.get("unexpected_percent"),
        examples=tuple(dict.fromkeys(str(v) for v in outcome.get("partial_unexpected_list") or ()))[:_EXAMPLES],
    )


def _exception(info: dict[str, Any] | None) -> str | None:
    """The message of a crashed check; Great Expectations nests it one level for metrics."""
    candidates = [info or {}, *(v for v in (info or {}).values() if isinstance(v, dict))]
    raised = next((c for c in candidates if c.get("raised_exception")), None)
    return str(raised.get("exception_message") or "unknown error").splitlines()[0] if raised else None


def _title(config: Any) -> str:
    """The expectation's own description, else its type in words."""
    if config.description:
        return str(config.description)
    words: str = config.type.removeprefix("expect_").replace("_", " ")
    limit = _limit(config)
    return f"{words} ({limit})" if limit else words


def _limit(config: Any) -> str:
    settings = {
        k: config.kwargs[k]
        for k in ("min_value", "max_value", "value_set", "mostly")
        if config.kwargs.get(k) is not None
    }
    return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())


def _observed(outcome: dict[str, Any]) -> str:
    # Spark gives null for counts over no rows.
    if "unexpected_count" in outcome:
        return f"{outcome['unexpected_count'] or 0:,} of {outcome.get('element_count') or 0:,} rows"
    return f"observed {outcome.get('observed_value')}"
