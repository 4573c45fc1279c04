"""The export job without Spark: what it does where nothing is to be packed or exported."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from jobs.context import JobContext
from jobs.export import run
from lake.dashboard_data import Dashboards, pack
from lake.storage import open_folder
from serving.dashboard.page import dashboard_html
from tests.support.gold_rows import gold_customers


@pytest.fixture
def context(tmp_path):
    """A run on a lake whose dashboard an earlier release has packed."""
    root = open_folder(tmp_path)
    data = pack(gold_customers(3), table_id="t", version=3, made_at="2026-01-01T00:00:00+00:00", trend=[])
    Dashboards(root).write(data)
    lake = SimpleNamespace(root=root, version=lambda _: 3, table_id=lambda _: "t")
    return JobContext("export", lake, "run-1", datetime.now(UTC), 0.05, has_warehouse=False)


def test_key_of_hashed_ids_is_made_by_the_job(context, monkeypatch):
    """The task that publishes the page runs with a role that may not write it."""
    run(context)
    root = context.lake.root
    monkeypatch.setattr(type(root), "write_bytes", lambda *_: pytest.fail("the publisher wrote to the lake"))
    assert "Customer (hashed)" in dashboard_html(root, "hashed")


def test_nothing_is_exported_without_a_warehouse(context):
    dashboard, warehouse = run(context)
    assert (dashboard.outcome, warehouse.outcome) == ("unchanged", "unchanged")
    assert (warehouse.version_after, warehouse.notes) == (None, ("the platform has no warehouse",))
    assert not (context.lake.root / "_exports").names()
