"""bronze.<feed>: lines arrived readable and traceable."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from contract.columns import KEY


def build_suite(max_quarantined_share: float) -> ExpectationSuite:
    """Return the suite; `max_quarantined_share` is the share of lines (0 to 1) that may be unparsable."""
    return ExpectationSuite(
        name="bronze",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="_source_file", severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="_source_checksum", severity="critical"),
            gxe.ExpectColumnValuesToBeNull(
                column="_parse_error", mostly=1 - max_quarantined_share, severity="critical"
            ),
            gxe.ExpectColumnValuesToNotBeNull(column=KEY, mostly=1 - max_quarantined_share, severity="warning"),
        ],
    )
