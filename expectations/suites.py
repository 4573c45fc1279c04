"""The suite of every table, and the suite on the statistics of a batch."""

from great_expectations.core import ExpectationSuite

from expectations import (
    batch_statistics,
    bronze,
    churn_breakdown,
    churn_kpis,
    customer_churn_analysis,
    customer_history,
    customer_movements,
    customers,
    quarantine,
    tombstones,
)

_BY_TABLE = {
    "silver.customers": customers.build_suite,
    "silver.customer_history": customer_history.build_suite,
    "silver.tombstones": tombstones.build_suite,
    "silver.quarantine": quarantine.build_suite,
    "gold.customer_churn_analysis": customer_churn_analysis.build_suite,
    "gold.churn_breakdown": churn_breakdown.build_suite,
    "gold.churn_kpis": churn_kpis.build_suite,
    "gold.customer_movements": customer_movements.build_suite,
}


def rows_suite(table: str) -> ExpectationSuite:
    """Return what the rows of a batch for `table` must meet. Raises KeyError for an unknown table."""
    if table.startswith("bronze."):
        return bronze.build_suite()
    return _BY_TABLE[table]()


def statistics_suite() -> ExpectationSuite:
    """Return what the statistics of a batch must meet: no held file, no drift against the previous batch."""
    return batch_statistics.build_suite()
