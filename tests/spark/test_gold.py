from dataclasses import replace

import pytest

from tests.roads import Road
from tests.samples import many, record, write_jsonl
from transforms.errors import SchemaMismatchError
from transforms.jobs import gold as job
from transforms.metrics import MEASURES, Comparison, Condition


@pytest.mark.parametrize(
    ("tenure", "monthly", "churn", "group", "cltv", "score", "segment"),
    [
        (12, "100", "Yes", "0-12", 1200, 82.0, "Low-Value, High-Risk"),
        (13, "100", "No", "13-24", 1300, 0.0, "Low-Value, Low-Risk"),
        (24, "100", "Yes", "13-24", 2400, 64.0, "High-Value, High-Risk"),
        (20, "100", "Yes", "13-24", 2000, 70.0, "Low-Value, High-Risk"),
        (25, "100", "No", "25+", 2500, 0.0, "High-Value, Low-Risk"),
        (27, "100", "Yes", "25+", 2700, 59.5, "High-Value, Low-Risk"),
        (72, "10", "Yes", "25+", 720, -8.0, "Low-Value, Low-Risk"),
    ],
)
def test_churn_logic(spark, tenure, monthly, churn, group, cltv, score, segment):
    from transforms.gold import churn_analysis
    from transforms.schemas.silver import CUSTOMERS

    row = spark.range(1).selectExpr(
        *(f"cast(null as {f.dataType.simpleString()}) {f.name}" for f in CUSTOMERS if f.name not in _GIVEN),
        f"{tenure} tenure_months",
        f"cast({monthly} as decimal(10,2)) monthly_charges",
        f"{str(churn == 'Yes').lower()} churn",
        "true is_complete",
    )
    found = churn_analysis(row).first()
    assert (found["customer_tenure_group"], found["cltv"], found["churn_score"], found["risk_segment"]) == (
        group,
        cltv,
        score,
        segment,
    )
    assert found["churn_flag"] == (1 if churn == "Yes" else 0)


_GIVEN = {"tenure_months", "monthly_charges", "churn", "is_complete"}


def test_a_second_load_equals_a_fresh_one(spark, tmp_path):
    """The breakdown is kept by adding changes; it must equal one counted from scratch."""
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(20))
    step = Road(tmp_path / "step")
    step.load(raw)
    changed = [record(f"G{i:04d}", churn="Yes", tenure_months="30", city="Eureka") for i in range(5)]
    write_jsonl(raw / "2026-01-02" / "a.jsonl", *changed, record("NEW", contract="Two year"))
    results = step.load(raw)
    assert results["gold.customer_churn_analysis"].rows_written == 6
    fresh = Road(tmp_path / "fresh")
    fresh.load(raw)
    assert step.state() == fresh.state()


def test_loading_again_changes_nothing(road, tmp_path):
    write_jsonl(tmp_path / "raw" / "a.jsonl", *many(5))
    road.load(tmp_path / "raw")
    before, kpis = road.state(), road.rows("gold.churn_kpis", with_lineage=True)
    results = road.load(tmp_path / "raw")
    assert {result.outcome for result in results.values()} == {"unchanged"}
    assert road.state() == before
    assert road.rows("gold.churn_kpis", with_lineage=True) == kpis


def test_a_full_refresh_gives_the_same_tables(road, tmp_path):
    write_jsonl(tmp_path / "raw" / "a.jsonl", *many(5), record("X", churn="Yes"))
    road.load(tmp_path / "raw")
    before = road.state()
    results = road.load(tmp_path / "raw", full_refresh="true")
    assert results["silver.customers"].rows_written == 6
    assert road.state() == before


def test_the_day_after_a_full_refresh_counts_nothing_twice(spark, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "1" / "a.jsonl", *many(6))
    road = Road(tmp_path / "lake")
    road.load(raw)
    write_jsonl(raw / "2" / "a.jsonl", record("N1", churn="Yes"), record("N2"))
    road.load(raw, full_refresh="true")
    results = road.load(raw)
    assert {result.outcome for result in results.values()} == {"unchanged"}
    write_jsonl(raw / "3" / "a.jsonl", record("N3", churn="Yes"))
    road.load(raw)
    fresh = Road(tmp_path / "fresh")
    fresh.load(raw)
    assert road.state() == fresh.state()


def test_a_table_of_a_newer_version_is_refused(road, spark, tmp_path):
    write_jsonl(tmp_path / "raw" / "a.jsonl", record("A-1"))
    road.load(tmp_path / "raw")
    spark.sql(f"ALTER TABLE delta.`{road.path}/silver/customers` ADD COLUMNS (tomorrow string)")
    write_jsonl(tmp_path / "raw" / "b.jsonl", record("A-2"))
    road.job("bronze", raw=str(tmp_path / "raw"))
    with pytest.raises(SchemaMismatchError, match="tomorrow"):
        road.job("silver")


def test_figures_of_another_definition_are_computed_anew(road, tmp_path, monkeypatch):
    """Without new data, once, and also back to a definition that was there before."""
    write_jsonl(tmp_path / "raw" / "a.jsonl", *many(5), record("LEFT", churn="Yes"))
    road.load(tmp_path / "raw")
    assert road.kpis()["churned_customers"] == 1
    long_here = Condition("long_here", (Comparison("tenure_months", ">", 5),))
    with monkeypatch.context() as patched:
        patched.setitem(MEASURES, "churned", replace(MEASURES["churned"], condition=long_here))
        for name in ("BREAKDOWN", "KPIS"):
            patched.setattr(job, name, replace(getattr(job, name), definition="another"))
        results = road.job("gold")
        assert results["gold.customer_churn_analysis"].outcome == "unchanged"
        assert results["gold.churn_breakdown"].rows_written > 0
        assert road.kpis()["churned_customers"] == 6
        assert road.job("gold")["gold.churn_kpis"].outcome == "unchanged"
    assert road.job("gold")["gold.churn_kpis"].rows_written > 0
    assert road.kpis()["churned_customers"] == 1
    assert {result.outcome for result in road.job("gold").values()} == {"unchanged"}
