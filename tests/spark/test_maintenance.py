"""Care of the tables, and the facts of a month."""

from datetime import UTC, datetime

import pytest

from tests.roads import Road
from tests.samples import many, record, write_jsonl
from transforms.errors import LakeError
from transforms.metrics import GROUPED, METRICS
from transforms.review import Reviews

NEW = {"tenure_months": "5", "monthly_charges": "30.00", "total_charges": "150.00"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return tmp_path_factory.mktemp("maintenance") / "raw"


@pytest.fixture(scope="module")
def loaded(spark, raw):
    """A first day, and a second on which one customer leaves, one returns and one is unreadable."""
    road = Road(raw.parent / "lake")
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(40), record("gone", churn="Yes", **NEW))
    road.load(raw)
    second = [record("G0001", churn="Yes", churn_reason="Moved", **NEW), record("gone", **NEW), *many(40)[2:]]
    write_jsonl(raw / "2026-01-02" / "a.jsonl", *second, record("bad", churn="Maybe"))
    road.load(raw)
    return road


def test_a_month_s_facts_and_maintenance_that_changes_none(loaded, raw):
    month = f"{datetime.now(UTC):%Y-%m}"
    loaded.job("review", month=month)
    review = Reviews(loaded.folder).read(month)
    months = list(review.kpis)
    assert months[-1] == month
    assert len(months) == 13
    assert [m for m, kpis in review.kpis.items() if kpis is None] == months[:-1], "missing, not zero"
    assert review.kpis[month] == {k: v for k, v in loaded.kpis().items() if v is not None}
    defined = set(METRICS) | set(GROUPED)
    assert {name.partition(":")[0] for name in review.kpis[month]} <= defined, "every KPI is defined"
    assert set(METRICS) <= set(review.kpis[month])
    assert review.lost == {"customers": 1, "monthly_charges": 30.0}
    assert review.won_back == {"customers": 1, "monthly_charges": 30.0}
    assert review.reasons == [["Moved", 1, 30.0]]
    low, high = "Low-Value, Low-Risk", "Low-Value, High-Risk"
    assert sorted(review.movements) == [[high, low, 1, 30.0], [low, high, 1, 30.0]]
    tenure = {g["value"]: g for g in review.groups if g["dimension"] == "customer_tenure_group"}
    assert (tenure["0-12"]["customers"], tenure["0-12"]["churned"]) == (41, 1)

    state = loaded.state()
    results = loaded.job("maintenance", retention_days="45")
    assert results["maintenance.silver.customers"].outcome == "passed"
    assert loaded.state() == state
    loaded.load(raw)
    assert loaded.state() == state
    assert Reviews(loaded.folder).read(month).lost == review.lost


def test_a_retention_that_loses_changes_is_refused(loaded):
    with pytest.raises(LakeError, match="shorter than 7"):
        loaded.job("maintenance", retention_days="1")


def test_a_month_before_history_is_missing(loaded):
    loaded.job("review", month="2020-02")
    review = Reviews(loaded.folder).read("2020-02")
    assert set(review.kpis.values()) == {None}
    assert review.groups is None
    assert review.movements is None
    assert review.quality == []
    with pytest.raises(LakeError, match="'2020-13' is no month"):
        loaded.job("review", month="2020-13")
