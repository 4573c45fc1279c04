"""Newest values per customer and group, the quarantine, and what only the jobs show of both."""

import json
import random
import shutil
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.errors import SchemaMismatchError
from contract.feeds import FEEDS, GROUP, GROUPS
from contract.schema import Schema
from contract.schemas.silver import CUSTOMERS
from lake.deliveries import Deliveries, decide
from lake.delta_log import commit_file, log_files
from lake.rebuild import RebuildRequest
from sample_data.faults import FAULTS
from sample_data.generator import generate
from tests.spark.frames import (
    FILE_TIME,
    assert_cases,
    assert_declared,
    bronze_frame,
    by_name,
    conformed_frame,
    nullable,
    table_frame,
)
from tests.spark.lakes import SECOND, run_at
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl
from transforms import silver

START = datetime(2026, 1, 1, tzinfo=UTC)
# A text column of some groups: where its value came from.
SHOWN = {"demographics": "gender", "city": "city", "services": "multiple_lines", "churn_reason": "churn_reason"}


def day(number):
    return START + timedelta(days=number)


# latest


def _latest(spark, feed, cases):
    """The newest values of a feed, as rows of silver.customers."""
    newest = silver.latest(conformed_frame(spark, feed, cases), feed)
    return by_name(silver.combine({feed.name: newest}, {feed.name: feed}).collect(), KEY)


def test_latest_takes_newest_group_values(spark):
    """Event time first, then the batch, then the name of the file; each group by itself."""
    versions = {
        "event time": [{"updated_at": "2026-01-05T10:00:00Z", "city": "old"}, {"updated_at": "2026-01-05T12:00:00Z", "city": "new"}],
        "event time before batch": [{"updated_at": "2026-01-02", "city": "new"}, {"updated_at": "2026-01-01", "city": "old", "_batch_id": 9}],
        "own time before the file's": [{"updated_at": "2026-04-01", "_ingested_at": day(200), "city": "new"}, {"city": "old", "_batch_id": 2}],
        "batch": [{"city": "old"}, {"city": "new", "_batch_id": 2}],
        "batch before file": [{"_source_file": "z", "city": "old"}, {"_source_file": "a", "city": "new", "_batch_id": 2}],
        "file": [{"_source_file": "a", "city": "old"}, {"_source_file": "b", "city": "new"}],
        "column left out": [{"updated_at": "2026-01-01", "city": "new"}, {"updated_at": "2026-01-02", "city": None, "state": "CA"}],
        "column left out between": [{"updated_at": "2026-01-01", "city": "old"}, {"updated_at": "2026-01-03", "city": None}, {"updated_at": "2026-01-02", "city": "new", "_batch_id": 2}],
        "column blank": [{"updated_at": "2026-01-01", "city": "old"}, {"updated_at": "2026-01-02", "city": ""}],
        "null word": [{"updated_at": "2026-01-01", "city": "old"}, {"updated_at": "2026-01-02", "city": "NULL"}],
        "violation": [{"updated_at": "2026-01-01", "city": "new"}, {"updated_at": "2026-01-02", "city": "old", "churn": "Maybe"}],
        "file of the future": [{"_file_event_at": day(900), "city": "old"}, {"updated_at": "2026-03-11", "_batch_id": 2, "_ingested_at": day(70), "city": "new"}],
    }  # fmt: skip
    feed = FEEDS["customers"]
    rows = {
        (name, number): {KEY: name, "_source_file": f"{name} {number}", **changes}
        for name, changed in versions.items()
        for number, changes in enumerate(changed)
    }
    rows[("never valid", 0)] = {KEY: "never valid", "_source_file": "x", "churn": ""}
    found = _latest(spark, feed, rows)
    expected = dict.fromkeys(versions, "new") | {"column blank": None, "null word": None}
    assert_cases({name: row["city"] for name, row in found.items()}, expected)
    left_out = found["column left out"]
    assert (left_out["_city_at"], left_out["_state_at"], left_out["state"]) == (day(0), day(1), "CA")
    assert left_out["_billing_at"] == day(1)
    assert found["event time before batch"]["_batch_id"] == 1, "that of the values, not the last one that was read"
    assert found["violation"]["_batch_id"] == 1, "a quarantined row counts for nothing"


