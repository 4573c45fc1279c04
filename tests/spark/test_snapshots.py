"""Snapshots from raw files to silver: who is missing is deleted, in whatever order files come; half a file deletes nobody."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from contract import sources
from contract.columns import KEY
from contract.feeds import FEEDS
from jobs.snapshots import Pictures, with_absences
from lake.deliveries import Deliveries, decide
from lake.snapshots import Snapshot
from tests.spark.frames import bronze_frame, utc
from tests.spark.histories import AS_GENERATED
from tests.support.pipeline import PipelineHarness
from tests.support.records import record, write_jsonl
from transforms import silver, snapshots

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {"city": ("_city_at", ("customers", "demographics")), "gender": ("_demographics_at", ("customers", "demographics")),
           "monthly_charges": ("_billing_at", ("customers", "billing"))}  # fmt: skip
CUSTOMERS = [f"C{number:03d}" for number in range(60)]


@dataclass(frozen=True)
class File:
    """A file of one day; `rows` are own day (None for none), value and whether it breaks a rule, by customer.

    A file of changes has deletions alone.
    """

    kind: str
    feed: str
    number: int
    day: int
    has_city: bool
    rows: dict[str, tuple[int | None, int, bool]]

    @property
    def folder(self):
        return f"{self.kind}/{self.feed}/{day(self.day):%Y-%m-%d}"

    @property
    def path(self):
        return f"{self.folder}/{self.number}.jsonl"

    def text(self, customer):
        own, value, is_faulty = self.rows[customer]
        found = record(customer, gender="Robot" if is_faulty else "Female", city=f"city {value}", churn="No")
        found["monthly_charges"] = "x" if is_faulty else str(value)
        if not self.has_city:
            del found["city"]
        if self.kind == "cdc":
            found |= {"op": "D", "timestamp": f"{day(self.day):%Y-%m-%d}"}
        elif own is not None:
            found["updated_at"] = f"{day(own):%Y-%m-%d}"
        return found

    def says(self, column):
        return self.feed in COLUMNS[column][1] and (column != "city" or self.has_city or self.kind == "cdc")


def day(number):
    return START + timedelta(days=number)


def random_files(seed):
    """Files of all kinds: some customers are rare, so that they are absent, come late and come back."""
    random, files = Random(seed), []
    for number in range(11):
        kind = random.choice(["snapshot", "snapshot", "append", "append", "cdc"])
        feed, share = random.choice(["customers", "customers", "billing"]), random.choice([0.1, 0.5, 0.9])
        at, names = random.randint(1, 5), random.sample(CUSTOMERS, int(share * len(CUSTOMERS)))
        rows = {
            n: (random.choice([None, None, *range(1, 6)]), random.randint(0, 99), random.random() < 0.1) for n in names
        }
        files.append(File(kind, feed, number, at, random.random() < 0.7, {name: rows[name] for name in names}))
    return files


def expected(files, batches):
    """What silver has of each customer: of every column the newest version, unless a deletion or an absence is newer."""
    versions = defaultdict(list)
    for file in files:
        batch = batches[file.number]
        for column, (_, feeds) in COLUMNS.items():
            for name, (own, value, is_faulty) in file.rows.items():
                if file.says(column) and (file.kind == "cdc" or not is_faulty):
                    at = day(file.day if own is None or file.kind == "cdc" else own)
                    at = max(at, day(file.day)) if file.kind == "snapshot" else at
                    shown = (
                        None if file.kind == "cdc" else {"city": f"city {value}", "gender": "Female"}.get(column, value)
                    )
                    versions[name, column].append((at, file.kind == "cdc", batch, file.path, shown))
            if file.kind == "snapshot" and file.feed in feeds:
                parts = [one for one in files if one.folder == file.folder and batches[one.number] == batch]
                place = file.path if len(parts) == 1 else file.folder
                for name in set(CUSTOMERS).difference(*(one.rows for one in parts)):
                    versions[name, column].append((day(file.day), False, batch, place, None))
    found = defaultdict(dict)
    for (name, column), told in versions.items():
        at, _, _, _, value = max(told, key=lambda version: version[:4])
        if value is not None:
            found[name] |= {column: value, COLUMNS[column][0]: at}
    return dict(found)


def found(pipeline):
    rows = {}
    for row in pipeline.records("silver.customers"):
        kept = {c: row[c] for column, (at, _) in COLUMNS.items() for c in (column, at) if row[column] is not None}
        rows[row[KEY]] = {name: utc(value) if name.endswith("_at") else value for name, value in kept.items()}
    return rows


def deliver(raw, files):
    for file in files:
        write_jsonl(raw / file.path, *map(file.text, file.rows))
        if file.kind == "snapshot":
            (raw / f"{file.path}.done").touch()


def load(pipeline, raw, **arguments):
    results = {}
    for job in ("bronze", "silver"):
        results |= pipeline.job(job, raw=str(raw), max_quarantined_share="1", **arguments)
    return results


def check(folder, seed):
    files, random = random_files(seed), Random(seed)
    runs = {file.number: random.randint(1, 3) for file in files}
    step_by_step, at_once = PipelineHarness(folder / "steps"), PipelineHarness(folder / "once")
    batches, batch = {}, 0
    for run in (1, 2, 3):
        arrived = [file for file in files if runs[file.number] == run]
        batch += bool(arrived)
        batches |= {file.number: batch for file in arrived}
        deliver(folder / "raw", arrived)
        if arrived:
            load(step_by_step, folder / "raw")
            so_far = [file for file in files if file.number in batches]
            assert found(step_by_step) == expected(so_far, batches), (seed, run)
    kept = step_by_step.rows("silver.customer_history", with_lineage=True)
    load(step_by_step, folder / "raw", full_refresh="true")
    assert step_by_step.rows("silver.customer_history", with_lineage=True) == kept, (seed, "history")
    assert found(step_by_step) == expected(files, batches), (seed, "rebuilt")
    load(at_once, folder / "raw")
    assert found(at_once) == expected(files, dict.fromkeys(batches, 1)), (seed, "at once")


@pytest.fixture
def any_share(monkeypatch):
    monkeypatch.setitem(
        sources._SOURCE_BY_FOLDER, "snapshot", sources.Source("snapshot", "snapshot", max_missing_share=1)
    )


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(AS_GENERATED, max_examples=20)
@given(st.integers(0, 100_000))
def test_any_order_of_files_gives_the_same_customers(tmp_path_factory, any_share, spark, seed):
    check(tmp_path_factory.mktemp("history"), seed)


def _snapshot(number, at, names):
    return Snapshot("billing", number, f"{number}.jsonl", day(at), (f"{number}.jsonl",), len(names))


@settings(AS_GENERATED, max_examples=2, derandomize=True)
@given(st.integers(0, 100_000))
def test_absences_are_the_same_in_any_order(spark, seed):
    """Who is known from when, and what snapshots have: run by run the same are deleted as at once."""
    random = Random(seed)
    since = {name: random.randint(0, 6) for name in CUSTOMERS}
    runs = {name: random.randint(1, 3) for name in CUSTOMERS}
    names = {number: set(random.sample(CUSTOMERS, random.choice([5, 30, 55]))) for number in range(6)}
    listed = sorted(
        (_snapshot(number, random.randint(1, 5), found) for number, found in names.items()), key=lambda one: one.order
    )
    run_of = {one.batch: random.randint(1, 3) for one in listed}

    def deleted(customers, found):
        if not customers or not found:
            return {}
        rows = [(one.batch, one.place, name) for one in found for name in names[one.batch]]
        bronze = spark.createDataFrame(rows, f"_batch_id bigint, _source_file string, {KEY} string")
        known = spark.createDataFrame([(n, day(since[n])) for n in customers], f"{KEY} string, _since timestamp")
        absent = snapshots.absences(
            known, snapshots.members(snapshots.with_keys(bronze), found), found, FEEDS["billing"]
        )
        newest = absent.groupBy(KEY).agg(F.max(F.struct("_event_at", "_batch_id")).alias("v")).select(KEY, "v.*")
        return {row[KEY]: (utc(row["_event_at"]), row["_batch_id"]) for row in newest.collect()}

    at_once = deleted(CUSTOMERS, listed)
    for name in CUSTOMERS:
        lacking = [one for one in listed if name not in names[one.batch] and one.at >= day(since[name])]
        assert at_once.get(name) == ((lacking[-1].at, lacking[-1].batch) if lacking else None)
    by_run = {}
    for run in (1, 2, 3):
        new, earlier = ([one for one in listed if is_of(run_of[one.batch], run)] for is_of in (int.__eq__, int.__lt__))
        arrived = [name for name in CUSTOMERS if runs[name] == run]
        for found in (deleted([n for n in CUSTOMERS if runs[n] <= run], new), deleted(arrived, earlier)):
            by_run |= {name: max(order, by_run.get(name, order)) for name, order in found.items()}
    assert by_run == at_once


def test_feeds_that_say_nothing_of_a_snapshots_columns_pass():
    rows = {"services": object()}
    assert with_absences(None, rows, Pictures(earlier=(_snapshot(1, 1, ["A"]),)), is_rebuild=False) == rows


def cities(pipeline):
    return {row[KEY]: row["city"] for row in pipeline.records("silver.customers")}


def whole(raw, name, *records):
    write_jsonl(raw / "snapshot" / "customers" / name, *records)
    (raw / "snapshot" / "customers" / f"{name}.done").touch()


def test_customer_missing_in_a_snapshot_is_deleted(pipeline, tmp_path):
    raw, everybody = tmp_path / "raw", [record(f"C{number:02d}", city="first") for number in range(20)]
    write_jsonl(raw / "customers" / "2026-01-01.jsonl", *everybody, record("D", city="appended"))
    whole(raw, "2026-01-02.jsonl", *everybody, record("D"))
    load(pipeline, raw)
    assert len(cities(pipeline)) == 21
    parts = raw / "snapshot" / "customers" / "2026-01-05"
    write_jsonl(parts / "part-0001.jsonl", *everybody[1:10])
    write_jsonl(parts / "part-0002.jsonl", *everybody[10:], record("D"))
    (parts / "_SUCCESS").touch()
    assert load(pipeline, raw)["silver.tombstones"].rows_written == 1
    (tombstone,) = pipeline.records("silver.tombstones")
    assert (tombstone[KEY], tombstone["feed"], tombstone["reason"]) == ("C00", "customers", "absent")
    assert "C00" not in cities(pipeline)
    late = [record(name, city="late", updated_at="2026-01-04") for name in ("C00", "never seen")]
    write_jsonl(raw / "customers" / "late.jsonl", *late, record("new", updated_at="2026-01-06"))
    load(pipeline, raw)
    assert set(cities(pipeline)) == {*(row[KEY] for row in everybody[1:]), "D", "new"}, "what is older stays deleted"
    back = record("C00", city="back", updated_at="2026-01-03")
    whole(raw, "2026-01-07.jsonl", back, *everybody[1:], record("D"), record("new"))
    load(pipeline, raw)
    assert cities(pipeline)["C00"] == "back", "a newer snapshot has him, however old his record is"


def test_quarantined_customer_is_in_the_snapshot(spark):
    """Whose record does not tell who it is may be anybody."""
    path = "snapshot/billing/1.jsonl"
    cases = {"A": {}, "B": {"monthly_charges": "x"}, "C": {KEY: ""}, "D": {KEY: "1.2E+12"}, "E": {"_batch_id": 2}}
    rows = {name: {KEY: name, "_source_file": path} | changes for name, changes in cases.items()}
    one = Snapshot("billing", 1, path, day(1), (path,), 4)
    frame = bronze_frame(spark, FEEDS["billing"], rows)
    for found in (silver.conform(frame, FEEDS["billing"]), snapshots.with_keys(frame)):
        names = [row[KEY] for row in snapshots.members(found, [one]).collect()]
        assert sorted(names, key=str) == ["A", "B", None, None]


def test_corrected_snapshot_takes_back_who_was_new_in_it(pipeline, tmp_path):
    """Its absence is of the very moment since which he is known."""
    raw, everybody = tmp_path / "raw", [record(f"C{number:02d}") for number in range(20)]
    whole(raw, "2026-01-02.jsonl", *everybody, record("Z"))
    load(pipeline, raw)
    whole(raw, "2026-01-02.jsonl", *everybody)
    results = load(pipeline, raw)
    assert results["silver.customers"].outcome == "passed"
    assert set(cities(pipeline)) == {row[KEY] for row in everybody}
    assert {(row[KEY], row["reason"]) for row in pipeline.records("silver.tombstones")} == {("Z", "absent")}


def test_half_a_snapshot_is_held(pipeline, tmp_path):
    """Without proof, with the wrong number of rows, or with too few customers: nobody is deleted, and a decision counts."""
    raw, everybody = tmp_path / "raw", [record(f"C{number:02d}", city="first") for number in range(20)]
    folder = raw / "snapshot" / "customers"
    whole(raw, "2026-01-01.jsonl", *everybody)
    write_jsonl(folder / "2026-01-02.jsonl", *everybody[:19])
    write_jsonl(folder / "2026-01-03.jsonl", *everybody[:10])
    (folder / "2026-01-03.jsonl.manifest.json").write_text('{"rows": 20}')
    whole(raw, "2026-01-04.jsonl", *everybody[:15])
    result = load(pipeline, raw)["silver.customers"]
    reasons = {file.file.rsplit("/")[-1]: file.summary for file in result.held}
    missing = "of the 20 customers known before are not in it"
    assert reasons == {
        "2026-01-02.jsonl": f"nothing says that it is whole: no trailer, marker or manifest; 1 {missing} (5.0%)",
        "2026-01-03.jsonl": f"it is not whole: it has 10 rows, and 20 are told; 10 {missing} (50.0%)",
        "2026-01-04.jsonl": f"5 {missing} (25.0%, limit 10.0%)",
    }
    assert len(cities(pipeline)) == 20
    (folder / "2026-01-02.jsonl.done").touch()
    load(pipeline, raw)
    assert len(cities(pipeline)) == 19, "its marker has come: it counts as delivered again"
    held = next(file for file in result.held if file.file.endswith("04.jsonl"))
    assert "churn retry snapshot/customers/2026-01-04.jsonl --max-missing-share 0.25" in held.reason
    decide(pipeline.folder, retry=[held.file], missing_limit=0.25, at=START)
    pipeline.job("silver", full_refresh="true")
    assert len(cities(pipeline)) == 15
    states = {delivery.path[-8:-6]: delivery.state for delivery in Deliveries(pipeline.folder).read()}
    assert states == {"01": "accepted", "02": "accepted", "03": "held", "04": "accepted"}
