"""Who moved between segments, by gold's change feed, and the alert that follows from it."""

import itertools
from datetime import UTC, datetime

import pytest

from tests.samples import many, record, write_jsonl
from transforms.alerts import Alerts

LOYAL = {"tenure_months": "50", "monthly_charges": "100.00", "total_charges": "5000.00"}
NEW = {"tenure_months": "5", "monthly_charges": "30.00", "total_charges": "150.00"}


@pytest.fixture
def day(road, tmp_path):
    """Brings in a file of records; the results of the run."""
    numbers = itertools.count(1)

    def load(*records, **arguments):
        write_jsonl(tmp_path / "raw" / f"2026-01-{next(numbers):02d}" / "a.jsonl", *records)
        return road.load(tmp_path / "raw", **arguments)

    return load


def _moves(road):
    return {
        (r["customer_id"], r["from_segment"], r["to_segment"], r["was_churned"], r["is_churned"], r["newly_at_risk"])
        for r in road.records("gold.customer_movements")
    }


def test_movements_alerts_and_days(road, day):
    first = day(*many(6), record("leaver", **NEW), record("loyal", **LOYAL), record("lost", churn="Yes", **NEW))
    assert first["gold.customer_movements"].outcome == "unchanged", "the first load is the baseline"
    assert not list(Alerts(road.folder).open())

    day(
        record("leaver", churn="Yes", churn_reason="Moved", **NEW),
        record("loyal", churn="Yes", **LOYAL),
        record("fresh", churn="Yes", **NEW | {"monthly_charges": "90.00", "total_charges": "450.00"}),
        record("G0001", monthly_charges="51.00"),
    )
    low, high = "Low-Value, Low-Risk", "Low-Value, High-Risk"
    loyal = ("loyal", "High-Value, Low-Risk", "High-Value, Low-Risk", 0, 1, False)
    moved = {("leaver", low, high, 0, 1, True), ("fresh", None, high, None, 1, True), loyal}
    assert _moves(road) == moved
    (alert,) = Alerts(road.folder).open()
    assert [(c.customer_id, c.cltv) for c in alert.top] == [("fresh", 450.0), ("leaver", 150.0)]
    assert (alert.customers, alert.monthly_charges, alert.cltv) == (2, 120.0, 600.0)
    assert alert.day == datetime.now(UTC).date().isoformat()

    day(record("leaver", **NEW))
    day(record("leaver", churn="Yes", **NEW))
    back = ("leaver", high, low, 1, 0, False)
    again = ("leaver", low, high, 0, 1, False)
    assert _moves(road) == moved | {back, again}, "a second time on one day is no alert"
    assert [a.version for a in Alerts(road.folder).open()] == [alert.version]

    before = _moves(road)
    results = road.load(road.path.parent / "raw", full_refresh="true")
    assert results["gold.customer_movements"].rows_written == 0
    assert _moves(road) == before


def test_an_alert_that_a_dead_run_did_not_write_is_written_by_the_next(road, day):
    day(*many(6))
    day(record("fresh", churn="Yes", **NEW))
    (alert,) = Alerts(road.folder).open()
    road.folder.delete(f"_alerts/{alert.version:08d}.json")
    road.job("gold")
    assert list(Alerts(road.folder).open()) == [alert]
    Alerts(road.folder).claim(alert, "run")
    road.job("gold")
    assert not list(Alerts(road.folder).open())
