"""gold.churn_kpis: every KPI once per run, none negative."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.churn_kpis."""
    return ExpectationSuite(
        name="gold.churn_kpis",
        expectations=[
            gxe.ExpectColumnValuesToBeUnique(column="kpi", severity="critical"),
            gxe.ExpectColumnValuesToBeBetween(column="value", min_value=0, severity="critical"),
            gxe.ExpectColumnDistinctValuesToContainSet(
                column="kpi", value_set=["customers", "churn_rate", "monthly_revenue_lost"], severity="critical"
            ),
        ],
    )
