"""Which values win: random histories of customers, all at once and run by run, against an oracle in plain Python.

Every customer has a history of its own, so that one frame holds a hundred of them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import COLUMNS, EVENT_TIME, KEY
from contract.feeds import FEEDS
from contract.schemas.silver import CUSTOMERS
from tests.spark.frames import by_name, table_frame
from transforms import silver

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCHES, RUNS = 4, 3
OPTIONAL = tuple(column.name for column in COLUMNS if not column.required)
NEVER = 900
"""A day after every ingestion: an earlier release took such ones from the names of files."""


@dataclass(frozen=True)
class Delivery:
    """A record of one customer: days count from START, `own_day` is None without an event time of its own."""

    feed: str
    batch: int
    file: str
    file_day: int
    own_day: int | None
    number: int
    absent: frozenset[str]
    is_valid: bool

    @property
    def event_at(self) -> datetime:
        if self.own_day is not None and self.is_valid:
            return START + timedelta(days=self.own_day)
        return _ingested_at(self.batch) if self.file_day == NEVER else START + timedelta(days=self.file_day)

    @property
    def order(self):
        return (self.event_at, self.batch, f"{self.file} {self.feed}")


def _ingested_at(batch):
    return START + timedelta(days=10, hours=batch)


@st.composite
def histories(draw):
    """Deliveries of one customer, and the run of silver that takes each batch."""
    runs = sorted(draw(st.lists(st.integers(1, RUNS), min_size=BATCHES, max_size=BATCHES)))
    file_days, deliveries = {}, []
    for _ in range(draw(st.integers(1, 7))):
        feed, batch = draw(st.sampled_from(["customers", *FEEDS])), draw(st.integers(1, BATCHES))
        file = draw(st.sampled_from("ab"))
        file_day = file_days.setdefault((feed, batch, file), draw(st.sampled_from([1, 2, 2, 3, NEVER])))
        own_day = draw(st.sampled_from([None, None, 1, 2, 3]))
        absent = draw(st.sampled_from([(), (), OPTIONAL, ("city",), ("churn_reason", "city"), ("source_cltv",)]))
        number, is_valid = draw(st.integers(0, 30)), draw(st.sampled_from([True] * 5 + [False]))
        deliveries.append(Delivery(feed, batch, file, file_day, own_day, number, frozenset(absent), is_valid))
    return dict(enumerate(runs, start=1)), deliveries


def _value(column, number):
    """The text that a delivery has for a column, and what it means."""
    place = COLUMNS.index(column)
    if not column.required and (number + place) % 5 == 0:
        return "", None
    if column.type == "boolean":
        answer = bool(number >> place % 5 & 1)
        return ("Yes", True) if answer else ("No", False)
    if column.values:
        value = list(column.values)[(number + place) % len(column.values)]
        return value, value
    if column.is_number:
        exact = Decimal(number) if column.type in ("int", "double") else Decimal(number) + Decimal("0.25")
        return str(exact), {"int": int, "double": float}.get(column.type, Decimal)(exact)
    return f"{column.name} {number}", f"{column.name} {number}"


def _texts(delivery):
    attributes = FEEDS[delivery.feed].attributes
    return {c.name: _value(c, delivery.number)[0] for c in attributes if c.name not in delivery.absent}


def _bronze_row(customer, runs, delivery):
    own = None if delivery.own_day is None else f"{START + timedelta(days=delivery.own_day):%Y-%m-%d}"
    return _texts(delivery) | {
        KEY: customer,
        EVENT_TIME: own if delivery.is_valid else "1899-12-30",
        "_batch_id": delivery.batch,
        # The run comes first: a batch is in one run, so it orders nothing.
        "_source_file": f"{runs[delivery.batch]}/{delivery.file} {delivery.feed}",
        "_source_checksum": "c",
        "_ingested_at": _ingested_at(delivery.batch),
        "_file_event_at": START + timedelta(days=delivery.file_day),
    }


def _expected(customer, deliveries):
    """Every column from the newest valid record that has it, by time, batch and file; contradicting records left out."""
    told = {}
    for delivery in deliveries:
        told.setdefault((delivery.feed, delivery.order), set()).add(tuple(_texts(delivery).items()))
    valid = [d for d in deliveries if d.is_valid and len(told[d.feed, d.order]) == 1]
    row, batches, required = {KEY: customer}, [], []
    for column in COLUMNS:
        carrying = [d for d in valid if column in FEEDS[d.feed].attributes and column.name not in d.absent]
        newest = max(carrying, key=lambda d: d.order, default=None)
        event_column = f"_{column.part if column.required else column.name}_at"
        row[column.name] = _value(column, newest.number)[1] if newest else None
        row[event_column] = newest.event_at if newest else None
        batches += [newest.batch] if newest else []
        required += [newest is not None] if column.required else []
    return row | {"is_complete": all(required), "_batch_id": max(batches)} if batches else None


def _newest(conformed):
    latest = {name: silver.latest(rows, FEEDS[name]) for name, rows in conformed.items()}
    return silver.combine(latest, FEEDS).persist()


def _merged(table: DataFrame, batch: DataFrame) -> DataFrame:
    """What MERGE makes of the table."""
    assigned = {KEY: f"t.{KEY}"} | silver.merge_assignments()
    updates = f"CASE WHEN {silver.merge_condition()} THEN %s ELSE t.`%s` END"
    columns = [
        f"CASE WHEN t.{KEY} IS NULL THEN s.`{name}` WHEN s.{KEY} IS NULL THEN t.`{name}` "
        f"ELSE {updates % (assigned[name], name)} END AS `{name}`"
        for name in CUSTOMERS.names
    ]
    both = table.alias("t").join(batch.alias("s"), F.col(f"t.{KEY}") == F.col(f"s.{KEY}"), "full")
    return both.selectExpr(*columns).persist()


def _assert_same(found, expected, customers):
    """Both say the same of every customer, else the shortest history that differs is shown."""
    wrong = [name for name in customers if found.get(name) != expected.get(name)]
    if wrong:
        name = min(wrong, key=lambda name: len(customers[name][1]))
        sides = [rows.get(name) or {} for rows in (found, expected)]
        differing = {c: [side.get(c) for side in sides] for c in CUSTOMERS.names if sides[0].get(c) != sides[1].get(c)}
        pytest.fail(f"{len(wrong)} differ; {customers[name]}: found and expected {differing}", pytrace=False)


def _check(spark, found):
    customers = {f"H{number:04d}": history for number, history in enumerate(found)}
    expected = {name: row for name, (_, told) in customers.items() if (row := _expected(name, told))}
    conformed = {}
    for name, feed in FEEDS.items():
        rows = [_bronze_row(c, runs, d) for c, (runs, told) in customers.items() for d in told if d.feed == name]
        conformed[name] = silver.conform(table_frame(spark, f"bronze.{name}", rows), feed).persist()
    at_once = by_name(_newest(conformed).collect(), KEY)
    _assert_same(at_once, expected, customers)
    runs = [
        _newest({name: rows.where(F.col("_source_file").startswith(f"{run}/")) for name, rows in conformed.items()})
        for run in range(1, RUNS + 1)
    ]
    repeated = [runs[0], runs[1], runs[1], runs[2]]  # one run is repeated, as after a crash
    table = by_name(reduce(_merged, repeated).collect(), KEY)
    # In a run of several batches the newest batch of a customer may be one whose values the table does not take.
    in_steps = {name: row | {"_batch_id": expected[name]["_batch_id"]} for name, row in table.items()}
    _assert_same(in_steps, expected, customers)
    spark.catalog.clearCache()


MANY = st.lists(histories(), min_size=100, max_size=100)
AS_GENERATED = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@settings(AS_GENERATED, max_examples=2, derandomize=True)
@given(MANY)
def test_incremental_equals_at_once(spark, found):
    _check(spark, found)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(AS_GENERATED, max_examples=30)
@given(MANY)
def test_incremental_equals_at_once_thousands_of_times(spark, found):
    _check(spark, found)


def test_histories_hold_what_they_are_about():
    """The oracle sees ties, late files, absent columns and contradictions."""
    first = Delivery("customers", 1, "a", 2, None, 1, frozenset(), is_valid=True)

    def city(*deliveries):
        return (_expected("C", deliveries) or {"city": None})["city"]

    def changed(**changes):
        return Delivery(**first.__dict__ | changes)

    later, late = changed(batch=2, number=2), changed(batch=2, own_day=1, number=2)
    assert city(first) == "city 1"
    assert city(first, later) == "city 2", "of the same time the later batch"
    assert city(first, late) == "city 1", "a late file changes nothing"
    assert city(first, changed(batch=2, own_day=3, number=2, absent=frozenset(["city"]))) == "city 1", "absent"
    assert city(first, changed(number=2)) is None, "two records contradict each other"
    assert city(first, changed(batch=2, number=2, is_valid=False)) == "city 1", "a faulty record counts for nothing"
    assert city(first, changed(batch=2, feed="demographics", number=2)) == "city 2", "of a part of the record"
