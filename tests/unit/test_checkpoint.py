import pandas as pd
import pytest

from expectations.checkpoint import check_rows
from expectations.suites import rows_suite, statistics_suite
from lake.results import worst_outcome

GOOD_KPIS = pd.DataFrame({"kpi": ["customers", "churn_rate", "monthly_revenue_lost"], "value": [1.0, 2.0, 3.0]})


def _figures(**values):
    row = {"held_files": 0.0, "row_count_ratio": None, "null_rate_change": None} | values
    return pd.DataFrame([row]).astype("float64")


def test_good_rows_pass():
    assert worst_outcome(check_rows(GOOD_KPIS, rows_suite("gold.churn_kpis"))) == "passed"


def test_a_broken_check_is_neither_passed_nor_bad_data():
    checks = check_rows(GOOD_KPIS.drop(columns="value"), rows_suite("gold.churn_kpis"))
    assert worst_outcome(checks) == "broken"
    broken = next(check for check in checks if check.broken)
    assert not broken.success
    assert "could not be evaluated" in broken.sentence()


@pytest.mark.parametrize(
    ("figures", "outcome"),
    [
        ({}, "passed"),
        ({"held_files": 1.0}, "warned"),
        ({"row_count_ratio": 0.1}, "warned"),
        ({"row_count_ratio": 6.0}, "warned"),
        ({"null_rate_change": 0.3}, "warned"),
    ],
)
def test_figures_of_a_batch(figures, outcome):
    assert worst_outcome(check_rows(_figures(**figures), statistics_suite())) == outcome


@pytest.mark.parametrize(
    ("table", "good", "bad"),
    [
        (
            "silver.quarantine",
            {"record_id": ["a", "b"], "raw_record": ["x", "y"], "status": ["open", "resolved"]},
            {"record_id": ["b", "b"], "raw_record": [None, "y"], "status": ["open", "gone"]},
        ),
        (
            "gold.churn_breakdown",
            {"dimension": ["d", "d"], "value": ["a", "b"], "churn_rate": [0, 100], "customers": [2, 3], "churned": [0, 3], "monthly_revenue": [1, 1]},
            {"dimension": ["d", "d"], "value": ["a", "a"], "churn_rate": [0, 101], "customers": [2, 3], "churned": [3, 3], "monthly_revenue": [-1, 1]},
        ),
    ],
)  # fmt: skip
def test_every_expectation_of_a_suite_can_fail(table, good, bad):
    suite = rows_suite(table)
    assert all(check.success for check in check_rows(pd.DataFrame(good), suite))
    assert not any(check.success for check in check_rows(pd.DataFrame(bad), suite))
