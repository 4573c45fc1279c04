"""The account of a run: where every record of its files has gone."""

import pytest

from contract.tables import TABLES
from lake.results import RecordAccount, accounts_of, total
from tests.support.records import many, record, write_jsonl


def account(pipeline, raw, **arguments):
    """What each file of a load is told to have become, without kinds of which there is none."""
    pipeline.job("bronze", raw=str(raw))
    accounts = accounts_of(pipeline.job("silver", **arguments).values())
    return {a.file: {"received": a.received, **{k: count for k, count in a.kinds.items() if count}} for a in accounts}


def test_every_record_is_of_one_kind(pipeline, tmp_path):
    raw = tmp_path / "raw"
    customers, changes = raw / "customers", raw / "cdc" / "customers"
    write_jsonl(customers / "2026-01-02.jsonl", *many(60), record("A"), record("A"), record("B", tenure_months="abc"))
    found = account(pipeline, raw)
    first = {"received": 63, "written": 61, "superseded": 1, "quarantined": 1}
    assert found == {"customers/2026-01-02.jsonl": first}
    write_jsonl(customers / "2026-01-03.jsonl", record("A"), record("G0001", city="moved"))
    write_jsonl(customers / "2026-01-01.jsonl", record("A", city="long ago"))
    write_jsonl(customers / "2026-01-04.jsonl", record("", city="nobody"), record("", city="nobody"))
    write_jsonl(raw / "demographics" / "2026-01-03.jsonl", record("N"))
    assert account(pipeline, raw) == {
        "customers/2026-01-03.jsonl": {"received": 2, "written": 1, "unchanged": 1},
        "customers/2026-01-01.jsonl": {"received": 1, "superseded": 1},
        "customers/2026-01-04.jsonl": {"received": 2, "left_out": 2},
        "demographics/2026-01-03.jsonl": {"received": 1, "incomplete": 1},
    }
    at = {"timestamp": "2026-02-01T00:00:00Z"}
    told = [
        {"op": op, **at, **record(customer)}
        for op, customer in (("I", "X"), ("D", "A"), ("D", "nobody"), ("b", "G0001"))
    ]
    write_jsonl(changes / "1.jsonl", *told)
    assert account(pipeline, raw) == {
        "cdc/customers/1.jsonl": {"received": 4, "written": 1, "deleted": 1, "superseded": 2}
    }
    rebuilt = account(pipeline, raw, full_refresh="true")
    assert {sum(kinds.values()) - 2 * kinds["received"] for kinds in rebuilt.values()} == {0}
    assert rebuilt["customers/2026-01-02.jsonl"]["superseded"] == 3, "of A twice, and of G0001"


def test_snapshot_deletes_who_is_no_record_of_it(pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "customers" / "2026-01-02.jsonl", *many(60), record("A"))
    account(pipeline, raw)
    write_jsonl(raw / "snapshot" / "part-1.jsonl", *many(59))
    write_jsonl(raw / "snapshot" / "part-2.jsonl", record("B"))
    (raw / "snapshot" / "_SUCCESS").touch()
    assert account(pipeline, raw) == {
        "snapshot/part-1.jsonl": {"received": 59, "unchanged": 59},
        "snapshot/part-2.jsonl": {"received": 1, "written": 1},
    }
    assert "A" not in {row["customer_id"] for row in pipeline.records("silver.customers")}


def test_what_bronze_has_lost_stops_silver(spark, pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-01-02.jsonl", *many(60))
    pipeline.job("bronze", raw=str(raw))
    bronze = pipeline.path / TABLES["bronze.customers"].path
    spark.sql(f"DELETE FROM delta.`{bronze}` WHERE customer_id = 'G0001'")
    result = pipeline.job("silver")["silver.customers"]
    assert result.outcome == "failed"
    (check,) = result.failures()
    assert check.observed.startswith("1 missing: 2026-01-02.jsonl of batch 1, 60 received: 59 written, 1 lost. ")
    assert "churn repair" in check.observed
    assert not pipeline.records("silver.customer_history")
    assert not pipeline.records("silver.customers")


@pytest.mark.parametrize(("account", "is_balanced"), [
    (RecordAccount("f", 1, 3, written=2, lost=1), True),
    (RecordAccount("f", 1, 3, written=2), False),
    (RecordAccount("f", 1, 3, written=4, superseded=-1), False),
])  # fmt: skip
def test_account_balances_only_with_all_kinds(account, is_balanced):
    assert account.is_balanced is is_balanced
    assert total([account, account]) == RecordAccount("all files", 0, 6, **{k: 2 * n for k, n in account.kinds.items()})
