"""Two lakes that release 0.1.0 has written are continued: an upgrade loses nothing.

`feeds` has two of three days of the three feeds, with faulty records; `flat` one of two days of whole records.
"""

import contextlib
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from contract.feeds import FEEDS
from lake.alerts import Alerts
from lake.dashboard_data import Dashboards
from lake.exports import Exports
from lake.manifests import Manifests
from lake.results import Results
from lake.storage import open_folder
from serving.quality_report import render
from tests.support.pipeline import PipelineHarness
from tests.support.records import record, write_jsonl

ARCHIVE = Path(__file__).parents[1] / "data" / "lakes-0.1.0.tar.gz"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first release")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _lake(unpacked, name, tmp_path):
    shutil.copytree(unpacked / name / "lake", tmp_path / "lake")
    return PipelineHarness(tmp_path / "lake")


def _comparable(pipeline):
    """The state of a lake, without the releases' own words for reasons of quarantined records and for absent keys."""
    state = pipeline.state()
    quarantined = [tuple(_plain(value) for value in row) for row in state["silver.quarantine"]]
    return state | {"silver.quarantine": sorted(quarantined, key=repr)}


def _plain(value):
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            # Release 0.1.0 broke base64 into lines.
            return tuple((name, "".join(text.split("\r\n"))) for name, text in json.loads(value).items() if text)
    return None if isinstance(value, list) else value


def _bring_late_reason(raw):
    """A file of an earlier day says why a customer has left of whom the first day says that there is no reason."""
    late = record("1000-AAAAA", churn_reason="Moved", churn="Yes")
    carried = late if (raw / "customers").exists() else {c: late[c] for c in late if c in FEEDS["billing"].columns}
    write_jsonl(raw / "2025-12-31" / "late.jsonl", carried)


@pytest.mark.parametrize(("name", "batch"), [("feeds", 3), pytest.param("flat", 2, marks=pytest.mark.nightly)])
def test_lake_is_continued(spark, unpacked, tmp_path, name, batch):
    pipeline, raw = _lake(unpacked, name, tmp_path), unpacked / name / "raw"
    _bring_late_reason(raw)
    before = {row["customer_id"] for row in pipeline.records("silver.customers")}
    results = pipeline.load(raw, max_quarantined_share="0.5")
    assert results["silver.customers"].outcome in ("passed", "warned")
    assert Manifests(pipeline.folder).committed_number() == batch, "one batch more: nothing is ingested again"
    fresh = PipelineHarness(tmp_path / "fresh")
    fresh.load(raw, max_quarantined_share="0.5")
    assert _comparable(pipeline) == _comparable(fresh)
    (early,) = (row for row in pipeline.records("silver.customers") if row["customer_id"] == "1000-AAAAA")
    assert (early["churn"], early["churn_reason"]) == (False, None), (
        "blank, not absent, though bronze has null for both"
    )
    assert before <= {row["customer_id"] for row in pipeline.records("silver.customers")}
    exported = pipeline.job("export")["export.warehouse"]
    assert Exports(pipeline.folder).read(exported.version_after).is_full


def test_documents_are_read(unpacked, tmp_path):
    lake = open_folder(unpacked / "feeds" / "lake")
    results = Results(lake)
    first, second = results.run_ids()
    made = {result.name: result for result in results.for_run(first)}
    assert {result.job for result in made.values()} == {"bronze", "silver", "gold", "export"}
    assert made["silver.customers"].rows_quarantined == 12
    assert made["silver.customers"].quarantined_examples
    assert made["bronze.billing"].statistics.files == 1
    assert made["silver.customers"].statistics.rows == 120
    assert set(made["silver.customers"].statistics.null_rates) >= {"city", "contract", "churn_reason"}
    assert next(results.history("gold.churn_kpis")).run_id == second
    assert next(results.history("gold.churn_kpis")).statistics.kpis["customers"] == 121
    assert Dashboards(lake).read().customers == 121
    assert Exports(lake).read(1).base_version == 0
    assert [alert.version for alert in Alerts(lake).open()] == []
    assert "silver.customers" in render(results)
