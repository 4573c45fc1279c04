"""Who moved between segments, by gold's change feed, and the alert that follows from it."""

import random
from datetime import date
from decimal import Decimal

from pyspark.sql.types import LongType, StringType, StructField

from contract.columns import KEY
from lake.alerts import Alerts
from tests.spark.frames import assert_cases, assert_declared, by_name, table_frame
from tests.spark.lakes import LAST, NOON, SECOND, run_at
from transforms import gold

LOW, HIGH = "Low-Value, Low-Risk", "Low-Value, High-Risk"
RICH_LOW, RICH_HIGH = "High-Value, Low-Risk", "High-Value, High-Risk"
MARKS = (StructField("_change_type", StringType()), StructField("_commit_version", LongType()))
TODAY = date(2026, 3, 11)


def moved(spark, events, alerted=()):
    """Events as (customer, change type, version, segment, churn flag)."""
    rows = [
        {
            KEY: name, "_change_type": kind, "_commit_version": version, "risk_segment": segment, "churn_flag": flag,
            "customer_tenure_group": "0-12", "cltv": Decimal(version), "churn_score": Decimal(0), "city": f"City {version}",
        }
        for name, kind, version, segment, flag in events
    ]  # fmt: skip
    changes = table_frame(spark, "gold.customer_churn_analysis", rows, *MARKS)
    known = spark.createDataFrame([(name,) for name in alerted], f"{KEY} string")
    return gold.movements(changes, known, "run-1", TODAY, 7)


def outcome(row):
    return tuple(row[c] for c in ("from_segment", "to_segment", "was_churned", "is_churned", "newly_at_risk"))


def _update(before, after, version=2):
    return [("update_preimage", version, *before), ("update_postimage", version, *after)]


CASES = {
    "leaves": (_update((LOW, 0), (HIGH, 1)), (LOW, HIGH, 0, 1, True)),
    "rich one leaves": (_update((RICH_LOW, 0), (RICH_HIGH, 1)), (RICH_LOW, RICH_HIGH, 0, 1, True)),
    "leaves without a risk": (_update((RICH_LOW, 0), (RICH_LOW, 1)), (RICH_LOW, RICH_LOW, 0, 1, False)),
    "returns": (_update((HIGH, 1), (LOW, 0)), (HIGH, LOW, 1, 0, False)),
    "at risk before and after": (_update((HIGH, 1), (RICH_HIGH, 1)), (HIGH, RICH_HIGH, 1, 1, False)),
    "nothing but the city": (_update((LOW, 0), (LOW, 0)), None),
    "new": ([("insert", 2, LOW, 0)], (None, LOW, None, 0, False)),
    "new at risk": ([("insert", 2, HIGH, 1)], (None, HIGH, None, 1, True)),
    "gone": ([("delete", 2, HIGH, 1)], (HIGH, None, 1, None, False)),
    "came and went": ([("insert", 2, HIGH, 1), ("delete", 3, HIGH, 1)], None),
    "there and back": (_update((LOW, 0), (HIGH, 1)) + _update((HIGH, 1), (LOW, 0), 3), None),
    "in two steps": (_update((LOW, 0), (RICH_LOW, 0)) + _update((RICH_LOW, 0), (HIGH, 1), 3), (LOW, HIGH, 0, 1, True)),
    "replaced at once": ([("insert", 2, HIGH, 1), ("delete", 2, LOW, 0)], (LOW, HIGH, 0, 1, True)),
    "replaced by the same": ([("delete", 2, LOW, 0), ("insert", 2, LOW, 0)], None),
    "alerted today": (_update((LOW, 0), (HIGH, 1)), (LOW, HIGH, 0, 1, False)),
}  # fmt: skip


def test_movements_compare_first_and_last(spark):
    events = [(name, *event) for name, (changes, _) in CASES.items() for event in changes]
    random.Random(1).shuffle(events)
    frame = moved(spark, events, alerted=["alerted today", "somebody else"])
    rows = frame.collect()
    assert_declared(frame, "gold.customer_movements", [row for row in rows if row[KEY] != "gone"])
    found = by_name(rows, KEY)
    assert_cases(
        {name: outcome(row) for name, row in found.items()},
        {name: expected for name, (_, expected) in CASES.items() if expected},
    )
    assert (found["in two steps"]["city"], found["in two steps"]["cltv"]) == ("City 3", 3), "as it is in the end"
    assert {(row["run_id"], row["moved_on"], row["source_version"]) for row in rows} == {("run-1", TODAY, 7)}


