"""silver.tombstones: every deletion has a customer and a feed, once."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.columns import KEY
from contract.schemas.silver import TOMBSTONES
from expectations.declared import has_known_values


def build_suite() -> ExpectationSuite:
    """Return the suite of silver.tombstones."""
    return ExpectationSuite(
        name="silver.tombstones",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, severity="critical"),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=[KEY, "feed"], severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="deleted_at", severity="critical"),
            has_known_values(TOMBSTONES["reason"]),
        ],
    )