@pytest.mark.parametrize("name", FEEDS)
def test_latest_needs_no_persisted_rows(spark, name):
    """The rules' plan is not repeated for every group: planning both together takes seconds, not minutes."""
    feed = FEEDS[name]
    rows = silver.conform(
        bronze_frame(spark, feed, {"a": {}, "b": {"tenure_months": "x", "gender": "x", "contract": "x"}}), feed
    )
    began = time.monotonic()
    assert silver.latest(rows, feed).count() == (2 if name == "services" else 1)
    assert time.monotonic() - began < 20


# combine


def _feed_frame(spark, name, rows):
    """What `latest` gives for a feed; a group without an event time is one that the feed has not brought."""
    feed = FEEDS[name]
    groups = [column for group in feed.groups for column in (*group.columns, group.event_column)]
    schema = nullable(Schema(tuple(CUSTOMERS[column] for column in (KEY, *groups, "_batch_id"))))
    flat = spark.createDataFrame([tuple(row.get(c) for c in schema.names) for row in rows], schema)
    versions = [
        f"CASE WHEN {group.event_column} IS NOT NULL THEN struct(CAST(NULL AS string) AS _in_log, "
        f"{group.event_column} AS _event_at, false AS _is_last, _batch_id, '{name}' AS _place, false AS _is_deletion, "
        f"{', '.join(group.columns)}) END AS {group.name}"
        for group in feed.groups
    ]
    return flat.selectExpr(KEY, *versions)


def _combined(spark, feeds, order=tuple(FEEDS)):
    """The rows of silver.customers."""
    frames = {name: _feed_frame(spark, name, feeds[name]) for name in order if name in feeds}
    return silver.combine(frames, {name: FEEDS[name] for name in frames}).drop(silver.GROUP_VERSIONS)


def _version(customer, group, text, at, batch=1):
    """A customer with one group, whose text column says where it came from."""
    return {KEY: customer, SHOWN[group]: text, GROUP[group].event_column: at, "_batch_id": batch}


def test_combine_takes_newer_feed_per_group(spark):
    whole = {
        "whole newer": (_version("whole newer", "city", "whole", day(2)), _version("whole newer", "city", "feed", day(1))),
        "feed newer": (_version("feed newer", "city", "whole", day(1), 9), _version("feed newer", "city", "feed", day(2))),
        "same time, later batch": (_version("same time, later batch", "city", "whole", day(1)), _version("same time, later batch", "city", "feed", day(1), 2)),
        "same time and batch, later file": (_version("same time and batch, later file", "city", "whole", day(1)), _version("same time and batch, later file", "city", "feed", day(1))),
        "whole alone": (_version("whole alone", "city", "whole", day(1)), None),
        "feed alone": (None, _version("feed alone", "city", "feed", day(1))),
        "feed lacks the group": (_version("feed lacks the group", "city", "whole", day(1)), {KEY: "feed lacks the group", "gender": "Male", "_demographics_at": day(5), "_batch_id": 2}),
        "newer value is null": (_version("newer value is null", "city", None, day(2)), _version("newer value is null", "city", "feed", day(1))),
    }  # fmt: skip
    feeds = {
        "customers": [first for first, _ in whole.values() if first],
        "demographics": [second for _, second in whole.values() if second],
    }
    frame = _combined(spark, feeds)
    rows = frame.collect()
    assert_declared(frame, "silver.customers", rows)
    winners = ("whole", "feed", "feed", "feed", "whole", "feed", "whole", None)
    found = by_name(rows, KEY)
    assert_cases({name: row["city"] for name, row in found.items()}, dict(zip(whole, winners, strict=True)))
    assert (found["feed lacks the group"]["gender"], found["feed lacks the group"]["_batch_id"]) == ("Male", 2)
    assert found["feed newer"]["_batch_id"] == 1


