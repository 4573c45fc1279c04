"""Backfill, review and maintenance as Prefect flows: what they ask of the jobs, and what people find in Prefect.

The jobs themselves are tested with Spark elsewhere.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from prefect.artifacts import Artifact

from blocks.platform import Platform
from contract.errors import LakeError, RawPathError
from contract.metrics import HEADLINES
from flows.backfill import backfill
from flows.business_review import business_review
from flows.table_maintenance import table_maintenance
from lake.results import BatchStatistics
from lake.reviews import Month, Review, Reviews
from serving.pages import find_browser
from tests.support.records import many, record, write_jsonl
from tests.support.scripted_jobs import result, scripted


@pytest.fixture
def platform(prefect_harness, warehouse, tmp_path):
    def make(script):
        return Platform(lake=str(tmp_path / "lake"), jobs=scripted(script), warehouse=warehouse)

    return make


def _pipeline_results(arguments):
    """A day with 7 rows from 2 files; nothing that the warehouse lacks."""
    if arguments["job"] == "bronze":
        statistics = BatchStatistics(rows=7, files=2)
        return [result(arguments, "bronze.customers", rows_written=7, statistics=statistics)]
    if arguments["job"] == "export":
        return [result(arguments, outcome="unchanged", step=step) for step in ("dashboard", "warehouse")]
    return [result(arguments, {"silver": "silver.customers", "gold": "gold.churn_kpis"}[arguments["job"]])]


def test_backfill_runs_days_with_files(platform, tmp_path):
    raw, machine = tmp_path / "raw", platform(_pipeline_results)
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(8))
    write_jsonl(raw / "2026-01-03" / "a.jsonl", record("X"), record("Y"))
    write_jsonl(raw / "2026-01-03" / "b.jsonl", record("Z"))
    write_jsonl(raw / "2026-01-09" / "a.jsonl", record("later"))
    days = backfill(machine, date(2026, 1, 1), date(2026, 1, 4), str(raw), 0.25)
    assert [(d.day.day, d.files, d.rows) for d in days] == [(1, 1, 7), (2, 0, 0), (3, 2, 7), (4, 0, 0)]
    runs = [(call["job"], call.get("day")) for call in machine.jobs.calls()]
    jobs = ("silver", "gold", "export")
    expected = [
        ("bronze", day) if not job else (job, None) for day in ("2026-01-01", "2026-01-03") for job in (None, *jobs)
    ]
    assert runs == expected
    assert {call["max_quarantined_share"] for call in machine.jobs.calls()} == {"0.25"}
    table = Artifact.get("backfill")
    assert [row["note"] for row in json.loads(table.data)] == ["", "no files", "", "no files"]
    assert "4 days, 2 of them without files" in table.description


def test_backfill_refuses_swapped_days(platform, tmp_path):
    machine = platform(_pipeline_results)
    with pytest.raises(RawPathError, match="swap them"):
        backfill(machine, date(2026, 1, 4), date(2026, 1, 1), str(tmp_path))
    assert machine.jobs.calls() == []


def _review(month):
    months = [str(Month.parse(month).before(n)) for n in reversed(range(13))]
    return Review(month, f"{month}-28T07:00:00+00:00", dict.fromkeys(months) | {month: dict.fromkeys(HEADLINES, 10.0)})


def test_review_is_written_and_published(platform, tmp_path):
    def write(arguments):
        Reviews(machine.folder()).write(_review(arguments["month"]))
        return [result(arguments)]

    machine = platform(write)
    page = Path(business_review(machine, "2026-02"))
    text = page.read_text(encoding="utf-8")
    assert page.name == "business-review-2026-02.html"
    assert "their KPIs are missing, not zero" in text or "missing, not zero" in text
    assert "http" not in text.replace("http-equiv", ""), "it needs nothing else"
    assert page.with_suffix(".pdf").exists() == (find_browser() is not None)
    assert "| Customers | 10 |" in Artifact.get("business-review").data
    assert [call["month"] for call in machine.jobs.calls()] == ["2026-02"]
    with pytest.raises(LakeError, match="not a valid month"):
        business_review(machine, "January")


def test_review_is_of_the_last_whole_month(platform):
    asked = []

    def remember(arguments):
        asked.append(arguments["month"])
        raise LakeError("enough")

    before = Month.containing(datetime.now(UTC)).before(1)
    with pytest.raises(LakeError, match="enough"):
        business_review(platform(remember))
    after = Month.containing(datetime.now(UTC)).before(1)
    assert set(asked) <= {str(before), str(after)}


def test_maintenance_publishes_its_tables(platform):
    def maintain(arguments):
        assert arguments["retention_days"] == "45"
        return [result(arguments, table, notes=("3 files fewer",)) for table in ("silver.customers", "gold.churn_kpis")]

    results = table_maintenance(platform(maintain))
    assert [r.name for r in results] == ["maintenance.silver.customers", "maintenance.gold.churn_kpis"]
    rows = json.loads(Artifact.get("tables").data)
    assert [(row["table"], row["notes"]) for row in rows] == [(r.name, "3 files fewer") for r in results]
