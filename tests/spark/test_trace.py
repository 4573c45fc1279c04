"""A lake that Spark has made, traced without it: every value has its record, and every record its end."""

from datetime import timedelta

import pytest

from contract.columns import KEY
from tests.spark.lakes import LAST, load_at
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl


@pytest.fixture(scope="module")
def lake(history, tmp_path_factory):
    """The shared history, and a day on which customers are deleted, come late, and a file is held."""
    pytest.importorskip("deltalake", reason="a trace is no part of the Glue script, and Glue does not have its modules")
    folder = tmp_path_factory.mktemp("traced")
    raw, pipeline = folder / "raw", history.evening.copy(folder)
    changes = [
        {"op": "I", "timestamp": "2026-02-01T10:00:00Z", **record("N1", city="before")},
        {"op": "B", "timestamp": "2026-02-02T10:00:00Z", **record("N1", city="before")},
        {"op": "D", "timestamp": "2026-02-02T10:00:00Z", **record("N1")},
        {"op": "D", "timestamp": "2026-02-02 10:00:00+02:00", **record("N2")},
        {"op": "I", "timestamp": "2026-02-02T11:00:00Z", **record("N2", city="again")},
        {"op": "U", "timestamp": "2026-02-02T11:00:00Z", "lsn": "0/A0", **record("N3", city="logged")},
    ]
    write_jsonl(raw / "cdc" / "customers" / "1.jsonl", *changes)
    write_jsonl(
        raw / "2026-02-03" / "held.jsonl", record("N2", city="never"), *(record(f"H{n}", churn="?") for n in range(3))
    )
    write_jsonl(
        raw / "2026-01-15" / "late.jsonl",
        record("N1"),
        record("N2\u200b", city="late"),
        record("leaver", city="Bern"),
        *many(30),
    )
    load_at(pipeline, raw, LAST + timedelta(days=1))
    return pipeline


def _trace(lake: PipelineHarness, customer: str):
    from serving.trace.customer import trace

    return trace(lake.path, customer)


def _ends(found) -> list[tuple[str, str]]:
    both = zip(found.records, found.fates, strict=True)
    return [(record.file.partition("/")[0], fate.outcome) for record, fate in both]


def test_every_value_is_that_of_its_record(lake):
    for row in lake.records("silver.customers"):
        found = _trace(lake, row[KEY])
        assert found.origins, row[KEY]
        assert "unclear" not in {fate.outcome for fate in found.fates}
        by_number = {record.number: record for record in found.records}
        for origin in found.origins:
            assert origin.records, (row[KEY], origin.group)
            if not origin.is_deleted and "city" in origin.values:
                assert {by_number[n].values["city"] for n in origin.records} == {row["city"]}
        assert found.gold is None or not found.notes


def test_deleted_customer_keeps_a_trace(lake):
    found = _trace(lake, "N1")
    assert (found.silver, found.gold) == (None, None)
    assert _ends(found)[-4:] == [
        ("2026-01-15", "deleted"),
        ("cdc", "deleted"),
        ("cdc", "before-image"),
        ("cdc", "deletes"),
    ]
    assert {origin.is_deleted for origin in found.origins} == {True}
    assert found.deleted_by == [(found.records[-1].number,)]
    assert found.movements[-1]["to_segment"] is None


def test_customer_who_came_back_and_a_held_file(lake):
    found = _trace(lake, "N2")
    assert found.gold["city"] == "again"
    assert _ends(found)[-4:] == [
        ("2026-01-15", "superseded"),
        ("2026-02-03", "left out"),
        ("cdc", "deletes"),
        ("cdc", "contributes"),
    ]
    assert [(delivery.state, delivery.path) for delivery in found.deliveries] == [("held", "2026-02-03/held.jsonl")]


def test_corrected_record_was_quarantined(lake):
    found = _trace(lake, "bad")
    assert _ends(found)[0] == ("2026-01-01", "quarantined")
    assert found.records[0].reasons == ("tenure_months: 'abc' is not a whole number from 0 to 1,200",)
    assert found.quarantined[0]["status"] == "resolved"
    assert found.silver["tenure_months"] == 12


def test_sequence_is_the_one_of_silver(lake):
    found = _trace(lake, "N3")
    logged = {record.number for record in found.records if record.sequence == "0/A0"}
    assert {origin.records for origin in found.origins if origin.place_in_log} == {tuple(logged)}
