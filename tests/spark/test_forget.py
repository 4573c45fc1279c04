"""Customers who are erased: nothing of them is left, everything of the others is as it was, and nothing brings them back."""

import gzip
import json

import pytest

from contract.columns import KEY
from contract.feeds import GROUP
from contract.tables import TABLES
from jobs.delta import Lake
from jobs.session import get_session
from lake.alerts import Alerts
from lake.delta_log import log_files
from lake.erasure.ids import canonical_id
from lake.erasure.register import ErasureRegister
from lake.erasure.request import ErasureRequest
from lake.manifests import Manifests
from tests.support.pipeline import PipelineHarness
from tests.support.records import GOOD, many, record, write_jsonl
from tests.support.scanner import places_of
from transforms.received_text import key_sql, visible_key_sql

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
    assert places_of(GONE, pipeline.path) == []


def test_forgotten_are_left_out_until_lifted(forgotten):
    pipeline, raw, _, _ = forgotten
    assert ErasureRegister(pipeline.folder).lift(["GONE-0002"]) == 1
    write_jsonl(raw / "customers" / "2026-01-03" / "c.jsonl", record("GONE-0001"), record("GONE-0002", city="Back"))
    billing = {name: GOOD[name] for name in ("customer_id", *GROUP["billing"].columns)} | {"customer_id": "GONE-0001"}
    write_jsonl(raw / "billing" / "2026-01-03" / "b.jsonl", billing)
    results = pipeline.job("bronze", raw=str(raw))
    assert "left out, as their customers are erased: 2 records" in results["bronze.customers"].notes
    assert [results[name].rows_written for name in ("bronze.billing", "bronze.customers")] == [0, 1]
    pipeline.job("silver")
    back = {(row[KEY], row["city"]) for row in pipeline.records("silver.customers") if row[KEY] in GONE}
    assert back == {("GONE-0002", "Back")}


def test_id_is_read_as_silver_reads_it(spark):
    keys = [
        "GONE-0001",
        " GONE-0001\u00a0",
        "GONE\u200b-0001",
        "\ufeffA\r",
        "7.0",
        "7.50",
        "Zoe\u0308",
        "\tA\u3000B ",
        "A\u0000B",
        "",
    ]
    frame = spark.createDataFrame([(key,) for key in keys], f"{KEY} string")
    found = frame.selectExpr(f"{visible_key_sql()} AS seen").selectExpr(f"{key_sql('seen')} AS id").collect()
    assert [row["id"] for row in found] == [canonical_id(key) for key in keys]
