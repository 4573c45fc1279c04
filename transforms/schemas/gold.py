"""gold.customer_churn_analysis, gold.churn_kpis and gold.churn_breakdown."""

from pyspark.sql.types import (
    BooleanType,
    DateType,
    DecimalType,
    IntegerType,
    LongType,
    StringType,
    StructType,
    TimestampType,
)

from transforms.feeds import GROUPS, KEY
from transforms.metrics import CONDITIONS, MEASURES
from transforms.schemas.fields import field
from transforms.schemas.silver import CUSTOMERS as SILVER_CUSTOMERS

CLTV = DecimalType(14, 2)
SUM = DecimalType(20, 2)
SCORE = DecimalType(8, 1)


_CARRIED = [column for group in GROUPS for column in group.columns]

ANALYSIS = StructType(
    [
        field(KEY, StringType(), "Customer number of the operator", nullable=False),
        *(SILVER_CUSTOMERS[column] for column in _CARRIED),
        field("churn_flag", IntegerType(), "1 where the customer has left, else 0", nullable=False),
        field("cltv", CLTV, "Lifetime value: monthly_charges x tenure_months, USD", nullable=False),
        field("customer_tenure_group", StringType(), "0-12, 13-24 or 25+ months with the operator", nullable=False),
        field(
            "churn_score",
            SCORE,
            "100 - 1.5 x tenure_months of a customer who left, else 0; may be negative",
            nullable=False,
        ),
        field(
            "risk_segment",
            StringType(),
            "High-Value where cltv > 2000, High-Risk where churn_score > 60",
            nullable=False,
        ),
    ]
)
# The analysis as the warehouse shows it, and who counts for what.
ANALYSIS_VIEW = StructType(
    [*ANALYSIS, *(field(condition.column, BooleanType(), condition.text(), nullable=False) for condition in CONDITIONS)]
)

_MEASURES = [
    field(name, SUM if measure.column else LongType(), measure.meaning, nullable=False)
    for name, measure in MEASURES.items()
]

BREAKDOWN = StructType(
    [
        field("dimension", StringType(), "Column that the customers are grouped by", nullable=False),
        field("value", StringType(), "Value of that column; Unknown where it is missing", nullable=False),
        *_MEASURES,
        field("churn_rate", DecimalType(7, 4), "churned / customers, in percent", nullable=False),
        field(
            "source_version",
            LongType(),
            "Version of gold.customer_churn_analysis that changed the row last",
            nullable=False,
        ),
    ]
)

KPIS = StructType(
    [
        field("run_id", StringType(), "Run that computed the value", nullable=False),
        field("computed_at", TimestampType(), "Start of that run, UTC", nullable=False),
        field("source_version", LongType(), "Version of gold.customer_churn_analysis it describes", nullable=False),
        field("kpi", StringType(), "Name of the KPI, defined in docs/metrics.md", nullable=False),
        field("value", DecimalType(24, 4), "Value of the KPI"),
        field("unit", StringType(), "customers, percent or USD", nullable=False),
    ]
)

MOVEMENTS = StructType(
    [
        field(KEY, StringType(), "Customer number of the operator", nullable=False),
        field("moved_on", DateType(), "Day of the run that saw the movement, UTC", nullable=False),
        field("from_segment", StringType(), "risk_segment before; null for a new customer"),
        field("to_segment", StringType(), "risk_segment after; null for a customer who is gone from gold"),
        field("was_churned", IntegerType(), "churn_flag before; null for a new customer"),
        field("is_churned", IntegerType(), "churn_flag after; null for a customer who is gone from gold"),
        field(
            "newly_at_risk",
            BooleanType(),
            "Entered a High-Risk segment, for the first time on that day: an alert is raised",
            nullable=False,
        ),
        *(ANALYSIS[name] for name in ("city", "contract", "payment_method", "churn_reason")),
        *(ANALYSIS[name] for name in ("customer_tenure_group", "monthly_charges", "cltv", "churn_score")),
        field("run_id", StringType(), "Run that saw the movement", nullable=False),
        field(
            "source_version", LongType(), "Version of gold.customer_churn_analysis that it was seen in", nullable=False
        ),
    ]
)
