import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.core import ExpectationSuite
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import checkpoint
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


SCREENED = ExpectationSuite(
    name="every kind",
    expectations=[
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
        gxe.ExpectColumnValuesToNotBeNull(column="name", mostly=0.5),
        gxe.ExpectColumnValuesToBeUnique(column="name"),
        gxe.ExpectColumnValuesToBeInSet(column="name", value_set=["a", "b"]),
        gxe.ExpectColumnValuesToBeBetween(column="number", min_value=0, max_value=10),
        gxe.ExpectColumnValuesToBeBetween(column="number", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="number", max_value=10, strict_max=True),
        gxe.ExpectColumnValuesToBeBetween(column="name", max_value=10),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["name", "number"]),
        gxe.ExpectColumnValuesToBeUnique(column="missing"),
    ],
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.sampled_from([-1.0, 0.0, 3.0, 10.0, 11.0, None])),
        max_size=5,
    )
)
def test_screened_checks_equal_great_expectations(rows):
    frame = pd.DataFrame(rows, columns=["name", "number"]).astype({"name": object, "number": "float64"})
    screened = check_rows(frame, SCREENED)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkpoint, "met_by_every_row", lambda batch, expectations: {})
        assert screened == check_rows(frame, SCREENED)