def test_tie_is_decided_by_the_winning_records(spark):
    """A late record of another batch, which wins nothing, lends its batch to no other record of the customer."""
    place = {"updated_at": "2026-01-05"}
    whole = conformed_frame(
        spark,
        FEEDS["customers"],
        {"a": place | {KEY: "C", "city": "whole"}, "b": {KEY: "C", "updated_at": "2026-01-01", "_batch_id": 9}},
    )
    feed = conformed_frame(spark, FEEDS["demographics"], {"c": place | {KEY: "C", "city": "feed", "_batch_id": 2}})
    frames = {
        "customers": silver.latest(whole, FEEDS["customers"]),
        "demographics": silver.latest(feed, FEEDS["demographics"]),
    }
    (row,) = silver.combine(frames, {name: FEEDS[name] for name in frames}).collect()
    assert (row["city"], row["_batch_id"]) == ("feed", 2)


def test_customer_is_complete_with_required_groups(spark):
    required = [group for group in GROUPS if group.required]
    arrived = {"all": required, "none": []} | {f"all but {g.name}": [o for o in required if o != g] for g in required}
    rows = [{KEY: n, "_batch_id": 1} | {g.event_column: day(1) for g in groups} for n, groups in arrived.items()]
    rows.append({KEY: "optional ones alone", "_batch_id": 1, "_city_at": day(1), "_churn_reason_at": day(1)})
    found = by_name(_combined(spark, {"customers": rows}).collect(), KEY)
    expected = {name: name == "all" for name in (*arrived, "optional ones alone")}
    assert_cases({name: row["is_complete"] for name, row in found.items()}, expected)


@pytest.mark.parametrize("name", FEEDS)
def test_combine_of_one_feed_is_declared(spark, name):
    frame = _combined(spark, {name: []})
    assert_declared(frame, "silver.customers")


def _shown(group, number, text):
    """A value of a group that says where it came from."""
    return (
        {SHOWN[group.name]: text}
        if group.name in SHOWN
        else {group.columns[0]: number}
        if group.name == "billing"
        else {}
    )


def _random_feeds(seed):
    """Per feed, customers with a random event time per group; no two at one time and batch."""
    generator = random.Random(seed)
    feeds = {name: [] for name in FEEDS}
    for number, name in enumerate(FEEDS):
        for customer in generator.sample(range(60), 40):
            row = {KEY: f"C{customer:02d}", "_batch_id": number + 1}
            for group in FEEDS[name].groups:
                if generator.random() < 0.8:
                    row[group.event_column] = day(generator.randrange(4))
                    row |= _shown(group, number, f"{name} {group.name}")
            feeds[name].append(row)
    return feeds


def test_combine_agrees_with_oracle_in_any_order(spark):
    feeds = _random_feeds(7)
    expected, batches = {}, {}
    for rows in feeds.values():
        for row in rows:
            customer = expected.setdefault(row[KEY], dict.fromkeys(CUSTOMERS.names) | {KEY: row[KEY]})
            for group in GROUPS:
                at, known = row.get(group.event_column), customer[group.event_column]
                if at and (known is None or at >= known):  # feeds come in the order of their batch
                    customer |= {c: row.get(c) for c in (*group.columns, group.event_column)}
                    batches[row[KEY], group.name] = row["_batch_id"]
    for customer in expected.values():
        customer["_batch_id"] = max((b for (key, _), b in batches.items() if key == customer[KEY]), default=-1)
        customer["is_complete"] = all(customer[group.event_column] for group in GROUPS if group.required)
    assert {customer["is_complete"] for customer in expected.values()} == {True, False}
    for order in (tuple(FEEDS), tuple(reversed(FEEDS))):
        assert_cases(by_name(_combined(spark, feeds, order).collect(), KEY), expected)


# merge


