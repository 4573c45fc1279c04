"""Who moved between segments, by gold's change feed, and the alert that follows from it."""

import itertools
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
RICH = "High-Value, Low-Risk"
MARKS = (StructField("_change_type", StringType()), StructField("_commit_version", LongType()))
TODAY = date(2026, 3, 11)


def moved(spark, events, alerted=()):
    """Events as (customer, change type, version, (segment, churn flag, score))."""
    rows = [
        {
            KEY: name, "_change_type": kind, "_commit_version": version, "risk_segment": segment, "churn_flag": flag,
            "source_churn_score": score, "customer_tenure_group": "0-12", "cltv": Decimal(version),
            "churn_score": Decimal(0), "city": f"City {version}",
        }
        for name, kind, version, (segment, flag, score) in events
    ]  # fmt: skip
    changes = table_frame(spark, "gold.customer_churn_analysis", rows, *MARKS)
    known = spark.createDataFrame([(name,) for name in alerted], f"{KEY} string")
    return gold.movements(changes, known, "run-1", TODAY, 7)


COMPARED = ("from_segment", "to_segment", "was_churned", "is_churned", "was_at_risk", "is_at_risk", "newly_at_risk")


def outcome(row):
    return tuple(row[name] for name in COMPARED)


def _update(before, after, version=2):
    return [("update_preimage", version, before), ("update_postimage", version, after)]


