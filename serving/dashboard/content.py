"""The charts and filters of the browser dashboard and the Tableau workbook; their KPIs are those of contract.metrics."""

from dataclasses import dataclass
from typing import Literal

from contract.churn import HIGH_SOURCE_SCORE
from contract.columns import KEY
from contract.metrics import DIMENSIONS

CustomerIds = Literal["shown", "hashed", "none"]
TITLE = "Telecom churn"
FILTERS = tuple(DIMENSIONS[name] for name in ("churn_reason", "city", "gender", "payment_method", "contract"))
SEARCHED = ("churn_reason", "city")


@dataclass(frozen=True)
class Visual:
    """A chart and the question that it answers.

    `metrics` are names in contract.metrics, the first is what is drawn. `by` is a dimension, or the column
    along x of a chart of customers, which has the column `against` along y and is coloured by `split`.
    """

    name: str
    title: str
    question: str
    metrics: tuple[str, ...]
    by: str
    against: str = ""
    split: str = ""


FUNNEL = Visual(
    "retention_funnel",
    "Retention funnel",
    "What share of customers leaves, by months as a customer?",
    ("churn_rate", "churned_customers", "customers"),
    by="customer_tenure_group",
)
MATRIX = Visual(
    "risk_matrix",
    "Risk segmentation matrix",
    "How are customers distributed over lifetime value and churn score?",
    ("customers",),
    by="churn_score",
    against="cltv",
    split="risk_segment",
)
CHARGES = Visual(
    "tenure_and_charges",
    "Tenure against monthly charges",
    "What do customers pay, by months as a customer and gender?",
    ("customers",),
    by="tenure_months",
    against="monthly_charges",
    split="gender",
)
PAYMENT = Visual(
    "revenue_by_payment",
    "Monthly revenue by payment method",
    "How much of each payment method's revenue is lost?",
    ("monthly_revenue_lost", "monthly_revenue_retained"),
    by="payment_method",
)
REASONS = Visual(
    "reasons",
    "Why customers left",
    "Which reasons did they give?",
    ("churned_customers", "monthly_revenue_lost"),
    by="churn_reason",
)
CONTRACTS = Visual(
    "churn_by_contract",
    "Churn by contract",
    "Which contracts do customers leave?",
    ("churn_rate", "churned_customers", "customers"),
    by="contract",
)
CALLS = Visual(
    "calls",
    "Call list",
    f"Customers still here, scored over {HIGH_SOURCE_SCORE} by the source system; the greatest CLTV first.",
    ("source_cltv_at_risk", "monthly_revenue_at_risk"),
    by=KEY,
)
VISUALS = (FUNNEL, MATRIX, PAYMENT, REASONS, CHARGES, CONTRACTS)
TALL = (MATRIX.name, REASONS.name)
