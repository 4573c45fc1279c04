"""The page in use: keys, phone, dark, print, screen readers, export, privacy, what it may reach."""

import csv
import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from serving.dashboard.page import render
from tests.browser.conftest import Manager, packed
from tests.support.gold_rows import FORMULA, HOSTILE, gold_customers


def _open(browser, path, html=None, **options):
    if html is not None:
        path.write_text(html, encoding="utf-8")
    return Manager(browser.new_page(**options), path)


def test_a_filter_by_keys_alone(manager, sql):
    page = manager.page
    page.focus('.filter[data-name="city"] .opener')
    page.keyboard.press("Enter")
    page.keyboard.type("san ")
    assert page.inner_text("#panel-city .row span") == "5 of 23"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.textContent") == "CitySan Francisco"
    assert page.get_attribute('.filter[data-name="city"] .opener', "aria-expanded") == "false"
    count = sql("SELECT count(*) FROM gold WHERE city = 'San Francisco'")[0][0]
    assert manager.matching() == f"{count} of 2,500 customers"


def test_the_way_through_the_page_by_tab(browser, page_file):
    manager = _open(browser, page_file)
    page, reached = manager.page, []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.id || document.activeElement.textContent.trim()"))
    assert reached[0] == "Skip to the figures"
    assert [name.removesuffix("all") for name in reached[2:7]] == [
        "Churn reason", "City", "Gender", "Payment method", "Contract",
    ]  # fmt: skip
    assert reached[7:10] == ["tenure-from", "tenure-to", "reset"]
    outline = page.evaluate(
        "() => { document.getElementById('reset').focus(); return getComputedStyle(document.activeElement).outlineStyle }"
    )
    assert outline == "solid", "focus is seen"
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "figures"
    page.close()


