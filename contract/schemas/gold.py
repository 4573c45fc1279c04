"""The tables of gold, and the warehouse's view of the churn analysis."""

from typing import get_args

from contract.churn import (
    CHURN_SCORE_AT_START,
    CHURN_SCORE_RULE,
    HIGH_RISK_SCORE,
    HIGH_VALUE_CLTV,
    RISK_SEGMENTS,
    TENURE_BAND_NAMES,
)
from contract.columns import COLUMNS, KEY
from contract.metrics import AT_RISK, CONDITIONS, DIMENSIONS, MEASURES, METRICS, METRICS_BY_DIMENSION, Measure, Unit
from contract.schema import Field, Schema, required
from contract.schemas.silver import CUSTOMERS

_SUM = "decimal(20,2)"
_FLAG = (0, 1)

_CARRIED = tuple(CUSTOMERS[column.name] for column in COLUMNS if column.in_gold)

ANALYSIS = Schema(
    (
        CUSTOMERS[KEY],
        *_CARRIED,
        required(
            "churn_flag", "int", "1 where the customer has left, else 0", values=_FLAG, sensitivity="confidential"
        ),
        required(
            "cltv",
            "decimal(14,2)",
            "Lifetime value: monthly_charges x tenure_months, USD",
            unit="USD",
            bounds=(0, None),
            sensitivity="confidential",
        ),
        required(
            "customer_tenure_group",
            "string",
            f"{', '.join(TENURE_BAND_NAMES[:-1])} or {TENURE_BAND_NAMES[-1]} months with the operator",
            values=TENURE_BAND_NAMES,
            sensitivity="confidential",
        ),
        required(
            "churn_score",
            "decimal(8,1)",
            f"{CHURN_SCORE_RULE} of a customer who left, else 0; may be negative",
            bounds=(None, CHURN_SCORE_AT_START),
            sensitivity="confidential",
        ),
        required(
            "risk_segment",
            "string",
            f"High-Value where cltv > {HIGH_VALUE_CLTV}, High-Risk where churn_score > {HIGH_RISK_SCORE}",
            values=RISK_SEGMENTS,
            sensitivity="confidential",
        ),
    )
)
# The analysis as the warehouse shows it, with one boolean column per KPI condition.
ANALYSIS_VIEW = Schema(
    (*ANALYSIS, *(required(condition.column, "boolean", condition.text()) for condition in CONDITIONS))
)


def _measured(measure: Measure) -> Field:
    kind, unit = (_SUM, ANALYSIS[measure.column].unit) if measure.column else ("bigint", "customers")
    if measure.known is None:
        return required(measure.name, kind, measure.meaning, unit=unit, bounds=(0, None))
    comment = f"{measure.meaning}; null where {measure.known.name} is 0"
    return Field(measure.name, kind, comment, unit=unit, bounds=(0, None))


BREAKDOWN = Schema(
    (
        required(
            "dimension", "string", "Column that the customers are grouped by", values=tuple(DIMENSIONS), may_grow=True
        ),
        required("value", "string", "Value of that column; Unknown where it is missing"),
        *(_measured(measure) for measure in MEASURES.values()),
        required("churn_rate", "decimal(7,4)", "churned / customers, in percent", unit="percent", bounds=(0, 100)),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis that changed the row last"),
    )
)

_KPI_NAMES = (
    *METRICS,
    *(
        f"{name}:{value}"
        for name, metric in METRICS_BY_DIMENSION.items()
        for value in ANALYSIS[metric.dimension].values
    ),
)

KPIS = Schema(
    (
        required("run_id", "string", "Run that computed the value"),
        required("computed_at", "timestamp", "Start of that run, UTC"),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis it describes"),
        required("kpi", "string", "Name of the KPI, defined in docs/metrics.md", values=_KPI_NAMES, may_grow=True),
        Field("value", "decimal(24,4)", "Value of the KPI; null where it is unknown", bounds=(0, None)),
        required("unit", "string", "customers, percent or USD", values=get_args(Unit)),
    )
)


def _moved(name: str, kind: str, comment: str, values: tuple[str | int, ...] = ()) -> Field:
    return Field(name, kind, comment, values=values, sensitivity="confidential")


MOVEMENTS = Schema(
    (
        CUSTOMERS[KEY],
        required("moved_on", "date", "Day of the run that saw the movement, UTC"),
        _moved("from_segment", "string", "risk_segment before; null for a new customer", RISK_SEGMENTS),
        _moved("to_segment", "string", "risk_segment after; null for a customer who is gone from gold", RISK_SEGMENTS),
        _moved("was_churned", "int", "churn_flag before; null for a new customer", _FLAG),
        _moved("is_churned", "int", "churn_flag after; null for a customer who is gone from gold", _FLAG),
        _moved("was_at_risk", "boolean", f"{AT_RISK.text()} before; null for a new customer, and without a score"),
        _moved(
            "is_at_risk", "boolean", f"{AT_RISK.text()} after; null for a customer who is gone, and without a score"
        ),
        required(
            "newly_at_risk",
            "boolean",
            "At risk now and not known to be before, for the first time on that day: an alert is raised. In rows of "
            "release 0.1.0, which have no is_at_risk: entered a High-Risk segment",
            sensitivity="confidential",
        ),
        *(ANALYSIS[name] for name in ("city", "contract", "payment_method", "churn_reason")),
        *(ANALYSIS[name] for name in ("customer_tenure_group", "monthly_charges", "cltv", "churn_score")),
        *(ANALYSIS[name] for name in ("source_churn_score", "source_cltv")),
        required("run_id", "string", "Run that saw the movement"),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis that it was seen in"),
    )
)
