"""Every KPI, declared once: what it sums, over which customers, its name, label, definition and unit.

From here come gold.churn_breakdown and gold.churn_kpis, the warehouse view, the Tableau
calculations, the browser dashboard, the business review, the command and docs/metrics.md.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from contract.churn import HIGH_SOURCE_SCORE

Unit = Literal["customers", "percent", "USD"]
NOT_AVAILABLE = "not available"
"""What is shown for a figure that is unknown: the files carry no score, or a ratio has nothing to divide by."""


def _plain(column: str) -> str:
    return column


@dataclass(frozen=True)
class Comparison:
    """A column of gold.customer_churn_analysis against a number; not met where the column is null."""

    column: str
    operator: Literal["=", ">", ">="]
    value: int

    def text(self, quote: Callable[[str], str] = _plain) -> str:
        """Return the comparison as SQL and Tableau write it; `quote` writes the name of a column."""
        return f"{quote(self.column)} {self.operator} {self.value}"


@dataclass(frozen=True)
class Condition:
    """A named condition on customers: they meet every comparison."""

    name: str
    comparisons: tuple[Comparison, ...]

    @property
    def column(self) -> str:
        """Return the name of the boolean column that says who meets it."""
        return f"is_{self.name}"

    @property
    def sql(self) -> str:
        """Return SQL over a row of gold.customer_churn_analysis: true or false, never null."""
        return f"CASE WHEN {self.text()} THEN TRUE ELSE FALSE END"

    def text(self, quote: Callable[[str], str] = _plain) -> str:
        """Return the condition as SQL and Tableau write it; `quote` writes the name of a column."""
        return " AND ".join(comparison.text(quote) for comparison in self.comparisons)


_LEFT = Comparison("churn_flag", "=", 1)
_STAYS = Comparison("churn_flag", "=", 0)
_SCORED_HIGH = Comparison("source_churn_score", ">", HIGH_SOURCE_SCORE)
# The source system's score and lifetime value are optional; neither is ever below zero.
_HAS_SCORE = Comparison("source_churn_score", ">=", 0)
_HAS_CLTV = Comparison("source_cltv", ">=", 0)

CHURNED = Condition("churned", (_LEFT,))
RETAINED = Condition("retained", (_STAYS,))
HIGH_SCORE = Condition("high_source_score", (_SCORED_HIGH,))
AT_RISK = Condition("at_risk", (_STAYS, _SCORED_HIGH))
SCORED = Condition("scored", (_HAS_SCORE,))
VALUED = Condition("valued", (_HAS_CLTV,))
ASSESSED = Condition("assessed", (_HAS_SCORE, _HAS_CLTV))
CONDITIONS = (CHURNED, RETAINED, HIGH_SCORE, AT_RISK, SCORED, VALUED, ASSESSED)


@dataclass(frozen=True)
class Measure:
    """A sum over customers: of `column`, or their number where it is empty; only of those who meet `condition`, if any.

    `known` is the condition of the customers whose part in the sum is known, None for all: where nobody meets it, the
    sum is unknown, which is not zero. A measure of the same name counts them.
    """

    name: str
    meaning: str
    column: str = ""
    condition: Condition | None = None
    known: Condition | None = None

    @property
    def row_expression(self) -> str:
        """Return SQL of what one customer adds to the sum; null where that is unknown."""
        value = f"COALESCE({self.column}, 0)" if self.column else "1"
        if self.condition:
            value = f"CASE WHEN {self.condition.text()} THEN {value} ELSE 0 END"
        return f"CASE WHEN {self.known.text()} THEN {value} END" if self.known else value

    @property
    def sql(self) -> str:
        """Return SQL of the sum over rows of gold.customer_churn_analysis; null where it is unknown."""
        whole = f"SUM({self.row_expression})"
        return whole if self.known else f"COALESCE({whole}, 0)"


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("customers", "Customers"),
        Measure("churned", "Customers who have left", condition=CHURNED),
        Measure("monthly_revenue", "Sum of monthly_charges, USD", "monthly_charges"),
        Measure(
            "churned_monthly_revenue", "Sum of monthly_charges of churned customers, USD", "monthly_charges", CHURNED
        ),
        Measure("cltv", "Sum of cltv, USD", "cltv"),
        Measure("churned_cltv", "Sum of cltv of churned customers, USD", "cltv", CHURNED),
        Measure(
            "churned_source_cltv",
            "Sum of source_cltv of churned customers, USD",
            "source_cltv",
            CHURNED,
            known=VALUED,
        ),
        Measure(
            "high_source_score",
            f"Customers with source_churn_score > {HIGH_SOURCE_SCORE}",
            condition=HIGH_SCORE,
            known=SCORED,
        ),
        Measure(
            "retained_monthly_revenue",
            "Sum of monthly_charges of customers who are still here, USD",
            "monthly_charges",
            RETAINED,
        ),
        Measure(
            "at_risk",
            f"Customers still here with source_churn_score > {HIGH_SOURCE_SCORE}",
            condition=AT_RISK,
            known=SCORED,
        ),
        Measure("at_risk_monthly_revenue", "Sum of their monthly_charges, USD", "monthly_charges", AT_RISK, SCORED),
        Measure("at_risk_source_cltv", "Sum of their source_cltv, USD", "source_cltv", AT_RISK, ASSESSED),
        Measure("scored", "Customers with a source_churn_score", condition=SCORED),
        Measure("valued", "Customers with a source_cltv", condition=VALUED),
        Measure("assessed", "Customers with both", condition=ASSESSED),
    )
}


@dataclass(frozen=True)
class Metric:
    """A KPI: the measure `numerator`, or its ratio to the measure `denominator`.

    With a `dimension` it has one value per value of that dimension, named `<name>:<value>` in gold.churn_kpis.
    `desired_direction` is the direction of an improvement: 1 up, -1 down, 0 neither.
    """

    name: str
    label: str
    definition: str
    unit: Unit
    desired_direction: int
    numerator: str
    denominator: str = ""
    dimension: str = ""

    @property
    def factor(self) -> int:
        """Return what a ratio is multiplied by: 100 for percent, else 1."""
        return 100 if self.unit == "percent" else 1

    @property
    def sql(self) -> str:
        """Return SQL over rows of gold.customer_churn_analysis; null where unknown, or a ratio's denominator is zero."""
        whole = MEASURES[self.numerator].sql
        return f"{self.factor}.0 * {whole} / NULLIF({MEASURES[self.denominator].sql}, 0)" if self.denominator else whole

    def text(self, value: float | None) -> str:
        """Return a value as people read it, with its unit."""
        if value is None:
            return NOT_AVAILABLE
        return {"customers": f"{value:,.0f}", "percent": f"{value:.2f} %", "USD": f"${value:,.2f}"}[self.unit]

    def change(self, now: float | None, before: float | None) -> str:
        """Return the change against an earlier value, in words: points for a share, percent for the rest; empty without a value."""
        if now is None:
            return ""
        if before is None:
            return "no earlier value"
        if self.unit == "percent":
            return f"{now - before:+.2f} points"
        return f"{(now - before) / before * 100:+.1f} %" if before else "from zero"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "customers",
            "Customers",
            "Customers with all required column groups.",
            "customers",
            1,
            numerator="customers",
        ),
        Metric(
            "churned_customers",
            "Churned customers",
            "Of these, customers who have left.",
            "customers",
            -1,
            numerator="churned",
        ),
        Metric(
            "churn_rate",
            "Churn rate",
            "Churned customers as a share of customers.",
            "percent",
            -1,
            numerator="churned",
            denominator="customers",
        ),
        Metric(
            "monthly_revenue",
            "Monthly revenue",
            "Sum of the monthly charges of all customers.",
            "USD",
            1,
            numerator="monthly_revenue",
        ),
        Metric(
            "monthly_revenue_retained",
            "Monthly revenue retained",
            "Sum of the monthly charges of customers who are still here.",
            "USD",
            1,
            numerator="retained_monthly_revenue",
        ),
        Metric(
            "monthly_revenue_lost",
            "Monthly revenue lost",
            "Sum of the monthly charges of churned customers, gone unless they are won back. "
            "Earlier dashboards called it monthly revenue at risk.",
            "USD",
            -1,
            numerator="churned_monthly_revenue",
        ),
        Metric(
            "source_cltv_lost",
            "CLTV lost",
            "Lifetime value, as the source system has it, of churned customers. Earlier dashboards called it CLTV at risk.",
            "USD",
            -1,
            numerator="churned_source_cltv",
        ),
        Metric(
            "high_risk_customers",
            "High-risk customers",
            f"Customers whose score of the source system is over {HIGH_SOURCE_SCORE}, whether they have left or not.",
            "customers",
            -1,
            numerator="high_source_score",
        ),
        Metric(
            "high_risk_share",
            "High-risk share",
            "High-risk customers as a share of customers.",
            "percent",
            -1,
            numerator="high_source_score",
            denominator="customers",
        ),
        Metric(
            "customers_at_risk",
            "Customers at risk",
            "High-risk customers who are still here: the ones who can be kept. Not available where the files carry no score.",
            "customers",
            -1,
            numerator="at_risk",
        ),
        Metric(
            "at_risk_share",
            "Share of customers at risk",
            "Customers at risk as a share of customers.",
            "percent",
            -1,
            numerator="at_risk",
            denominator="customers",
        ),
        Metric(
            "monthly_revenue_at_risk_share",
            "Share of monthly revenue at risk",
            "Monthly revenue at risk as a share of monthly revenue.",
            "percent",
            -1,
            numerator="at_risk_monthly_revenue",
            denominator="monthly_revenue",
        ),
        Metric(
            "monthly_revenue_lost_share",
            "Share of monthly revenue lost",
            "Monthly revenue lost as a share of monthly revenue, that of churned customers counted in.",
            "percent",
            -1,
            numerator="churned_monthly_revenue",
            denominator="monthly_revenue",
        ),
        Metric(
            "monthly_revenue_at_risk",
            "Monthly revenue at risk",
            "Sum of the monthly charges of customers at risk. They are still here: nothing of it is lost yet.",
            "USD",
            -1,
            numerator="at_risk_monthly_revenue",
        ),
        Metric(
            "source_cltv_at_risk",
            "CLTV at risk",
            "Lifetime value, as the source system has it, of customers at risk.",
            "USD",
            -1,
            numerator="at_risk_source_cltv",
        ),
        Metric(
            "cltv_total",
            "Computed CLTV (monthly charges × tenure)",
            "Lifetime value, monthly charges × months as a customer, of all customers.",
            "USD",
            1,
            numerator="cltv",
        ),
        Metric(
            "cltv_lost",
            "Computed CLTV (monthly charges × tenure), lost",
            "Lifetime value, monthly charges × months as a customer, of churned customers.",
            "USD",
            -1,
            numerator="churned_cltv",
        ),
    )
}


