"""Which feed a file is of, by its headers and its folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.columns import COLUMNS, OTHER_ALIASES
from contract.feeds import (
    FEEDS,
    GROUPS,
    PARTS,
    closest_feed,
    column_for_header,
    match_feed,
    missing_columns,
    normalize_header,
)


def test_known_layouts_are_recognised():
    flat21 = [
        "customerID",
        "gender",
        "SeniorCitizen",
        "Partner",
        "Dependents",
        "tenure",
        "PhoneService",
        "MultipleLines",
        "InternetService",
        "OnlineSecurity",
        "OnlineBackup",
        "DeviceProtection",
        "TechSupport",
        "StreamingTV",
        "StreamingMovies",
        "Contract",
        "PaperlessBilling",
        "PaymentMethod",
        "MonthlyCharges",
        "TotalCharges",
        "Churn",
    ]
    feed = match_feed(flat21)
    assert feed is not None
    assert feed.name == "customers"
    assert all(column_for_header(header) for header in flat21)


def test_a_folder_named_after_a_feed_decides():
    headers = FEEDS["customers"].columns
    assert match_feed(headers, "billing") is FEEDS["billing"]
    assert match_feed(headers) is FEEDS["customers"]
    assert match_feed(("customer_id", "gender"), "demographics") is None


@given(st.sampled_from(sorted(FEEDS)), st.data())
def test_a_missing_required_column_is_always_named(name, data):
    feed = FEEDS[name]
    lost = data.draw(st.sampled_from([c for c in feed.required if c != "churn"]))
    headers = [column for column in feed.required if column != lost]
    assert missing_columns(feed, headers) == (lost,)


@given(st.sampled_from(sorted(FEEDS)), st.randoms())
def test_order_and_spelling_of_headers_do_not_matter(name, random):
    feed = FEEDS[name]
    headers = [random.choice([c, c.upper(), c.replace("_", " ").title(), c.replace("_", "")]) for c in feed.required]
    random.shuffle(headers)
    assert match_feed(headers, name) is feed
    assert closest_feed(headers, name) is feed


@given(st.text())
def test_fold_is_stable(text):
    assert normalize_header(normalize_header(text)) == normalize_header(text)


HEADERS = st.lists(st.sampled_from([column.name for column in COLUMNS] + list(OTHER_ALIASES) + ["colour"]), unique=True)


@given(HEADERS, st.sampled_from([None, "raw", *FEEDS]))
def test_matched_feed_lacks_nothing(headers, folder):
    feed = match_feed(headers, folder)
    if feed is not None:
        assert missing_columns(feed, headers) == ()
        assert folder not in FEEDS or feed.name == folder
    elif folder in FEEDS:
        assert missing_columns(FEEDS[folder], headers) != ()


@given(HEADERS)
def test_without_folder_nothing_is_lost(headers):
    """A feed that would drop a column of the contract is not matched by its headers alone."""
    feed = match_feed(headers)
    if feed is not None:
        known = {column_for_header(header) for header in headers} - {None}
        assert known <= set(feed.columns)


@given(HEADERS, st.sampled_from([None, *FEEDS]))
def test_closest_feed_is_the_matched_one(headers, folder):
    feed = match_feed(headers, folder)
    if feed is not None and folder is not None:
        assert closest_feed(headers, folder) is feed
    assert closest_feed(headers, folder).name in FEEDS


@pytest.mark.parametrize(
    ("lost", "feed"), [(["contract"], "customers"), (["gender", "partner"], "customers"), ([], "customers")]
)
def test_closest_feed_survives_a_loss(lost, feed):
    headers = [column for column in FEEDS["customers"].required if column not in lost]
    assert closest_feed(headers).name == feed


def test_churn_value_stands_for_churn():
    billing = FEEDS["billing"]
    headers = [column for column in billing.required if column != "churn"]
    assert missing_columns(billing, headers) == ("churn",)
    assert missing_columns(billing, [*headers, "Churn Value"]) == ()
    assert match_feed([*headers, "Churn Value"]) is billing
    assert "churn" not in FEEDS["services"].required


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("customerID", "customer_id"),
        ("Tenure Months", "tenure_months"),
        ("tenure", "tenure_months"),
        ("CLTV", "source_cltv"),
        ("Churn Label", "churn"),
        ("zip", "zip_code"),
        ("last updated", "updated_at"),
        ("colour", None),
        ("", None),
        ("--", None),
    ],
)
def test_alias_finds_its_column(header, column):
    assert column_for_header(header) == column


@pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))
def test_feed_keeps_its_own_columns(feed):
    assert feed.columns[:2] == ("customer_id", "updated_at")
    assert set(feed.required) <= set(feed.columns)
    assert len(set(feed.columns)) == len(feed.columns)
    assert feed.columns[len(feed.columns) - len(feed.bronze_only) :] == feed.bronze_only


def test_feeds_cover_every_group():
    split = {part for feed in FEEDS.values() if feed.name != "customers" for part in feed.parts}
    assert split == set(PARTS) == set(FEEDS["customers"].parts)
    assert FEEDS["customers"].groups == GROUPS


@pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))
def test_a_column_is_required_or_optional(feed):
    assert not set(feed.required) & set(feed.optional)
    assert {*feed.required, *feed.optional, *feed.bronze_only} == set(feed.columns)
