"""Statistics of a whole batch: files that the quarantine gate holds, and drift against the previous batch.

One row: `held_files`, `row_count_ratio` (rows over the rows of the
previous batch, null for a first load), `null_rate_change` (largest absolute change of a
column's null rate, null without a previous batch).
"""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

MAX_ROW_COUNT_RATIO = 5.0
MAX_NULL_RATE_CHANGE = 0.2


def build_suite() -> ExpectationSuite:
    """Return the suite. A held file stops no other, so it is a warning."""
    return ExpectationSuite(
        name="batch statistics",
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(column="held_files", min_value=0, max_value=0, severity="warning"),
            gxe.ExpectColumnValuesToBeBetween(
                column="row_count_ratio",
                min_value=1 / MAX_ROW_COUNT_RATIO,
                max_value=MAX_ROW_COUNT_RATIO,
                severity="warning",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="null_rate_change", min_value=0, max_value=MAX_NULL_RATE_CHANGE, severity="warning"
            ),
        ],
    )
