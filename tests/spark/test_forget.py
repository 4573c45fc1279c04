"""Customers who are erased: nothing of them is left, everything of the others is as it was, and nothing brings them back."""

import gzip
import json
import shutil

import pytest

from contract.columns import KEY
from contract.tables import TABLES
from jobs.delta import Lake
from jobs.session import get_session
from lake.alerts import Alerts
from lake.delta_log import log_files
from lake.erasure.register import ErasureRegister
from lake.erasure.request import ErasureRequest
from lake.manifests import Manifests
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl
from tests.support.scanner import places_of

GONE = ("GONE-0001", "GONE-0002", "GONE-0003")
KEYED = [name for name, table in TABLES.items() if KEY in table.schema.names]
AT_RISK = {"source_churn_score": "90", "source_cltv": "4000"}
CALM = {"source_churn_score": "10", "source_cltv": "4000"}


def _deliver(raw):
    """Two days: an update, a movement to risk, an unreadable record, a quarantined one, a deletion in the source."""
    broken = '{"customer_id": "GONE-0001", "gender": \n'
    first = [*many(60, **CALM), record("GONE-0001", **CALM), record("GONE-0003", churn="?", **CALM)]
    write_jsonl(raw / "customers" / "2026-01-01" / "a.jsonl", *first)
    yield
    second = [*many(3, tenure_months="11", **AT_RISK), record("GONE-0001", tenure_months="5", **AT_RISK)]
    lines = "".join(json.dumps(row) + "\n" for row in [*second, *many(60, **CALM)[20:60]])
    packed = raw / "customers" / "2026-01-02" / "a.jsonl.gz"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(gzip.compress((lines + broken).encode()))
    changes = [
        {"op": "I", "timestamp": "2026-01-01T10:00:00", **record("GONE-0002", **CALM)},
        {"op": "I", "timestamp": "2026-01-01T10:00:00", **record("STAYS-0002", **CALM)},
        {"op": "D", "timestamp": "2026-01-02T10:00:00", **record("GONE-0002", **CALM)},
        {"op": "D", "timestamp": "2026-01-02T10:00:00", **record("G0059", **CALM)},
    ]
    write_jsonl(raw / "cdc" / "customers" / "changes.jsonl", *changes)
    yield


def _histories(pipeline):
    """The rows of others in every version and the change feed of every table with customers."""
    lake, found = Lake(get_session(), pipeline.folder), {}
    for table in (TABLES[name] for name in KEYED if lake.exists(TABLES[name])):
        for version in log_files(pipeline.folder, table.path).commits:
            found[table.name, version] = _of_others(lake.read_version(table, version))
        if "delta.enableChangeDataFeed" in table.properties:
            found[table.name, "changes"] = _of_others(lake.read_changes(table, -1, lake.version(table)))
    return found


def _of_others(rows):
    return sorted(row for row in map(repr, rows.collect()) if "GONE-" not in row)


@pytest.fixture(scope="module")
def loaded(spark, tmp_path_factory):
    """A lake of two days with a checkpoint, its raw files, and what it has of others."""
    folder = tmp_path_factory.mktemp("loaded")
    pipeline, raw = PipelineHarness(folder / "lake"), folder / "raw"
    for _ in _deliver(raw):
        pipeline.load(raw)
        pipeline.job("export")
    for name in ("bronze.customers", "silver.customers"):
        place = Lake(spark, pipeline.folder).path(TABLES[name])
        spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, place).checkpoint()
    return pipeline, raw, _histories(pipeline)


def _forget(pipeline, raw, *ids):
    ErasureRequest(pipeline.folder).add(ids)
    return pipeline.job("forget", raw=str(raw))["forget"]


@pytest.fixture(scope="module")
def forgotten(loaded):
    pipeline, raw, _ = loaded
    customers = pipeline.rows("silver.customers")
    assert len(places_of(GONE, pipeline.path, raw)) > 20
    result = _forget(pipeline, raw, *GONE)
    return pipeline, raw, result, customers


def test_forget_leaves_no_byte(forgotten):
    pipeline, raw, result, _ = forgotten
    assert places_of(GONE, pipeline.path, raw) == []
    assert result.outcome == "passed"
    receipt = "\n".join(result.notes)
    assert "bronze.customers: " in receipt and "silver.tombstones: 1 rows" in receipt


def test_forget_keeps_others_and_history(loaded, forgotten):
    pipeline, _, before = loaded
    assert _histories(pipeline) == before


def test_forget_keeps_counts_of_alert(forgotten):
    alert = next(iter(Alerts(forgotten[0].folder).open()))
    assert alert.customers == 4
    assert sorted(customer.customer_id for customer in alert.top) == ["G0000", "G0001", "G0002"]


def test_forgotten_stay_away_after_rebuild(forgotten):
    pipeline, raw, _, customers = forgotten
    number = Manifests(pipeline.folder).committed_number()
    results = pipeline.load(raw)
    pipeline.job("export")
    assert results["bronze"].outcome == "unchanged", "no raw file counts as new"
    assert Manifests(pipeline.folder).committed_number() == number
    assert pipeline.rows("silver.customers") == [row for row in customers if row[0] not in GONE]
    breakdown = [row["customers"] for row in pipeline.records("gold.churn_breakdown") if row["dimension"] == "contract"]
    assert sum(breakdown) == len(pipeline.rows("gold.customer_churn_analysis")) == 60
    repaired = pipeline.job("repair")["repair"]
    assert repaired.outcome == "unchanged", repaired.notes
    again = [record("GONE-0001"), record("STAYS-0003")]
    write_jsonl(raw / "customers" / "2026-01-03" / "again.jsonl", *again)
    notes = pipeline.load(raw)["bronze.customers"].notes
    assert "left out, as their customers are erased: 1 records" in notes
    assert {"GONE-0001", "STAYS-0003"} & {row[0] for row in pipeline.rows("silver.customers")} == {"STAYS-0003"}
    assert places_of(GONE, pipeline.path) == []
    shutil.rmtree(raw / "customers" / "2026-01-03")
    ErasureRegister(pipeline.folder).lift(["GONE-0001"])
    write_jsonl(raw / "customers" / "2026-01-04" / "back.jsonl", record("GONE-0001", city="Back"))
    pipeline.load(raw)
    assert ("GONE-0001", "Back") in {(row[KEY], row["city"]) for row in pipeline.records("silver.customers")}
