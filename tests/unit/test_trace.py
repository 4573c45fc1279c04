"""One customer from the tables back to the records: which one each value is from, what became of the others."""

import json
import sqlite3
import sys
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import main as command
from cli import platforms
from cli.trace import show_trace, trace_customer
from contract.columns import KEY
from contract.errors import QueryError, UnknownCustomerError
from contract.feeds import FEEDS, GROUPS
from lake.deliveries import Deliveries, Delivery
from lake.manifests import Batch, Manifests
from lake.rebuild import RebuildRequest
from lake.register import FileEntry
from lake.storage import open_folder
from serving.lake_sql import query
from serving.trace.customer import trace
from serving.trace.origins import counted, fates, origins
from serving.trace.records import Record
from serving.trace.rows import CustomerRows
from serving.trace.text import text_lines
from serving.trace.warehouse import customer_sql, in_warehouse, not_asked
from serving.warehouse.statements import check_reads
from tests.support.lake_tables import write_rows
from tests.support.records import record
from tests.support.released import ARCHIVE
from transforms.received_value import sequence

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
PARTS = ("demographics", "city", "services", "billing")


def received(customer, batch, file="a.jsonl", position=1, day=1, **values):
    """A record of bronze.customers whose file is of a day of January."""
    columns = {name: value for name, value in record(customer).items() if name in FEEDS["customers"].columns}
    return {
        **columns, "_batch_id": batch, "_source_file": file, "_source_checksum": "c", "_position": position,
        "_ingested_at": FIRST + 60 * DAY, "_file_event_at": FIRST + (day - 1) * DAY, **values,
    }  # fmt: skip


def known(customer, **days):
    """A row of silver.customers with the groups that came on these days of January."""
    times = {f"_{name}_at": FIRST + (day - 1) * DAY for name, day in days.items()}
    return {KEY: customer, "city": "Fresno", "is_complete": True, "_batch_id": 1, **times}


def quarantined(customer, batch, file, raw, *reasons, **values):
    return {
        "record_id": "r" * 64, "feed": "customers", KEY: customer, "reasons": list(reasons), "source_file": file,
        "raw_record": json.dumps(raw), "occurrences": 1, "event_at": FIRST, "batch_id": batch,
        "ingested_at": FIRST, "status": "open", **values,
    }  # fmt: skip


def outcomes(found):
    return [fate.outcome for fate in found.fates]


def came_from(found):
    return {origin.group: origin.records for origin in found.origins}


def test_every_group_names_its_record(tmp_path):
    write_rows(tmp_path, "bronze.customers", received("A", 1, day=2), received("A", 2, "late.jsonl", day=1))
    billing = {
        key: value
        for key, value in received("A", 2, "b.jsonl", 7, day=3).items()
        if key in FEEDS["billing"].columns or key[0] == "_"
    }
    write_rows(tmp_path, "bronze.billing", billing)
    write_rows(tmp_path, "silver.customers", known("A", demographics=2, city=2, services=2, billing=3))
    found = trace(tmp_path, "A")
    assert came_from(found) == {"demographics": (1,), "city": (1,), "services": (1,), "billing": (2,)}
    assert [(r.feed, r.batch, r.file, r.position) for r in found.records] == [
        ("customers", 1, "a.jsonl", 1),
        ("billing", 2, "b.jsonl", 7),
        ("customers", 2, "late.jsonl", 1),
    ]
    assert outcomes(found) == ["contributes", "contributes", "superseded"]
    assert found.fates[0].by == {"billing": (2,)}
    assert found.fates[2].by == {"demographics": (1,), "city": (1,), "services": (1,), "billing": (2,)}
    assert found.origins[1].values == {"city": "Fresno"}


def test_own_time_counts_before_the_file(tmp_path):
    own = {"updated_at": "2026-01-05T01:00:00+01:00"}
    write_rows(tmp_path, "bronze.customers", received("A", 1, **own), received("A", 2, "b.jsonl", day=4))
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 5)))
    found = trace(tmp_path, "A")
    assert [(r.event_at.day, r.event_from) for r in found.records] == [(5, "record"), (4, "file")]
    assert outcomes(found) == ["contributes", "superseded"]