@pytest.mark.parametrize("has_changes", [True, False])
def test_merge_rules_agree_with_oracle(spark, has_changes):
    """What is decided, and the SQL of MERGE, on every combination of a group's event times: absent, older, equal and newer."""
    times = (None, day(1), day(2))
    generator = random.Random(11)
    batches = {group.name: number for number, group in enumerate(GROUPS, start=2)}
    stored, fresh = [], []
    for number in range(300):
        key = f"C{number:03d}"
        for side, rows in (("t", stored), ("s", fresh)):
            row = {KEY: key, "is_complete": False, "_batch_id": 1 if side == "t" else 2}
            for group in GROUPS:
                # Of every third customer nothing is newer than in the table.
                row[group.event_column] = generator.choice(times) if number % 3 else {"t": day(2), "s": day(1)}[side]
                row |= _shown(group, 1 if side == "t" else 2, side)
            rows.append(row)
    newer = ", ".join(
        f"IF({group.event_column} IS NULL, NULL, struct(CAST(NULL AS string) AS _in_log, {group.event_column} AS _event_at, "
        f"{batches[group.name]}L AS _batch_id, false AS _is_deletion)) AS {group.name}"
        for group in GROUPS
    )
    table = table_frame(spark, "silver.customers", stored).alias("t")
    arriving = table_frame(spark, "silver.customers", fresh).selectExpr(
        "*", f"struct({newer}) AS {silver.GROUP_VERSIONS}"
    )
    assignments = silver.merge_assignments()
    assert set(assignments) == set(CUSTOMERS.names) - {KEY}
    decided = silver.decided(arriving, table, has_changes=has_changes)
    merged = table.join(decided.alias("s"), F.col(f"t.{KEY}") == F.col(f"s.{KEY}")).selectExpr(
        f"t.{KEY}",
        f"s.{silver.IS_NEWS} AS _updates",
        *(f"{sql} AS `{c}`" for c, sql in assignments.items()),
    )
    expected = {}
    for old, new in zip(stored, fresh, strict=True):
        row, taken = dict.fromkeys(CUSTOMERS.names) | {KEY: old[KEY]}, []
        for group in GROUPS:
            before, after = old[group.event_column], new[group.event_column]
            is_newer = after is not None and (before is None or after >= before)
            taken += [batches[group.name]] if is_newer else []
            row |= {c: (new if is_newer else old).get(c) for c in (*group.columns, group.event_column)}
        row["is_complete"] = all(row[group.event_column] for group in GROUPS if group.required)
        expected[old[KEY]] = row | {"_updates": bool(taken), "_batch_id": max(taken, default=1)}
    assert {row["_updates"] for row in expected.values()} == {True, False}
    assert_cases(by_name(merged.collect(), KEY), expected)


# quarantine


def test_quarantine_has_every_violation_once(spark):
    feed = FEEDS["billing"]
    bad = {"_source_file": "f", "tenure_months": "abc", "churn": ""}
    cases = {
        "good": {"_source_file": "f"},
        "first": bad | {KEY: "A-1"},
        "again": bad | {KEY: "A-1"},
        "other file": bad | {KEY: "A-1", "_source_file": "g"},
        "other batch": bad | {KEY: "A-1", "_batch_id": 2},
        "other id": bad | {KEY: " A-2 "},
        "no id": {KEY: "", "_source_file": "f"},
        "line": {KEY: None, "_source_file": "f", "_parse_error": "not 3 fields", "_rescued_data": "a\0b"},
    }
    frame = silver.quarantine(conformed_frame(spark, feed, cases), feed)
    rows = frame.collect()
    assert_declared(frame, "silver.quarantine", rows)
    found = by_name(rows, "record_id")
    counted = {(r[KEY], r["source_file"], r["batch_id"]): r["occurrences"] for r in found.values() if r[KEY]}
    assert_cases(counted, {("A-1", "f", 1): 2, ("A-1", "g", 1): 1, ("A-1", "f", 2): 1, ("A-2", "f", 1): 1})
    (first,) = (r for r in found.values() if (r[KEY], r["source_file"], r["batch_id"]) == ("A-1", "f", 1))
    assert first["reasons"] == ["tenure_months: 'abc' is not a whole number from 0 to 1,200", "churn: missing"]
    assert json.loads(first["raw_record"])["tenure_months"] == "abc"
    assert (first["feed"], first["status"], first["resolved_by_batch"]) == ("billing", "open", None)
    assert first["event_at"] == FILE_TIME
    reasons = {r["raw_record"]: r["reasons"] for r in found.values() if not r[KEY]}
    assert reasons["a b"] == ["record: not 3 fields"]
    assert ["customer_id: missing"] in reasons.values()


