"""The suite of every table, and the suite on the figures of a batch."""

from great_expectations.core import ExpectationSuite

from expectations import (
    batch_figures,
    bronze,
    churn_breakdown,
    churn_kpis,
    customer_churn_analysis,
    customer_movements,
    customers,
    quarantine,
)

_BY_TABLE = {
    "silver.customers": customers.build_suite,
    "silver.quarantine": quarantine.build_suite,
    "gold.customer_churn_analysis": customer_churn_analysis.build_suite,
    "gold.churn_breakdown": churn_breakdown.build_suite,
    "gold.churn_kpis": churn_kpis.build_suite,
    "gold.customer_movements": customer_movements.build_suite,
}


def rows_suite(table: str, max_faulty_share: float) -> ExpectationSuite:
    """What the rows of a batch for `table` must hold."""
    if table.startswith("bronze."):
        return bronze.build_suite(max_faulty_share)
    return _BY_TABLE[table]()


def figures_suite(max_faulty_share: float) -> ExpectationSuite:
    """What the figures of a batch must hold: quarantined share, drift against the run before."""
    return batch_figures.build_suite(max_faulty_share)
