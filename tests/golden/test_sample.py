"""The generator's customers: figures that are known, however and in whichever order they are delivered."""

import csv
import itertools
import shutil

import pytest

from contract.churn import RISK_SEGMENTS, TENURE_BAND_NAMES
from sample_data.generator import generate
from tests.support.pipeline import PipelineHarness

CUSTOMERS, SEED = 300, 7
FEEDS = ("demographics", "services", "billing")
ORDERS = [
    order if number == 1 else pytest.param(order, marks=pytest.mark.nightly)
    for number, order in enumerate(itertools.permutations(FEEDS))
]


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory):
    """The same customers as whole records and as three feeds."""
    folder = tmp_path_factory.mktemp("sample")
    generate(CUSTOMERS, 1, folder / "whole", seed=SEED, layout="flat33")
    generate(CUSTOMERS, 1, folder / "feeds", seed=SEED, layout="feeds", faults=0)
    return folder


@pytest.fixture(scope="module")
def loaded(spark, deliveries):
    pipeline = PipelineHarness(deliveries / "lake")
    pipeline.load(deliveries / "whole")
    return pipeline


def _records(deliveries):
    (file,) = (deliveries / "whole").rglob("*.csv")
    with file.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_figures_of_the_seed(loaded):
    kpis = loaded.kpis()
    assert {name: kpis[name] for name in GOLDEN} == pytest.approx(GOLDEN, abs=1e-3)


def test_figures_equal_plain_python(loaded, deliveries):
    """The churn logic once more, without Spark, from the delivered text."""
    records, kpis = _records(deliveries), loaded.kpis()
    segments, bands, lost = dict.fromkeys(RISK_SEGMENTS, 0), {name: [0, 0] for name in TENURE_BAND_NAMES}, 0.0
    for record in records:
        months, charges, left = int(record["Tenure Months"]), float(record["Monthly Charges"]), record["Churn Label"]
        score = 100 - 1.5 * months if left == "Yes" else 0
        value, risk = "High" if charges * months > 2000 else "Low", "High" if score > 60 else "Low"
        segments[f"{value}-Value, {risk}-Risk"] += 1
        band = bands["0-12" if months <= 12 else "13-24" if months <= 24 else "25+"]
        band[0] += 1
        band[1] += left == "Yes"
        lost += charges * (left == "Yes")
    assert {name: kpis.get(f"customers_in_segment:{name}", 0) for name in segments} == segments
    rates = {name: kpis[f"churn_rate_by_tenure:{name}"] for name in bands}
    assert rates == pytest.approx({name: 100 * left / count for name, (count, left) in bands.items()}, abs=1e-4)
    assert kpis["monthly_revenue_lost"] == pytest.approx(lost)


@pytest.mark.nightly
def test_parts_one_after_another_equal_all_together(pipeline, loaded, deliveries, tmp_path):
    records = _records(deliveries)
    raw = tmp_path / "raw"
    raw.mkdir()
    for number, part in enumerate((records[:29], records[29:])):
        with (raw / f"part{number}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, part[0])
            writer.writeheader()
            writer.writerows(part)
        pipeline.job("bronze", raw=str(raw))
        pipeline.job("silver")
        pipeline.job("gold")
    assert pipeline.state() == loaded.state()


@pytest.mark.parametrize("order", ORDERS)
def test_feeds_in_any_order_equal_whole_records(pipeline, loaded, deliveries, tmp_path, order):
    raw = tmp_path / "raw"
    for number, feed in enumerate(order, start=1):
        shutil.copytree(deliveries / "feeds" / feed, raw / feed)
        pipeline.job("bronze", raw=str(raw))
        silver = pipeline.job("silver")["silver.customers"]
        assert silver.rows_incomplete == (CUSTOMERS if number < len(FEEDS) else 0)
    pipeline.job("gold")
    assert pipeline.newest() == loaded.newest()


GOLDEN = {"customers": 300}
