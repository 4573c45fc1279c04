"""The lake as it was at a moment, and the next run on it."""

import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest

from contract.errors import LakeError
from contract.tables import TABLES
from jobs.delta import Lake
from jobs.session import get_session
from lake.rebuild import RebuildRequest
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl

BILL = {
    name: record("G0001", total_charges="77.5")[name]
    for name in (
        "customer_id",
        "tenure_months",
        "contract",
        "paperless_billing",
        "payment_method",
        "monthly_charges",
        "total_charges",
        "churn",
    )
}
SEEN = ("silver.customers", "silver.quarantine", "gold.customer_churn_analysis", "gold.churn_breakdown")


@pytest.fixture(scope="module")
def loaded(spark, tmp_path_factory):
    """A lake of two days, the second with a feed of its own, the moment between them, and what it was like on both."""
    folder = tmp_path_factory.mktemp("loaded")
    pipeline = PipelineHarness(folder / "lake")
    write_jsonl(folder / "raw" / "2026-01-01" / "a.jsonl", *many(6), record("BAD", tenure_months="x"))
    pipeline.load(folder / "raw", max_quarantined_share="0.5")
    first = _content(pipeline)
    time.sleep(0.1)
    moment = datetime.now(UTC)
    time.sleep(0.1)
    write_jsonl(folder / "raw" / "2026-01-02" / "a.jsonl", record("G0002", churn="Yes"), record("N2"))
    write_jsonl(
        folder / "raw" / "billing" / "2026-01-02" / "b.jsonl",
        BILL,
    )
    pipeline.load(folder / "raw", max_quarantined_share="0.5")
    return folder, moment, first, _content(pipeline)


@pytest.fixture
def lake(loaded, tmp_path):
    shutil.copytree(loaded[0], tmp_path / "copy")
    return PipelineHarness(tmp_path / "copy" / "lake")


def _content(pipeline):
    return {name: pipeline.rows(name) for name in SEEN} | {"kpis": pipeline.kpis()}


def _restore(lake, moment):
    (result,) = lake.job("restore", moment=moment.isoformat()).values()
    return result


def test_lake_is_what_it_was_and_the_next_run_makes_what_it_is(lake, loaded):
    _, moment, first, second = loaded
    result = _restore(lake, moment)
    assert _content(lake) == first
    assert not lake.records("bronze.billing"), "there was no such table then"
    assert any("bronze.billing: emptied" in note for note in result.notes)
    assert any("The next run ingests these files again" in note for note in result.notes)
    lake.load(lake.path.parent / "raw", max_quarantined_share="0.5")
    assert _content(lake) == second
    assert RebuildRequest(lake.folder).read() is None


def test_versions_never_go_back(lake, loaded):
    """Readers of a change feed and the warehouse remember them."""
    table, store = TABLES["gold.customer_churn_analysis"], Lake(get_session(), lake.folder)
    before = store.version(table)
    _restore(lake, loaded[1])
    assert store.version(table) == before + 1


@pytest.mark.nightly
def test_restoring_again_changes_nothing(lake, loaded):
    _, moment, first, _ = loaded
    _restore(lake, moment)
    _restore(lake, moment)
    assert _content(lake) == first
    assert _restore(lake, datetime.now(UTC)).outcome == "unchanged"


@pytest.mark.nightly
def test_interrupted_restoration_is_rebuilt_by_the_next_run(lake, loaded, monkeypatch):
    _, moment, _, second = loaded

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("jobs.restore.reopen_files", stop)
    with pytest.raises(KeyboardInterrupt):
        _restore(lake, moment)
    monkeypatch.undo()
    _restore(lake, moment)
    lake.load(lake.path.parent / "raw", max_quarantined_share="0.5")
    assert _content(lake) == second


@pytest.mark.parametrize(
    ("hours", "message"), [(1, "in the past"), (-24 * 365, "cannot be restored to an earlier moment")]
)
def test_moment_that_cannot_be_restored_is_refused_before_anything_changes(lake, loaded, hours, message, monkeypatch):
    monkeypatch.setattr(Lake, "history", lambda self, table: [(7, datetime.now(UTC)), (3, datetime.now(UTC))])
    with pytest.raises(LakeError, match=message):
        _restore(lake, datetime.now(UTC) + timedelta(hours=hours))
    assert _content(lake) == loaded[3]
    assert RebuildRequest(lake.folder).read() is None