def test_equal_records_are_all_named(tmp_path):
    twice = [received("A", 1, position=1), received("A", 1, position=2)]
    write_rows(tmp_path, "bronze.customers", *twice, received("A", 0, "earlier.jsonl"))
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 1)))
    found = trace(tmp_path, "A")
    assert set(came_from(found).values()) == {(2, 3)}, "of one time the later batch counts"
    assert outcomes(found) == ["superseded", "contributes", "contributes"]
    assert "#2 or #3" in "\n".join(text_lines(found, 80))


def test_log_outranks_time(tmp_path):
    change = {"_operation": "upsert", "_sequence": "0/A0"}
    write_rows(
        tmp_path,
        "bronze.customers",
        received("A", 1, position=1, **change | {"_operation": "before"}),
        received("A", 1, position=2, **change),
        received("A", 1, position=3, **change),
        received("A", 2, "file.jsonl", day=9),
    )
    row = known("A", **dict.fromkeys(PARTS, 1)) | {"_sequences": [(name, sequence("0/A0")) for name in PARTS]}
    write_rows(tmp_path, "silver.customers", row)
    found = trace(tmp_path, "A")
    assert outcomes(found) == ["before-image", "superseded", "contributes", "superseded"]
    assert "at 0/A0" in "\n".join(text_lines(found, 80))


def test_deletion_is_traced(tmp_path):
    gone = {"_operation": "delete", "day": 5}
    write_rows(
        tmp_path, "bronze.customers", received("A", 1), received("A", 2, "d.jsonl", **gone), received("A", 3, day=4)
    )
    stone = {KEY: "A", "feed": "customers", "deleted_at": FIRST + 4 * DAY, "is_last": True, "_batch_id": 2}
    write_rows(tmp_path, "silver.tombstones", stone)
    found = trace(tmp_path, "A")
    assert (found.silver, found.deleted_by) == (None, [(2,)])
    assert outcomes(found) == ["deleted", "deletes", "deleted"]
    assert {by for fate in found.fates for by in fate.by.values()} == {(2,)}
    write_rows(tmp_path, "bronze.customers", received("A", 4, day=6))
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 6)))
    assert outcomes(trace(tmp_path, "A")) == ["superseded", "deletes", "superseded", "contributes"], (
        "what the deletion has taken and nobody has brought back stays deleted"
    )


def test_last_deletion_of_a_log_counts(tmp_path):
    """A tombstone's place has a mark of its own where nothing follows the deletion in its file."""
    gone = [received("A", n, f"{n}.jsonl", _operation="delete", _sequence=f"0/{n}") for n in (4, 5)]
    write_rows(tmp_path, "bronze.customers", received("A", 1, _sequence="0/5", _operation="upsert"), *gone)
    stone = {KEY: "A", "feed": "customers", "deleted_at": FIRST, "is_last": True, "_batch_id": 5}
    write_rows(tmp_path, "silver.tombstones", stone | {"sequence": f"{sequence('0/5')}|D"})
    found = trace(tmp_path, "A")
    assert outcomes(found) == ["deleted", "superseded", "deletes"]
    assert found.deleted_by == [(3,)]
    assert "at 0/5" in text_lines(found, 120)[-1]


def test_deletion_without_a_record_is_shown(tmp_path):
    stone = {KEY: "A", "feed": "customers", "deleted_at": FIRST, "is_last": False, "_batch_id": 2}
    write_rows(tmp_path, "silver.tombstones", stone)
    write_rows(tmp_path, "bronze.customers", received("A", 1, day=1))
    found = trace(tmp_path, "A")
    assert (found.deleted_by, outcomes(found)) == ([()], ["deleted"])
    assert "deleted by no record of bronze" in " ".join("\n".join(text_lines(found, 80)).split())


