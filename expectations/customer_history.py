"""silver.customer_history: every change of a customer once, and no time that ends before it begins."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.columns import KEY
from contract.schemas.silver import HISTORY
from expectations.declared import has_known_values


def build_suite() -> ExpectationSuite:
    """Return the suite of silver.customer_history."""
    return ExpectationSuite(
        name="silver.customer_history",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="valid_from", severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="recorded_from", severity="critical"),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=[KEY, "valid_from", "_batch_id"], severity="critical"),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="valid_to", column_B="valid_from", ignore_row_if="either_value_is_missing", severity="critical"
            ),
            has_known_values(HISTORY["change"]),
        ],
    )
