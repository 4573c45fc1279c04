"""Backfill, review and maintenance as Prefect flows, their job runner in this process."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.backfill import backfill
from flows.business_review import business_review
from flows.table_maintenance import table_maintenance
from reports.pages import find_browser
from tests.flows.test_churn_pipeline import platform  # noqa: F401 (a fixture)
from tests.roads import Road
from tests.samples import many, record, write_jsonl
from transforms.errors import LakeError, RawPathError


def _artifact(key):
    from prefect.artifacts import Artifact

    return Artifact.get(key)


def test_a_backfill_over_days_of_which_some_have_no_data(platform, tmp_path):  # noqa: F811
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(8))
    write_jsonl(raw / "2026-01-03" / "a.jsonl", record("X"), record("Y"))
    write_jsonl(raw / "2026-01-09" / "a.jsonl", record("later"))
    days = backfill(platform, date(2026, 1, 1), date(2026, 1, 4), str(raw))
    assert [(d.day.day, d.files, d.rows) for d in days] == [(1, 1, 8), (2, 0, 0), (3, 1, 2), (4, 0, 0)]
    table = _artifact("backfill")
    assert [row["note"] for row in json.loads(table.data)] == ["", "no files", "", "no files"]
    assert "4 days, 2 of them without files" in table.description
    assert {r["customer_id"] for r in Road(tmp_path / "lake").records("silver.customers")} >= {"X", "Y"}
    again = backfill(platform, date(2026, 1, 3), date(2026, 1, 3), str(raw))
    assert [d.rows for d in again] == [0], "what was ingested is not ingested again"
    with pytest.raises(RawPathError, match="swap them"):
        backfill(platform, date(2026, 1, 4), date(2026, 1, 1), str(raw))

    month = f"{datetime.now(UTC):%Y-%m}"
    page = Path(business_review(platform, month))
    text = page.read_text(encoding="utf-8")
    assert "Customers" in text
    assert "their figures are missing, not zero" in text
    assert "http" not in text.replace("http-equiv", ""), "it needs nothing else"
    assert page.with_suffix(".pdf").exists() == (find_browser() is not None)
    assert "| Customers | 10 |" in _artifact("business-review").data
    with pytest.raises(LakeError, match="no month"):
        business_review(platform, "January")

    results = table_maintenance(platform)
    assert {r.table for r in results} >= {"maintenance.silver.customers", "maintenance.gold.churn_kpis"}
