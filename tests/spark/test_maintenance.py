"""Care of the tables, and the facts of a month."""

from datetime import timedelta

import pytest

from contract import defaults
from contract.errors import LakeError
from contract.metrics import METRICS, METRICS_BY_DIMENSION
from contract.tables import TABLES, history_properties
from jobs.session import get_session
from lake.reviews import Reviews
from tests.spark.lakes import LAST, NOON, load_at, run_at

MONTH = "2026-01"
LOW, HIGH, LOYAL = "Low-Value, Low-Risk", "Low-Value, High-Risk", "High-Value, Low-Risk"


@pytest.fixture(scope="module")
def reviewed(history, tmp_path_factory):
    """The lake after the second day, and the review of the month of which its files tell."""
    pipeline = history.second.copy(tmp_path_factory.mktemp("reviewed"))
    run_at(pipeline, "review", NOON, month=MONTH)
    return pipeline, Reviews(pipeline.folder).read(MONTH)


def test_review_has_kpis_of_a_year(reviewed):
    pipeline, review = reviewed
    months = list(review.kpis)
    assert (months[0], months[-1], len(months)) == ("2025-01", MONTH, 13)
    assert [m for m, kpis in review.kpis.items() if kpis is None] == months[:-2], "missing, not zero"
    assert review.kpis[MONTH] == pipeline.kpis()
    assert review.kpis["2025-12"]["customers"] == 3, "those of the file of that month, which came later"
    defined = set(METRICS) | set(METRICS_BY_DIMENSION)
    assert {name.partition(":")[0] for name in review.kpis[MONTH]} <= defined, "every KPI is defined"
    assert set(METRICS) <= set(review.kpis[MONTH])


def test_review_sums_who_moved(reviewed):
    _, review = reviewed
    assert review.lost == {"customers": 5, "monthly_charges": 280.75}
    assert review.won_back == {"customers": 1, "monthly_charges": 30.0}
    assert review.reasons == [["Unknown", 4, 250.75], ["Moved", 1, 30.0]]
    moved = [[None, LOW, 31, 1538.25], [None, HIGH, 2, 120.0], [None, LOYAL, 1, 100.0]]
    assert sorted(review.movements, key=str) == sorted(moved, key=str)


def test_review_shows_groups_and_quality(reviewed):
    pipeline, review = reviewed
    tenure = {
        g["value"]: (g["customers"], g["churned"]) for g in review.groups if g["dimension"] == "customer_tenure_group"
    }
    assert tenure == {"0-12": (33, 2), "25+": (4, 4)}
    quality = {row["table"]: row for row in review.quality}
    assert quality == {}, "no run was in that month"
    run_at(pipeline, "review", NOON, month="2026-03")
    quality = {row["table"]: row for row in Reviews(pipeline.folder).read("2026-03").quality}
    assert (quality["silver.customers"]["batches"], quality["silver.customers"]["rows_quarantined"]) == (2, 1)
    assert (quality["bronze.services"]["batches"], quality["bronze.services"]["rows_read"]) == (1, 1)
    assert {row["stopped"] for row in quality.values()} == {0}


def test_month_before_history_is_missing(reviewed):
    pipeline, _ = reviewed
    run_at(pipeline, "review", NOON, month="2020-02")
    review = Reviews(pipeline.folder).read("2020-02")
    assert set(review.kpis.values()) == {None}
    assert (review.groups, review.movements, review.lost, review.quality) == (None, None, None, [])
    with pytest.raises(LakeError, match="'2020-13' is not a valid month"):
        run_at(pipeline, "review", NOON, month="2020-13")


def test_maintenance_changes_no_row(history, tmp_path):
    pipeline = history.evening.copy(tmp_path)
    state = pipeline.state()
    results = run_at(pipeline, "maintenance", LAST, retention_days=45)
    assert {result.outcome for result in results.values()} == {"passed"}
    merged = results["maintenance.silver.customers"]
    assert merged.version_after > merged.version_before, "several files became one"
    assert pipeline.state() == state
    # Merged files are a change of files, not of rows: readers of the change feed find none.
    again = load_at(pipeline, history.raw, LAST + timedelta(hours=1))
    assert pipeline.state() == state
    assert sum(result.rows_written for name, result in again.items() if name.endswith(("customers", "analysis"))) == 0
    run_at(pipeline, "review", LAST, month=MONTH)
    assert Reviews(pipeline.folder).read(MONTH).won_back == {"customers": 2, "monthly_charges": 60.0}, (
        "not events, customers"
    )


def _properties(pipeline, table):
    row = get_session().sql(f"DESCRIBE DETAIL delta.`{pipeline.path / table}`").first()
    return {name: row["properties"].get(name) for name in history_properties(1)}


@pytest.mark.nightly
def test_history_is_kept_as_long_as_promised(history, tmp_path):
    """New tables from the first commit on; those of an earlier release, and another period, with the next maintenance."""
    pipeline = history.first.copy(tmp_path)
    promised = history_properties(defaults.RETENTION_DAYS)
    assert promised == dict.fromkeys(promised, "interval 45 days")
    for name in TABLES:
        if (pipeline.path / name.replace(".", "/")).exists():
            assert _properties(pipeline, name.replace(".", "/")) == promised, name
    path = "gold/churn_breakdown"
    names = ", ".join(f"'{name}'" for name in promised)
    get_session().sql(f"ALTER TABLE delta.`{pipeline.path / path}` UNSET TBLPROPERTIES ({names})")
    assert set(_properties(pipeline, path).values()) == {None}
    for days, changes in ((45, 1), (45, 1), (60, 2)):
        run_at(pipeline, "maintenance", LAST + timedelta(hours=changes), retention_days=days)
        assert _properties(pipeline, path) == history_properties(days)
        done = get_session().sql(f"DESCRIBE HISTORY delta.`{pipeline.path / path}`")
        assert done.where("operation = 'SET TBLPROPERTIES'").count() == changes, "what is right is left alone"


def test_short_retention_is_refused(history):
    with pytest.raises(LakeError, match="shorter than 7"):
        run_at(history.first.lake, "maintenance", LAST, retention_days=6)
