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
from contract.schemas.silver import CUSTOMERS, HISTORY, TOMBSTONES
from contract.sources import DELETE
from contract.tables import TABLES
from jobs.session import persisted
from tests.spark.frames import by_name, table_frame
from tests.spark.histories import (
    AS_GENERATED,
    START,
    Delivery,
    assert_same,
    assert_same_history,
    expected_history,
    expected_row,
    ingested_at,
    many_histories,
    texts,
)
from transforms import history, silver


def _bronze_row(customer, runs, delivery):
    return texts(delivery) | {
        KEY: customer,
        EVENT_TIME: delivery.own_time,
        "_batch_id": delivery.batch,
        # The run comes first: a batch is in one run, so it orders nothing.
        "_source_file": f"{runs[delivery.batch]}/{delivery.name}",
        "_position": delivery.position,
        "_operation": delivery.operation,
        "_sequence": None if delivery.sequence is None else str(delivery.sequence),
        "_source_checksum": "c",
        "_ingested_at": ingested_at(delivery.batch),
        "_file_event_at": START + timedelta(days=delivery.file_day),
    }


def _newest(conformed, tombstones=None):
    latest = {name: silver.latest(rows, FEEDS[name]) for name, rows in conformed.items()}
    return persisted(silver.combine(latest, FEEDS, None if tombstones is None else silver.remembered(tombstones)))


def _deletions(conformed):
    return reduce(DataFrame.unionByName, (silver.deletions(rows, FEEDS[name]) for name, rows in conformed.items()))


def _with_newer(tombstones: DataFrame, found: DataFrame) -> DataFrame:
    """What MERGE makes of the tombstones."""
    taken = f"t.{KEY} IS NULL OR coalesce({silver.is_newer_deletion()}, false)"
    columns = [f"IF({taken}, s.`{name}`, t.`{name}`) AS `{name}`" for name in TOMBSTONES.names]
    on = (F.col(f"t.{KEY}") == F.col(f"s.{KEY}")) & (F.col("t.feed") == F.col("s.feed"))
    return persisted(tombstones.alias("t").join(found.alias("s"), on, "full").selectExpr(*columns))


def _merged(table: DataFrame, batch: DataFrame) -> DataFrame:
    """What MERGE makes of the table."""
    assigned = {KEY: f"t.{KEY}"} | silver.merge_assignments()
    columns = [
        f"CASE WHEN t.{KEY} IS NULL THEN s.`{name}` WHEN NOT coalesce(s.{silver.IS_NEWS}, false) THEN t.`{name}` "
        f"ELSE {assigned[name]} END AS `{name}`"
        for name in CUSTOMERS.names
    ]
    decided = persisted(silver.decided(batch, table, has_changes=True)).alias("s")
    both = table.alias("t").join(decided, F.col(f"t.{KEY}") == F.col(f"s.{KEY}"), "full")
    is_deleted = f"IF(t.{KEY} IS NULL OR s.{silver.IS_NEWS}, NOT s.{silver.IS_LEFT}, false)"
    return persisted(both.where(f"NOT coalesce({is_deleted}, false)").selectExpr(*columns))


def _recorded(recorded, arrived, earlier, customers, tombstones) -> DataFrame:
    """What a run makes of the history: `arrived` and `earlier` are conformed rows."""
    moments = persisted(history.moments_of(arrived))
    known = persisted(recorded.where("recorded_to IS NULL").join(moments.select(KEY).distinct(), KEY, "left_semi"))
    late = persisted(history.late_customers(moments, customers, tombstones))
    whole = persisted(history.with_earlier(moments, known, late, earlier))
    found = history.changes(whole, known, has_batches=True)
    # What MERGE makes of the table.
    columns = [
        f"IF(t.{KEY} IS NULL{f' OR s.{KEY} IS NOT NULL' if name in history.UPDATED else ''}, s.`{name}`, t.`{name}`) AS `{name}`"
        for name in HISTORY.names
    ]
    on = [F.col(f"t.{name}") == F.col(f"s.{name}") for name in TABLES["silver.customer_history"].key]
    return persisted(recorded.alias("t").join(found.alias("s"), on, "full").selectExpr(*columns))


def _check(spark, found):
    customers = {f"H{number:04d}": history for number, history in enumerate(found)}
    expected = {name: row for name, (_, told) in customers.items() if (row := expected_row(name, told))}
    conformed = {}
    for name, feed in FEEDS.items():
        rows = [_bronze_row(c, runs, d) for c, (runs, told) in customers.items() for d in told if d.feed == name]
        conformed[name] = persisted(silver.conform(table_frame(spark, f"bronze.{name}", rows), feed))
    at_once = _merged(table_frame(spark, "silver.customers", []), _newest(conformed))
    assert_same(by_name(at_once.collect(), KEY), expected, customers)
    expected_changes = {name: expected_history(name, told) for name, (_, told) in customers.items()}
    whole = persisted(history.history(history.moments_of(conformed), has_batches=True))
    assert_same_history(whole, expected_changes, customers)
    recorded, recorded_runs = whole.limit(0), []
    table, tombstones = at_once.limit(0), _deletions(conformed).limit(0)
    for run in (1, 2, 2, 3):  # one run is repeated, as after a crash
        arrived = {n: rows.where(F.col("_source_file").startswith(f"{run}/")) for n, rows in conformed.items()}
        earlier = {n: rows.where(F.substring("_source_file", 1, 1) < str(run)) for n, rows in conformed.items()}
        if run not in recorded_runs:  # its watermark makes a repeated write of the history one of nothing
            recorded = _recorded(recorded, arrived, earlier, table, tombstones)
            recorded_runs.append(run)
        batch = _newest(arrived, tombstones)
        tombstones = _with_newer(tombstones, _deletions(arrived))
        table = _merged(table, batch)
    # What a deletion takes away from a row leaves it with the number of a batch that nothing of it may be from.
    with_deletions = {name for name, (_, told) in customers.items() if any(d.operation == DELETE for d in told)}
    found = {
        name: row | ({"_batch_id": expected.get(name, row)["_batch_id"]} if name in with_deletions else {})
        for name, row in by_name(table.collect(), KEY).items()
    }
    assert_same(found, expected, customers)
    assert_same_history(recorded, expected_changes, customers)
    spark.catalog.clearCache()


def test_incremental_equals_at_once(spark):
    drawn = []

    @settings(AS_GENERATED, max_examples=3, derandomize=True)
    @given(many_histories(100))
    def draw(found):
        drawn.extend(found)

    draw()
    assert len(drawn) >= 300
    _check(spark, drawn)  # at once: what takes its time is planning


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