def test_quarantined_record_has_its_reasons(tmp_path):
    bad, good = (
        received("A", 1, position=1, tenure_months="x\u0000", _rescued_data='{"colour":"red"}'),
        received("A", 1, position=2),
    )
    raw = {name: value for name, value in bad.items() if name in FEEDS["customers"].columns or name == "_rescued_data"}
    write_rows(tmp_path, "bronze.customers", bad, good)
    write_rows(tmp_path, "silver.quarantine", quarantined("A", 1, "a.jsonl", raw, "tenure_months: 'x' is not a number"))
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 1)))
    found = trace(tmp_path, "A")
    assert outcomes(found) == ["quarantined", "contributes"]
    assert [r.reasons for r in found.records] == [("tenure_months: 'x' is not a number",), ()]
    assert "#1: open" in "\n".join(text_lines(found, 80))


def test_line_that_names_him_is_shown(tmp_path):
    lines = [
        quarantined(None, 1, "a.csv", "", "record: 3 fields", record_id=str(n), raw_record=text)
        for n, text in enumerate(("A-1,x", "AA-1,x"))
    ]
    write_rows(tmp_path, "silver.quarantine", *lines)
    found = trace(tmp_path, "A-1")
    assert [row["raw_record"] for row in found.unidentified] == ["A-1,x"]
    assert not found.is_unknown


def test_delivery_that_does_not_count(tmp_path):
    files = ("held.jsonl", "dropped.jsonl", "taken.jsonl")
    write_rows(tmp_path, "bronze.customers", *(received("A", 1, file) for file in files), received("A", 2, "new.jsonl"))
    states = zip(files, ("held", "discarded", "accepted"), strict=True)
    Deliveries(open_folder(tmp_path)).write(
        [Delivery(f, "customers", 1, s, rows=2, quarantined=1) for f, s in states], 1
    )
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 1)))
    found = trace(tmp_path, "A")
    assert dict(zip((r.file for r in found.records), outcomes(found), strict=True)) == {
        "held.jsonl": "left out", "dropped.jsonl": "left out", "taken.jsonl": "contributes", "new.jsonl": "pending",
    }  # fmt: skip
    assert {d.path for d in found.deliveries} == set(files)


def test_what_silver_does_not_explain_is_unclear(tmp_path):
    write_rows(
        tmp_path,
        "bronze.customers",
        received("A", 1, day=2),
        received("A", 2, day=1, updated_at="2026-01-01 1:0:0 PST"),
    )
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 1)) | {"is_complete": False})
    RebuildRequest(open_folder(tmp_path)).ask()
    found = trace(tmp_path, "A")
    assert outcomes(found) == ["unclear", "unclear"]
    assert set(came_from(found).values()) == {()}
    assert found.records[1].event_at is None
    assert ["rebuilt" in found.notes[0], "not in gold" in found.notes[1]] == [True, True]


def test_gold_and_warehouse_are_compared(tmp_path):
    row = known("A", **dict.fromkeys(PARTS, 1)) | {"churn": False, "churn_reason": "Moved"}
    write_rows(tmp_path, "silver.customers", row)
    write_rows(tmp_path, "gold.customer_churn_analysis", {KEY: "A", "city": "Rome", "churn": False, "churn_flag": 1})
    move = {KEY: "A", "moved_on": FIRST.date(), "to_segment": "High-Risk", "newly_at_risk": True, "source_version": 3}
    write_rows(tmp_path, "gold.customer_movements", move)
    found = trace(tmp_path, "A")
    assert "older than silver (city)" in found.notes[0], "a reason for leaving is gold's own of who has left"
    assert "from nothing to High-Risk, newly at risk" in "\n".join(text_lines(found, 80))
    there = in_warehouse([KEY, "city", "churn_flag"], [("A", "Rome", 0)], found.gold)
    assert (there.state, there.differs) == ("there", ("churn_flag",))
    nowhere = in_warehouse([KEY], [], found.gold)
    same = in_warehouse([KEY, "city"], [("A", "Rome")], found.gold)
    said = [
        (there, "there, not as in gold: churn_flag 0"),
        (same, "there, as in gold"),
        (nowhere, "not there, but in gold"),
        (not_asked("it is down"), "not asked: it is down"),
    ]
    for row, words in said:
        assert text_lines(replace(found, warehouse=row), 80)[1] == f"Warehouse  {words}"
    write_rows(tmp_path, "gold.customer_churn_analysis", {KEY: "B", "city": "Rome"})
    assert "no longer in silver" in trace(tmp_path, "B").notes[0]
    left = replace(found, warehouse=same, gold=None)
    assert text_lines(left, 80)[1] == "Warehouse  there, but not in gold: city Rome"


