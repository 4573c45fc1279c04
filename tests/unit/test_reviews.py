"""Months of the business review, and its facts on disk."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LakeError
from lake.reviews import Month, Review, Reviews

months = st.builds(Month, st.integers(1000, 2998), st.integers(1, 12))
steps = st.integers(-300, 300)


def test_a_month_counts_back_over_years():
    assert [str(Month.parse("2026-02").before(n)) for n in (0, 1, 2, 13, -11)] == [
        "2026-02", "2026-01", "2025-12", "2025-01", "2027-01",
    ]  # fmt: skip


@given(months)
def test_month_as_text_is_read_back(month):
    assert Month.parse(str(month)) == month
    assert len(str(month)) == 7


@given(months, steps, steps)
def test_steps_back_add_up(month, one, other):
    assert month.before(one).before(other) == month.before(one + other)
    assert month.before(one).before(-one) == month
    assert 1 <= month.before(one).number <= 12


@given(months, st.integers(1, 300))
def test_texts_sort_like_months(month, earlier):
    before = month.before(earlier)
    assert before.start < month.start
    assert str(before) < str(month)


@given(months)
def test_months_follow_without_gap(month):
    assert month.end == month.before(-1).start
    assert 28 <= (month.end - month.start).days <= 31
    assert Month.containing((month.end - timedelta(microseconds=1)).date()) == month


@given(st.dates())
def test_day_lies_in_its_month(day):
    month = Month.containing(day)
    assert (month.year, month.number) == (day.year, day.month)


def test_december_ends_in_next_year():
    assert Month(2026, 12).end == datetime(2027, 1, 1, tzinfo=UTC)
    assert Month.containing(date(2026, 12, 31)) == Month(2026, 12)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "01-2026", "2026-01-01", "may", "2026/01", "2026-1"]
)
def test_invalid_month_names_the_form(text):
    with pytest.raises(LakeError, match="YYYY-MM"):
        Month.parse(text)


def test_facts_survive_their_file(folder):
    review = Review(
        "2026-03",
        "2026-04-01T07:00:00+00:00",
        {"2026-02": None, "2026-03": {"customers": 10.0}},
        groups=[{"dimension": "city", "value": "Zürich", "churn_rate": 1.5}],
        movements=[[None, "Low-Value, Low-Risk", 1, 30.0]],
        lost={"customers": 3},
        reasons=[["<b>", 3, 90.0]],
    )
    Reviews(folder).write(review)
    assert Reviews(folder).read("2026-03") == review
    with pytest.raises(FileNotFoundError):
        Reviews(folder).read("2026-02")


def test_second_review_replaces_first(folder):
    for made in ("2026-04-01T07:00:00+00:00", "2026-05-01T07:00:00+00:00"):
        Reviews(folder).write(Review("2026-03", made, {}))
    assert Reviews(folder).read("2026-03").made_at.startswith("2026-05")
