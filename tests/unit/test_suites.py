"""Each expectation of each suite passes good rows and fails a row made to break it."""

import pandas as pd
import pytest

from contract.columns import COLUMNS
from contract.tables import TABLES
from expectations.checkpoint import check_rows, columns_used
from expectations.suites import rows_suite

LINES = {
    "_source_file": ["a.csv"] * 4,
    "_source_checksum": ["c"] * 4,
    "_parse_error": [None] * 4,
    "customer_id": ["a", "b", "c", "d"],
}
CUSTOMERS = {
    "customer_id": ["a", "b"],
    **{column.name: [next(iter(column.values)), None] for column in COLUMNS if column.values},
    "tenure_months": [0, 12],
    "monthly_charges": [20.0, 30.0],
    "total_charges": [20.0, 360.0],
}
ANALYSIS = {
    "customer_id": ["a", "b"],
    "churn_flag": [0, 1],
    "cltv": [0.0, 2001.0],
    "churn_score": [0.0, -8.0],
    "customer_tenure_group": ["0-12", "25+"],
    "risk_segment": ["Low-Value, Low-Risk", "High-Value, Low-Risk"],
    "city": ["Rome", "Bern"],
}
KPIS = {"kpi": ["customers", "churn_rate", "monthly_revenue_lost"], "value": [2.0, 50.0, 30.0]}
GOOD = {
    "bronze.billing": LINES,
    "silver.customers": CUSTOMERS,
    "gold.customer_churn_analysis": ANALYSIS,
    "gold.churn_kpis": KPIS,
}
BAD = [
    ("bronze.billing", {"_source_file": [None, "a", "a", "a"]}, "values to not be null", "_source_file"),
    ("bronze.billing", {"_source_checksum": [None, "a", "a", "a"]}, "values to not be null", "_source_checksum"),
    ("silver.customers", {"customer_id": ["a", None]}, "not be null", "customer_id"),
    ("silver.customers", {"customer_id": ["a", "a"]}, "unique", "customer_id"),
    *[("silver.customers", {c.name: ["banana", None]}, "in set", c.name) for c in COLUMNS if c.values],
    ("silver.customers", {"tenure_months": [0, 1201]}, "between", "tenure_months"),
    ("silver.customers", {"monthly_charges": [-0.01, 5.0], "total_charges": [9.0, 9.0]}, "between", "monthly_charges"),
    ("silver.customers", {"total_charges": [20.0, 10_000_001.0]}, "between", "total_charges"),
    ("silver.customers", {"total_charges": [20.0, 1.89]}, "greater", "total_charges, monthly_charges"),
    ("gold.customer_churn_analysis", {"customer_id": ["a", "a"]}, "unique", "customer_id"),
    ("gold.customer_churn_analysis", {"customer_id": ["a", None]}, "not be null", "customer_id"),
    ("gold.customer_churn_analysis", {"churn_flag": [0, 2]}, "in set", "churn_flag"),
    ("gold.customer_churn_analysis", {"churn_flag": [0, None]}, "not be null", "churn_flag"),
    ("gold.customer_churn_analysis", {"cltv": [-1.0, 5.0]}, "between", "cltv"),
    ("gold.customer_churn_analysis", {"cltv": [None, 5.0]}, "not be null", "cltv"),
    ("gold.customer_churn_analysis", {"churn_score": [100.5, 0.0]}, "between", "churn_score"),
    ("gold.customer_churn_analysis", {"churn_score": [None, 0.0]}, "not be null", "churn_score"),
    ("gold.customer_churn_analysis", {"customer_tenure_group": ["0-12", "12-24"]}, "in set", "customer_tenure_group"),
    ("gold.customer_churn_analysis", {"risk_segment": ["High", "Low-Value, Low-Risk"]}, "in set", "risk_segment"),
    ("gold.customer_churn_analysis", {"city": [None, "Bern"]}, "not be null", "city"),
    ("gold.churn_kpis", {"kpi": ["customers", "churn_rate", "churn_rate"]}, "unique", "kpi"),
    ("gold.churn_kpis", {"kpi": ["customers", "churn_rate", "other"]}, "contain set", "kpi"),
    ("gold.churn_kpis", {"value": [-1.0, 0.0, 0.0]}, "between", "value"),
]


@pytest.mark.parametrize("table", GOOD)
def test_good_rows_pass_everything(table):
    checks = check_rows(pd.DataFrame(GOOD[table]), rows_suite(table))
    assert [check.sentence() for check in checks if not check.success] == []


@pytest.mark.parametrize(("table", "spoiled", "title", "subject"), BAD)
def test_a_spoiled_row_fails_its_expectation(table, spoiled, title, subject):
    checks = check_rows(pd.DataFrame(GOOD[table] | spoiled), rows_suite(table))
    failed = [check for check in checks if not check.success]
    assert any(title in check.expectation and check.subject == subject for check in failed), failed
    assert not any(check.broken for check in failed)


def test_misread_thousands_are_a_warning_that_names_the_cause():
    """Totals such as 1.889 for 1889; a customer of the first month may have a total of 0."""
    count = 200

    def check(totals, tenure=12):
        rows = pd.DataFrame({name: [values[1]] * count for name, values in CUSTOMERS.items()})
        rows = rows.assign(customer_id=range(count), tenure_months=tenure, total_charges=totals)
        return next(
            c for c in check_rows(rows, rows_suite("silver.customers")) if c.subject == "total_charges, monthly_charges"
        )

    misread = check([1.89] * 3 + [360.0] * (count - 3))
    assert (misread.success, misread.severity, misread.stops) == (False, "warning", False)
    assert "thousands with a point" in misread.sentence()
    assert check([1.89] * 2 + [360.0] * (count - 2)).success, "two of 200 are within the limit"
    assert check(0.0, tenure=1).success
    assert not check(0.0, tenure=2).success


@pytest.mark.parametrize("table", GOOD)
def test_every_expectation_has_a_row_that_fails_it(table):
    """Nothing in a suite that no test can make fail."""
    spoiled = [entry for entry in BAD if entry[0] == table]
    for expectation in rows_suite(table).expectations:
        subject = ", ".join(columns_of_one(expectation))
        words = expectation.configuration.type.replace("_", " ")
        assert any(title in words and subject == on for _, _, title, on in spoiled), (words, subject)


def columns_of_one(expectation):
    settings = expectation.configuration.kwargs
    return [settings[name] for name in ("column", "column_A", "column_B") if settings.get(name)]


@pytest.mark.parametrize("table", TABLES)
def test_suites_look_at_declared_columns_only(table):
    suite = rows_suite(table)
    assert len(suite.expectations) > 0
    assert len(set(columns_used(suite))) > 0
    assert set(columns_used(suite)) <= set(TABLES[table].schema.names)
