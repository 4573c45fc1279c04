"""silver.customers: one conformed row per customer."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.row_conditions import Column as RowsWhere

from contract.columns import COLUMNS, KEY
from contract.schemas.silver import CUSTOMERS
from expectations.declared import has_known_values, is_within_bounds

SECOND_MONTH = 2
"""Months from which on the total holds the charges of an earlier month."""

MIN_PLAUSIBLE_TOTALS = 0.99
"""Share of customers (0 to 1); a single mistyped total is no sign of a misread file."""


def build_suite() -> ExpectationSuite:
    """Return the suite. Null values pass set and range checks: an incomplete customer lacks whole groups."""
    return ExpectationSuite(
        name="silver.customers",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column=KEY, severity="critical"),
            *(has_known_values(CUSTOMERS[column.name]) for column in COLUMNS if column.values),
            *(is_within_bounds(CUSTOMERS[column.name]) for column in COLUMNS if column.bounds and column.required),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="total_charges",
                column_B="monthly_charges",
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                row_condition=RowsWhere("tenure_months") >= SECOND_MONTH,
                mostly=MIN_PLAUSIBLE_TOTALS,
                severity="warning",
                description=(
                    "total charges greater than or equal to monthly charges from the second month on: where they are "
                    "not, a file may write thousands with a point, and 1.889 for 1889 was read as 1.89"
                ),
            ),
        ],
    )
