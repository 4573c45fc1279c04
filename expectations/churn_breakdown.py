"""gold.churn_breakdown: one plausible row per dimension and value."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.schemas.gold import BREAKDOWN
from expectations.declared import is_within_bounds


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.churn_breakdown."""
    return ExpectationSuite(
        name="gold.churn_breakdown",
        expectations=[
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["dimension", "value"], severity="critical"),
            is_within_bounds(BREAKDOWN["churn_rate"]),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="customers", column_B="churned", or_equal=True, severity="critical"
            ),
            is_within_bounds(BREAKDOWN["monthly_revenue"]),
        ],
    )