def test_one_panel_is_open_at_a_time(manager):
    page = manager.page
    page.click('.filter[data-name="gender"] .opener')
    page.click('.filter[data-name="contract"] .opener')
    assert page.locator(".panel:visible").count() == 1
    page.mouse.click(640, 5)
    assert page.locator(".panel:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(browser, page_file, scheme, width):
    manager = _open(browser, page_file, viewport={"width": width, "height": 900}, color_scheme=scheme)
    manager.page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    manager.choose("gender", "Female")
    manager.page.click('.filter[data-name="city"] .opener')
    found = Axe().run(manager.page)
    assert found.violations_count == 0, found.generate_report()
    manager.page.close()


def test_every_chart_has_words_and_a_table(manager):
    for figure in manager.page.locator("figure.chart").all():
        drawing = figure.locator("svg[role=img]").first
        assert len(drawing.get_attribute("aria-label") or "") > 20
        assert figure.locator("tbody tr").count() > 0
        summary = figure.locator("summary")
        summary.focus()
        manager.page.keyboard.press("Enter")
        assert figure.locator("table").is_visible()


def test_on_a_phone_nothing_hangs_over(browser, page_file):
    manager = _open(browser, page_file, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert not manager.scrolls_sideways()
    manager.choose("city", "Fresno")
    assert not manager.scrolls_sideways()
    assert manager.page.locator(".card .value").first.is_visible()
    tall = manager.page.evaluate(
        "() => Math.min(...[...document.querySelectorAll('.opener, #reset')].map(b => b.offsetHeight))"
    )
    assert tall >= 36, "a finger hits it"
    manager.page.close()


def test_a_narrower_window_is_drawn_anew(browser, page_file):
    manager = _open(browser, page_file, viewport={"width": 1280, "height": 800})
    wide = manager.page.get_attribute("[data-visual=risk_matrix] svg", "width")
    manager.page.set_viewport_size({"width": 700, "height": 800})
    manager.page.wait_for_selector(f"[data-visual=risk_matrix] svg:not([width='{wide}'])")
    assert not manager.scrolls_sideways()
    manager.page.close()


def test_dark_by_the_system_and_by_hand(browser, page_file):
    manager = _open(browser, page_file, color_scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = manager.page.evaluate(background)
    manager.page.click("#theme")
    light = manager.page.evaluate(background)
    assert sum(map(int, re.findall(r"\d+", dark))) < 150 < 600 < sum(map(int, re.findall(r"\d+", light)))
    manager.page.click("#theme")
    assert manager.page.evaluate(background) == dark
    manager.page.close()


def test_print_has_the_figures_and_not_the_controls(browser, page_file):
    manager = _open(browser, page_file)
    manager.choose("gender", "Male")
    manager.page.emulate_media(media="print")
    assert not manager.page.is_visible(".filters")
    assert manager.page.is_visible("#chips"), "what was filtered is on paper"
    assert manager.page.is_visible("[data-visual=retention_funnel] svg")
    manager.page.close()


def test_the_export_is_the_list_under_the_filters(manager, sql):
    manager.choose("contract", "Month-to-month")
    with manager.page.expect_download() as download:
        manager.page.click("#export")
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    expected = sql(
        "SELECT customer_id, coalesce(city, 'Unknown'), monthly_cents / 100.0, source_cltv FROM gold WHERE churn_flag = 0 "
        "AND source_churn_score > 70 AND contract = 'Month-to-month' ORDER BY source_cltv DESC, 1"
    )
    found = [
        (r["Customer"], r["City"].removeprefix("'"), float(r["Monthly charges, USD"]), int(r["CLTV, USD"]))
        for r in rows
    ]
    assert len(found) > 50
    assert found == expected


def test_the_export_holds_no_formula(manager):
    manager.choose("city", FORMULA)
    with manager.page.expect_download() as download:
        manager.page.click("#export")
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"), newline="")))
    assert [row["City"] for row in rows] == ["'" + FORMULA]


def test_the_list_grows_when_asked(manager):
    shown = len(manager.calls())
    manager.page.click("#more")
    assert len(manager.calls()) == 4 * shown == 40


def test_it_asks_for_nothing_and_may_not(browser, page_file):
    manager = _open(browser, page_file)
    manager.choose("gender", "Female")
    assert {url.split("#")[0] for url in manager.requests} == {page_file.as_uri()}
    refused = manager.page.evaluate("() => fetch('http://127.0.0.1:1/').then(() => 'sent', () => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in problem for problem in manager.problems)
    manager.page.close()


def test_values_cannot_become_markup(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert text.count("<script") == text.count("</script") == 2


@pytest.mark.parametrize(("ids", "named"), [("hashed", True), ("none", False)])
def test_ids_are_hashed_or_left_out(browser, customers, tmp_path, ids, named):
    html = render(packed(customers), ids, "a key")
    assert not [name for name in customers["customer_id"] if name in html]
    manager = _open(browser, tmp_path / "page.html", html)
    first = manager.calls()[0]
    assert (re.fullmatch(r"[0-9a-f]{12}", first[0]) is not None) == named
    assert "850" not in manager.matching()
    assert manager.problems == []
    manager.page.close()


def test_only_customers_to_call_have_an_id(customers, page_file):
    html = page_file.read_text(encoding="utf-8")
    called = (customers["churn_flag"] == 0) & (customers["source_churn_score"] > 70)
    held = [name for name in customers["customer_id"] if name in html]
    assert sorted(held) == sorted(customers["customer_id"][called])


def test_a_hash_is_the_same_on_every_day_and_another_with_another_key(customers):
    one, again, other = (render(packed(customers), "hashed", key) for key in ("a", "a", "b"))
    assert one == again != other


def test_files_without_scores_say_so(browser, tmp_path):
    rows = (
        gold_customers(300)
        .assign(source_churn_score=None, source_cltv=None)
        .astype({"source_churn_score": float, "source_cltv": float})
    )
    manager = _open(browser, tmp_path / "page.html", render(packed(rows)))
    cards = manager.cards()
    assert (cards["customers"], cards["customers_at_risk"], cards["source_cltv_lost"]) == (
        "300", "not available", "not available",
    )  # fmt: skip
    assert manager.page.locator(".cards").get_by_text("The files carry no scores").count() == 5
    assert manager.calls()[0][0] == "Not available: the files carry no scores."
    assert "$0.00" not in manager.page.inner_text(".cards")
    assert manager.problems == []
    manager.page.close()


def test_no_customer_at_all(browser, tmp_path):
    manager = _open(browser, tmp_path / "page.html", render(packed(gold_customers(5).head(0), trend=[])))
    assert manager.page.is_visible("#empty")
    assert manager.problems == []
    manager.page.close()


def test_the_time_and_version_of_the_data_are_said(manager):
    assert "2,500 customers as of 04 Mar 2026, 05:06 UTC · gold version 7" in manager.page.inner_text("header")
    trend = manager.page.inner_text("#trend")
    assert "2,400 on 2026-03-03, 2,500 on 2026-03-04" in trend
    assert "27.00 % on 2026-03-03, 26.50 % on 2026-03-04" in trend


def test_runs_of_one_day_are_told_apart_by_their_time(browser, tmp_path):
    trend = [[f"2026-03-04T0{hour}:06:00+00:00", {"customers": 2400.0 + hour}] for hour in (3, 5)]
    manager = _open(browser, tmp_path / "page.html", render(packed(gold_customers(5), trend=trend)))
    assert "2,403 at 03:06 UTC, 2,405 at 05:06 UTC" in manager.page.inner_text("#trend")
    manager.page.close()


def test_damaged_data_is_a_message(browser, page_file, tmp_path):
    broken = page_file.read_text(encoding="utf-8").replace('"kind":"', '"kind":"AAAA', 1)
    path = tmp_path / "page.html"
    path.write_text(broken, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#problem:visible")
    assert "cannot be drawn" in page.inner_text("#problem")
    assert "churn dashboard" in page.inner_text("#problem")
    page.close()
