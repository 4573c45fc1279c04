"""Every KPI once: its name in gold.churn_kpis, its label, what it means, its unit."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["customers", "percent", "USD"]


@dataclass(frozen=True)
class Metric:
    """`good` is the direction of an improvement: 1 up, -1 down, 0 neither."""

    name: str
    label: str
    definition: str
    unit: Unit
    good: int

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
        Metric("customers", "Customers", "Customers of whom every required column group has arrived.", "customers", 1),
        Metric("churned_customers", "Churned customers", "Of these, customers who have left.", "customers", -1),
        Metric("churn_rate", "Churn rate", "Churned customers as a share of customers.", "percent", -1),
        Metric("monthly_revenue", "Monthly revenue", "Sum of the monthly charges of all customers.", "USD", 1),
        Metric(
            "monthly_revenue_at_risk",
            "Monthly revenue at risk",
            "Sum of the monthly charges of churned customers: what is lost unless they are won back.",
            "USD",
            -1,
        ),
        Metric(
            "cltv_total", "CLTV", "Lifetime value, monthly charges × months as a customer, of all customers.", "USD", 1
        ),
        Metric("cltv_lost", "CLTV lost", "Lifetime value (ours) of churned customers.", "USD", -1),
        Metric(
            "cltv_at_risk",
            "CLTV at risk",
            "Lifetime value as the source system has it, of churned customers.",
            "USD",
            -1,
        ),
        Metric(
            "high_risk_customers",
            "High-risk customers",
            "Customers whose score of the source system is over 70.",
            "customers",
            -1,
        ),
        Metric("high_risk_share", "High-risk share", "High-risk customers as a share of customers.", "percent", -1),
    )
}

GROUPED: tuple[Metric, ...] = (
    Metric("customers_in_segment", "Customers by risk segment", "Customers of one risk segment.", "customers", 0),
    Metric("churn_rate_by_tenure", "Churn rate by tenure", "Churn rate of one customer_tenure_group.", "percent", -1),
    Metric(
        "mean_monthly_charges_of_churned",
        "Mean monthly charges of churned customers",
        "Mean of the monthly charges of churned customers who pay by one payment method.",
        "USD",
        0,
    ),
)
