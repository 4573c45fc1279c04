"""The tables of gold, and the warehouse's view of the churn analysis."""

from contract.churn import CHURN_SCORE_RULE, HIGH_RISK_SCORE, HIGH_VALUE_CLTV, TENURE_BAND_NAMES
from contract.columns import COLUMNS, KEY
from contract.metrics import CONDITIONS, MEASURES
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

BREAKDOWN = Schema(
    (
        required("dimension", "string", "Column that the customers are grouped by"),
        required("value", "string", "Value of that column; Unknown where it is missing"),
        *(required(name, _SUM if measure.column else "bigint", measure.meaning) for name, measure in MEASURES.items()),
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
        Field("value", "decimal(24,4)", "Value of the KPI"),
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
        required(
            "newly_at_risk",
            "boolean",
            "Entered a High-Risk segment, for the first time on that day: an alert is raised",
        ),
        *(ANALYSIS[name] for name in ("city", "contract", "payment_method", "churn_reason")),
        *(ANALYSIS[name] for name in ("customer_tenure_group", "monthly_charges", "cltv", "churn_score")),
        required("run_id", "string", "Run that saw the movement"),
        required("source_version", "bigint", "Version of gold.customer_churn_analysis that it was seen in"),
    )
)
