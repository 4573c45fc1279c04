"""The business review as a page: figures, changes, gaps, hostile text."""

from dataclasses import replace

import pytest

from reports.review import render_review, summary
from transforms.metrics import METRICS
from transforms.review import Month, Review

KPIS = {"customers": 100.0, "churn_rate": 20.0, "churned_customers": 20.0, "monthly_revenue_lost": 1234.5}
MONTHS = [str(Month.parse("2026-03").before(n)) for n in reversed(range(13))]
HISTORY = dict.fromkeys(MONTHS[:-2]) | {MONTHS[-2]: KPIS, MONTHS[-1]: KPIS | {"churn_rate": 18.5, "customers": 110.0}}
GROUP = {"customers": 10.0, "churned": 2.0, "monthly_revenue": 9.0, "churned_monthly_revenue": 3.0, "churn_rate": 20.0}
FULL = Review(
    "2026-03",
    "2026-04-01T07:00:00+00:00",
    HISTORY,
    groups=[
        {"dimension": "customer_tenure_group", "value": value, **GROUP} for value in ("25+", "0-12")
    ] + [{"dimension": "city", "value": f"City {n} <i>", **GROUP} for n in range(12)],
    movements=[["Low-Value, Low-Risk", "Low-Value, High-Risk", 1200, 99.5], [None, "Low-Value, Low-Risk", 1, 30.0]],
    lost={"customers": 3, "monthly_charges": 90.0},
    won_back={"customers": 1, "monthly_charges": 30.0},
    reasons=[["<b>Price & more</b>", 3, 90.0]],
    quality=[{"table": "silver.customers", "batches": 2, "rows_read": 5000, "rows_quarantined": 4, "stopped": 1, "warned": 0}],
)  # fmt: skip


def test_figures_and_changes_are_shown():
    page = render_review(FULL)
    for text in ("Business review, March 2026", "18.50 %", "-1.50 points", "+10.0 %", "1,200", "5,000", "new customer"):
        assert text in page, text
    assert page.index("0&#8209;12") < page.index("25+"), "tenure groups in their order"
    assert "City 9" in page
    assert "City 10" not in page, "the ten largest"
    for name in ("customers", "churn_rate"):
        assert METRICS[name].definition in page


def test_what_comes_from_files_cannot_become_markup():
    page = render_review(FULL)
    assert "<b>Price" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;Price &amp; more&lt;/b&gt;" in page


def test_a_page_needs_nothing_else():
    page = render_review(FULL)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "://" not in page


def test_months_without_history_are_missing_not_zero():
    empty = replace(
        FULL, kpis=dict.fromkeys(MONTHS), groups=None, movements=None, lost=None, won_back=None, reasons=None
    )
    page = render_review(empty)
    assert "No history for 13 of the months shown" in page
    assert "missing: no history yet" in page
    assert "$0" not in page
    assert "missing, not zero" in summary(empty)


def test_an_unfinished_month_says_so():
    assert "The month is not over" in render_review(replace(FULL, made_at="2026-03-10T07:00:00+00:00"))
    assert "at the end of the month" in render_review(FULL)


def test_the_summary_has_what_moved():
    text = summary(FULL)
    assert "| Churn rate | 18.50 % | -1.50 points |" in text
    assert "Lost in the month: 3 customers, $90.00 a month." in text


@pytest.mark.parametrize(
    ("name", "now", "before", "words"),
    [
        ("churn_rate", 20.0, 18.5, "+1.50 points"),
        ("customers", 90.0, 100.0, "-10.0 %"),
        ("customers", 5.0, 0.0, "from zero"),
        ("customers", 5.0, None, "no earlier month"),
        ("customers", None, 5.0, "missing: no history yet"),
    ],
)
def test_changes_in_words(name, now, before, words):
    assert METRICS[name].change(now, before) == words
