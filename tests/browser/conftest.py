"""One headless Chromium for the run, and the page as a manager uses it."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Page

from lake.dashboard_data import DashboardData, pack
from serving.dashboard.page import render
from tests.support.gold_rows import awkward_customers

CUSTOMERS = 2_500
MADE_AT = "2026-03-04T05:06:00+00:00"
TREND = [
    ["2026-03-03T05:06:00+00:00", {"customers": 2400.0, "churn_rate": 27.0}],
    [MADE_AT, {"customers": 2500.0, "churn_rate": 26.5}],
]


def packed(rows: pd.DataFrame, trend: list[Any] = TREND) -> DashboardData:
    return pack(rows, table_id="table-1", version=7, made_at=MADE_AT, trend=trend)


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    return awkward_customers(CUSTOMERS)


@pytest.fixture(scope="session")
def sql(customers):
    """Ask the same rows in SQL, which the page knows nothing of."""
    connection = sqlite3.connect(":memory:")
    customers.to_sql("gold", connection, index=False)

    def ask(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    return ask


@pytest.fixture(scope="session")
def page_file(customers, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("a page") / "dashboard.html"
    path.write_text(render(packed(customers)), encoding="utf-8")
    return path


class Manager:
    """What somebody does with the page and sees on it."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.set_default_timeout(5_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda said: self.problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.open()

    def open(self, address: str = "") -> None:
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + address)
        self.page.wait_for_selector("html[data-ready]")

    def choose(self, name: str, *values: str) -> None:
        """Tick values of a filter with the mouse."""
        filtered = self.page.locator(f'.filter[data-name="{name}"]')
        filtered.locator(".opener").click()
        for value in values:
            filtered.get_by_text(value, exact=True).click()
        self.page.keyboard.press("Escape")

    def between(self, low: str, high: str) -> None:
        self.page.fill("#tenure-from", low)
        self.page.fill("#tenure-to", high)

    def reset(self) -> None:
        self.page.click("#reset")

    def address(self) -> str:
        """The part of the address that holds the filters, as the page knows it: `page.url` hears of it later."""
        return self.page.evaluate("() => location.hash")

    def matching(self) -> str:
        return self.page.inner_text("#matching")

    def cards(self) -> dict[str, str]:
        return {
            card.get_attribute("data-metric") or "": card.locator(".value").inner_text()
            for card in self.page.locator(".card").all()
        }

    def table(self, visual: str) -> dict[str, list[str]]:
        """The data table behind a chart: its rows by their first cell."""
        rows = self.page.evaluate(
            "name => [...document.querySelectorAll(`[data-visual=${name}] tbody tr`)]"
            ".map(row => [...row.children].map(cell => cell.textContent))",
            visual,
        )
        return {row[0]: row[1:] for row in rows}

    def charges(self) -> list[list[str]]:
        """The table behind tenure against charges, which has a row per gender and months."""
        return self.page.evaluate(
            "() => [...document.querySelectorAll('[data-visual=tenure_and_charges] tbody tr')]"
            ".map(row => [...row.children].map(cell => cell.textContent))"
        )

    def calls(self) -> list[list[str]]:
        return self.page.evaluate(
            "() => [...document.querySelectorAll('#calls tbody tr')].map(row => [...row.children].map(c => c.textContent))"
        )

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.fixture(scope="module")
def opened(browser, page_file) -> Iterator[Manager]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield Manager(page, page_file)
    page.close()


@pytest.fixture
def manager(opened) -> Iterator[Manager]:
    """The page as it is when it has just been opened."""
    opened.reset()
    yield opened
    assert opened.problems == []


def number(text: str) -> float:
    """What a figure on the page says."""
    return float(re.sub(r"[^\d.-]", "", text))
