"""The dashboard's file: needs nothing else, shows ids as told, and holds hostile values as data."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.metrics import CONDITIONS, DIMENSIONS, HEADLINES, MEASURES, METRICS, METRICS_BY_DIMENSION
from lake.dashboard_data import Dashboards, pack
from lake.storage import open_folder
from serving.dashboard.content import CALLS, FILTERS, SEARCHED, TALL, VISUALS
from serving.dashboard.page import PLACE, dashboard_html, render, write_dashboard
from serving.tableau.fields import COLUMNS
from tests.support.gold_rows import FORMULA, HOSTILE, awkward_customers


@pytest.fixture(scope="module")
def data():
    rows = awkward_customers(120)
    return pack(rows, table_id="table-1", version=7, made_at="2026-01-02T03:04:00+00:00", trend=[["2026", {"a": 1}]])


@pytest.fixture(scope="module")
def page(data):
    return render(data)


def _elements(page, tag):
    return re.findall(rf"<{tag}\b([^>]*)>(.*?)</{tag}>", page, re.DOTALL)


def _content(page):
    """The data that the page's scripts read."""
    (found,) = [text for attributes, text in _elements(page, "script") if "json" in attributes]
    return json.loads(found)


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_policy_allows_own_code_only(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page).group(1)
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    (script,) = [text for attributes, text in _elements(page, "script") if "json" not in attributes]
    ((_, style),) = _elements(page, "style")
    assert allowed["default-src"] == "'none'"
    assert allowed["script-src"] == f"'{_hash(script)}'"
    assert allowed["style-src"] == f"'{_hash(style)}'"


def test_page_loads_nothing(page):
    assert not re.search(r"<(?:link|img|iframe|object)\b|\bsrc=\"http|@import|url\(", page.split("<script", 1)[0])
    assert not re.search(r"\son\w+=\"", page), "no code in attributes"


def test_hostile_values_stay_data(page):
    assert HOSTILE not in page
    assert page.count("</script>") == len(_elements(page, "script"))
    cities = _content(page)["data"]["values"]["city"]
    assert {HOSTILE, FORMULA} <= set(cities)


@settings(max_examples=25, deadline=None)
@given(city=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_survives_the_page(data, city):
    page = render(replace(data, values=data.values | {"city": [city]}))
    assert _content(page)["data"]["values"]["city"] == [city]


def test_shown_ids_are_the_customers(data, page):
    content = _content(page)["data"]
    assert content["ids"] == data.ids
    assert content["ids_label"] == "Customer"


def test_hashed_ids_hide_the_customers(data):
    page = render(data, "hashed", "key of this lake")
    content = _content(page)["data"]
    digest = hmac.new(b"key of this lake", data.ids[0].encode(), "sha256").hexdigest()
    assert content["ids"][0] == digest[:12]
    assert len(set(content["ids"])) == len(data.ids) == content["ids_count"]
    assert not any(name in page for name in data.ids)
    assert "key of this lake" not in page
    assert content["ids"] != _content(render(data, "hashed", "another key"))["data"]["ids"]


def test_without_ids_only_their_number_stays(data):
    page = render(data, "none")
    assert _content(page)["data"]["ids"] == []
    assert _content(page)["data"]["ids_count"] == len(data.ids) > 0
    assert not any(name in page for name in data.ids)


def test_head_names_version_and_time(data, page):
    assert "120 customers as of 02 Jan 2026, 03:04 UTC · gold version 7" in page
    eastern = render(replace(data, customers=1234567, made_at="2026-01-02T03:04:00+05:00"))
    assert "1,234,567 customers as of 01 Jan 2026, 22:04 UTC" in eastern


def test_scripts_know_every_figure(page):
    spec = _content(page)["spec"]
    assert spec["cards"] == list(HEADLINES)
    assert set(spec["metrics"]) == set(METRICS | METRICS_BY_DIMENSION)
    assert set(spec["measures"]) == set(MEASURES)
    for metric in spec["metrics"].values():
        assert {metric["numerator"], metric["denominator"]} - {""} <= set(spec["measures"])
        assert metric["secondary"] == "" or metric["secondary"] in spec["metrics"]
    conditions = {condition.name for condition in CONDITIONS}
    assert {measure["condition"] for measure in spec["measures"].values()} - {""} <= conditions
    assert {measure["known"] for measure in spec["measures"].values()} - {""} <= conditions & set(spec["measures"])


def test_filters_and_visuals_have_their_place(page):
    spec = _content(page)["spec"]
    assert [entry["name"] for entry in spec["filters"]] == [entry.name for entry in FILTERS]
    assert {entry["name"] for entry in spec["filters"] if entry["search"]} == set(SEARCHED)
    markup = page.split("<script", 1)[0]
    assert re.findall(r'data-visual="([^"]*)"', markup) == [visual.name for visual in VISUALS]
    assert re.findall(r'data-metric="([^"]*)"', markup) == list(HEADLINES)


@pytest.mark.parametrize("visual", [*VISUALS, CALLS], ids=lambda visual: visual.name)
def test_visual_draws_declared_figures(visual):
    columns = {column.name for column in COLUMNS}
    assert set(visual.metrics) <= set(METRICS)
    assert {visual.by, visual.against, visual.split} - {""} <= columns
    assert bool(visual.against) == bool(visual.split)
    assert visual.question[-1] in "?."


def test_visuals_are_told_apart():
    assert len({visual.name for visual in VISUALS}) == len({visual.title for visual in VISUALS}) == len(VISUALS)
    assert set(TALL) <= {visual.name for visual in VISUALS}
    assert {entry.name for entry in FILTERS} <= set(DIMENSIONS)


def test_page_lies_below_the_reports(tmp_path, data):
    lake = open_folder(tmp_path)
    assert dashboard_html(lake, "shown") is None
    Dashboards(lake).write(data)
    assert write_dashboard(lake) == lake.uri(PLACE)
    assert lake.read_bytes(PLACE).decode() == render(data)


def test_hashes_stay_over_the_days(tmp_path, data):
    lake = open_folder(tmp_path)
    Dashboards(lake).write(data)
    first = _content(dashboard_html(lake, "hashed"))["data"]["ids"]
    Dashboards(lake).write(replace(data, version=8))
    assert _content(dashboard_html(lake, "hashed"))["data"]["ids"] == first
    assert not open_folder(tmp_path / "other").exists("_dashboard/key")
