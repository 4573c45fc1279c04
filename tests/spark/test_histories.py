"""Which values win: random histories of customers, all at once and run by run, against an oracle in plain Python.

Every customer has a history of its own, so that one frame holds a hundred of them.
"""

from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import EVENT_TIME, KEY
from contract.feeds import FEEDS
from contract.schemas.silver import CUSTOMERS
from tests.spark.frames import by_name, table_frame
from tests.spark.histories import (
    AS_GENERATED,
    RUNS,
    START,
    Delivery,
    assert_same,
    expected_row,
    ingested_at,
    many_histories,
    texts,
)
from transforms import silver


def _bronze_row(customer, runs, delivery):
    return texts(delivery) | {
        KEY: customer,
        EVENT_TIME: delivery.own_time,
        "_batch_id": delivery.batch,
        # The run comes first: a batch is in one run, so it orders nothing.
        "_source_file": f"{runs[delivery.batch]}/{delivery.file} {delivery.feed}",
        "_source_checksum": "c",
        "_ingested_at": ingested_at(delivery.batch),
        "_file_event_at": START + timedelta(days=delivery.file_day),
    }


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


def _check(spark, found):
    customers = {f"H{number:04d}": history for number, history in enumerate(found)}
    expected = {name: row for name, (_, told) in customers.items() if (row := expected_row(name, told))}
    conformed = {}
    for name, feed in FEEDS.items():
        rows = [_bronze_row(c, runs, d) for c, (runs, told) in customers.items() for d in told if d.feed == name]
        conformed[name] = silver.conform(table_frame(spark, f"bronze.{name}", rows), feed).persist()
    at_once = by_name(_newest(conformed).drop(silver.GROUP_BATCHES).collect(), KEY)
    assert_same(at_once, expected, customers)
    runs = [
        _newest({name: rows.where(F.col("_source_file").startswith(f"{run}/")) for name, rows in conformed.items()})
        for run in range(1, RUNS + 1)
    ]
    repeated = [runs[0], runs[1], runs[1], runs[2]]  # one run is repeated, as after a crash
    assert_same(by_name(reduce(_merged, repeated).collect(), KEY), expected, customers)
    spark.catalog.clearCache()


@settings(AS_GENERATED, max_examples=2, derandomize=True)
@given(many_histories(100))
def test_incremental_equals_at_once(spark, found):
    _check(spark, found)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(AS_GENERATED, max_examples=30)
@given(many_histories(100))
def test_incremental_equals_at_once_thousands_of_times(spark, found):
    _check(spark, found)


def test_histories_hold_what_they_are_about():
    """The oracle sees ties, late files, absent columns and contradictions."""
    first = Delivery("customers", 1, "a", 2, None, 1, frozenset(), is_valid=True)

    def city(*deliveries):
        return (expected_row("C", deliveries) or {"city": None})["city"]

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