CALM, RISKY, UNKNOWN, LEFT = (LOW, 0, 70), (LOW, 0, 71), (LOW, 0, None), (HIGH, 1, 95)
CASES = {
    "crosses the threshold": (_update(CALM, RISKY), (LOW, LOW, 0, 0, False, True, True)),
    "was not known before": (_update(UNKNOWN, RISKY), (LOW, LOW, 0, 0, None, True, True)),
    "calms down": (_update(RISKY, CALM), (LOW, LOW, 0, 0, True, False, False)),
    "loses its score": (_update(RISKY, UNKNOWN), (LOW, LOW, 0, 0, True, None, False)),
    "gets a low score": (_update(UNKNOWN, CALM), None),
    "leaves": (_update(CALM, LEFT), (LOW, HIGH, 0, 1, False, False, False)),
    "leaves at risk": (_update(RISKY, LEFT), (LOW, HIGH, 0, 1, True, False, False)),
    "leaves without a score": (_update(UNKNOWN, (HIGH, 1, None)), (LOW, HIGH, 0, 1, None, False, False)),
    "leaves and stays in its segment": (_update((RICH, 0, 0), (RICH, 1, 99)), (RICH, RICH, 0, 1, False, False, False)),
    "returns": (_update(LEFT, CALM), (HIGH, LOW, 1, 0, False, False, False)),
    "returns at risk": (_update(LEFT, RISKY), (HIGH, LOW, 1, 0, False, True, True)),
    "at risk before and after": (_update(RISKY, (RICH, 0, 90)), (LOW, RICH, 0, 0, True, True, False)),
    "nothing but the score": (_update(RISKY, (LOW, 0, 99)), None),
    "new": ([("insert", 2, CALM)], (None, LOW, None, 0, None, False, False)),
    "new at risk": ([("insert", 2, RISKY)], (None, LOW, None, 0, None, True, True)),
    "new and gone already": ([("insert", 2, LEFT)], (None, HIGH, None, 1, None, False, False)),
    "gone": ([("delete", 2, RISKY)], (LOW, None, 0, None, True, None, False)),
    "came and went": ([("insert", 2, RISKY), ("delete", 3, RISKY)], None),
    "there and back": (_update(CALM, RISKY) + _update(RISKY, CALM, 3), None),
    "in two steps": (_update(CALM, (RICH, 0, 0)) + _update((RICH, 0, 0), RISKY, 3), (LOW, LOW, 0, 0, False, True, True)),
    "replaced at once": ([("insert", 2, RISKY), ("delete", 2, CALM)], (LOW, LOW, 0, 0, False, True, True)),
    "replaced by the same": ([("delete", 2, CALM), ("insert", 2, CALM)], None),
    "alerted today": (_update(CALM, RISKY), (LOW, LOW, 0, 0, False, True, False)),
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


def _random_history(generator):
    """The states of a customer, None where there is none, from one version to the next."""
    states = [(segment, flag, score) for segment in (LOW, HIGH) for flag in (0, 1) for score in (None, 0, 70, 71, 100)]
    return [generator.choice([None, *states]) for _ in range(generator.randint(2, 5))]


def _events(name, states):
    for version, (now, new) in enumerate(itertools.pairwise(states), start=1):
        if now and new:
            yield from ((name, *event) for event in _update(now, new, version))
        elif now or new:
            yield (name, "delete" if now else "insert", version, now or new)


def _expected(before, after):
    """What two states differ in, by rules written out here; None where in nothing that counts."""
    (was_segment, was_churned, was_score), (segment, churned, score) = (x or (None,) * 3 for x in (before, after))

    def at_risk(state, flag, score):
        return None if state is None or (flag == 0 and score is None) else flag == 0 and score > 70

    was, now = at_risk(before, was_churned, was_score), at_risk(after, churned, score)
    if (was_segment, was_churned, bool(was)) == (segment, churned, bool(now)):
        return None
    return (was_segment, segment, was_churned, churned, was, now, bool(now) and not was)


def test_movements_agree_with_replay(spark):
    generator = random.Random(17)
    histories = {f"C{number:03d}": _random_history(generator) for number in range(400)}
    events = [event for name, states in histories.items() for event in _events(name, states)]
    generator.shuffle(events)
    rows = by_name(moved(spark, events).collect(), KEY)
    expected = {name: _expected(states[0], states[-1]) for name, states in histories.items()}
    assert_cases({name: outcome(row) for name, row in rows.items()}, {n: e for n, e in expected.items() if e})
    newly = [row for row in rows.values() if row["newly_at_risk"]]
    assert {(row["is_churned"], row["source_churn_score"] > 70) for row in newly} == {(0, True)}, "nobody who has left"
    assert any(row["was_churned"] == 1 for row in newly), "who comes back counts again"


def _moves(pipeline):
    return {(row[KEY], *outcome(row)) for row in pipeline.records("gold.customer_movements")}


SECOND_DAY = {
    ("leaver", LOW, HIGH, 0, 1, None, False, False),
    ("fresh", None, HIGH, None, 1, None, False, False),
    ("loyal", RICH, RICH, 0, 1, True, False, False),
    ("lost", HIGH, LOW, 1, 0, False, True, True),
    ("waits", None, LOW, None, 0, None, True, True),
    *((name, None, LOW, None, 0, None, None, False) for name in ("late", "bad")),
    *((f"G{number:04d}", LOW, LOW, 0, 1, None, False, False) for number in (2, 3, 4)),
}
NOON_MOVES = {
    ("leaver", HIGH, LOW, 1, 0, False, True, True),
    ("lost", LOW, HIGH, 0, 1, True, False, False),
    ("N1", None, HIGH, None, 1, None, False, False),
    ("N2", None, LOW, None, 0, None, None, False),
}
EVENING_MOVES = {
    ("leaver", LOW, HIGH, 0, 1, True, False, False),
    ("lost", HIGH, LOW, 1, 0, False, True, False),
    ("N3", None, LOW, None, 0, None, True, True),
}


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
    """The customer who came back in the morning left at noon and came back in the evening."""
    assert _moves(history.evening.lake) == SECOND_DAY | NOON_MOVES | EVENING_MOVES
    named = [[c.customer_id for c in alert.top] for alert in Alerts(history.evening.lake.folder).open()]
    assert named == [["waits", "lost"], ["leaver"], ["N3"]]


def test_alert_sums_whom_it_names(history):
    (alert,) = Alerts(history.second.lake.folder).open()
    assert [(c.customer_id, c.source_cltv, c.source_churn_score) for c in alert.top] == [
        ("waits", 4000, 71),
        ("lost", None, 75),
    ]
    assert (alert.customers, alert.monthly_charges, alert.source_cltv) == (2, 80.25, 4000)
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
