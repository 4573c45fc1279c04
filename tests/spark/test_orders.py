"""Which values win, for many customers at once through the whole job, against an oracle in plain Python."""

import csv
import random
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings

from contract.columns import EVENT_TIME, KEY
from contract.feeds import FEEDS
from contract.tables import TABLES
from jobs.delta import Lake
from jobs.session import get_session
from tests.spark.frames import by_name
from tests.spark.histories import AS_GENERATED, OPTIONAL, assert_same, day_text, expected_row, many_histories, texts
from tests.support.pipeline import PipelineHarness
from tests.support.records import record, write_jsonl

CUSTOMERS = 120
RANDOM = random.Random(20260101)
BATCHES_BY_RUN = ((1,), (2, 3), (4,))
LACKING = (frozenset(), frozenset(OPTIONAL), frozenset(["city", "source_cltv"]))


def _history(name):
    """Versions of a customer at distinct times, some without a city, which other records of their file have."""
    times = RANDOM.sample(range(1, 28), RANDOM.randint(1, 5))
    versions = []
    for day in times:
        version = record(name, tenure_months=str(day), updated_at=f"2026-01-{day:02d} 00:00:00")
        version["city"] = f"City {day}"
        if RANDOM.random() < 0.4:
            del version["city"]
        versions.append((day, version))
    return versions


def _expected(versions):
    """The values of the newest version: one without a city says that there is none."""
    newest = max(versions)[1]
    return int(newest["tenure_months"]), newest.get("city")


@pytest.mark.nightly
def test_newest_values_win_in_any_order(spark, tmp_path):
    histories = {f"C{n:03d}": _history(f"C{n:03d}") for n in range(CUSTOMERS)}
    batches = [[], []]
    for versions in histories.values():
        for _, version in versions:
            batches[RANDOM.randrange(2)].append(version)
    pipeline = PipelineHarness(tmp_path / "lake")
    raw = tmp_path / "raw"
    for number, batch in enumerate(batches):
        RANDOM.shuffle(batch)
        half = len(batch) // 2
        write_jsonl(raw / f"b{number}" / "a.jsonl", *batch[:half])
        write_jsonl(raw / f"b{number}" / "b.jsonl", *batch[half:])
        pipeline.job("bronze", raw=str(raw))
        pipeline.job("silver")
    found = {r["customer_id"]: (r["tenure_months"], r["city"]) for r in pipeline.records("silver.customers")}
    assert found == {name: _expected(versions) for name, versions in histories.items()}


def _of_its_file(delivery):
    """The delivery with what all records of a file have in common: its day, and the columns that it lacks.

    A file of the same name in a later batch is a correction.
    """
    place = [*FEEDS].index(delivery.feed) + (delivery.file == "b")
    lacking = LACKING[(place + delivery.batch) % len(LACKING)]
    return replace(delivery, file_day=1 + place % 3, absent=lacking)


def _deliver(raw, batch, deliveries):
    """Write the files of a batch: its (customer, delivery) pairs by file; those of earlier batches stay."""
    files = defaultdict(list)
    for customer, delivery in deliveries:
        if delivery.batch == batch:
            files[delivery.file, delivery.feed, delivery.file_day].append((customer, delivery))
    for (file, feed, day), records in files.items():
        path = raw / file / feed / f"{day_text(day)}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, [KEY, EVENT_TIME, *texts(records[0][1])])
            writer.writeheader()
            writer.writerows({KEY: c, EVENT_TIME: d.own_time, **texts(d)} for c, d in records)


def _rows(pipeline, table):
    (key,) = TABLES[table].key
    return by_name(Lake(get_session(), pipeline.folder).read(TABLES[table]).collect(), key)


def _quarantined(pipeline):
    return {name: row["status"] for name, row in _rows(pipeline, "silver.quarantine").items()}


@settings(AS_GENERATED, max_examples=1, derandomize=True)
@given(many_histories(60, with_changes=False))
@pytest.mark.nightly
def test_jobs_and_full_refresh_agree_with_oracle(spark, tmp_path_factory, found):
    """Ties, late files, corrections, feeds beside whole records; a run of two batches, and one that is repeated."""
    folder = tmp_path_factory.mktemp("histories")
    customers = {f"H{n:03d}": [_of_its_file(d) for d in told] for n, (_, told) in enumerate(found)}
    expected = {name: row for name, told in customers.items() if (row := expected_row(name, told))}
    pipeline, raw = PipelineHarness(folder / "lake"), folder / "raw"
    for batches in BATCHES_BY_RUN:
        for batch in batches:
            _deliver(raw, batch, [(name, delivery) for name, told in customers.items() for delivery in told])
            pipeline.job("bronze", raw=str(raw))
        pipeline.job("silver", max_quarantined_share="1")
    assert pipeline.job("silver")["silver.customers"].outcome == "unchanged"
    assert_same(_rows(pipeline, "silver.customers"), expected, customers)
    quarantined = _quarantined(pipeline)
    assert set(quarantined.values()) == {"open", "resolved"}
    pipeline.job("silver", full_refresh="true", max_quarantined_share="1")
    assert_same(_rows(pipeline, "silver.customers"), expected, customers)
    assert _quarantined(pipeline) == quarantined
