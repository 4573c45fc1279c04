"""silver.customers: one conformed row per customer."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.columns import COLUMNS, KEY


def build_suite() -> ExpectationSuite:
    """Return the suite. Null values pass set and range checks: an incomplete customer lacks whole groups."""
    return ExpectationSuite(
        name="silver.customers",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column=KEY, severity="critical"),
            *(
                gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.values), severity="critical")
                for column in COLUMNS
                if column.values
            ),
            *(
                gxe.ExpectColumnValuesToBeBetween(
                    column=column.name, min_value=column.bounds[0], max_value=column.bounds[1], severity="critical"
                )
                for column in COLUMNS
                if column.bounds and column.required
            ),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="total_charges",
                column_B="monthly_charges",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                mostly=0.9,
                severity="info",
            ),
        ],
    )