@pytest.mark.parametrize("spelling", [" A-1 ", "A\u200b-1", "A-1\u00a0", "A-1"])
def test_spellings_of_an_id_are_one_customer(tmp_path, spelling):
    write_rows(tmp_path, "bronze.customers", received(spelling, 1), received("A-10", 1), received("a-1", 1))
    assert len(trace(tmp_path, "A-1").records) == len(trace(tmp_path, spelling).records) == 1


@pytest.mark.parametrize("received_id", ["12.0", "12", "12 "])
def test_number_with_a_point_is_one_customer(tmp_path, received_id):
    write_rows(tmp_path, "bronze.customers", received(received_id, 1), received("112.0", 1))
    assert len(trace(tmp_path, "12").records) == 1


def test_composed_letters_are_one_customer(tmp_path):
    write_rows(tmp_path, "bronze.customers", received("a\u0325'", 1), received("\u1e01'", 1), received("a'", 1))
    assert len(trace(tmp_path, "\u1e01'").records) == 2


@pytest.fixture
def released(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "feeds" / "lake"


def test_lake_of_an_earlier_release(released, tmp_path):
    customer = "7590-VHVEG"
    with pytest.raises(QueryError, match=r"earlier release.*churn run"):
        trace(released, _some_customer(released))
    for file in (released / "silver").rglob("*.json"):
        file.unlink()
    found = trace(released, _some_customer(released))
    assert found.records
    assert {record.position for record in found.records} == {None}
    assert trace(released, customer).is_unknown


def _some_customer(lake):
    return query(lake, f"SELECT {KEY} FROM gold.customer_churn_analysis ORDER BY 1 LIMIT 1")[1][0][0]


@pytest.mark.parametrize(("lacks", "origin"), [((), {"city": (2,)}), (("city",), {"city": (1,)})])
def test_null_of_the_first_release_may_be_blank(tmp_path, lacks, origin):
    write_rows(tmp_path, "bronze.customers", received("A", 1, day=1), received("A", 2, "b.jsonl", day=2, city=None))
    write_rows(tmp_path, "silver.customers", known("A", city=2 if origin["city"] == (2,) else 1))
    file = FileEntry("b.jsonl", "customers", batch=2, lacks=lacks)
    manifests = Manifests(open_folder(tmp_path))
    manifests.write(Batch(1, "committed"))
    manifests.write(Batch(2, "committed", files=(file,), has_null_for_blank=True))
    assert came_from(trace(tmp_path, "A")) == origin


def test_unknown_customer_has_an_exit_code(tmp_path, monkeypatch, capsys):
    write_rows(tmp_path, "bronze.customers", received("A", 1))
    monkeypatch.setattr(sys, "argv", ["churn", "trace", "nobody", "--no-warehouse", "--lake", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 4
    assert "customer nobody" in capsys.readouterr().err
    with pytest.raises(UnknownCustomerError, match="blank"):
        trace_customer(tmp_path, " null ")
    with pytest.raises(QueryError, match="churn run"):
        trace_customer(tmp_path / "nothing", "A")


@pytest.mark.parametrize("lake", ["s3://bucket/lake", "/data/lake"])
def test_lake_on_s3_is_refused(monkeypatch, lake):
    monkeypatch.setattr(platforms, "load_platform", lambda name: SimpleNamespace(lake=lake))
    if lake.startswith("/"):
        assert platforms.local_lake_of("p") == Path(lake)
        return
    with pytest.raises(QueryError, match=r"not yet those of s3://bucket/lake.*churn query --platform p "):
        platforms.local_lake_of("p")


def test_json_has_fates_with_records(tmp_path, capsys):
    write_rows(tmp_path, "bronze.customers", received("A", 1))
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 1)) | {"monthly_charges": 50})
    show_trace(trace(tmp_path, "A"), as_json=True)
    shown = json.loads(capsys.readouterr().out)
    (only,) = shown["records"]
    assert (only["outcome"], only["file"], only["event_at"]) == ("contributes", "a.jsonl", "2026-01-01T00:00:00+00:00")
    assert shown["silver"]["monthly_charges"] == "50.00"
    assert shown["warehouse"]["state"] == "not asked"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_the_terminal(tmp_path, width):
    file = f"{'a long folder/' * 12}{'x' * 90}.jsonl"
    write_rows(
        tmp_path, "bronze.customers", received("A", 1, file), received("A", 2, "b\n.jsonl", **{"_operation": "delete"})
    )
    write_rows(tmp_path, "silver.customers", known("A", **dict.fromkeys(PARTS, 1)))
    lines = text_lines(trace(tmp_path, "A"), width)
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)