def test_record_id_is_stable_and_tells_feeds_apart(spark):
    def ids(name):
        feed = FEEDS[name]
        rows = conformed_frame(spark, feed, {"good": {}, "bad": {KEY: ""}})
        return {row["record_id"] for row in silver.quarantine(rows, feed).collect()}

    billing = ids("billing")
    assert len(billing) == 1
    assert ids("billing") == billing
    assert not ids("services") & billing


def test_violation_resolves_with_valid_groups(spark):
    """Every required group of the record's feed must be at least as new as the record."""
    both = {group.event_column: day(5) for group in GROUPS if group.required}
    cases = {
        "newer": ("customers", both, True),
        "same time": ("customers", dict.fromkeys(both, day(3)), True),
        "one group older": ("customers", both | {"_billing_at": day(2)}, False),
        "one group absent": ("customers", both | {"_services_at": None}, False),
        "optional group older": ("customers", both | {"_city_at": day(1)}, True),
        "feed needs its own groups only": ("billing", {"_billing_at": day(3)}, True),
        "another group is no help": ("billing", {"_services_at": day(5)}, False),
        "demographics": ("demographics", {"_demographics_at": day(4)}, True),
        "services older": ("services", {"_services_at": day(2)}, False),
        "customer unknown": ("billing", None, False),
    }
    base = {"reasons": ["x"], "source_file": "f", "occurrences": 1, "batch_id": 1, "ingested_at": day(3)}
    pending = [
        base | {"record_id": name, KEY: name, "feed": feed, "event_at": day(3), "status": "open"}
        for name, (feed, _, _) in cases.items()
    ]
    pending.append(pending[0] | {"record_id": "resolved before", "status": "resolved", "resolved_by_batch": 2})
    pending.append(pending[0] | {"record_id": "no id", KEY: None})
    customers = [{KEY: name, "_batch_id": 8, **times} for name, (_, times, _) in cases.items() if times is not None]
    open_rows = table_frame(spark, "silver.quarantine", pending)
    none = table_frame(spark, "silver.quarantine", [])
    frame = silver.resolve(open_rows, none, table_frame(spark, "silver.customers", customers), list(FEEDS.values()), {})
    rows = frame.collect()
    assert_declared(frame, "silver.quarantine", rows)
    found = {row["record_id"]: (row["status"], row["resolved_by_batch"]) for row in rows}
    assert_cases(found, {name: ("resolved", 8) for name, (_, _, is_resolved) in cases.items() if is_resolved})


def test_next_delivery_of_a_file_resolves_what_the_earlier_one_brought(spark):
    """Also without an id; only what is open, and only of earlier batches."""
    base = {"feed": "billing", "reasons": ["x"], "occurrences": 1, "event_at": day(3), "ingested_at": day(3)}
    cases = {
        "earlier": ("a", 1, "open"),
        "same": ("a", 2, "open"),
        "closed": ("a", 1, "resolved"),
        "other": ("b", 1, "open"),
    }
    rows = [
        base | {"record_id": name, "source_file": file, "batch_id": batch, "status": status}
        for name, (file, batch, status) in cases.items()
    ]
    frame = silver.resolve(
        table_frame(spark, "silver.quarantine", rows),
        table_frame(spark, "silver.quarantine", []),
        table_frame(spark, "silver.customers", []),
        list(FEEDS.values()),
        {"a": 2},
    )
    assert [(row["record_id"], row["resolved_by_batch"]) for row in frame.collect()] == [("earlier", 2)]


def test_rows_of_this_run_are_all_written_with_what_resolves_them(spark):
    """Also those that an interrupted run has written before."""
    base = {
        "feed": "billing",
        "reasons": ["x"],
        "occurrences": 1,
        "event_at": day(3),
        "ingested_at": day(3),
        "status": "open",
    }
    rows = [
        base | {"record_id": name, KEY: name, "source_file": file, "batch_id": 1}
        for name, file in (("open", "a"), ("overtaken", "a"), ("replaced", "b"))
    ]
    found = table_frame(spark, "silver.quarantine", rows)
    customers = table_frame(spark, "silver.customers", [{KEY: "overtaken", "_batch_id": 4, "_billing_at": day(3)}])
    expected = [("open", "open", None), ("overtaken", "resolved", 4), ("replaced", "resolved", 2)]
    for known in (None, found):
        frame = silver.resolve(known, found, customers, list(FEEDS.values()), {"b": 2})
        assert sorted((r["record_id"], r["status"], r["resolved_by_batch"]) for r in frame.collect()) == expected


