"""The history of customers: what was true when, and what was known of it when."""

from datetime import UTC, datetime

import pytest

from contract.columns import KEY
from contract.schemas.gold import ANALYSIS
from serving.as_of import Moment, Past, moment
from serving.lake_sql import query
from tests.spark.lakes import EVENING, FIRST, NOON, SECOND
from tests.support.records import record, write_jsonl

AT_THE_END = Moment(datetime(2030, 1, 1, tzinfo=UTC))


def _analysis(lake, past=None):
    columns, rows = query(lake.path, f"SELECT * FROM gold.customer_churn_analysis ORDER BY {KEY}", past)
    assert columns == ANALYSIS.names
    return rows


@pytest.mark.parametrize(("name", "at"), [("first", FIRST), ("second", SECOND), ("noon", NOON), ("evening", EVENING)])
def test_what_was_known_then_is_gold_of_then(history, name, at):
    then = getattr(history, name).lake
    assert _analysis(history.evening.lake, Past(AT_THE_END, Moment(at))) == _analysis(then)


def test_nothing_was_known_before_the_first_load(history):
    assert _analysis(history.evening.lake, Past(AT_THE_END, Moment(FIRST.replace(hour=5)))) == []


def test_history_built_again_says_the_same(history):
    built, kept = (
        step.lake.rows("silver.customer_history", with_lineage=True) for step in (history.refreshed, history.evening)
    )
    assert built == kept


def test_past_state_is_that_of_its_events(history):
    lake, sql = history.evening.lake.path, f"SELECT churn, churn_reason FROM silver.customers WHERE {KEY} = 'leaver'"

    def leaver(day):
        return query(lake, sql, Past(moment(day)))[1]

    assert leaver("2025-12-31") == []
    assert leaver("2026-01-01") == [(False, None)]
    assert leaver("2026-01-02") == [(True, "Moved")]
    # What a file does not say anything of stays.
    assert leaver("2026-01-03") == [(False, "Moved")]
    assert leaver("2026-01-04") == [(True, "Moved")]


def test_record_that_says_nothing_new_makes_no_row(history):
    rows = [row for row in history.evening.lake.records("silver.customer_history") if row[KEY] == "G0007"]
    assert [(row["change"], row["is_current"], row["recorded_to"]) for row in rows] == [("new", True, None)]


def test_older_values_come_before_what_was_known(history):
    """A file of an earlier day came with the second load: its values were true until those of the first."""
    rows = [row for row in history.evening.lake.records("silver.customer_history") if row[KEY] == "G0000"]
    first, second = sorted((row for row in rows if row["recorded_to"] is None), key=lambda row: row["valid_from"])
    assert (float(first["monthly_charges"]), first["change"], second["change"]) == (20, "new", "changed")
    assert (first["valid_to"], second["changed_columns"]) == (second["valid_from"], ["monthly_charges"])
    assert not first["is_current"] and second["is_current"]
    assert second["recorded_from"] < first["recorded_from"], "known before what was before it"


def test_late_records_and_corrections_are_as_built_at_once(pipeline, tmp_path):
    """What says nothing new is not in the history, and says something once an older record comes."""
    raw = tmp_path / "raw"

    def load(day, name, *records, **arguments):
        write_jsonl(raw / day / name, *records)
        for job in ("bronze", "silver"):
            results = pipeline.job(job, raw=str(raw), **arguments)
        return results["silver.customer_history"].outcome

    monthly = record("A", contract="Month-to-month")
    wrong, right = ({"source_churn_score": "40", "source_cltv": ""}, {"source_churn_score": "", "source_cltv": "40"})
    load("2026-01-01", "a.jsonl", monthly, record("B", **wrong))
    load("2026-01-01", "b.jsonl", record("B", **right))
    assert load("2026-01-10", "a.jsonl", monthly) == "unchanged"
    load("2026-01-05", "late.jsonl", record("A", contract="Two year"))
    told = [(f"{row['valid_from']:%d}", row["contract"]) for row in _held(pipeline, "A")]
    assert told == [("01", "Month-to-month"), ("05", "Two year"), ("10", "Month-to-month")]
    assert [(row["source_churn_score"], row["source_cltv"]) for row in _held(pipeline, "B")] == [(None, 40)]
    kept = pipeline.rows("silver.customer_history", with_lineage=True)
    pipeline.job("silver", full_refresh="true")
    assert pipeline.rows("silver.customer_history", with_lineage=True) == kept


def _held(pipeline, customer):
    rows = [row for row in pipeline.records("silver.customer_history") if row[KEY] == customer]
    return sorted((row for row in rows if row["recorded_to"] is None), key=lambda row: row["valid_from"])
