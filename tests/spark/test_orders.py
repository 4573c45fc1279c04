"""Which values win, for many customers at once, against an oracle in plain Python."""

import random

from tests.support.pipeline import PipelineHarness
from tests.support.records import record, write_jsonl

CUSTOMERS = 120
RANDOM = random.Random(20260101)


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