# jobs


def _customers(step):
    return {row[KEY]: row for row in step.lake.records("silver.customers")}


def test_older_file_never_overwrites_newer_values(history):
    """A file of an earlier day that comes later brings what is not there yet, and no more."""
    found = _customers(history.second)
    assert found["G0000"]["monthly_charges"] == Decimal("50.25")
    assert found["late"]["is_complete"]
    assert found["G0001"]["monthly_charges"] == 51, "a newer one does"
    assert _customers(history.evening)["bad"]["tenure_months"] == 12


def test_correction_resolves_quarantined_record(history):
    """A valid record that is older than the faulty one is no correction."""

    def quarantined(step):
        return [(r[KEY], r["status"], r["resolved_by_batch"]) for r in step.lake.records("silver.quarantine")]

    assert quarantined(history.first) == quarantined(history.second) == [("bad", "open", None)]
    assert quarantined(history.evening) == quarantined(history.refreshed) == [("bad", "resolved", 3)]
    assert history.first.results["silver.customers"].rows_quarantined == 1


def test_incomplete_customer_waits(history):
    assert history.first.results["silver.customers"].rows_incomplete == 1
    assert history.second.results["silver.customers"].rows_incomplete == 0
    waiting = [_customers(step)["waits"]["is_complete"] for step in (history.first, history.second)]
    assert waiting == [False, True]


def _arrive(pipeline, raw, *records, name="b.jsonl"):
    """A file comes in and goes as far as silver."""
    write_jsonl(raw / "2026-02-01" / name, *records)
    run_at(pipeline, "bronze", SECOND, raw=str(raw))
    return run_at(pipeline, "silver", SECOND)["silver.customers"]


def test_generator_faults_are_all_quarantined(pipeline, tmp_path):
    generate(400, 2, tmp_path / "raw", seed=3, faults=1)
    pipeline.job("bronze", raw=str(tmp_path / "raw"))
    result = pipeline.job("silver")["silver.customers"]
    expected = json.loads((tmp_path / "raw" / "_faults.json").read_text())
    assert set(expected) == {fault.name for fault in FAULTS}
    assert result.rows_quarantined == sum(expected.values())
    examples = result.quarantined_examples
    assert any("'xxx' is not a whole number" in example and "billing/2026-01-01" in example for example in examples)
    quarantined = pipeline.records("silver.quarantine")
    assert sum(row["occurrences"] for row in quarantined) == sum(expected.values())
    assert all(row["raw_record"] and row["reasons"] and row["source_file"] for row in quarantined)
    assert sum(row["is_complete"] for row in pipeline.records("silver.customers")) == 401


def _held(result):
    return [(file.file, file.batch, file.rows, file.quarantined, file.is_new) for file in result.held]


