from hypothesis import given
from hypothesis import strategies as st

from transforms.feeds import FEEDS, canonical, fold, match_feed, missing_columns, nearest_feed


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
    assert all(canonical(header) for header in flat21)


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
    assert nearest_feed(headers, name) is feed


@given(st.text())
def test_fold_is_stable(text):
    assert fold(fold(text)) == fold(text)
