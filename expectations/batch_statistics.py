"""Statistics of a whole batch: quarantined share, and drift against the previous batch.

One row: `quarantined_share` (0 to 1), `row_count_ratio` (rows over the rows of the
previous batch, null for a first load), `null_rate_change` (largest absolute change of a
column's null rate, null without a previous batch).
"""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

MAX_ROW_COUNT_RATIO = 5.0
MAX_NULL_RATE_CHANGE = 0.2


def build_suite(max_quarantined_share: float) -> ExpectationSuite:
    """Return the suite; `max_quarantined_share` is the share of quarantined rows (0 to 1) that is allowed."""
    return ExpectationSuite(
        name="batch statistics",
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(
                column="quarantined_share", min_value=0, max_value=max_quarantined_share, severity="critical"
            ),
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
