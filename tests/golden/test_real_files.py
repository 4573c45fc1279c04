"""The figures that the business knows, from the operator's real files."""

import pytest

from serving.lake_sql import query

pytestmark = pytest.mark.real_data


def _segments(kpis):
    names = ("High-Value, Low-Risk", "High-Value, High-Risk", "Low-Value, High-Risk", "Low-Value, Low-Risk")
    return [kpis[f"customers_in_segment:{name}"] for name in names]


def _tenure_rates(kpis):
    return [round(kpis[f"churn_rate_by_tenure:{group}"], 2) for group in ("0-12", "13-24", "25+")]


def test_all_three_parts(real_lake):
    kpis = real_lake.kpis()
    assert (kpis["customers"], kpis["churned_customers"]) == (7043, 1869)
    assert _segments(kpis) == [2794, 64, 1305, 2880]
    assert _tenure_rates(kpis) == [47.44, 28.71, 14.04]
    assert kpis["monthly_revenue_lost"] == 139_130.85
    assert kpis["source_cltv_lost"] == 7_755_256
    assert kpis["customers_at_risk"] == 853
    assert kpis["cltv_lost"] == 2_862_576.90
    assert kpis["cltv_total"] == 16_055_091.45


def test_part_three_reproduces_the_old_dashboard(pipeline, real_files):
    pipeline.load(real_files[2])
    kpis = pipeline.kpis()
    assert (kpis["customers"], kpis["churned_customers"]) == (6444, 1270)
    assert _segments(kpis) == [2652, 43, 877, 2872]
    assert _tenure_rates(kpis) == [37.82, 20.82, 10.32]
    assert kpis["source_cltv_lost"] == 5_285_159
    assert kpis["monthly_revenue_lost"] == 93_861.35
    assert kpis["high_risk_customers"] == 1924
    assert round(kpis["high_risk_share"], 2) == 29.86
    means = [
        round(kpis[f"mean_monthly_charges_of_churned:{method}"], 2)
        for method in ("Electronic check", "Bank transfer (automatic)", "Credit card (automatic)")
    ]
    assert means == [78.91, 76.00, 76.07]


def test_blank_totals_of_new_customers_are_zero(real_lake):
    new = [row for row in real_lake.records("silver.customers") if row["tenure_months"] == 0]
    assert len(new) == 11
    assert {row["total_charges"] for row in new} == {0}


def test_a_second_reader_sees_the_same(real_lake):
    for table in ("silver.customers", "gold.customer_churn_analysis", "gold.churn_breakdown"):
        records = real_lake.records(table)
        columns, rows = query(real_lake.path, f"SELECT * FROM {table}")
        ours = sorted(repr([row[c] for c in columns if not c.endswith("_at")]) for row in records)
        theirs = sorted(repr([v for c, v in zip(columns, row, strict=True) if not c.endswith("_at")]) for row in rows)
        assert ours == theirs