@given(st.text(min_size=1, max_size=20))
def test_any_id_is_one_text_of_sql(customer):
    sql = customer_sql(customer)
    check_reads(sql)
    if "\x00" in customer or not customer.isprintable():
        return
    database = sqlite3.connect(":memory:")
    database.create_function("CHR", 1, chr)
    assert database.execute(f"SELECT {sql.partition('= ')[2]}").fetchone() == (customer,)


_EVENTS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from("ab"),
        st.sampled_from([None, "1", "2"]),
        st.integers(1, 3),
        st.lists(st.sampled_from([group.name for group in GROUPS]), min_size=1, max_size=3, unique=True),
    ),
    max_size=12,
)


@given(_EVENTS)
def test_origin_is_what_merging_run_by_run_leaves(events):
    """Silver as batch after batch would make it, each time the greatest version; nothing is unclear then."""
    ordered = sorted(events, key=lambda event: event[:2])
    made = [
        Record(
            n, "customers", batch, file, n, FIRST + day * DAY, "file", None, place, sequence(place), {}, tuple(groups)
        )
        for n, (batch, file, place, day, groups) in enumerate(ordered, 1)
    ]
    silver, origin = {KEY: "A", "_sequences": []}, {}
    for group in GROUPS:
        taken = None
        for batch in range(1, 5):
            versions = [r for r in made if r.batch == batch and group.name in r.groups]
            newest = max(versions, key=lambda r: (r.place_in_log or "", r.event_at, *r.arrival[1:]), default=None)
            if newest and (
                taken is None
                or (newest.place_in_log or "", newest.event_at) >= (taken.place_in_log or "", taken.event_at)
            ):
                taken = newest
        silver |= dict.fromkeys(group.columns) | {group.event_column: taken and taken.event_at}
        if taken:
            origin[group.name] = taken
            silver["_sequences"] += [(group.name, taken.place_in_log)] if taken.place_in_log else []
    rows = CustomerRows({}, silver, [], [], [], None, [])
    found = origins(rows, counted(made, set(), None))
    assert {o.group for o in found} == set(origin)
    for each in found:
        assert origin[each.group].number in each.records
        assert {made[n - 1].arrival for n in each.records} == {origin[each.group].arrival}
    for fate in fates(made, found, set(), None):
        assert set(fate.groups.values()) <= {"contributes", "superseded"}
        contributes = {name for name, outcome in fate.groups.items() if outcome == "contributes"}
        assert contributes == {o.group for o in found if fate.number in o.records}
