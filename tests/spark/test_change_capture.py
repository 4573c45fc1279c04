"""Change data capture from raw files to gold: who is deleted in the source is deleted here, and nobody comes back by chance."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract import sources
from contract.columns import KEY
from tests.support.pipeline import PipelineHarness
from tests.support.records import GOOD, record, write_jsonl
from tests.support.source_database import Change, DmsTask, inserted, running_source

ANALYSIS = "gold.customer_churn_analysis"
FIRST_LOAD = datetime(2026, 1, 1, tzinfo=UTC)


def change(operation: str, customer: str, at: str, **values: object) -> dict[str, object]:
    return {"op": operation, "timestamp": at, **record(customer), **values}


def changes(raw: Path, name: str, *records: dict[str, object]) -> None:
    write_jsonl(raw / "cdc" / "customers" / name, *records)


def cities(pipeline: PipelineHarness, table: str = ANALYSIS) -> dict[str, str]:
    return {row[KEY]: row["city"] for row in pipeline.records(table)}


def test_gold_equals_source_after_every_file(pipeline, tmp_path):
    """A database's log in files as AWS DMS writes them, with every kind of change."""
    raw = tmp_path / "raw"
    with running_source(tmp_path / "source") as source:
        source.put(*(record(f"C{number}", city=f"city {number}") for number in range(6)))
        source.changes()
        task = DmsTask(raw / "cdc" / "public" / "customers", sequence_column="transact_id", before_image=True)
        task.full_load(source.rows(), FIRST_LOAD)
        steps = [
            ["UPDATE customers SET city = 'moved' WHERE customer_id = 'C0'"],
            ["DELETE FROM customers WHERE customer_id IN ('C1', 'C2')"],
            [
                "UPDATE customers SET city = 'twice' WHERE customer_id = 'C3'; DELETE FROM customers WHERE customer_id = 'C3'"
            ],
            ["UPDATE customers SET customer_id = 'C9' WHERE customer_id = 'C4'"],
            [f"DELETE FROM customers WHERE customer_id = 'C5'; {inserted(record('C5', city='back'))}"],
        ]
        pipeline.load(raw)
        assert cities(pipeline) == {name: row["city"] for name, row in source.rows().items()}
        for number, statements in enumerate(steps):
            source.execute(*statements)
            task.change_file(source.changes(), f"20260105-1015{number:02d}123")
            pipeline.load(raw)
            assert cities(pipeline) == {name: row["city"] for name, row in source.rows().items()}, statements
        assert set(cities(pipeline)) == {"C0", "C5", "C9"}
        by_segment = [r for r in pipeline.records("gold.churn_breakdown") if r["dimension"] == "city"]
        assert {(r["value"], r["customers"]) for r in by_segment} == {("moved", 1), ("back", 1), ("city 4", 1)}
        rebuilt = pipeline.state()
        pipeline.load(raw, full_refresh="true")
        assert pipeline.state() == rebuilt


def test_deletion_outlives_older_records(pipeline, tmp_path):
    raw = tmp_path / "raw"
    changes(raw, "1.jsonl", change("I", "A", "2026-01-01"), change("I", "B", "2026-01-01"))
    pipeline.load(raw)
    changes(raw, "2.jsonl", change("D", "A", "2026-01-05T10:00:00Z"))
    results = pipeline.load(raw)
    assert results["silver.tombstones"].rows_written == 1
    assert set(cities(pipeline)) == set(cities(pipeline, "silver.customers")) == {"B"}
    (tombstone,) = pipeline.records("silver.tombstones")
    assert (tombstone[KEY], tombstone["feed"]) == ("A", "customers")
    changes(raw, "3.jsonl", change("U", "A", "2026-01-04", city="late"))
    write_jsonl(raw / "services" / "2026-01-02" / "services.jsonl", record("A"))
    pipeline.load(raw)
    assert set(cities(pipeline, "silver.customers")) == {"B"}, "what is older than the deletion stays deleted"
    changes(raw, "4.jsonl", change("I", "A", "2026-01-06", city="again"))
    pipeline.load(raw)
    assert cities(pipeline) == {"A": "again", "B": GOOD["city"]}


def test_part_of_a_record_is_deleted(pipeline, tmp_path):
    """Who lacks a required part is no longer complete, and leaves gold until it comes back."""
    raw = tmp_path / "raw"
    write_jsonl(raw / "customers" / "2026-01-01.jsonl", record("A"), record("B"))
    pipeline.load(raw)
    deletion = {"op": "d", "timestamp": "2026-01-02", KEY: "A"}
    write_jsonl(raw / "cdc" / "billing" / "1.jsonl", deletion)
    pipeline.load(raw)
    assert set(cities(pipeline)) == {"B"}
    found = {row[KEY]: row for row in pipeline.records("silver.customers")}
    assert (found["A"]["is_complete"], found["A"]["monthly_charges"], found["A"]["gender"]) == (False, None, "Female")
    write_jsonl(raw / "billing" / "2026-01-03.jsonl", record("A", monthly_charges="70.00"))
    pipeline.load(raw)
    assert set(cities(pipeline)) == {"A", "B"}


