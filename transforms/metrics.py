"""Every figure once: what it sums, of whom, its name, its words, its unit.

From here come gold.churn_breakdown and gold.churn_kpis, the warehouse view, the Tableau
calculations, the browser dashboard, the business review, the command and docs/metrics.md.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Unit = Literal["customers", "percent", "USD"]

HIGH_VALUE_CLTV = 2000
HIGH_RISK_SCORE = 60
HIGH_SOURCE_SCORE = 70


def _plain(column: str) -> str:
    return column


@dataclass(frozen=True)
class Comparison:
    """A column of gold.customer_churn_analysis against a number; not met where the column is null."""

    column: str
    operator: Literal["=", ">"]
    value: int

    def text(self, quote: Callable[[str], str] = _plain) -> str:
        """As SQL and Tableau write it, `quote` being how they write a column."""
        return f"{quote(self.column)} {self.operator} {self.value}"


@dataclass(frozen=True)
class Condition:
    """Which customers: those who meet every comparison."""

    name: str
    comparisons: tuple[Comparison, ...]

    @property
    def column(self) -> str:
        """Its name as a column of yes and no."""
        return f"is_{self.name}"

    @property
    def sql(self) -> str:
        """SQL over a row of gold.customer_churn_analysis: true or false, never null."""
        return f"CASE WHEN {self.text()} THEN TRUE ELSE FALSE END"

    def text(self, quote: Callable[[str], str] = _plain) -> str:
        return " AND ".join(comparison.text(quote) for comparison in self.comparisons)


_LEFT = Comparison("churn_flag", "=", 1)
_STAYS = Comparison("churn_flag", "=", 0)
_SCORED_HIGH = Comparison("source_churn_score", ">", HIGH_SOURCE_SCORE)

CHURNED = Condition("churned", (_LEFT,))
RETAINED = Condition("retained", (_STAYS,))
HIGH_SCORE = Condition("high_source_score", (_SCORED_HIGH,))
AT_RISK = Condition("at_risk", (_STAYS, _SCORED_HIGH))
CONDITIONS = (CHURNED, RETAINED, HIGH_SCORE, AT_RISK)


@dataclass(frozen=True)
class Measure:
    """What can be summed over customers: a column, their number where there is none; of those who meet a condition."""

    name: str
    meaning: str
    column: str = ""
    condition: Condition | None = None

    @property
    def of_one(self) -> str:
        """SQL: what one customer adds."""
        value = f"COALESCE({self.column}, 0)" if self.column else "1"
        return f"CASE WHEN {self.condition.text()} THEN {value} ELSE 0 END" if self.condition else value

    @property
    def sql(self) -> str:
        """SQL over rows of gold.customer_churn_analysis."""
        return f"COALESCE(SUM({self.of_one}), 0)"


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
        Measure("churned_source_cltv", "Sum of source_cltv of churned customers, USD", "source_cltv", CHURNED),
        Measure("high_source_score", "Customers with source_churn_score > 70", condition=HIGH_SCORE),
        Measure(
            "retained_monthly_revenue",
            "Sum of monthly_charges of customers who are still here, USD",
            "monthly_charges",
            RETAINED,
        ),
        Measure("at_risk", "Customers still here with source_churn_score > 70", condition=AT_RISK),
        Measure("at_risk_monthly_revenue", "Sum of their monthly_charges, USD", "monthly_charges", AT_RISK),
        Measure("at_risk_source_cltv", "Sum of their source_cltv, USD", "source_cltv", AT_RISK),
    )
}


@dataclass(frozen=True)
class Metric:
    """A KPI: the measure `of`, or its ratio to the measure `per`; one value per value of the dimension `by`, if any.

    In gold.churn_kpis the name of a KPI by dimension is `<name>:<value>`. `good` is the direction of an improvement: 1 up, -1 down, 0 neither.
    """

    name: str
    label: str
    definition: str
    unit: Unit
    good: int
    of: str
    per: str = ""
    by: str = ""

    @property
    def factor(self) -> int:
        """What a ratio is multiplied by: a share is in percent."""
        return 100 if self.unit == "percent" else 1

    @property
    def sql(self) -> str:
        """SQL over rows of gold.customer_churn_analysis; null where a ratio has nothing to divide by."""
        whole = MEASURES[self.of].sql
        return f"{self.factor}.0 * {whole} / NULLIF({MEASURES[self.per].sql}, 0)" if self.per else whole

    def text(self, value: float | None) -> str:
        """A value for people; a dash where there is none."""
        if value is None:
            return "–"
        return {"customers": f"{value:,.0f}", "percent": f"{value:.2f} %", "USD": f"${value:,.2f}"}[self.unit]

    def change(self, now: float | None, before: float | None) -> str:
        """The change against an earlier value: points for a share, percent for the rest."""
        if now is None:
            return "missing: no history yet"
        if before is None:
            return "no earlier month"
        if self.unit == "percent":
            return f"{now - before:+.2f} points"
        return f"{(now - before) / before * 100:+.1f} %" if before else "from zero"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "customers",
            "Customers",
            "Customers of whom every required column group has arrived.",
            "customers",
            1,
            of="customers",
        ),
        Metric(
            "churned_customers",
            "Churned customers",
            "Of these, customers who have left.",
            "customers",
            -1,
            of="churned",
        ),
        Metric(
            "churn_rate",
            "Churn rate",
            "Churned customers as a share of customers.",
            "percent",
            -1,
            of="churned",
            per="customers",
        ),
        Metric(
            "monthly_revenue",
            "Monthly revenue",
            "Sum of the monthly charges of all customers.",
            "USD",
            1,
            of="monthly_revenue",
        ),
        Metric(
            "monthly_revenue_retained",
            "Monthly revenue retained",
            "Sum of the monthly charges of customers who are still here.",
            "USD",
            1,
            of="retained_monthly_revenue",
        ),
        Metric(
            "monthly_revenue_lost",
            "Monthly revenue lost",
            "Sum of the monthly charges of churned customers, gone unless they are won back. "
            "Earlier dashboards called it monthly revenue at risk.",
            "USD",
            -1,
            of="churned_monthly_revenue",
        ),
        Metric(
            "source_cltv_lost",
            "CLTV lost",
            "Lifetime value, as the source system has it, of churned customers. Earlier dashboards called it CLTV at risk.",
            "USD",
            -1,
            of="churned_source_cltv",
        ),
        Metric(
            "high_risk_customers",
            "High-risk customers",
            "Customers whose score of the source system is over 70, whether they have left or not.",
            "customers",
            -1,
            of="high_source_score",
        ),
        Metric(
            "high_risk_share",
            "High-risk share",
            "High-risk customers as a share of customers.",
            "percent",
            -1,
            of="high_source_score",
            per="customers",
        ),
        Metric(
            "customers_at_risk",
            "Customers at risk",
            "High-risk customers who are still here: the ones who can be kept.",
            "customers",
            -1,
            of="at_risk",
        ),
        Metric(
            "at_risk_share",
            "Share of customers at risk",
            "Customers at risk as a share of customers.",
            "percent",
            -1,
            of="at_risk",
            per="customers",
        ),
        Metric(
            "monthly_revenue_at_risk_share",
            "Share of monthly revenue at risk",
            "Monthly revenue at risk as a share of monthly revenue.",
            "percent",
            -1,
            of="at_risk_monthly_revenue",
            per="monthly_revenue",
        ),
        Metric(
            "monthly_revenue_lost_share",
            "Share of monthly revenue lost",
            "Monthly revenue lost as a share of monthly revenue, that of churned customers counted in.",
            "percent",
            -1,
            of="churned_monthly_revenue",
            per="monthly_revenue",
        ),
        Metric(
            "monthly_revenue_at_risk",
            "Monthly revenue at risk",
            "Sum of the monthly charges of customers at risk. They are still here: nothing of it is lost yet.",
            "USD",
            -1,
            of="at_risk_monthly_revenue",
        ),
        Metric(
            "source_cltv_at_risk",
            "CLTV at risk",
            "Lifetime value, as the source system has it, of customers at risk.",
            "USD",
            -1,
            of="at_risk_source_cltv",
        ),
        Metric(
            "cltv_total",
            "CLTV by charges × months",
            "Lifetime value, monthly charges × months as a customer, of all customers.",
            "USD",
            1,
            of="cltv",
        ),
        Metric(
            "cltv_lost",
            "CLTV by charges × months, lost",
            "Lifetime value, monthly charges × months as a customer, of churned customers.",
            "USD",
            -1,
            of="churned_cltv",
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


GROUPED: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "customers_in_segment",
            "Customers by risk segment",
            "Customers of one risk segment.",
            "customers",
            0,
            by="risk_segment",
            of="customers",
        ),
        Metric(
            "churn_rate_by_tenure",
            "Churn rate by tenure",
            "Churn rate of one group of months as a customer.",
            "percent",
            -1,
            by="customer_tenure_group",
            of="churned",
            per="customers",
        ),
        Metric(
            "mean_monthly_charges_of_churned",
            "Mean monthly charges of churned customers",
            "Mean of the monthly charges of churned customers who pay by one payment method.",
            "USD",
            0,
            by="payment_method",
            of="churned_monthly_revenue",
            per="churned",
        ),
    )
}

# What every summary begins with, in this order, and what stands beside it where there is room.
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
BESIDE = {
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
    """Short, and another for another text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# Changes with what a figure counts, not with its words: what was computed by another definition is computed anew.
DEFINITION = fingerprint(
    repr(
        [
            *((condition.name, condition.text()) for condition in CONDITIONS),
            *((name, measure.sql) for name, measure in MEASURES.items()),
            *((name, metric.sql, metric.by, metric.unit) for name, metric in (METRICS | GROUPED).items()),
            *DIMENSIONS,
        ]
    )
)
