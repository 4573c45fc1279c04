"""silver.customers: one conformed row per customer."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from transforms import conform


def build_suite() -> ExpectationSuite:
    """Null values pass set and range checks: an incomplete customer lacks whole groups."""
    return ExpectationSuite(
        name="silver.customers",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="customer_id", severity="critical"),
            gxe.ExpectColumnValuesToBeUnique(column="customer_id", severity="critical"),
            *(
                gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values), severity="critical")
                for column, values in conform.CATEGORIES.items()
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="tenure_months", min_value=0, max_value=conform.MAX_TENURE_MONTHS, severity="critical"
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="monthly_charges", min_value=0, max_value=conform.MAX_MONTHLY_CHARGES, severity="critical"
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="total_charges", min_value=0, max_value=conform.MAX_TOTAL_CHARGES, severity="critical"
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