def test_sequence_outranks_event_time(pipeline, tmp_path):
    """A source's own order counts, a deletion wins a tie, and the same changes again change nothing."""
    raw = tmp_path / "raw"
    told = [
        change("U", "A", "2026-01-05", lsn="0/A0", city="newest"),
        change("U", "A", "2026-01-06", lsn="0/9F", city="clock was wrong"),
        change("U", "B", "2026-01-06", lsn="0/9F"),
        change("D", "B", "2026-01-05", lsn="0/9F"),
        change("U", "C", "2026-01-05", lsn="0/FF", city="old"),
        change("U", "C", "2026-01-05", lsn="0/100", city="newest"),
        change("U", "D", "2026-01-05", lsn=""),
        change("X", "E", "2026-01-05", lsn="0/1"),
        change("T", "", "2026-01-05", lsn="0/1"),
        change("U", "H", "2026-01-05", lsn="N/A"),
        change("U", "I", "2026-01-05", lsn="1.0E+15"),
        {**change("b", "F", "2026-01-05", lsn="0/1"), "city": "image before"},
    ]
    changes(raw, "1.jsonl", *told, *(change("U", f"G{n}", "2026-01-01", lsn="0/1") for n in range(120)))
    pipeline.load(raw)
    expected = {"A": "newest", "C": "newest", **{f"G{n}": GOOD["city"] for n in range(120)}}
    assert cities(pipeline) == expected
    reasons = {row[KEY]: row["reasons"] for row in pipeline.records("silver.quarantine")}
    unordered = "sequence: not a number, or one such as 1.0E+15 or 1,000"
    assert reasons == {
        "D": ["sequence: missing"],
        "E": ["operation: 'X' is not I, U or D"],
        None: ["operation: a TRUNCATE, which deletes nobody here. docs/operations.md says what to do"],
        "H": ["sequence: missing"],
        "I": [unordered],
    }
    before = pipeline.state()
    changes(raw, "2.jsonl", *told)
    changes(raw, "3.jsonl", change("U", "A", "2026-02-01", lsn="0/9E", city="straggler"))
    write_jsonl(raw / "customers" / "2026-03-01.jsonl", record("C", city="a file"))
    pipeline.load(raw)
    after = pipeline.state()
    assert after[ANALYSIS] == before[ANALYSIS], "a file has no place in the log, which outranks it"


@pytest.mark.nightly
def test_log_without_deletions_outranks_a_file(pipeline, tmp_path):
    raw = tmp_path / "raw"
    changes(raw, "1.jsonl", change("U", "A", "2026-01-05", lsn="0/1", city="logged"))
    pipeline.load(raw)
    write_jsonl(raw / "customers" / "2026-03-01.jsonl", record("A", city="a file"), record("B", city="a file"))
    pipeline.load(raw)
    assert cities(pipeline) == {"A": "logged", "B": "a file"}


def _old_key(customer: str, before: str, city: str) -> dict[str, object]:
    return change("U", customer, "2026-01-05", lsn="0/5", BI_customer_id=before, city=city)


def _without_commit_time(operation: str, customer: str, **values: object) -> dict[str, object]:
    return {key: value for key, value in change(operation, customer, "", **values).items() if key != "timestamp"}


TIES = {
    "1.jsonl": [change("I", name, "2026-01-01", lsn="0/1", city=name) for name in ("again", "a", "b", "trim", "image")],
    # One transaction: all its changes have one number.
    "2.jsonl": [
        change("D", "again", "2026-01-05", lsn="0/5"),
        change("I", "again", "2026-01-05", lsn="0/5", city="again"),
        _old_key("t", "a", "a"),
        _old_key("a", "b", "b"),
        _old_key("b", "t", "a"),
        _old_key("trim", "trim ", "trim"),
        _old_key("new", "NULL", "new"),
        change("b", "image", "2026-01-05", lsn="0/6", is_deleted="true"),
        change("u", "image", "2026-01-05", lsn="0/6", is_deleted="false", city="image"),
    ],
    "3.jsonl": [change("I", "twice", "2026-01-05"), change("U", "tie", "2026-01-05")],
    "4.jsonl": [change("D", "twice", "2026-01-05")],
    "5.jsonl": [change("I", "twice", "2026-01-05"), change("I", "live", "2026-01-05", deleted_at="NaT", city="live")],
    "0.jsonl": [change("D", "tie", "2026-01-05")],
    "6.jsonl": [change("I", name, "2026-01-20") for name in ("own", "soft")],
    "20260201-101500123.jsonl": [_without_commit_time("D", "own", updated_at="2026-01-10")],
    "7.jsonl": [_without_commit_time("U", "soft", updated_at="2026-01-10", deleted_at="2026-02-01T10:00:00Z")],
}


