import json
from decimal import Decimal

import pytest

from local.sample.faults import FAULTS
from local.sample.generator import generate
from tests.samples import many, record, write_jsonl


def _customer(road, customer_id):
    return next(row for row in road.records("silver.customers") if row["customer_id"] == customer_id)


def test_spellings_are_conformed(road, tmp_path):
    messy = record(
        "A-1",
        gender=" female ",
        senior_citizen="1",
        partner="TRUE",
        dependents="n",
        internet_service="fiber OPTIC",
        contract="month to month",
        payment_method="Credit Card",
        tenure_months=" 0 ",
        total_charges=" ",
        monthly_charges="70.7",
    )
    write_jsonl(tmp_path / "raw" / "a.jsonl", messy)
    road.load(tmp_path / "raw")
    row = _customer(road, "A-1")
    assert (row["gender"], row["senior_citizen"], row["partner"], row["dependents"]) == ("Female", True, True, False)
    assert (row["internet_service"], row["contract"]) == ("Fiber optic", "Month-to-month")
    assert row["payment_method"] == "Credit card (automatic)"
    assert (row["tenure_months"], row["total_charges"], row["monthly_charges"]) == (
        0,
        Decimal("0.00"),
        Decimal("70.70"),
    )


def test_an_older_file_never_overwrites_newer_values(road, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-02-02" / "a.jsonl", record("A-1", monthly_charges="80"))
    road.load(raw)
    write_jsonl(raw / "2026-02-01" / "a.jsonl", record("A-1", monthly_charges="20"), record("A-2"))
    road.load(raw)
    assert _customer(road, "A-1")["monthly_charges"] == 80
    assert _customer(road, "A-2")["monthly_charges"] == Decimal("50.25")
    write_jsonl(raw / "2026-02-03" / "a.jsonl", record("A-1", monthly_charges="90"))
    road.load(raw)
    assert _customer(road, "A-1")["monthly_charges"] == 90


def test_the_record_s_own_time_goes_before_the_path_s(road, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(
        raw / "2026-02-02" / "a.jsonl",
        record("A-1", monthly_charges="10", updated_at="2026-01-05T10:00:00Z"),
        record("A-1", monthly_charges="20", updated_at="2026-01-05T12:00:00Z"),
    )
    road.load(raw)
    assert _customer(road, "A-1")["monthly_charges"] == 20


def test_an_incomplete_customer_waits(road, tmp_path):
    raw = tmp_path / "raw"
    services = {k: v for k, v in record("A-1").items() if k in ("customer_id", "phone_service", "multiple_lines")}
    services |= dict.fromkeys(("internet_service", "online_security", "online_backup", "device_protection"), "No")
    services |= dict.fromkeys(("tech_support", "streaming_tv", "streaming_movies"), "No")
    write_jsonl(raw / "services" / "a.jsonl", services)
    results = road.load(raw)
    assert results["silver.customers"].rows_incomplete == 1
    assert road.records("gold.customer_churn_analysis") == []
    write_jsonl(raw / "customers" / "a.jsonl", record("A-1"))
    assert road.load(raw)["silver.customers"].rows_incomplete == 0
    assert len(road.records("gold.customer_churn_analysis")) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tenure_months": "abc"}, "tenure_months: 'abc' is not a whole number from 0 to 1,200"),
        ({"tenure_months": "-1"}, "tenure_months: '-1' is not"),
        ({"monthly_charges": "-5"}, "monthly_charges: '-5' is not an amount"),
        ({"monthly_charges": "99999999"}, "monthly_charges: '99999999'"),
        ({"customer_id": " "}, "customer_id: missing"),
        ({"internet_service": "Carrier pigeon"}, "internet_service: 'Carrier pigeon' is not one of DSL"),
        ({"churn": "Maybe"}, "churn: 'Maybe' is not yes or no"),
        ({"churn": ""}, "churn: missing"),
        ({"total_charges": ""}, "total_charges: missing"),
        ({"updated_at": "2999-01-01"}, "lies in the future"),
        ({"churn": "Yes", "churn_value": "0"}, "contradict"),
    ],
)
def test_row_faults_name_the_column_and_the_value(spark, changes, reason):
    from transforms import silver
    from transforms.feeds import FEEDS
    from transforms.tables import TABLES

    feed = FEEDS["customers"]
    table = TABLES["bronze.customers"]
    values = record("A-1") | changes
    lineage = "1L _batch_id, 'f' _source_file, 'c' _source_checksum, current_timestamp() _ingested_at, "
    lineage += (
        "current_timestamp() _file_event_at, cast(null as string) _parse_error, cast(null as string) _rescued_data"
    )
    received = spark.createDataFrame(
        [tuple(values.get(c) for c in feed.columns)], ", ".join(f"{c} string" for c in feed.columns)
    )
    bronze = received.selectExpr("*", *lineage.split(", ")).select(*table.schema.names)
    faults = silver.conform(bronze, feed).first()["_faults"]
    assert len(faults) == 1
    assert reason in faults[0]


def test_the_generator_s_faults_are_all_quarantined(road, tmp_path):
    generate(400, 2, tmp_path / "raw", seed=3, faults=1)
    results = road.load(tmp_path / "raw")
    expected = json.loads((tmp_path / "raw" / "_faults.json").read_text())
    assert set(expected) == {fault.name for fault in FAULTS}
    assert results["silver.customers"].rows_quarantined == sum(expected.values())
    rejects = results["silver.customers"].rejects
    assert any("'abc' is not a whole number" in reject and "billing/2026-01-01" in reject for reject in rejects)
    quarantined = road.records("silver.quarantine")
    assert sum(row["occurrences"] for row in quarantined) == sum(expected.values())
    assert all(row["raw_record"] and row["reasons"] and row["source_file"] for row in quarantined)
    assert len(road.records("gold.customer_churn_analysis")) == 401


def test_a_correction_resolves_a_quarantined_record(road, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-03-01" / "a.jsonl", *many(40), record("BAD", tenure_months="abc"))
    road.load(raw)
    assert [(r["customer_id"], r["status"]) for r in road.records("silver.quarantine")] == [("BAD", "open")]
    write_jsonl(raw / "2026-03-02" / "a.jsonl", record("BAD", tenure_months="12"))
    road.load(raw)
    assert [(r["status"], r["resolved_by_batch"]) for r in road.records("silver.quarantine")] == [("resolved", 2)]
    assert _customer(road, "BAD")["tenure_months"] == 12


def test_too_many_faulty_rows_stop_the_batch(road, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "a.jsonl", *many(10))
    road.load(raw)
    before = road.state()
    write_jsonl(raw / "b.jsonl", *many(10, monthly_charges="60"), *[record(f"B{i}", churn="Maybe") for i in range(5)])
    road.job("bronze", raw=str(raw))
    result = road.job("silver")["silver.customers"]
    assert result.outcome == "failed"
    assert any("quarantined_share" in check.sentence() for check in result.failures())
    assert road.state() == before
    assert road.job("silver", max_quarantined_share="0.5")["silver.customers"].outcome == "passed"
