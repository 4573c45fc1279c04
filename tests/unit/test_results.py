"""Results of jobs: what stops a batch, what is written down, what is read back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import JobError, LakeError
from transforms.results import Check, JobResult, Results, outcome_of
from transforms.runtime.storage import open_folder

SEVERITIES = ("critical", "warning", "info")
checks = st.builds(
    Check,
    expectation=st.text(max_size=20),
    subject=st.text(max_size=20),
    severity=st.sampled_from(SEVERITIES),
    success=st.booleans(),
    broken=st.booleans(),
    observed=st.text(max_size=20),
    examples=st.lists(st.text(max_size=8), max_size=3).map(tuple),
)
results = st.builds(
    JobResult,
    table=st.sampled_from(["silver.customers", "gold.churn_kpis"]),
    run_id=st.just("run"),
    started_at=st.just("2026-01-01T00:00:00+00:00"),
    outcome=st.sampled_from(["passed", "warned", "failed", "broken", "unchanged"]),
    version_before=st.none() | st.integers(0, 99),
    version_after=st.none() | st.integers(0, 99),
    rows_read=st.integers(0, 10**9),
    checks=st.lists(checks, max_size=3).map(tuple),
    metrics=st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    notes=st.lists(st.text(max_size=20), max_size=2).map(tuple),
    rejects=st.lists(st.text(max_size=20), max_size=2).map(tuple),
)


def _check(severity="critical", *, success=False, broken=False, examples=()):
    return Check("values are between", "age", severity, success, broken, "3 of 9 rows", examples)


def _result(run_id, table="silver.customers", outcome="passed", second=0):
    return JobResult(table, run_id, f"2026-01-01T00:00:{second:02d}+00:00", outcome)


@pytest.mark.parametrize(
    ("check", "stops"),
    [
        (_check(success=True), False),
        (_check(), True),
        (_check("warning"), False),
        (_check("info"), False),
        (_check("info", broken=True), True),
    ],
)
def test_only_critical_and_broken_checks_stop(check, stops):
    assert check.stops is stops


def test_a_sentence_says_what_where_and_how_much():
    sentence = _check(examples=("-1", "999")).sentence()
    assert sentence == "critical: values are between on age failed (3 of 9 rows) e.g. -1, 999"
    assert "could not be evaluated" in _check(broken=True).sentence()


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([], "passed"),
        ([_check("info")], "passed"),
        ([_check("warning")], "warned"),
        ([_check("warning"), _check()], "failed"),
        ([_check(), _check("info", broken=True)], "broken"),
    ],
)
def test_the_worst_check_decides(found, outcome):
    assert outcome_of(found) == outcome


@given(st.lists(checks, max_size=6))
def test_a_batch_is_published_exactly_when_nothing_stops_it(found):
    outcome = outcome_of(found)
    assert (outcome in ("failed", "broken")) == any(check.stops for check in found)
    assert outcome_of(reversed(found)) == outcome


@given(results)
def test_what_is_written_is_read_back(tmp_path_factory, result):
    store = Results(open_folder(tmp_path_factory.mktemp("lake")))
    store.write(result)
    assert store.of_run("run") == [result]


def test_a_job_s_results_are_those_of_its_layer(tmp_path):
    store = Results(open_folder(tmp_path))
    late, early = _result("r1", "gold.churn_kpis", second=9), _result("r1", "gold.churn_breakdown", second=1)
    for result in (late, early, _result("r1"), _result("r2", "gold.churn_kpis")):
        store.write(result)
    assert store.of_job("r1", "gold") == [early, late]
    with pytest.raises(JobError, match="bronze job left no result"):
        store.of_job("r1", "bronze")


def test_history_is_newest_first_and_knows_only_runs_that_saw_data(tmp_path):
    store = Results(open_folder(tmp_path))
    for run_id, outcome in (("1", "passed"), ("2", "unchanged"), ("3", "failed")):
        store.write(_result(run_id, outcome=outcome))
    assert [result.run_id for result in store.history("silver.customers")] == ["3", "1"]
    assert store.run_ids() == ["1", "2", "3"]
    assert list(store.history("gold.churn_kpis")) == []


def test_before_the_first_run_there_is_nothing(tmp_path):
    store = Results(open_folder(tmp_path / "none"))
    assert store.run_ids() == []
    assert list(store.history("silver.customers")) == []


def test_a_damaged_result_is_named(tmp_path):
    store = Results(open_folder(tmp_path))
    store.write(_result("1"))
    (path,) = tmp_path.rglob("*.json")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(LakeError, match=r"silver\.customers\.json is damaged"):
        store.of_run("1")


def test_a_second_result_of_a_table_replaces_the_first(tmp_path):
    store = Results(open_folder(tmp_path))
    first = _result("1")
    store.write(first)
    store.write(replace(first, rows_read=5))
    assert [result.rows_read for result in store.of_run("1")] == [5]
