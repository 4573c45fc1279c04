"""The dashboard in headless Chromium at several sizes: python -m benchmarks.dashboard

Size of the page, time from opening it to drawn, and from a click on a filter to painted: the median and the
maximum over clicks on every filter. Prints the rows for docs/performance.md.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from lake.dashboard_data import pack
from serving.dashboard.content import FILTERS
from serving.dashboard.page import render
from serving.pages import find_browser
from tests.support.gold_rows import gold_customers

_SIZES = (7_000, 100_000, 1_000_000)
_CLICKS = 4


def row(browser: Browser, folder: Path, customers: int) -> str:
    """Return one line of the table for a number of customers."""
    frame = gold_customers(customers)
    began = time.perf_counter()
    data = pack(frame, table_id="bench", version=1, made_at="2026-01-01T00:00:00+00:00", trend=[])
    packed = time.perf_counter() - began
    path = folder / f"{customers}.html"
    path.write_text(render(data), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    ready = page.evaluate("() => performance.getEntriesByName('ready')[0].duration")
    for name in (dimension.name for dimension in FILTERS):
        page.click(f'.filter[data-name="{name}"] .opener')
        boxes = page.locator(f"#panel-{name} input[type=checkbox]")
        for number in range(min(_CLICKS, boxes.count())):
            boxes.nth(number).click()
            page.wait_for_timeout(100)
        page.keyboard.press("Escape")
        page.click("#reset")
        page.wait_for_timeout(100)
    spent = page.evaluate("() => performance.getEntriesByName('repaint').map(entry => entry.duration)")
    page.close()
    size = path.stat().st_size / 1e6
    return f"| {customers:,} | {size:.2f} | {packed:.2f} | {ready / 1000:.2f} | {statistics.median(spent):.0f} | {max(spent):.0f} |"


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=_SIZES)
    options = parser.parse_args()
    print("| customers | page, MB | packing, s | ready, s | filter to painted, ms (median) | longest, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"])
        for customers in options.customers:
            print(row(browser, Path(folder), customers), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
