"""The figures that the business knows, from the operator's real files."""

import csv
import itertools
import json
import shutil

import pytest

from tests.roads import Road
from transforms.feeds import FEEDS, KEY, canonical

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def together(spark, real_files, tmp_path_factory):
    road = Road(tmp_path_factory.mktemp("together"))
    road.load(real_files[0].parent)
    return road


def _segments(kpis):
    names = ("High-Value, Low-Risk", "High-Value, High-Risk", "Low-Value, High-Risk", "Low-Value, Low-Risk")
    return [kpis[f"customers_in_segment:{name}"] for name in names]


def _tenure_rates(kpis):
    return [round(kpis[f"churn_rate_by_tenure:{group}"], 2) for group in ("0-12", "13-24", "25+")]


def test_all_three_parts(together):
    kpis = together.kpis()
    assert (kpis["customers"], kpis["churned_customers"]) == (7043, 1869)
    assert _segments(kpis) == [2794, 64, 1305, 2880]
    assert _tenure_rates(kpis) == [47.44, 28.71, 14.04]
    assert kpis["monthly_revenue_lost"] == 139_130.85
    assert kpis["source_cltv_lost"] == 7_755_256
    assert kpis["customers_at_risk"] == 853
    assert kpis["cltv_lost"] == 2_862_576.90
    assert kpis["cltv_total"] == 16_055_091.45


def test_part_three_reproduces_the_old_dashboard(road, real_files):
    road.load(real_files[2])
    kpis = road.kpis()
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


def test_blank_totals_of_new_customers_are_zero(together):
    new = [row for row in together.records("silver.customers") if row["tenure_months"] == 0]
    assert len(new) == 11
    assert {row["total_charges"] for row in new} == {0}


def test_parts_one_after_another_equal_all_together(road, together, real_files, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for file in real_files:
        shutil.copy2(file, raw)
        road.load(raw)
    assert road.state() == together.state()


@pytest.mark.parametrize("order", list(itertools.permutations(("demographics", "services", "billing")))[1:5:3])
def test_three_feeds_in_any_order_equal_whole_records(road, together, real_files, tmp_path, order):
    raw = tmp_path / "raw"
    records = [row for file in real_files for row in csv.DictReader(file.open(encoding="utf-8-sig"))]
    for feed in order:
        wanted = set(FEEDS[feed].columns)
        folder = raw / feed
        folder.mkdir(parents=True)
        lines = [json.dumps({k: v for k, v in row.items() if canonical(k) in wanted}) for row in records]
        (folder / "all.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        results = road.load(raw)
    assert results["silver.customers"].rows_incomplete == 0
    assert road.state() == together.state()
    assert len({row[KEY] for row in road.records("silver.customers")}) == 7043


def test_a_second_reader_sees_the_same(together):
    from local.lake_sql import query

    for table in ("silver.customers", "gold.customer_churn_analysis", "gold.churn_breakdown"):
        records = together.records(table)
        columns, rows = query(together.path, f"SELECT * FROM {table}")
        ours = sorted(repr([row[c] for c in columns if not c.endswith("_at")]) for row in records)
        theirs = sorted(repr([v for c, v in zip(columns, row, strict=True) if not c.endswith("_at")]) for row in rows)
        assert ours == theirs
