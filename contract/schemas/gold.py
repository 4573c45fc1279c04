"""The tables of gold, and the warehouse's view of the churn analysis."""

from contract.churn import CHURN_SCORE_RULE, HIGH_RISK_SCORE, HIGH_VALUE_CLTV, TENURE_BAND_NAMES
from contract.columns import COLUMNS, KEY
from contract.metrics import AT_RISK, CONDITIONS, MEASURES, Measure
from contract.schema import Field, Schema, required
from contract.schemas.silver import CUSTOMERS

_SUM = "decimal(20,2)"

_CARRIED = tuple(CUSTOMERS[column.name] for column in COLUMNS if column.in_gold)

ANALYSIS = Schema(
    (
        required(KEY, "string", "Customer number of the operator"),
        *_CARRIED,
        required("churn_flag", "int", "1 where the customer has left, else 0"),
        required("cltv", "decimal(14,2)", "Lifetime value: monthly_charges x tenure_months, USD"),
        required(
            "customer_tenure_group",
            "string",
            f"{', '.join(TENURE_BAND_NAMES[:-1])} or {TENURE_BAND_NAMES[-1]} months with the operator",
        ),
        required(
            "churn_score",
            "decimal(8,1)",
            f"{CHURN_SCORE_RULE} of a customer who left, else 0; may be negative",
        ),
        required(
            "risk_segment",
            "string",
            f"High-Value where cltv > {HIGH_VALUE_CLTV}, High-Risk where churn_score > {HIGH_RISK_SCORE}",
        ),
    )
)
# The analysis as the warehouse shows it, with one boolean column per KPI condition.
ANALYSIS_VIEW = Schema(
    (*ANALYSIS, *(required(condition.column, "boolean", condition.text()) for condition in CONDITIONS))
)


def _measured(measure: Measure) -> Field:
    kind = _SUM if measure.column else "bigint"
    if measure.known is None:
        return required(measure.name, kind, measure.meaning)
    return Field(measure.name, kind, f"{measure.meaning}; null where {measure.known.name} is 0")


BREAKDOWN = Schema(
    (
        required("dimension", "string", "Column that the customers are grouped by"),
        required("value", "string", "Value of that column; Unknown where it is missing"),
        *(_measured(measure) for measure in MEASURES.values()),
        required("churn_rate", "decimal(7,4)", "churned / customers, in percent"),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis that changed the row last"),
    )
)

KPIS = Schema(
    (
        required("run_id", "string", "Run that computed the value"),
        required("computed_at", "timestamp", "Start of that run, UTC"),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis it describes"),
        required("kpi", "string", "Name of the KPI, defined in docs/metrics.md"),
        Field("value", "decimal(24,4)", "Value of the KPI; null where it is unknown"),
        required("unit", "string", "customers, percent or USD"),
    )
)

MOVEMENTS = Schema(
    (
        required(KEY, "string", "Customer number of the operator"),
        required("moved_on", "date", "Day of the run that saw the movement, UTC"),
        Field("from_segment", "string", "risk_segment before; null for a new customer"),
        Field("to_segment", "string", "risk_segment after; null for a customer who is gone from gold"),
        Field("was_churned", "int", "churn_flag before; null for a new customer"),
        Field("is_churned", "int", "churn_flag after; null for a customer who is gone from gold"),
        Field("was_at_risk", "boolean", f"{AT_RISK.text()} before; null for a new customer, and without a score"),
        Field("is_at_risk", "boolean", f"{AT_RISK.text()} after; null for a customer who is gone, and without a score"),
        required(
            "newly_at_risk",
            "boolean",
            "At risk now and not known to be before, for the first time on that day: an alert is raised. In rows of "
            "release 0.1.0, which have no is_at_risk: entered a High-Risk segment",
        ),
        *(ANALYSIS[name] for name in ("city", "contract", "payment_method", "churn_reason")),
        *(ANALYSIS[name] for name in ("customer_tenure_group", "monthly_charges", "cltv", "churn_score")),
        *(ANALYSIS[name] for name in ("source_churn_score", "source_cltv")),
        required("run_id", "string", "Run that saw the movement"),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis that it was seen in"),
    )
)
