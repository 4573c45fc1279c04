"""gold.customer_churn_analysis: the churn logic holds on every row."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.columns import KEY
from contract.schemas.gold import ANALYSIS
from expectations.declared import has_known_values, is_within_bounds


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.customer_churn_analysis."""
    return ExpectationSuite(
        name="gold.customer_churn_analysis",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="churn_flag", severity="critical"),
            has_known_values(ANALYSIS["churn_flag"]),
            gxe.ExpectColumnValuesToNotBeNull(column="cltv", severity="critical"),
            is_within_bounds(ANALYSIS["cltv"]),
            gxe.ExpectColumnValuesToNotBeNull(column="churn_score", severity="critical"),
            is_within_bounds(ANALYSIS["churn_score"]),
            has_known_values(ANALYSIS["customer_tenure_group"]),
            has_known_values(ANALYSIS["risk_segment"]),
            gxe.ExpectColumnValuesToNotBeNull(column="city", mostly=0.9, severity="info"),
        ],
    )
