"""Made-up customers: what hangs together, and who leaves."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.columns import COLUMN, COLUMNS
from sample_data.customers import ADD_ONS, churn_probability, customer_ids, make_customers, mark_churn

TYPICAL = {
    "contract": "One year",
    "internet_service": "DSL",
    "payment_method": "Mailed check",
    "senior_citizen": "No",
    "tech_support": "No",
    "tenure_months": 24,
}


@pytest.fixture(scope="module")
def customers():
    return make_customers(np.random.default_rng(5), 0, 3000)


def _probability(**changes):
    return float(churn_probability(pd.DataFrame([TYPICAL | changes]))[0])


def test_values_are_those_declared(customers):
    for column in COLUMNS:
        if column.values:
            assert set(customers[column.name]) <= set(column.values), column.name
        if column.bounds:
            low, high = column.bounds
            assert customers[column.name].between(low, high).all(), column.name
        if column.type == "boolean":
            assert set(customers[column.name]) == {"Yes", "No"}, column.name


def test_required_columns_are_never_empty(customers):
    required = [column.name for column in COLUMNS if column.required]
    assert not customers[["customer_id", *required]].isna().any().any()


def test_add_ons_need_the_internet(customers):
    offline = customers["internet_service"] == "No"
    assert 0.1 < offline.mean() < 0.35
    for name in ADD_ONS:
        assert ((customers[name] == "No internet service") == offline).all()


def test_lines_need_a_phone(customers):
    assert ((customers["multiple_lines"] == "No phone service") == (customers["phone_service"] == "No")).all()


def test_total_follows_monthly_and_tenure(customers):
    expected = customers["monthly_charges"] * customers["tenure_months"]
    assert ((customers["total_charges"] / expected - 1).abs() < 0.15).all()


def test_reason_is_of_those_who_left(customers):
    left = customers["churn"] == "Yes"
    assert (customers["churn_reason"].notna() == left).all()
    assert (customers.loc[left, "source_churn_score"] >= 65).all()
    assert set(COLUMN) >= {"churn_reason", "source_churn_score"}


def test_new_customers_stay_for_now():
    joined = make_customers(np.random.default_rng(5), 100, 200, is_new=True)
    assert (joined["tenure_months"] == 0).all()
    assert (joined["total_charges"] == 0).all()
    assert (joined["churn"] == "No").all()


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"contract": "Month-to-month"}, {"contract": "Two year"}),
        ({"internet_service": "Fiber optic"}, {"internet_service": "DSL"}),
        ({"payment_method": "Electronic check"}, {"payment_method": "Mailed check"}),
        ({"senior_citizen": "Yes"}, {"senior_citizen": "No"}),
        ({"tech_support": "No"}, {"tech_support": "Yes"}),
        ({"tenure_months": 1}, {"tenure_months": 70}),
    ],
)
def test_driver_raises_the_probability(more, less):
    assert 0 < _probability(**less) < _probability(**more) < 1


@given(st.integers(0, 10**6), st.integers(1, 50), st.integers(1, 50))
def test_ids_do_not_depend_on_batches(first, count, more):
    whole = customer_ids(first, count + more)
    parts = pd.concat([customer_ids(first, count), customer_ids(first + count, more)], ignore_index=True)
    assert whole.tolist() == parts.tolist()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_seed_decides_everything(seed):
    one, same = (make_customers(np.random.default_rng(seed), 0, 20) for _ in range(2))
    pd.testing.assert_frame_equal(one, same)


def test_marking_replaces_earlier_churn(customers):
    some = customers.head(50).copy()
    mark_churn(np.random.default_rng(1), some, np.arange(50) < 10)
    assert (some["churn"] == "Yes").tolist() == [number < 10 for number in range(50)]
    assert some["churn_reason"].notna().sum() == 10
    assert some["source_cltv"].between(2000, 6500).all()
