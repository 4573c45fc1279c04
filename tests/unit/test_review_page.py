"""The business review as a page: figures, changes, gaps, hostile text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from contract.churn import TENURE_BAND_NAMES
from contract.metrics import HEADLINES, METRICS
from lake.reviews import Month, Review
from lake.storage import open_folder
from serving import business_review, pages
from serving.business_review import render_review, summary, write_review

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
    assert "no history yet" in page
    assert "$0" not in page
    assert "missing, not zero" in summary(empty)


def test_unknown_figures_are_not_available_and_not_zero():
    """The files of the month carried no scores: these figures have history, but no value."""
    page, lines = render_review(FULL), summary(FULL).splitlines()
    label = METRICS["customers_at_risk"].label
    assert f'<span class="label">{label}</span><b>not available</b><span class="same"></span>' in page
    assert f"| {label} | not available |  |" in lines
    assert "$0" not in page


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
        ("customers", 5.0, None, "no earlier value"),
        ("customers", None, 5.0, ""),
    ],
)
def test_changes_in_words(name, now, before, words):
    assert METRICS[name].change(now, before) == words


def _group(dimension, value, rate=20.0, **changes):
    return {"dimension": dimension, "value": value, **GROUP, "churn_rate": rate, **changes}


def _page(**changes):
    return render_review(replace(FULL, **changes))


def _labels(page, heading):
    """The labels of one chart's bars, in their order."""
    section = page.split(f"<h2>{heading}</h2>", 1)[1].split("</section>", 1)[0]
    return [
        label.replace("&#8209;", "-") for label in re.findall(r"<tr><td>(.*?)</td><td class=\"n\">[\d.]+ %", section)
    ]


def _tones(page):
    return dict(re.findall(r'<span class="label">([^<]*)</span><b>[^<]*</b><span class="(\w+)">', page))


def test_undeclared_band_comes_last():
    bands = ["60+", *reversed(TENURE_BAND_NAMES), "13-60"]
    page = _page(groups=[_group("customer_tenure_group", name) for name in bands])
    assert _labels(page, "Churn by months as a customer") == [*TENURE_BAND_NAMES, "13-60", "60+"]


def test_groups_stand_by_churn_rate():
    rows = [_group("contract", name, rate) for name, rate in (("One year", 11.0), ("Two year", 3.0), ("Monthly", 42.0))]
    page = _page(groups=rows)
    assert _labels(page, "Churn by contract") == ["Monthly", "One year", "Two year"]
    assert "width:100.0%" in page
    assert f"width:{11 / 42 * 100:.1f}%" in page


def test_group_without_churn_has_no_bar():
    page = _page(groups=[_group("contract", "Two year", 0.0)])
    assert _labels(page, "Churn by contract") == ["Two year"]
    assert "width:0.0%" in page


def test_missing_groups_say_why():
    assert "the tables as they stood at its end are no longer kept" in _page(groups=None)
    assert "there is no history of this month" in _page(groups=None, kpis=dict.fromkeys(MONTHS))


@pytest.mark.parametrize(
    ("name", "now", "tone"),
    [
        ("customers", 120.0, "better"),
        ("customers", 80.0, "worse"),
        ("customers", 100.0, "same"),
        ("churn_rate", 25.0, "worse"),
        ("churn_rate", 15.0, "better"),
        ("churn_rate", None, "same"),
    ],
)
def test_tone_follows_the_desired_direction(name, now, tone):
    history = HISTORY | {MONTHS[-1]: {key: value for key, value in (KPIS | {name: now}).items() if value is not None}}
    assert _tones(_page(kpis=history))[METRICS[name].label] == tone


def test_gap_in_history_stays_a_gap():
    history = dict.fromkeys(MONTHS) | {MONTHS[0]: KPIS, MONTHS[-1]: KPIS | {"customers": 50.0}}
    page = _page(kpis=history)
    assert "Customers over 2 months with history" in page
    points = re.findall(r'points="([^"]*)"', page)[0].split()
    assert [float(point.split(",")[0]) for point in points] == [5.0, 215.0]
    assert "No history for 11 of the months shown" in page
    assert "no earlier value" in page


def test_points_stay_inside_their_picture():
    history = {month: {name: float(number * 1e6) for name in HEADLINES} for number, month in enumerate(MONTHS)}
    for points in re.findall(r'points="([^"]*)"', _page(kpis=history)):
        for x, y in (point.split(",") for point in points.split()):
            assert 0 <= float(x) <= 220
            assert 0 <= float(y) <= 56


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"movements": []}, "Nobody moved in this month"),
        ({"reasons": []}, "Nobody left in this month"),
        ({"movements": None}, "there is no history of this month"),
        ({"quality": []}, "No batch was loaded in this month"),
        ({"movements": [["Low-Value, Low-Risk", None, 2, None]]}, "gone from the records"),
    ],
)
def test_nothing_is_said_in_words(changes, words):
    assert words in _page(**changes)


HOSTILE = "</table><script>alert(1)</script>"


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": [_group("city", HOSTILE), _group("contract", HOSTILE), _group("customer_tenure_group", HOSTILE)]},
        {"movements": [[HOSTILE, HOSTILE, 1, 1.0]]},
        {"reasons": [[HOSTILE, 1, 1.0]]},
        {"quality": [{**FULL.quality[0], "table": HOSTILE}]},
    ],
)
def test_hostile_text_stays_text(changes):
    page = _page(**changes)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<table") == page.count("</table>")


class Elements(HTMLParser):
    """The elements that are open."""

    VOID = ("meta", "polyline", "circle")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_every_element_is_closed():
    parser = Elements()
    parser.feed(render_review(FULL))
    assert parser.open == []


def test_summary_lists_every_headline():
    lines = summary(FULL).splitlines()
    assert lines[0] == "# Business review March 2026"
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[4 : 4 + len(HEADLINES)]] == [
        METRICS[name].label for name in HEADLINES
    ]
    assert "Won back: 1 customers, $30.00 a month." in lines


def test_page_lies_below_the_reports(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "find_browser", lambda: None)
    lake = open_folder(tmp_path)
    assert write_review(lake, FULL) == lake.uri("_reports/business-review-2026-03.html")
    assert [file.name for file in lake.files()] == ["_reports/business-review-2026-03.html"]
    assert lake.read_bytes("_reports/business-review-2026-03.html").decode() == render_review(FULL)


def test_print_lies_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(business_review, "to_pdf", lambda page: b"%PDF of " + page[:15].encode())
    lake = open_folder(tmp_path)
    write_review(lake, FULL)
    assert lake.read_bytes("_reports/business-review-2026-03.pdf") == b"%PDF of <!doctype html>"