def test_file_of_too_many_faulty_rows_is_held_until_its_next_delivery(history, tmp_path):
    """Other files of the batch go on; the corrected file opens the gate again, and nothing has to be switched off."""
    pipeline, raw = history.first.copy(tmp_path), tmp_path / "raw"
    scored = {"source_churn_score": "50"}  # as earlier files have it, a file without it is warned about
    bad = [record(f"B{i}", churn="Maybe", phone="040-1234") for i in range(4)] + [record("", churn="No")]
    write_jsonl(raw / "2026-02-01" / "good.jsonl", *many(10, monthly_charges="60", **scored))
    result = _arrive(pipeline, raw, *bad, record("N1", **scored), name="bad.jsonl")
    assert (result.outcome, result.rows_read, result.rows_quarantined) == ("warned", 16, 5)
    assert _held(result) == [("2026-02-01/bad.jsonl", 2, 6, 5, True)]
    assert "4 × churn is not yes or no, e.g. 'xxxxx'; 1 × customer_id: missing" in result.held[0].reason
    assert [check.subject for check in result.checks if not check.success] == ["held_files"]
    found = {row[KEY]: row["monthly_charges"] for row in pipeline.records("silver.customers")}
    assert found["G0003"] == 60
    assert not {"B0", "N1"} & set(found)
    opened = [row for row in pipeline.records("silver.quarantine") if row["source_file"] == "2026-02-01/bad.jsonl"]
    assert [row["status"] for row in opened] == ["open"] * 5

    again = pipeline.job("silver")["silver.customers"]
    assert (again.outcome, _held(again)) == ("unchanged", [("2026-02-01/bad.jsonl", 2, 6, 5, False)])
    corrected = _arrive(pipeline, raw, *(record(f"B{i}", **scored) for i in range(5)), name="bad.jsonl")
    assert (corrected.outcome, corrected.held) == ("passed", ())
    assert {"B0", "B4"} <= {row[KEY] for row in pipeline.records("silver.customers")}
    closed = [row for row in pipeline.records("silver.quarantine") if row["source_file"] == "2026-02-01/bad.jsonl"]
    assert [(row["status"], row["resolved_by_batch"]) for row in closed] == [("resolved", 3)] * 5, "also without an id"
    before = pipeline.rows("silver.customers")
    assert pipeline.job("silver", full_refresh="true")["silver.customers"].held == ()
    assert pipeline.rows("silver.customers") == before


def test_held_file_is_judged_again_or_discarded(history, tmp_path):
    pipeline, raw = history.first.copy(tmp_path), tmp_path / "raw"
    bad = [record(f"B{i}", churn="Maybe") for i in range(3)]
    _arrive(pipeline, raw, *bad, record("N1"), name="bad.jsonl")
    before = pipeline.rows("silver.customers")
    refreshed = pipeline.job("silver", full_refresh="true", max_quarantined_share="1")["silver.customers"]
    assert (_held(refreshed)[0][:2], pipeline.rows("silver.customers")) == (("2026-02-01/bad.jsonl", 2), before), (
        "it stays held"
    )
    decide(pipeline.folder, retry=["2026-02-01/bad.jsonl"], limit=0.75, at=SECOND)
    taken = pipeline.job("silver")["silver.customers"]
    assert (taken.held, len(pipeline.rows("silver.customers"))) == ((), len(before) + 1)
    assert [delivery.state for delivery in Deliveries(pipeline.folder).read()] == ["accepted"]
    shutil.rmtree(pipeline.path / "silver")
    again = pipeline.job("silver")["silver.customers"]
    assert (again.held, len(pipeline.rows("silver.customers"))) == ((), len(before) + 1), "what has passed stays"
    decide(pipeline.folder, discard=["2"], at=SECOND)
    pipeline.job("silver")
    assert pipeline.rows("silver.customers") == before
    pipeline.job("gold")
    assert RebuildRequest(pipeline.folder).read() is None, "only gold completes a rebuild"
    assert {
        row["status"] for row in pipeline.records("silver.quarantine") if row["source_file"] == "2026-02-01/bad.jsonl"
    } <= {"resolved"}


@pytest.mark.nightly
def test_decision_of_an_interrupted_run_is_carried_out_by_the_next(history, tmp_path):
    """An ordinary run with a new file: nobody asks it for a full refresh."""
    pipeline, raw = history.first.copy(tmp_path), tmp_path / "raw"
    bad = [record(f"B{i}", churn="Maybe") for i in range(3)]
    _arrive(pipeline, raw, *bad, record("N1"), name="bad.jsonl")

    def known_after(**decision):
        decide(pipeline.folder, **decision, at=SECOND)
        write_jsonl(raw / "2026-02-01" / f"{len(decision)}.jsonl", *many(3))
        for job in ("bronze", "silver"):
            pipeline.job(job, raw=str(raw))
        return {row[KEY] for row in pipeline.records("silver.customers")}

    assert "N1" in known_after(retry=["2026-02-01/bad.jsonl"], limit=0.75)
    assert "N1" not in known_after(discard=["2026-02-01/bad.jsonl"])