@pytest.mark.nightly
def test_ties_are_decided_alike_in_any_order(pipeline, tmp_path):
    expected = {"again": "again", "a": "b", "b": "a", "trim": "trim", "new": "new", "image": "image", "live": "live"}
    names, raw = list(TIES), tmp_path / "raw"
    for part in (names[:3], names[3:5], names[5:]):
        for name in part:
            changes(raw, name, *TIES[name])
        pipeline.load(raw)
    assert cities(pipeline) == expected
    assert pipeline.records("silver.quarantine") == []
    by_run = pipeline.state()
    pipeline.load(raw, full_refresh="true")
    assert pipeline.state() == by_run
    backwards = PipelineHarness(tmp_path / "backwards")
    for name in (names[-1], *names[-2::-1]):
        changes(tmp_path / "other", name, *TIES[name])
    backwards.load(tmp_path / "other")
    assert cities(backwards) == expected


@pytest.mark.nightly
def test_quarantined_customer_is_deleted_later(pipeline, tmp_path):
    raw = tmp_path / "raw"
    changes(
        raw,
        "1.jsonl",
        change("I", "A", "2026-01-01", gender="Robot"),
        *(change("I", f"G{n}", "2026-01-01") for n in range(30)),
    )
    changes(raw, "2.jsonl", change("D", "A", "2026-01-02"))
    pipeline.load(raw)
    assert [row["status"] for row in pipeline.records("silver.quarantine")] == ["resolved"]
    changes(
        raw,
        "3.jsonl",
        change("I", "A", "2026-01-01", gender="Robots"),
        *(change("I", f"G{n}", "2026-01-03") for n in range(30)),
    )
    pipeline.load(raw)
    assert {row["status"] for row in pipeline.records("silver.quarantine")} == {"resolved"}


@pytest.mark.parametrize("deleted", ["true", pytest.param("2026-01-04T10:00:00Z", marks=pytest.mark.nightly)])
def test_flag_says_who_is_deleted(pipeline, tmp_path, deleted):
    raw = tmp_path / "raw"
    for day, flag in (("03", ""), ("05", deleted)):
        told = [{**record("A"), "_deleted_at": flag, "updated_at": f"2026-01-{day}"}, record("B")]
        changes(raw, f"2026-01-{day}.jsonl", *told)
        pipeline.load(raw)
    assert set(cities(pipeline)) == {"B"}


def test_envelopes_of_debezium(pipeline, tmp_path):
    raw = tmp_path / "raw"

    def envelope(operation, lsn, before, after):
        source = {"lsn": lsn, "ts_ms": 1767600000000 + lsn}
        return {"payload": {"op": operation, "before": before, "after": after, "source": source}}

    changes(raw, "1.jsonl", envelope("r", 1, None, record("A")), envelope("c", 2, None, record("B")))
    pipeline.load(raw)
    changes(raw, "2.jsonl", envelope("u", 3, record("A"), record("A", city="new")), envelope("d", 4, {KEY: "B"}, None))
    pipeline.load(raw)
    assert cities(pipeline) == {"A": "new"}


def test_file_without_header_has_the_declared_columns(pipeline, tmp_path, monkeypatch):
    monkeypatch.setitem(sources._SOURCE_BY_FOLDER, "dms", sources.Source("dms", "cdc", columns=tuple(GOOD)))
    task = DmsTask(tmp_path / "raw" / "dms" / "customers", add_column_name=False, timestamp_column="")
    full_load = task.full_load({name: record(name) for name in "AB"}, FIRST_LOAD)
    os.utime(full_load, (FIRST_LOAD.timestamp(), FIRST_LOAD.timestamp()))
    pipeline.load(tmp_path / "raw")
    assert set(cities(pipeline)) == {"A", "B"}
    task.change_file([Change("D", record("A"), "", FIRST_LOAD)], "20260105-101500123")
    pipeline.load(tmp_path / "raw")
    assert set(cities(pipeline)) == {"B"}


def test_changes_elsewhere_are_set_aside(pipeline, tmp_path):
    """A deletion must not be read as one more state."""
    raw = tmp_path / "raw"
    write_jsonl(raw / "customers" / "2026-01-01.jsonl", change("D", "A", "2026-01-01"))
    write_jsonl(raw / "customers" / "2026-01-02.jsonl", record("B"))
    result = pipeline.job("bronze", raw=str(raw))["bronze.customers"]
    (file,) = result.set_aside
    assert "Put change files below a folder named cdc" in file.reason
    assert json.dumps(file.reason).count("A-1") == 0
