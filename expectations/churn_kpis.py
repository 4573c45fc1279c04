"""gold.churn_kpis: every KPI once per run, none negative."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.schemas.gold import KPIS
from expectations.declared import is_within_bounds


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.churn_kpis."""
    return ExpectationSuite(
        name="gold.churn_kpis",
        expectations=[
            gxe.ExpectColumnValuesToBeUnique(column="kpi", severity="critical"),
            is_within_bounds(KPIS["value"]),
            gxe.ExpectColumnDistinctValuesToContainSet(
                column="kpi", value_set=["customers", "churn_rate", "monthly_revenue_lost"], severity="critical"
            ),
        ],
    )
