"""gold.customer_movements: one real movement per customer and batch."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.churn import RISK_SEGMENTS
from contract.columns import KEY


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.customer_movements."""
    return ExpectationSuite(
        name="gold.customer_movements",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeInSet(column="from_segment", value_set=list(RISK_SEGMENTS), severity="critical"),
            gxe.ExpectColumnValuesToBeInSet(column="to_segment", value_set=list(RISK_SEGMENTS), severity="critical"),
        ],
    )
