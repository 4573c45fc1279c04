"""What only the jobs show of gold: watermarks, change feeds, full refresh, definitions, drift."""

from dataclasses import replace
from datetime import timedelta

from contract.metrics import MEASURES, Comparison, Condition
from contract.tables import TABLES
from jobs import gold as job
from jobs.delta import Lake
from jobs.session import get_session
from lake.results import Results
from tests.spark.lakes import FIRST, LAST, NOON, SECOND, load_at, run_at
from tests.support.records import many, record, write_jsonl
from transforms import gold

HOUR = timedelta(hours=1)


def test_second_load_writes_changed_customers(history):
    """Twenty-five of the second day's records are as they were: silver takes them, gold does not."""
    assert history.first.results["gold.customer_churn_analysis"].rows_written == 33
    assert history.second.results["gold.customer_churn_analysis"].rows_written == 11
    assert history.evening.results["gold.customer_churn_analysis"].rows_written == 3


def test_incomplete_customer_waits_for_gold(history):
    assert history.first.results["silver.customers"].rows_incomplete == 1
    assert history.second.results["silver.customers"].rows_incomplete == 0
    waiting = [
        "waits" in {row["customer_id"] for row in step.lake.records("gold.customer_churn_analysis")}
        for step in (history.first, history.second)
    ]
    assert waiting == [False, True]


def test_tables_kept_by_changes_equal_recomputed_ones(history, spark):
    """Gold after a change feed is what silver gives when everything is computed anew."""
    pipeline = history.second.lake
    lake = Lake(spark, pipeline.folder)
    analysis = gold.churn_analysis(lake.read(TABLES["silver.customers"])).persist()
    changes = gold.breakdown_changes(analysis.selectExpr("*", "'insert' AS _change_type"))
    breakdown = gold.breakdown(lake.empty(job.BREAKDOWN), changes, 0).persist()
    kpis = gold.kpis(breakdown, "anew", NOON, 0)
    for table, anew in ((job.ANALYSIS, analysis), (job.BREAKDOWN, breakdown)):
        columns = [name for name in table.schema.names if name != "source_version"]
        stored = lake.read(table).select(*columns)
        assert sorted(map(repr, stored.collect())) == sorted(map(repr, anew.select(*columns).collect())), table.name
    assert pipeline.kpis() == {row["kpi"]: float(row["value"]) for row in kpis.collect() if row["value"] is not None}


def test_later_loads_equal_full_refresh(history):
    """Also those after a full refresh that brought new data: nothing is counted twice."""
    results = history.refreshed.results
    assert results["bronze"].outcome == "unchanged"
    assert results["silver.customers"].rows_written == 40
    assert results["gold.customer_churn_analysis"].rows_written == 40
    assert results["gold.churn_breakdown"].rows_written > 0
    assert history.refreshed.lake.state() == history.evening.lake.state()
    assert history.refreshed.lake.kpis()["customers"] == 40


def test_loading_again_changes_nothing(history, tmp_path):
    """Neither after an increment nor after a full refresh is anything left to do."""
    for name, step in {"evening": history.evening, "refreshed": history.refreshed}.items():
        pipeline = step.copy(tmp_path / name)
        versions = _versions(pipeline)
        results = load_at(pipeline, history.raw, LAST + HOUR)
        assert {result.outcome for result in results.values()} == {"unchanged"}
        assert _versions(pipeline) == versions


def _versions(pipeline):
    return {path.relative_to(pipeline.path) for path in pipeline.path.glob("*/*/_delta_log/*.json")}


