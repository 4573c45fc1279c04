"""silver.quarantine: every quarantined record can be found again and names its violations."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.schemas.silver import QUARANTINE
from expectations.declared import has_known_values


def build_suite() -> ExpectationSuite:
    """Return the suite of silver.quarantine."""
    return ExpectationSuite(
        name="silver.quarantine",
        expectations=[
            gxe.ExpectColumnValuesToBeUnique(column="record_id", severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="raw_record", severity="critical"),
            has_known_values(QUARANTINE["status"]),
        ],
    )