def test_movements_agree_with_replay(spark):
    generator = random.Random(17)
    states = [(segment, flag) for segment in (LOW, HIGH, RICH_LOW, RICH_HIGH) for flag in (0, 1)]
    expected, events = {}, []
    for number in range(200):
        name = f"C{number:03d}"
        first = now = generator.choice([None, *states])
        for version in range(1, generator.randint(2, 5)):
            new = generator.choice([None, *states])
            if now and new:
                events += [(name, *event) for event in _update(now, new, version)]
            elif now or new:
                events.append((name, "delete" if now else "insert", version, *(now or new)))
            now = new
        before, after = first or (None, None), now or (None, None)
        if before != after:
            entered = after[0] in (HIGH, RICH_HIGH) and before[0] not in (HIGH, RICH_HIGH)
            expected[name] = (before[0], after[0], before[1], after[1], entered)
    generator.shuffle(events)
    found = by_name(moved(spark, events).collect(), KEY)
    assert_cases({name: outcome(row) for name, row in found.items()}, expected)
    assert {row[4] for row in expected.values()} == {True, False}


def _moves(pipeline):
    return {(row[KEY], *outcome(row)) for row in pipeline.records("gold.customer_movements")}


SECOND_DAY = {
    ("leaver", LOW, HIGH, 0, 1, True),
    ("fresh", None, HIGH, None, 1, True),
    ("loyal", RICH_LOW, RICH_LOW, 0, 1, False),
    ("lost", HIGH, LOW, 1, 0, False),
    *((name, None, LOW, None, 0, False) for name in ("waits", "late", "bad")),
    *((f"G{number:04d}", LOW, LOW, 0, 1, False) for number in (2, 3, 4)),
}
NOON_MOVES = {("leaver", HIGH, LOW, 1, 0, False), ("N1", None, HIGH, None, 1, True), ("N2", None, LOW, None, 0, False)}
EVENING_MOVES = {("leaver", LOW, HIGH, 0, 1, False), ("N3", None, HIGH, None, 1, True)}


def test_first_load_is_the_baseline(history):
    assert history.first.results["gold.customer_movements"].outcome == "unchanged"
    assert history.first.lake.records("gold.customer_movements") == []
    assert not list(Alerts(history.first.lake.folder).open())


def test_movements_follow_the_days(history):
    """A full refresh, as at noon, moves those alone who differ before and after."""
    assert _moves(history.second.lake) == SECOND_DAY
    assert _moves(history.noon.lake) == SECOND_DAY | NOON_MOVES
    days = {row["moved_on"] for row in history.noon.lake.records("gold.customer_movements")}
    assert days == {SECOND.date()}


def test_second_time_a_day_is_no_alert(history):
    """The leaver came back at noon and left again in the evening."""
    assert _moves(history.evening.lake) == SECOND_DAY | NOON_MOVES | EVENING_MOVES
    named = [[c.customer_id for c in alert.top] for alert in Alerts(history.evening.lake.folder).open()]
    assert named == [["fresh", "leaver"], ["N1"], ["N3"]]


def test_alert_sums_whom_it_names(history):
    (alert,) = Alerts(history.second.lake.folder).open()
    assert [(c.customer_id, c.cltv) for c in alert.top] == [("fresh", 450.0), ("leaver", 150.0)]
    assert (alert.customers, alert.monthly_charges, alert.cltv) == (2, 120.0, 600.0)
    assert alert.day == SECOND.date().isoformat()


def test_full_refresh_moves_nobody(history):
    assert history.refreshed.results["gold.customer_movements"].rows_written == 0
    assert _moves(history.refreshed.lake) == _moves(history.evening.lake)


def test_missing_alert_is_written_by_next_run(history, tmp_path):
    """A run may die between the movements and their alert."""
    pipeline = history.second.copy(tmp_path)
    alerts = Alerts(pipeline.folder)
    (alert,) = alerts.open()
    pipeline.folder.delete(f"_alerts/{alert.version:08d}.json")
    assert not list(alerts.open())
    run_at(pipeline, "gold", NOON)
    assert list(alerts.open()) == [alert]
    alerts.claim(alert, "run")
    run_at(pipeline, "gold", LAST)
    assert not list(alerts.open())