def test_figures_of_another_definition_are_computed_anew(history, tmp_path, monkeypatch):
    """Without new data, once, and also back to a definition that was there before."""
    pipeline = history.second.copy(tmp_path)
    churned = pipeline.kpis()["churned_customers"]
    assert churned == 6
    long_here = Condition("long_here", (Comparison("tenure_months", ">", 5),))
    with monkeypatch.context() as patched:
        patched.setitem(MEASURES, "churned", replace(MEASURES["churned"], condition=long_here))
        for name in ("BREAKDOWN", "KPIS"):
            patched.setattr(job, name, replace(getattr(job, name), definition="another"))
        results = run_at(pipeline, "gold", NOON)
        assert results["gold.customer_churn_analysis"].outcome == "unchanged"
        assert results["gold.churn_breakdown"].rows_written > 0
        assert pipeline.kpis()["churned_customers"] == 33
        assert run_at(pipeline, "gold", NOON + HOUR)["gold.churn_kpis"].outcome == "unchanged"
    assert run_at(pipeline, "gold", NOON + 2 * HOUR)["gold.churn_kpis"].rows_written > 0
    assert pipeline.kpis()["churned_customers"] == churned
    again = run_at(pipeline, "gold", NOON + 3 * HOUR)
    assert {result.outcome for result in again.values()} == {"unchanged"}


def test_row_count_drift_of_kpis_warns(history, tmp_path, monkeypatch):
    """A batch with a sixth of the rows of the one before is published, with a warning."""
    assert history.second.results["gold.churn_kpis"].outcome == "passed"
    pipeline = history.second.copy(tmp_path)
    results = Results(pipeline.folder)
    previous = next(results.history("gold.churn_kpis"))
    assert previous.run_id == f"{SECOND:%Y%m%dT%H%M%SZ}"
    assert previous.version_before is not None
    rows = previous.statistics.rows
    results.write(replace(previous, statistics=replace(previous.statistics, rows=6 * rows)))
    monkeypatch.setattr(job, "KPIS", replace(job.KPIS, definition="another"))  # computed anew without new data
    drifted = run_at(pipeline, "gold", NOON)["gold.churn_kpis"]
    assert drifted.outcome == "warned"
    failing = [check for check in drifted.checks if not check.success]
    assert [(check.subject, check.severity, check.observed) for check in failing] == [
        ("row_count_ratio", "warning", f"{1 / 6:.4g}")
    ]
    assert drifted.rows_written == rows


def test_first_load_is_no_measure_for_drift(history):
    """The second day has a third of the first day's rows: that is what days are like."""
    for table in ("bronze.customers", "silver.customers", "gold.customer_churn_analysis"):
        (check,) = (c for c in history.second.results[table].checks if c.subject == "row_count_ratio")
        assert (check.success, check.observed) == (True, "no previous batch to compare with")
    assert FIRST < SECOND


def test_lost_change_records_are_made_up_for_by_a_snapshot(pipeline, tmp_path):
    """Gold compares everything where the feed has a gap, and has what a rebuild would have."""
    write_jsonl(tmp_path / "raw" / "2026-01-01" / "a.jsonl", *many(4))
    pipeline.load(tmp_path / "raw")
    write_jsonl(tmp_path / "raw" / "2026-01-02" / "a.jsonl", record("G0001", churn="Yes"), record("N1"))
    for name in ("bronze", "silver"):
        pipeline.job(name, raw=str(tmp_path / "raw"))
    lost = list((pipeline.path / "silver" / "customers" / "_change_data").glob("*.parquet"))
    assert lost
    for path in lost:
        path.unlink()
    assert pipeline.job("gold")["gold.customer_churn_analysis"].is_published
    found = pipeline.rows("gold.customer_churn_analysis")
    assert len(found) == 5
    pipeline.job("gold", full_refresh="true")
    assert pipeline.rows("gold.customer_churn_analysis") == found


def test_figures_that_do_not_add_up_are_not_published(history, tmp_path):
    """An increment on wrong figures would carry them on for ever."""
    pipeline, raw = history.second.copy(tmp_path), tmp_path / "raw"
    breakdown = f"delta.`{pipeline.path / 'gold' / 'churn_breakdown'}`"
    get_session().sql(f"UPDATE {breakdown} SET customers = customers + 1 WHERE value = 'High-Value, Low-Risk'")
    write_jsonl(raw / "2026-02-01" / "a.jsonl", record("G0001", monthly_charges="60"))
    results = load_at(pipeline, raw, LAST)
    assert results["gold.churn_breakdown"].outcome == "failed"
    assert "gold.churn_kpis" not in results
    (failed,) = (check for check in results["gold.churn_breakdown"].checks if not check.success)
    assert failed.observed.startswith("38 in gold, 37 complete in silver")
