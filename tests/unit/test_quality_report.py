"""The quality report: self-contained, complete, and safe with hostile values."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from lake.deliveries import Delivery, Reason
from lake.file_report import held_files
from lake.results import Check, JobResult, RecordAccount, Results
from lake.storage import open_folder
from serving.quality_report import REPORT, TableReport, render, write_report

PASSED = Check("values not null", "customer_id", "critical", True, observed="0 of 9 rows")
FAILED = Check(
    "values are in set", "churn", "critical", False, observed="2 of 9 rows", examples=("<script>x</script>",)
)
UNMET = Check("values not null", "city", "info", False)
BROKEN = Check("values are unique", "gone", "warning", False, broken=True, observed="no such column")


class Page(HTMLParser):
    """Elements and text of a page."""

    VOID = ("meta", "br", "polyline", "link", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def _result(run, *checks, table="silver.customers", outcome="passed", rows=100):
    started_at, job = f"2026-01-01T00:00:0{run}+00:00", table.split(".")[0]
    return JobResult(
        job, table, run, started_at, outcome, rows_read=rows, rows_written=rows, checks=checks, engine="pandas"
    )


def _page(tmp_path, *results):
    store = Results(open_folder(tmp_path))
    for result in results:
        store.write(result)
    return render(store)


def test_it_needs_nothing_from_elsewhere(tmp_path):
    text = _page(tmp_path, _result("1", PASSED))
    page = Page(text)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe"}
    assert not any("src" in attributes for _, attributes in page.elements)
    links = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    assert links == ["#silver.customers"]
    assert not re.search(r"https?://|url\(|@import", text)


def test_every_check_shows_with_its_verdict(tmp_path):
    text = "".join(Page(_page(tmp_path, _result("1", PASSED, FAILED, UNMET, BROKEN, outcome="broken"))).text)
    for words in ("✓ passed", "✕ failed", "! not met", "? broken", "2 of 9 rows", "no such column"):
        assert words in text


def test_values_from_files_stay_text(tmp_path):
    text = _page(tmp_path, _result("1", FAILED, outcome="failed"))
    assert "<script" not in text
    assert "&lt;script&gt;x&lt;/script&gt;" in text


def test_quarantined_rows_are_shown_with_their_reasons(tmp_path):
    examples = ("B1 in a.jsonl: churn: 'Maybe' is not yes or no", "no id in b.csv: <b>")
    result = replace(_result("1", PASSED), quarantined_examples=examples, rows_quarantined=1234)
    text = "".join(Page(_page(tmp_path, result)).text)
    assert all(example in text for example in examples)
    assert "a few of 1,234" in text


def test_a_table_shows_its_newest_batch_and_its_trend(tmp_path):
    results = [_result(str(n), PASSED, rows=rows) for n, rows in enumerate((50, 100, 0))]
    page = Page(_page(tmp_path, *results))
    lines = [attributes["points"] for tag, attributes in page.elements if tag == "polyline"]
    assert lines == ["0.0,18.0 80.0,2.0 160.0,34.0"]
    assert "rows per batch, 3 runs" in "".join(page.text)


def test_tables_stand_in_the_order_of_the_pipeline(tmp_path):
    names = ("gold.churn_kpis", "bronze.billing", "silver.customers", "bronze.services")
    page = Page(_page(tmp_path, *(_result("1", PASSED, table=name) for name in names)))
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "section" and "id" in attributes]
    assert sections == ["bronze.billing", "bronze.services", "silver.customers", "gold.churn_kpis"]


def test_a_table_without_news_keeps_its_last_checks(tmp_path):
    quiet = replace(_result("2"), outcome="unchanged", notes=("no new batch in bronze",))
    text = "".join(Page(_page(tmp_path, _result("1", PASSED), quiet)).text)
    assert "values not null" in text
    assert "no new batch in bronze" in text


def test_before_the_first_run_it_says_so(tmp_path):
    assert "No run yet" in render(Results(open_folder(tmp_path)))


def test_it_is_written_below_the_lake(tmp_path):
    Results(open_folder(tmp_path)).write(_result("1", PASSED))
    assert write_report(open_folder(tmp_path)) == str(tmp_path / REPORT)
    assert (tmp_path / REPORT).read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("rows", [[], [0], [5], [1, 2, 3, 4]])
def test_a_trend_stays_inside_its_picture(rows):
    report = TableReport(_result("1"), [_result("1", rows=count) for count in rows])
    for x, y in (point.split(",") for point in report.trend().split()):
        assert 0 <= float(x) <= 160
        assert 0 <= float(y) <= 36


def test_hostile_names_stay_text(tmp_path):
    hostile = replace(FAILED, expectation="<b>x</b>", subject="a'\"><i>", observed="<u>", examples=("&amp;", "<s>"))
    noted = replace(_result("1", hostile, outcome="failed"), notes=("<img src=x>",), engine="<em>")
    page = Page(_page(tmp_path, noted))
    assert not {tag for tag, _ in page.elements} & {"b", "i", "u", "s", "img", "em"}
    assert all(text in "".join(page.text) for text in ("<b>x</b>", "a'\"><i>", "&amp;, <s>", "<img src=x>"))


def test_only_the_newest_runs_are_shown(tmp_path):
    store = Results(open_folder(tmp_path))
    for number in range(35):
        store.write(replace(_result("0", PASSED), run_id=f"run-{number:02d}"))
    text = "".join(Page(render(store)).text)
    assert "run-34" in text
    assert "run-05" in text
    assert "run-04" not in text
    assert text.index("run-34") < text.index("run-05")
    assert "rows per batch, 30 runs" in text


def test_maintenance_is_no_batch(tmp_path):
    swept = JobResult("maintenance", "silver.customers", "1", "2026-01-01T00:00:01+00:00", "passed", checks=(PASSED,))
    page = Page(_page(tmp_path, swept))
    assert not [attributes for tag, attributes in page.elements if tag == "section" and "id" in attributes]
    assert "maintenance.silver.customers" in "".join(page.text)


def test_table_without_checks_is_listed_only(tmp_path):
    page = Page(_page(tmp_path, _result("1")))
    assert "At a glance" not in "".join(page.text)
    assert "silver.customers" in "".join(page.text)


HELD = Delivery("day 1/a<b>.csv", "billing", 4, "held", 10, 4, 0.05, (Reason("churn is not yes or no", 4, "xxxxx"),))


def test_held_files_come_first_with_why_and_what_to_do(tmp_path):
    stopped = replace(_result("2", FAILED), held=held_files([HELD], "2"))
    page = Page(_page(tmp_path, _result("1", PASSED, table="bronze.billing"), stopped))
    words = " ".join("".join(page.text).split())
    assert "1 file is held: none of its rows is used" in words
    assert words.index("1 file is held") < words.index("At a glance") < words.index("values not null")
    why, retry, discard = (
        words.index(text)
        for text in (
            "4 of 10 rows are quarantined (40.0%, limit 5.0%): 4 × churn is not yes or no, e.g. 'xxxxx'",
            "churn retry 'day 1/a<b>.csv' --max-quarantined-share 0.4",
            "churn discard 'day 1/a<b>.csv'",
        )
    )
    assert why < retry < discard < words.index("At a glance")


def test_held_file_is_gone_with_the_gate_s_next_result(tmp_path):
    """Whatever else a later run has done: only the gate says who is held."""
    held = replace(_result("1", PASSED), held=held_files([HELD], "1"))
    swept = JobResult("maintenance", "silver.customers", "2", "2026-01-01T00:00:02+00:00", "passed")
    assert "1 file is held" in _page(tmp_path, held, swept, _result("3", PASSED, table="bronze.billing"))
    assert "is held" not in _page(tmp_path, replace(_result("4"), outcome="unchanged"))


def test_no_more_held_files_are_listed_than_one_reads(tmp_path):
    held = replace(_result("1", PASSED), held=held_files([HELD] * 1025, "1"))
    text = _page(tmp_path, held)
    assert "1,025 files are held: none of their rows is used" in text
    assert text.count("churn discard") == 20
    assert "And 1,005 more: <code>churn files --state held</code>" in text


def test_it_says_where_the_records_of_each_file_went(tmp_path):
    accounts = (
        RecordAccount("a<b.csv", 1, 1234, written=1200, superseded=34),
        RecordAccount("c.csv", 2, 2, quarantined=2),
    )
    page = _page(tmp_path, replace(_result("1", PASSED), accounts=accounts))
    text = " ".join(" ".join(Page(page).text).split())
    assert "1,236 received: 1,200 written, 34 superseded, 2 quarantined" in text
    assert "Received Written Superseded Quarantined a<b.csv 1 1,234 1,200 34 0 c.csv 2 2 0 0 2" in text
    assert "Erased" not in text, "kinds of which there is none"