@pytest.fixture(scope="module")
def decided_once(history, tmp_path_factory):
    """A folder with a lake that has a file that is discarded, one that was accepted, and one that is held; and with their raw folder."""
    folder = tmp_path_factory.mktemp("decided")
    pipeline, raw = history.first.copy(folder), folder / "raw"
    write_jsonl(raw / "2026-02-01" / "dropped.jsonl", record("D1"))
    write_jsonl(raw / "2026-02-01" / "taken.jsonl", record("T1"), record("T2", churn="Maybe"))
    _arrive(pipeline, raw, record("H1"), record("H2", churn="Maybe"), name="held.jsonl")
    decide(pipeline.folder, discard=["2026-02-01/dropped.jsonl"], at=SECOND)
    decide(pipeline.folder, retry=["2026-02-01/taken.jsonl"], limit=1, at=SECOND)
    _load(pipeline, raw)
    assert _ids(pipeline) == {"T1"}
    return folder, pipeline.path.name


@pytest.fixture
def decided(decided_once, tmp_path):
    """A copy of that lake, and of the raw folder."""
    folder, name = decided_once
    shutil.copytree(folder, tmp_path / "copy")
    return PipelineHarness(tmp_path / "copy" / name), tmp_path / "copy" / "raw"


def _load(pipeline, raw):
    return {**pipeline.job("bronze", raw=str(raw)), **pipeline.job("silver"), **pipeline.job("gold")}


def _ids(pipeline):
    return {row[KEY] for row in pipeline.records("silver.customers")} & {"D1", "T1", "H1"}


@pytest.mark.nightly
def test_decisions_outlive_rows_that_bronze_has_lost(decided):
    """Their files are ingested again, as other batches."""
    pipeline, raw = decided
    newest = max(log_files(pipeline.folder, "bronze/customers").commits)
    (added,) = [
        action["add"]["path"]
        for action in map(json.loads, pipeline.folder.read_bytes(commit_file("bronze/customers", newest)).splitlines())
        if "add" in action
    ]
    (pipeline.path / "bronze" / "customers" / added).unlink()
    notes = pipeline.job("repair")["repair"].notes
    assert any("The next run ingests these files again" in note for note in notes)
    results = _load(pipeline, raw)
    assert _ids(pipeline) == {"T1"}
    assert [file.file for file in results["silver.customers"].held] == ["2026-02-01/held.jsonl"]


@pytest.mark.nightly
def test_lost_list_of_decisions_is_said_and_everything_judged_again(decided):
    pipeline, raw = decided
    for name in ("deliveries", "deliveries_copy"):
        pipeline.folder.delete(f"_control/{name}.json")
    results = _load(pipeline, raw)
    assert any("discard them once more" in note for result in results.values() for note in result.notes)
    assert _ids(pipeline) == {"D1"}
    assert {file.file for file in results["silver.customers"].held} == {
        "2026-02-01/held.jsonl",
        "2026-02-01/taken.jsonl",
    }
    decide(pipeline.folder, discard=["2026-02-01/dropped.jsonl"], at=SECOND)
    _load(pipeline, raw)
    assert _ids(pipeline) == set()


@pytest.mark.parametrize("names", [("deliveries",), ("deliveries", "deliveries_copy")])
def test_repair_restores_or_replaces_a_damaged_list(decided, names):
    pipeline, raw = decided
    for name in (*names, "set_aside"):
        pipeline.folder.write_text(f"_control/{name}.json", '{"x')
    notes = " ".join(pipeline.job("repair")["repair"].notes)
    assert ("restored from its copy" in notes, "discard them once more" in notes) == (len(names) == 1, len(names) == 2)
    assert "set_aside.json was damaged and has been removed" in notes
    _load(pipeline, raw)
    assert _ids(pipeline) == ({"T1"} if len(names) == 1 else {"D1"})
    assert pipeline.job("repair")["repair"].outcome == "unchanged"


def test_newer_table_version_is_refused(history, spark, tmp_path):
    pipeline = history.first.copy(tmp_path)
    spark.sql(f"ALTER TABLE delta.`{pipeline.path}/silver/customers` ADD COLUMNS (tomorrow string)")
    with pytest.raises(SchemaMismatchError, match="tomorrow"):
        _arrive(pipeline, tmp_path / "raw", record("A-2"))
