"""gold.customer_churn_analysis: the churn logic holds on every row."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.churn import RISK_SEGMENTS, TENURE_BAND_NAMES
from contract.columns import KEY


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.customer_churn_analysis."""
    return ExpectationSuite(
        name="gold.customer_churn_analysis",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="churn_flag", severity="critical"),
            gxe.ExpectColumnValuesToBeInSet(column="churn_flag", value_set=[0, 1], severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="cltv", severity="critical"),
            gxe.ExpectColumnValuesToBeBetween(column="cltv", min_value=0, severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="churn_score", severity="critical"),
            gxe.ExpectColumnValuesToBeBetween(column="churn_score", max_value=100, severity="critical"),
            gxe.ExpectColumnValuesToBeInSet(
                column="customer_tenure_group", value_set=list(TENURE_BAND_NAMES), severity="critical"
            ),
            gxe.ExpectColumnValuesToBeInSet(column="risk_segment", value_set=list(RISK_SEGMENTS), severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="city", mostly=0.9, severity="info"),
        ],
    )
