"""A change feed of several versions reduced to what holds in the end."""

import random

import pytest
from pyspark.sql.types import LongType, StringType, StructField, StructType

from contract.columns import KEY
from tests.spark.frames import assert_cases, by_name
from transforms.changes import last_images, net_changes

FEED = StructType(
    [
        StructField(KEY, StringType()),
        StructField("city", StringType()),
        StructField("_change_type", StringType()),
        StructField("_commit_version", LongType()),
    ]
)


def feed(spark, events):
    """Events as (key, value, change type, version)."""
    return spark.createDataFrame(events, FEED)


HISTORIES = {
    "inserted": ([("insert", "a", 1)], "a"),
    "updated": ([("update_preimage", "a", 2), ("update_postimage", "b", 2)], "b"),
    "updated twice": ([("update_postimage", "b", 2), ("update_postimage", "c", 3), ("update_preimage", "b", 3)], "c"),
    "deleted": ([("delete", "a", 2)], None),
    "inserted and deleted": ([("insert", "a", 1), ("delete", "a", 2)], None),
    "updated and deleted": ([("update_postimage", "b", 2), ("delete", "b", 3)], None),
    "deleted and inserted later": ([("delete", "a", 1), ("insert", "b", 2)], "b"),
    "deleted and inserted at once": ([("delete", "a", 2), ("insert", "b", 2)], "b"),
    "inserted and deleted at once, in the other order": ([("insert", "b", 2), ("delete", "a", 2)], "b"),
    "replaced, then deleted": ([("delete", "a", 2), ("insert", "b", 2), ("delete", "b", 3)], None),
    "deleted, then replaced twice": (
        [("delete", "a", 2), ("insert", "b", 2), ("insert", "c", 3), ("delete", "b", 3)], "c",
    ),
    "set to null": ([("update_preimage", "a", 2), ("update_postimage", None, 2)], None),
    "version ten after nine": ([("update_postimage", "new", 10), ("update_postimage", "old", 9)], "new"),
}  # fmt: skip
GONE = {"deleted", "inserted and deleted", "updated and deleted", "replaced, then deleted"}


@pytest.fixture
def histories(spark):
    events = [(key, value, kind, at) for key, (changes, _) in HISTORIES.items() for kind, value, at in changes]
    return feed(spark, events)


def test_last_images_name_deleted_keys(histories):
    found = by_name(last_images(histories, "is_gone").collect(), KEY)
    assert_cases({key: row["is_gone"] for key, row in found.items()}, {key: key in GONE for key in HISTORIES})
    expected = {key: value for key, (_, value) in HISTORIES.items() if key not in GONE}
    assert_cases({key: row["city"] for key, row in found.items() if not row["is_gone"]}, expected)


def test_net_changes_name_the_operation(histories):
    net = net_changes(histories, [KEY, "city"])
    assert net.columns == [KEY, "city", "_op"]
    expected = {key: "D" if key in GONE else "U" for key in HISTORIES}
    found = by_name(net.collect(), KEY)
    assert_cases({key: row["_op"] for key, row in found.items()}, expected)
    upserted = {key: row["city"] for key, row in found.items() if row["_op"] == "U"}
    assert_cases(upserted, {key: value for key, (_, value) in HISTORIES.items() if key not in GONE})


def random_history(seed, keys=80, versions=12):
    """Change events of a random table, shuffled, and the table before and after each version."""
    generator = random.Random(seed)
    table, states, events = {}, [{}], []
    for version in range(versions):
        for key in generator.sample([f"K{n:02d}" for n in range(keys)], keys // 3):
            value, old = f"{key} {version}", table.get(key)
            action = generator.choice(("update", "delete", "replace")) if key in table else "insert"
            if action == "update":
                events += [(key, old, "update_preimage", version), (key, value, "update_postimage", version)]
            if action in ("delete", "replace"):
                events.append((key, old, "delete", version))
            if action in ("insert", "replace"):
                events.append((key, value, "insert", version))
            if action == "delete":
                del table[key]
            else:
                table[key] = value
        states.append(dict(table))
    generator.shuffle(events)
    return events, states


@pytest.mark.parametrize("after", [0, 5, 11])
def test_changes_agree_with_replay(spark, after):
    """The feed since a version, applied to the table at that version, gives the newest table."""
    events, states = random_history(seed=after)
    since = [event for event in events if event[3] >= after]
    before, now = states[after], states[-1]
    frame = feed(spark, since)
    surviving = {row[KEY]: row["city"] for row in last_images(frame, "is_gone").where("NOT is_gone").collect()}
    net = {row[KEY]: (row["_op"], row["city"]) for row in net_changes(frame, [KEY, "city"]).collect()}
    changed = {event[0] for event in since}
    assert_cases(surviving, {key: now[key] for key in changed if key in now})
    assert set(net) == changed
    replayed = dict(before)
    for key, (operation, value) in net.items():
        if operation == "U":
            replayed[key] = value
        else:
            replayed.pop(key, None)
    assert_cases(replayed, now)


def test_no_change_gives_no_row(spark):
    empty = feed(spark, [])
    assert last_images(empty, "is_gone").collect() == net_changes(empty, [KEY]).collect() == []