@dataclass(frozen=True)
class Dimension:
    """A column of gold.customer_churn_analysis that customers are grouped and filtered by."""

    name: str
    label: str


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("customer_tenure_group", "Months as a customer"),
        Dimension("payment_method", "Payment method"),
        Dimension("risk_segment", "Risk segment"),
        Dimension("gender", "Gender"),
        Dimension("contract", "Contract"),
        Dimension("churn_reason", "Churn reason"),
        Dimension("city", "City"),
    )
}

UNKNOWN = "Unknown"
NOT_CHURNED = "Not churned"


METRICS_BY_DIMENSION: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "customers_in_segment",
            "Customers by risk segment",
            "Customers of one risk segment.",
            "customers",
            0,
            dimension="risk_segment",
            numerator="customers",
        ),
        Metric(
            "churn_rate_by_tenure",
            "Churn rate by tenure",
            "Churn rate of one group of months as a customer.",
            "percent",
            -1,
            dimension="customer_tenure_group",
            numerator="churned",
            denominator="customers",
        ),
        Metric(
            "mean_monthly_charges_of_churned",
            "Mean monthly charges of churned customers",
            "Mean of the monthly charges of churned customers who pay by one payment method.",
            "USD",
            0,
            dimension="payment_method",
            numerator="churned_monthly_revenue",
            denominator="churned",
        ),
    )
}

