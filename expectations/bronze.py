"""bronze.<feed>: rows can be traced to their file."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite


def build_suite() -> ExpectationSuite:
    """Return the suite. Records that cannot be parsed are judged with all others that break rules, per file, in silver."""
    return ExpectationSuite(
        name="bronze",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="_source_file", severity="critical"),
            gxe.ExpectColumnValuesToNotBeNull(column="_source_checksum", severity="critical"),
        ],
    )
