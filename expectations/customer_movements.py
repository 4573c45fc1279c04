"""gold.customer_movements: one real movement per customer and batch."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.columns import KEY
from contract.schemas.gold import MOVEMENTS
from expectations.declared import has_known_values


def build_suite() -> ExpectationSuite:
    """Return the suite of gold.customer_movements."""
    return ExpectationSuite(
        name="gold.customer_movements",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column=KEY, severity="critical"),
            has_known_values(MOVEMENTS["from_segment"]),
            has_known_values(MOVEMENTS["to_segment"]),
        ],
    )
