"""gold.churn_breakdown: one plausible row per dimension and value."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.churn_breakdown."""
    return ExpectationSuite(
        name="gold.churn_breakdown",
        expectations=[
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["dimension", "value"], severity="critical"),
            gxe.ExpectColumnValuesToBeBetween(column="churn_rate", min_value=0, max_value=100, severity="critical"),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="customers", column_B="churned", or_equal=True, severity="critical"
            ),
            gxe.ExpectColumnValuesToBeBetween(column="monthly_revenue", min_value=0, severity="critical"),
        ],
    )