# The KPIs that every summary begins with, in this order, and the secondary one shown beside each.
HEADLINES = (
    "customers",
    "churn_rate",
    "high_risk_customers",
    "customers_at_risk",
    "monthly_revenue_at_risk",
    "source_cltv_at_risk",
    "monthly_revenue_lost",
    "source_cltv_lost",
)
SECONDARY = {
    "customers": "monthly_revenue",
    "churn_rate": "churned_customers",
    "high_risk_customers": "high_risk_share",
    "customers_at_risk": "at_risk_share",
    "monthly_revenue_at_risk": "monthly_revenue_at_risk_share",
    "source_cltv_at_risk": "customers_at_risk",
    "monthly_revenue_lost": "monthly_revenue_lost_share",
    "source_cltv_lost": "churned_customers",
}


def fingerprint(text: str) -> str:
    """Return a short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# Changes with what the KPIs count, not with their labels: what was computed by another definition is recomputed.
DEFINITION = fingerprint(
    repr(
        [
            *((condition.name, condition.text()) for condition in CONDITIONS),
            *((name, measure.sql) for name, measure in MEASURES.items()),
            *(
                (name, metric.sql, metric.dimension, metric.unit)
                for name, metric in (METRICS | METRICS_BY_DIMENSION).items()
            ),
            *DIMENSIONS,
        ]
    )
)
